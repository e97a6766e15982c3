// What a store keeps no longer is left out of answers alike, wherever an identity is: in memory, on the disk, in a checkpoint.
import { describe, expect, it } from "vitest";
import type { Entry } from "../../../runtime/journal/journal.ts";
import type { Live } from "../../../runtime/live/live.ts";
import { SavedSpec } from "../../../runtime/live/saved.ts";
import { TableInMemory } from "../../../runtime/live/saved-rows.ts";
import type { SiteTransform } from "../../../runtime/site.ts";
import { Dice } from "../../support/dice.ts";
import { specFrom } from "../../support/folding.ts";
import { foldEach, liveOn, PLENTY } from "../../support/lives.ts";
import { prng } from "../../support/prng.ts";

const SECOND = 1_000; // ms
const SEED = Number(process.env.AISLE_SEED ?? 20_261_129);
const BEGIN = Date.UTC(2026, 0);

type Draft = Omit<Entry, "seq">;

const streaming = `Type: Blurr:Transform:Streaming
Version: '2018-03-01'
Name: visits
Import:
  - { Module: dateutil, Identifiers: [parser] }
Identity: source.who
Time: parser.parse(source.at)
Lateness: 2s
Stores:
  - { Type: Blurr:Store:Memory, Name: short, Retention: 10s }
  - { Type: Blurr:Store:Memory, Name: ever }
Aggregates:
  - Type: Blurr:Aggregate:Identity
    Name: all
    Store: ever
    Fields:
      - { Name: events, Type: integer, Value: all.events + 1 }
      - { Name: pairs, Type: integer, Value: "len([1 for a in source.many for b in source.many])", When: source.many is not None }
  - Type: Blurr:Aggregate:Identity
    Name: lately
    Store: short
    When: source.kind == 'stands'
    Fields:
      - { Name: events, Type: integer, Value: lately.events + 1 }
`;
const activity = `  - Type: Blurr:Aggregate:Activity
    Name: sitting
    Store: short
    SeparateByInactiveSeconds: 2
    When: source.kind == 'sits'
    Fields:
      - { Name: events, Type: integer, Value: sitting.events + 1 }
`;
const block = `  - Type: Blurr:Aggregate:Block
    Name: sitting
    Store: short
    When: source.kind == 'sits'
    Dimensions:
      - { Name: room, Type: string, Value: source.room }
    Fields:
      - { Name: events, Type: integer, Value: sitting.events + 1 }
`;
const rows = `Type: Blurr:Transform:Window
Version: '2018-03-01'
Name: visits_rows
SourceBTS: visits
Anchor:
  Condition: visits.all.events % 4 == 0
Aggregates:
  - Type: Blurr:Aggregate:Variable
    Name: now
    Fields:
      - { Name: all, Type: integer, Value: visits.all.events }
      - { Name: lately, Type: integer, Value: visits.lately.events }
`;
const before = `  - Type: Blurr:Aggregate:Window
    Name: before
    WindowType: day
    WindowValue: -1
    Source: visits.sitting
    Fields:
      - { Name: sum, Type: integer, Value: sum(source.events) }
`;

const visits = specFrom(streaming + activity, rows + before);
const withoutWindows = specFrom(streaming + block, rows);

function event(who: string, ms: number, more: object = {}, receivedMs = ms): Draft {
  const payload = { who, at: new Date(BEGIN + ms).toISOString(), kind: "sits", room: "hall", ...more };
  return {
    ...{ kind: "event", principal: "test", subject: "events", headers: {} },
    receivedAt: BEGIN + receivedMs,
    payload: Buffer.from(JSON.stringify(payload)),
  };
}

const tick = (ms: number): Draft => ({ ...event("", ms), kind: "tick" });

const journalOf = (drafts: readonly Draft[]): Entry[] => drafts.map((draft, i) => ({ ...draft, seq: i + 1 }));

const liveWith = (journal: readonly Entry[], spec: SiteTransform, memoryBytes: number) =>
  liveOn(journal, spec, memoryBytes, { rows: true });

/** A checkpoint after `count` entries, and what followed folded from there on. */
function resumed(journal: readonly Entry[], spec: SiteTransform, count: number): Live {
  const work = liveWith(journal, spec, PLENTY);
  const toSave = new SavedSpec(work, { fold: () => false });
  foldEach(work, journal.slice(0, count));
  const saved = [...toSave.save({ seq: count, whole: true })];
  const rows = saved.flatMap((row) => (row?.value == null ? [] : [{ key: row.key, value: row.value }]));
  const again = liveWith(journal, spec, PLENTY);
  new SavedSpec(again, { fold: () => false }).open(new TableInMemory(rows), count);
  foldEach(again, journal.slice(count)).endResume();
  return again;
}

/** What is told of somebody. */
function toldBy(live: Live, who: string): unknown {
  const [records, row] = [live.aggregates(who), live.features(who)].map((known) => JSON.parse(known!.json));
  return { ...records, row };
}

