// Which late events an identity takes follows from the journal: not from memory, and not from where a checkpoint was made.
import { describe, expect, it } from "vitest";
import type { Entry } from "../../../runtime/journal/journal.ts";
import type { Live } from "../../../runtime/live/live.ts";
import { SavedSpec } from "../../../runtime/live/saved.ts";
import { TableInMemory } from "../../../runtime/live/saved-rows.ts";
import { tailsTick } from "../../../runtime/live/tails.ts";
import { playersEvents, specFrom, specOf } from "../../support/folding.ts";
import { foldEach, liveOn, PLENTY } from "../../support/lives.ts";

const SECOND = 1_000; // ms
const players = specOf("players.yml", "players-window.yml");
const [recorded] = playersEvents();

type Draft = Omit<Entry, "seq">;

interface More {
  readonly source?: string;
  readonly receivedMs?: number;
  readonly level?: number;
}

/** The recorded event, ms after the first, of some player. */
function event(player: string, ms: number, { source, receivedMs = ms, level = 0 }: More = {}): Draft {
  const event_time = new Date(recorded!.at + ms).toISOString().slice(0, 23);
  const parsed = JSON.parse(String(recorded!.payload)) as object;
  const payload = Buffer.from(JSON.stringify({ ...parsed, customer_identifier: player, event_time, level }));
  const headers = source === undefined ? {} : { source };
  return {
    receivedAt: recorded!.at + receivedMs,
    kind: "event",
    principal: "test",
    subject: "events",
    headers,
    payload,
  };
}

const tails = (events: number, ms: number): Draft => ({
  ...tailsTick(players.name, events),
  receivedAt: recorded!.at + ms,
});

const journalOf = (drafts: readonly Draft[]): Entry[] => drafts.map((draft, i) => ({ ...draft, seq: i + 1 }));

/** A checkpoint as of `from`, whose first rows are asked for then and all others at `to`; and the journal from there on. */
function resumed(journal: readonly Entry[], { from, to, rows }: { from: number; to: number; rows: number }): Live {
  const work = liveOn(journal, players);
  const spec = new SavedSpec(work, { fold: () => false });
  foldEach(work, journal.slice(0, from));
  const save = spec.save({ seq: from, whole: true });
  const saved = Array.from({ length: rows }, () => save.next().value);
  foldEach(work, journal.slice(from, to));
  saved.push(...save);
  const again = liveOn(journal, players);
  const loaded = saved.flatMap((row) => (row?.value == null ? [] : [{ key: row.key, value: row.value }]));
  new SavedSpec(again, { fold: () => false }).open(new TableInMemory(loaded), from);
  return foldEach(again, journal.slice(from));
}

describe("late events", () => {
  it("do not move the watermark when their identity no longer takes them", () => {
    const now = 200 * SECOND;
    const { latenessMs } = players.transform.streaming;
    const before = [
      event("x", 10 * SECOND, { source: "b", receivedMs: now }),
      ...Array.from({ length: 10 }, (_, i) => event("p", (50 + i) * SECOND, { source: "a", receivedMs: now + i })),
      tails(8, now + 20),
    ];
    const journal = journalOf([
      ...before,
      event("p", 20 * SECOND, { source: "b", receivedMs: now + 30 }),
      event("y", 60 * SECOND, { source: "a", receivedMs: now + 40 }),
      event("q", 15 * SECOND - latenessMs, { source: "a", receivedMs: now + 50 }),
    ]);
    const fresh = foldEach(liveOn(journal, players), journal);
    const again = resumed(journal, { from: before.length, to: before.length + 1, rows: 2 });

    expect(fresh.counts.late).toBe(1);
    expect(again.settledAt).toBe(fresh.settledAt);
    expect(again.counts).toEqual(fresh.counts);
  });

  it("are taken as the bound was when a checkpoint began, however its rows are asked for", () => {
    const journal = journalOf([
      event("x", 0),
      ...Array.from({ length: 20 }, (_, i) => event("p", (50 + i) * SECOND)),
      event("p", 51.5 * SECOND, { receivedMs: 70 * SECOND }),
      tails(8, 71 * SECOND),
      event("z", 80 * SECOND),
    ]);
    const fresh = foldEach(liveOn(journal, players), journal);
    const again = resumed(journal, { from: 1, to: journal.length - 1, rows: 1 });

    expect(fresh.tailEvents).toBe(8);
    expect(again.tailEvents).toBe(8);
    expect(again.aggregates("p")).toEqual(fresh.aggregates("p"));
  });

  it("are taken alike whether records that are past their retention are in memory or not", () => {
    const field = (i: number) => `      - { Name: f${i}, Type: integer, Value: wide.f${i} + 1 }`;
    const level = (i: number) => `  - Type: Blurr:Aggregate:Identity
    Name: level${i}
    Store: all
    Dimensions:
      - { Name: level, Type: integer, Value: source.level }
    Fields:
      - { Name: games, Type: integer, Value: level${i}.games + 1 }`;
    const text = `Type: Blurr:Transform:Streaming
Version: '2018-03-01'
Name: players
Import:
  - { Module: dateutil, Identifiers: [parser] }
Identity: source.customer_identifier
Time: parser.parse(source.event_time)
Lateness: 2m
Stores:
  - { Type: Blurr:Store:Memory, Name: all, Retention: 10s }
  - { Type: Blurr:Store:Memory, Name: ever }
Aggregates:
  - Type: Blurr:Aggregate:Identity
    Name: wide
    Store: ever
    Fields:
${Array.from({ length: 100 }, (_, i) => field(i)).join("\n")}
${Array.from({ length: 12 }, (_, i) => level(i)).join("\n")}
`;
    const wide = specFrom(text);
    const late = 413 * SECOND;
    const at = 410 * SECOND;
    const journal = journalOf([
      ...Array.from({ length: 105 }, (_, i) => event("p", i, { level: i + 1 })),
      ...Array.from({ length: 3 }, (_, i) => event("q", 400 * SECOND + i)),
      ...Array.from({ length: 200 }, (_, i) => event("p", at + 10 * i, { level: i < 105 ? i + 1 : 999 })),
      ...Array.from({ length: 200 }, (_, i) => event("p", at + 10 * i + 5, { receivedMs: late, level: 999 })),
    ]);
    const [plenty, little] = [PLENTY, 1].map((bytes) => foldEach(liveOn(journal, wide, bytes), journal));

    expect(plenty!.counts.late).toBeGreaterThan(100);
    expect(little!.counts).toEqual(plenty!.counts);
    expect(little!.aggregates("p")).toEqual(plenty!.aggregates("p"));
  });
});

describe("memory that others fill", () => {
  it("has room for longer tails once those of a rush are gone", () => {
    const rush = journalOf(Array.from({ length: 4_000 }, (_, i) => event(`p${i % 40}`, i)));
    const bytes = foldEach(liveOn(rush, players), rush).fold.usedBytes;
    const later = Array.from({ length: 2_000 }, (_, i) => event(`q${i}`, 3_600 * SECOND + i * SECOND));
    const journal = journalOf([...rush, ...later, tails(64, 5_700 * SECOND)]);
    const live = foldEach(liveOn(journal, players, bytes), journal.slice(0, rush.length));
    expect(live.isRoomy).toBe(false);

    foldEach(live, journal.slice(rush.length));

    expect(live.cold.size).toBeGreaterThan(0);
    expect(live.isRoomy).toBe(true);
  });
});
