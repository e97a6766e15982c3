import { expect, it } from "vitest";
import { MemoryBus } from "../../../runtime/bus/memory.ts";
import { ManualClock } from "../../../runtime/clock.ts";
import { AisleError, type Code } from "../../../runtime/errors.ts";
import { limits } from "../../../runtime/limits.ts";
import { Keepers } from "../../../runtime/outbox/keepers.ts";
import { journalIn, tempDir } from "../../support/journal.ts";

const OUT = { stream: "OUT", domain: null };
const BEHIND = { stream: "OUT", domain: "hub" };

/** @param answer  what is found out of a stream: a sentence, null, or the code of an error */
function keepersWith(answer: (asked: number) => string | null | { code: Code }, journal = journalIn(tempDir())) {
  const clock = new ManualClock(1_000);
  const asked: (string | null)[] = [];
  const keepers = new Keepers({
    ...{ bus: new MemoryBus(), clock, journal, store: journal.store },
    frailtyOf: async ({ domain }) => {
      asked.push(domain);
      const found = answer(asked.length);
      if (typeof found === "object" && found !== null) throw new AisleError(found.code, "no answer");
      return found;
    },
    fault: (_, error) => {
      throw error;
    },
  });
  keepers.open();
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  return { keepers, clock, asked, settled, journal };
}

it("asks of each stream when it first acknowledges, and now and then, as it may be made anew", async () => {
  const { keepers, clock, asked, settled } = keepersWith((count) => (count < 3 ? "frail" : null));

  for (const keeper of [OUT, OUT, BEHIND, OUT, BEHIND]) keepers.acknowledged(keeper);
  await settled();
  expect([asked, keepers.trouble()]).toEqual([
    [null, "hub"],
    ["frail", "frail"],
  ]);
  clock.advance(limits.outboxLookMs); // whoever mends one that is frail need not wait for a decision
  await settled();
  expect([asked, keepers.trouble()]).toEqual([[null, "hub", null, "hub"], []]);

  clock.advance(limits.outboxLookMs);
  keepers.acknowledged(OUT);
  await settled();
  expect(asked).toEqual([null, "hub", null, "hub", null]);
});

it("says that it can't be found out, and asks again by itself", async () => {
  const { keepers, clock, asked, settled } = keepersWith((count) => (count === 1 ? { code: "unavailable" } : null));

  keepers.acknowledged(OUT);
  await settled();
  expect(keepers.trouble()).toEqual([
    "decisions that the stream 'OUT' has acknowledged rest on JetStream alone, and how it keeps them can't be found out: no answer",
  ]);
  clock.advance(limits.outboxLookMs);
  await settled();

  expect([asked.length, keepers.trouble()]).toEqual([2, []]);
});

it("asks no more on a connection where it may not", async () => {
  const { keepers, clock, asked, settled } = keepersWith(() => ({ code: "forbidden" }));

  keepers.acknowledged(OUT);
  await settled();
  clock.advance(5 * limits.outboxLookMs);
  keepers.acknowledged(OUT);
  await settled();

  expect([asked.length, keepers.trouble()]).toEqual([1, [expect.stringContaining("can't be found out")]]);
});

it("keeps what it knew while nothing can be asked, and forgets a stream that is gone", async () => {
  const codes: Code[] = ["unavailable", "not-found"];
  const { keepers, clock, settled } = keepersWith((count) => (count === 1 ? "frail" : { code: codes[count - 2]! }));
  keepers.acknowledged(OUT);
  await settled();
  clock.advance(limits.outboxLookMs);
  keepers.acknowledged(OUT);
  await settled();
  expect(keepers.trouble()).toEqual(["frail"]);

  clock.advance(limits.outboxLookMs);
  await settled();

  expect(keepers.trouble()).toEqual([]);
});

it("knows them after a restart, and no more than it may", async () => {
  const { keepers, journal } = keepersWith(() => "frail");
  for (let i = 0; i <= limits.outboxKeepers; i++) keepers.acknowledged({ stream: `S${i}`, domain: null });
  await keepers.close();

  const again = keepersWith(() => "frail still", journal);
  await again.settled();

  expect(again.keepers.trouble()).toEqual(Array(limits.outboxKeepers).fill("frail still"));
});
