// Bugs put in on purpose, each at a port of the place: what a place with such a bug would do.
import type { Bus, Message } from "../../../runtime/bus/bus.ts";
import { crc32 } from "../../../runtime/crc32.ts";
import { AisleError } from "../../../runtime/errors.ts";
import type { Plant } from "./world.ts";

/** Says that a commit is on disk once it is handed over. */
export const ACKNOWLEDGES_BEFORE_SYNC: Plant = {
  store: (store) =>
    over(store, {
      async commit(writes) {
        store.commit(writes).catch(() => {});
      },
    }),
};

/** Says so too when there was no room for it. */
export const SWALLOWS_FULL_DISK: Plant = {
  store: (store) =>
    over(store, {
      async commit(writes) {
        await store.commit(writes).catch((error) => {
          if (!(error instanceof AisleError && error.code === "full")) throw error;
        });
      },
    }),
};

/** Takes everything that is on disk for done: what was cut off between an event and its decision stays undone. */
export const SKIPS_APPLIED_SEQ: Plant = {
  journal: (journal) => {
    const { lastSeq } = journal;
    return over(journal, {
      get appliedSeq() {
        return lastSeq;
      },
    });
  },
};

/** Remembers no id of what it finds in the journal. */
export const DROPS_DEDUPE: Plant = {
  journal: (journal) =>
    over(journal, {
      *parts(fromSeq) {
        for (const entry of journal.read(fromSeq)) {
          const { id: _, ...headers } = entry.headers;
          yield { ...entry, headers };
        }
      },
    }),
};

/** Takes for confirmed what was only handed over. */
export const CONFIRMS_BY_ITSELF: Plant = {
  bus(bus) {
    let confirm: (message: Message) => void = () => {};
    const payload = Buffer.from('{"stream":"OUT","seq":1}');
    return over<Bus>(bus, {
      subscribe(subject, handle, options) {
        if (subject.startsWith("_INBOX.")) confirm = handle;
        return bus.subscribe(subject, handle, options);
      },
      publish(subject, content, options = {}) {
        bus.publish(subject, content, options);
        const { reply } = options;
        if (reply === undefined) return;
        queueMicrotask(() => confirm({ subject: reply, payload, headers: {}, wantsReply: false, respond: () => {} }));
      },
    });
  },
};

/** Notes how far a stream was consumed in a commit of its own, before what came from it. */
export const NOTES_POSITION_APART: Plant = {
  store: (store) =>
    over(store, {
      async commit(writes) {
        const positions = writes.filter(({ table }) => table === "positions");
        if (positions.length > 0) await store.commit(positions);
        await store.commit(writes.filter(({ table }) => table !== "positions"));
      },
    }),
};

/** Says in its checkpoint that it is further than it is. */
export const COUNTS_CHECKPOINT_WRONG: Plant = {
  store: (store, name) =>
    name !== "checkpoint"
      ? store
      : over(store, {
          commit: (writes) =>
            store.commit(
              writes.map((write) => (write.table === "meta" ? { ...write, value: further(write.value) } : write)),
            ),
        }),
};

/** Bytes before the JSON of a checkpoint's record; the last four of them its checksum. */
const HEAD = 12;

function further(value: Buffer | null): Buffer | null {
  if (value === null || value.length <= HEAD) return value;
  const meta = JSON.parse(value.toString("utf8", HEAD)) as { seq: number };
  const json = Buffer.from(JSON.stringify({ ...meta, seq: meta.seq + 2 }));
  const head = Buffer.from(value.subarray(0, HEAD));
  head.writeUInt32LE(crc32(json, 0, json.length), HEAD - 4);
  return Buffer.concat([head, json]);
}

/** The same object with some of its parts changed. */
function over<T extends object>(of: T, changed: Partial<T>): T {
  return new Proxy(of, {
    get(target, name) {
      if (name in changed) return Reflect.get(changed, name);
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
    set: (target, name, value) => Reflect.set(target, name, value, target),
  });
}
