import { join } from "node:path";
import { expect, it } from "vitest";
import { MemoryBus } from "../../../runtime/bus/memory.ts";
import { JOURNAL } from "../../../runtime/journal/meta.ts";
import type { StoreJournal } from "../../../runtime/journal/store-journal.ts";
import { limits } from "../../../runtime/limits.ts";
import type { Ack } from "../../../runtime/outbox/line.ts";
import { openStore } from "../../../runtime/store/lmdb.ts";
import { blockOf, draft, tempDir } from "../../support/journal.ts";
import { BASE, listen, type OutboxAtWork, offersByCustomer, outboxAt } from "../../support/outboxes.ts";
import { prng } from "../../support/prng.ts";

const COMMITS = 300;
const EACH = 10;
const EVENTS = Array.from({ length: EACH }, (_, i) => draft(`event ${i}`));

/** A bus where a stream keeps what comes, unless it is to refuse it. */
function streamBus(refuses: (id: string) => boolean): MemoryBus {
  const bus = new MemoryBus();
  bus.subscribe(`${BASE}.>`, ({ headers, wantsReply, respond }) => {
    if (!wantsReply) return;
    const error = { code: 503, err_code: 10077, description: "maximum messages exceeded" };
    respond(Buffer.from(JSON.stringify(refuses(headers["Nats-Msg-Id"]!) ? { error } : { stream: "OUT", seq: 1 })));
  });
  return bus;
}

/** An outbox that waits to begin, and counts the commits that are read of its journal. */
function countingAt(dir: string, bus: MemoryBus, ack: Ack = "stream"): OutboxAtWork & { read(): number } {
  const store = openStore({ path: join(dir, "journal") });
  const range = store.range.bind(store);
  let count = 0;
  store.range = function* (table, options) {
    for (const row of range(table, options)) {
      if (table === JOURNAL) count++;
      yield row;
    }
  };
  return { ...outboxAt({ dir, bus, ack, begin: false, store }), read: () => count };
}

it("reads what owes nothing once, however often it has to send the decision before it", {
  timeout: 30_000,
}, async () => {
  const dir = tempDir();
  const first = outboxAt({ dir, bus: new MemoryBus(), begin: false });
  await first.decide(["7"]);
  for (let i = 0; i < COMMITS; i++) await first.journal.append(EVENTS);
  await first.abandon();

  let refusals = 2;
  const bus = streamBus((id) => id === "box-e0-1-0" && refusals-- > 0);
  const got = listen(bus);
  const { outbox, journal, read, decide, close } = countingAt(dir, bus);
  const opened = read();
  outbox.begin();
  await expect.poll(() => outbox.through, { timeout: 20_000 }).toBe(journal.lastSeq);

  expect(outbox.stats().waiting).toBe(0);
  expect(got.filter(({ id }) => id === "box-e0-1-0")).toHaveLength(3);
  expect(opened).toBeGreaterThan(2 * COMMITS); // each of the two ports has counted
  expect(read() - opened).toBeLessThan(COMMITS);
  const sent = read();
  await decide(["8"]);
  await expect.poll(() => outbox.through).toBe(journal.lastSeq);
  expect(offersByCustomer(got).get("8")).toHaveLength(1);
  expect(read()).toBe(sent);
  await close();
});

it("brings every decision, wherever it lies among what owes nothing, also over restarts", {
  timeout: 60_000,
}, async () => {
  const seed = Number(process.env.AISLE_SEED ?? 20_260_302);
  const random = prng(seed);
  const decided = new Map<string, string[]>();
  const some = async ({ journal, decide }: { journal: StoreJournal; decide: OutboxAtWork["decide"] }) => {
    for (let i = 0; i < 60; i++) {
      const dice = random();
      if (dice < 0.5) await journal.append(EVENTS);
      else if (dice < 0.9) await journal.appendBlock(blockOf(EVENTS));
      else {
        const customer = `c${Math.floor(random() * 3)}`;
        decided.set(customer, [...(decided.get(customer) ?? []), `box-e0-${journal.lastSeq + 1}-0`]);
        await decide([customer]);
      }
    }
  };
  const dir = tempDir();
  let isWell = false;
  const bus = streamBus(() => !isWell && random() < 0.2);
  const got = listen(bus);

  for (let start = 0; start < 6; start++) {
    const place = outboxAt({ dir, bus, ack: "stream", begin: false });
    await some(place);
    place.outbox.begin();
    await some(place);
    // The last one has noted what it has counted, and has not sent it all.
    await (start === 5 || random() < 0.5 ? place.close() : place.abandon());
  }
  isWell = true;
  const last = outboxAt({ dir, bus, ack: "stream" });
  const { lastSeq } = last.journal;
  await expect.poll(() => last.outbox.through, { timeout: 40_000, message: `seed ${seed}` }).toBe(lastSeq);

  expect(last.outbox.stats().waiting, `seed ${seed}`).toBe(0);
  expect(offersByCustomer(got), `seed ${seed}`).toEqual(decided);
  await last.close();
});

/** A bus whose server confirms only once it is let to. */
function slowBus(): { bus: MemoryBus; confirm(): void } {
  const bus = new MemoryBus();
  const flush = bus.flush.bind(bus);
  let confirm = () => {};
  const confirmed = new Promise<void>((resolve) => {
    confirm = resolve;
  });
  bus.flush = () => confirmed.then(flush);
  return { bus, confirm };
}

it.each([
  ["holds what there is no room for, and reads nothing again", 2 * limits.outboxFlights, 0],
  ["reads again what is more than it may hold", limits.outboxFlights + limits.outboxHeld + 100, 1],
])("%s", { timeout: 60_000 }, async (_, count, least) => {
  const { bus, confirm } = slowBus();
  const got = listen(bus);
  const { outbox, journal, read, decide, close } = countingAt(tempDir(), bus, "server");
  outbox.begin();
  await expect.poll(() => outbox.through).toBe(journal.lastSeq);
  const before = read();
  const customers = Array.from({ length: count }, (_, i) => `c${i}`);
  const offered = () => got.filter(({ subject }) => subject.includes(".offers."));

  for (let i = 0; i < count; i += 100) await decide(customers.slice(i, i + 100));
  await expect.poll(() => offered().length).toBe(limits.outboxFlights);
  expect(outbox.stats().waiting).toBe(count);
  confirm();
  await expect.poll(() => outbox.through, { timeout: 40_000 }).toBe(journal.lastSeq);

  expect(outbox.stats().waiting).toBe(0);
  expect(offered().map(({ subject }) => subject.split(".").at(-1))).toEqual(customers);
  if (least === 0) expect(read()).toBe(before);
  else expect(read()).toBeGreaterThan(before);
  await close();
});