/** Rows of somebody's anchors. */
function rowsOf(live: Live, who: string): readonly string[] {
  const handle = live.fold.find(who) ?? live.fold.unpack(live.cold.take(Buffer.from(who))!);
  live.thaw(handle);
  return live.fold.rows(handle);
}

/** Asks for p, twice each: with plenty of memory, with next to none, and after starts from checkpoints. */
function allTold(drafts: readonly Draft[], spec = visits): unknown {
  const journal = journalOf(drafts);
  const [plenty, little] = [PLENTY, 1].map((bytes) => foldEach(liveWith(journal, spec, bytes), journal));
  const lives = [plenty!, little!, ...journal.map((_, i) => resumed(journal, spec, i + 1))];
  const expected = toldBy(plenty!, "p");
  for (const live of [...lives, ...lives]) expect(toldBy(live, "p")).toEqual(expected);
  return expected;
}

describe("records", () => {
  it("are told of until an event is later than they are kept, however much time passes", () => {
    const stands = { kind: "stands" };
    const ticks = [60, 120, 121].map((seconds) => tick(seconds * SECOND));
    const quiet = [event("p", 0, stands), event("p", SECOND, stands), ...ticks];

    expect(allTold(quiet)).toMatchObject({ lately: [{ events: 2 }] });
    expect(allTold([...quiet, event("q", 130 * SECOND)])).toMatchObject({ all: [{ events: 2 }], lately: [] });
  });
});

describe("a row of features", () => {
  it("is as of the last event of whom it is about, also when others go on", () => {
    const drafts = [event("p", 0), event("p", 5 * SECOND), event("p", 9 * SECOND), event("q", 500 * SECOND)];

    expect(allTold(drafts)).toMatchObject({ row: { "now.all": 3, "before.sum": 2 }, sitting: [] });
  });

  it("sees no record that was kept no longer at that event", () => {
    const stood = [event("p", 0, { kind: "stands" }), event("p", 5 * SECOND)];
    const later = [event("p", 11 * SECOND), event("q", 90 * SECOND)];

    expect(allTold([...stood, later[1]!], withoutWindows)).toMatchObject({ row: { "now.all": 2, "now.lately": 1 } });
    expect(allTold([...stood, ...later], withoutWindows)).toMatchObject({ row: { "now.all": 3, "now.lately": 0 } });
  });

  it("is none once its block was kept no longer at that event", () => {
    const drafts = [event("p", 0), event("p", 11 * SECOND, { kind: "quiet" }), event("q", 90 * SECOND)];

    expect(allTold(drafts, withoutWindows)).toMatchObject({ all: [{ events: 2 }], row: null });
  });
});

describe("what a store keeps", () => {
  it("alone becomes an anchor, whether the rest is in memory or not", () => {
    const quiet = [11, 30, 50].map((seconds) => event("p", seconds * SECOND, { kind: "quiet" }));
    const journal = journalOf([event("p", 0), ...quiet]);
    const lives = [PLENTY, 1].map((bytes) => foldEach(liveWith(journal, withoutWindows, bytes), journal));

    expect(lives.map((live) => rowsOf(live, "p"))).toEqual([[], []]);
  });

  it.each([1, 2, 3, 4, 5, 6])(`changes nothing with where an identity is, round %i (seed ${SEED})`, (round) => {
    const dice = new Dice(prng(SEED + round));
    const spec = round % 2 === 0 ? visits : withoutWindows;
    const whom = ["p", "q", "r", "s"];
    let ms = 0;
    const journal = journalOf(
      Array.from({ length: 200 }, () => {
        ms += dice.below(dice.chance(0.1) ? 15 * SECOND : SECOND);
        if (dice.chance(0.1)) return tick(ms + dice.below(20 * SECOND));
        const many = dice.chance(0.05) ? { many: Array.from({ length: 1_500 }, (_, i) => i) } : {};
        const kind = dice.one(["sits", "stands", "quiet"]);
        return event(
          dice.one(whom),
          ms - dice.below(dice.chance(0.3) ? 3 * SECOND : 1),
          { kind, room: dice.one(["hall", "attic"]), ...many },
          ms,
        );
      }),
    );
    const [plenty, little] = [liveWith(journal, spec, PLENTY), liveWith(journal, spec, 1)];
    for (const entry of journal) {
      foldEach(plenty, [entry]);
      foldEach(little, [entry]);
      const who = dice.one(whom);
      if (plenty.aggregates(who) === null) continue;
      for (let time = 0; time < 2; time++) expect(toldBy(little, who)).toEqual(toldBy(plenty, who));
    }
    const again = resumed(journal, spec, 1 + dice.below(journal.length));

    expect(plenty.counts.failed).toBeGreaterThan(0);
    expect(plenty.counts.late).toBeGreaterThan(0);
    for (const live of [little, again]) {
      expect(live.counts).toEqual(plenty.counts);
      for (const who of whom) expect(toldBy(live, who)).toEqual(toldBy(plenty, who));
      for (const who of whom) expect(rowsOf(live, who)).toEqual(rowsOf(plenty, who));
    }
  });
});
