// Question: what does it buy to write one value per commit? And what does a lone append wait?
// Shape:    1,000 events of 287 bytes, with an id and a content type, per commit: through the whole journal
//           (checks, encoding, a checksum per entry, one LMDB value, fsync), against the same payloads as one LMDB put
//           each, under 8-byte keys, in one awaited commit of an environment with the same settings.
//           The keys of the puts are the events' identities, 100,000 that are all there before the clock starts: the
//           store of records that one would have without a journal. "In order" stands beside it: keys that only
//           ascend, so that the puts fill page after page, the best that can happen to them.
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../runtime/clock.ts";
import type { Draft } from "../runtime/journal/journal.ts";
import { openJournal } from "../runtime/journal/lmdb.ts";
import type { StoreJournal } from "../runtime/journal/store-journal.ts";
import { keyOf } from "../runtime/key.ts";
import type { Store } from "../runtime/store/store.ts";
import { prng } from "../test/support/prng.ts";
import { quantile, syncLatency } from "./disk.ts";
import { interleave, keep } from "./measure.ts";

const EVENTS = 1_000; // a commit
const PAYLOAD_BYTES = 287;
const IDENTITIES = 100_000;

export async function bench({ quick }: { quick: boolean }): Promise<{
  figures: Record<string, number>;
  ratios: Record<string, number>;
}> {
  const dir = mkdtempSync(join(tmpdir(), "aisle-bench-journal-"));
  const open = (name: string): StoreJournal =>
    openJournal({ dir: join(dir, name), clock: systemClock, random: randomBytes });
  const blobs = open("blobs");
  const random = open("random"); // an environment of the journal's own settings; the journal in it stays empty
  const ordered = open("ordered");
  const lone = open("lone");
  try {
    const batch = Array.from({ length: EVENTS }, (_, i) => event(i));
    const fill = putEach(random.store, batch, sequences());
    for (let filled = 0; filled < IDENTITIES; filled += EVENTS) await fill();
    const measured = await interleave(
      [
        { name: "blob", run: async () => keep((await blobs.append(batch)).lastSeq) },
        { name: "put", run: putEach(random.store, batch, identities()) },
        { name: "put in order", run: putEach(ordered.store, batch, sequences()) },
      ],
      quick ? { rounds: 5, msPerSlice: 150 } : { rounds: 15, msPerSlice: 300 },
    );
    const appends = await loneAppends(lone, quick ? 500 : 3_000);
    const disk = await syncLatency(dir, quick ? 500 : 2_000);
    return {
      figures: {
        "journal.events_per_s": (EVENTS / measured.medianNs.blob!) * 1e9,
        "journal.append_p50_ms": quantile(appends, 0.5),
        "journal.append_p99_ms": quantile(appends, 0.99),
        "journal.replay_ns_per_event": replay(blobs),
        "disk.sync_p50_ms": disk.p50,
        "disk.sync_p99_ms": disk.p99,
      },
      ratios: {
        "journal.blob_vs_put_per_event": measured.ratio("put", "blob"),
        "journal.blob_vs_put_in_order": measured.ratio("put in order", "blob"),
      },
    };
  } finally {
    for (const journal of [blobs, random, ordered, lone]) await journal.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

function event(i: number): Draft {
  return {
    kind: "event",
    principal: "nats",
    subject: "events.focus",
    headers: { id: `event-${i}`, "content-type": "application/json" },
    payload: Buffer.from(JSON.stringify({ type: "focus", id: i }).padEnd(PAYLOAD_BYTES)),
  };
}

/** One put per event, all awaited together: lmdb-js makes one commit of them, as with a batch. */
function putEach(store: Store, batch: readonly Draft[], next: () => number) {
  return async () => {
    await store.commit(batch.map(({ payload }) => ({ table: "events", key: keyOf(next()), value: payload as Buffer })));
    keep(batch.length);
  };
}

/** The same ones in every run. */
function identities(): () => number {
  const random = prng(42);
  return () => Math.floor(random() * IDENTITIES);
}

function sequences(): () => number {
  let seq = 0;
  return () => ++seq;
}

/** One append after the other, each awaited, ms. */
async function loneAppends(journal: StoreJournal, count: number): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const draft = event(i);
    const start = performance.now();
    await journal.append([draft]);
    times.push(performance.now() - start);
  }
  return times;
}

/** Reading back everything that was journalled, checksums included, ns per event. */
function replay(journal: StoreJournal): number {
  const start = performance.now();
  const cursor = journal.cursor();
  let events = 0;
  while (events < 200_000 && cursor.next()) {
    keep(cursor.payloadEnd - cursor.payloadStart);
    events++;
  }
  return ((performance.now() - start) * 1e6) / events;
}
