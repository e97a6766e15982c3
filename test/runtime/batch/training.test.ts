// A training row is what was served at its moment, and the labels that came of it.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Trained, train } from "../../../runtime/batch/training.ts";
import type { Fold } from "../../../runtime/core/fold.ts";
import type { Entry } from "../../../runtime/journal/journal.ts";
import { batchOf } from "../../../runtime/live/batch.ts";
import { Live } from "../../../runtime/live/live.ts";
import { nowhere } from "../../../runtime/live/nowhere.ts";
import { pastRow } from "../../../runtime/live/past.ts";
import { Recent } from "../../../runtime/live/recent.ts";
import type { SiteTransform } from "../../../runtime/site.ts";
import { readTransform } from "../../../runtime/spec/load.ts";
import { entriesOf, playersEvents, specOf } from "../../support/folding.ts";
import { prng } from "../../support/prng.ts";

const SEED = Number(process.env.AISLE_SEED ?? 20_261_126);
const SECOND = 1_000; // ms
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

interface Row {
  readonly player: string;
  /** Sequence, and time in ms, of the event that made the anchor one. */
  readonly seq: number;
  readonly at: number;
  /** JSON as it is printed. */
  readonly json: string;
  readonly values: Readonly<Record<string, unknown>>;
}

async function trained(spec: SiteTransform, entries: readonly Entry[]): Promise<Trained & { readonly all: Row[] }> {
  const all: Row[] = [];
  const journal = {
    lastSeq: entries.at(-1)!.seq,
    read: (fromSeq = 1) => entries.filter(({ seq }) => seq >= fromSeq),
    find: (seq: number) => entries[seq - 1] ?? null,
  };
  const result = await train({
    spec,
    journal,
    writer: (fold) => ({
      records() {},
      rows(identity, rows) {
        for (const row of rows) all.push(rowOf(fold, fold.keyOf(identity), row));
      },
      async ready() {},
      async end() {},
      async abandon() {},
    }),
  });
  return { ...result, all };
}

/** With what the core knows of a row beside its columns: drawn in `assembly/fold/rows.ts`. */
function rowOf(fold: Fold, player: string, row: number): Row {
  const view = new DataView(fold.core.memory.buffer);
  const at = Number(view.getBigInt64(row, true)) / 1000;
  const seq = view.getFloat64(row + 8, true);
  const json = fold.printRow(row);
  return { player, seq, at, json, values: JSON.parse(json) };
}

function liveOf(spec: SiteTransform, entries: readonly Entry[]): Live {
  return new Live(spec, {
    recent: new Recent((seq) => entries[seq - 1] ?? null),
    cold: nowhere(),
    memoryBytes: Number.POSITIVE_INFINITY,
    refused: () => {},
    fault: (_, error) => {
      throw error;
    },
  });
}

const playerOf = ({ payload }: Entry) =>
  (JSON.parse(String(payload)) as { customer_identifier: string }).customer_identifier;

/** Recorded events in the order in which they happened, and one long after, that settles them. */
function recorded(): Entry[] {
  const events = playersEvents().toSorted((a, b) => a.at - b.at);
  const last = events.at(-1)!;
  const after = { event_id: "app_launched", event_time: "2016-03-01T00:00:00", customer_identifier: "after" };
  return entriesOf([
    ...events.map(({ payload, at }) => ({ payload, receivedAt: at })),
    { payload: Buffer.from(JSON.stringify(after)), receivedAt: last.at + 19 * 24 * HOUR },
  ]);
}

const players = specOf("players.yml", "players-window.yml");

describe("rows of the journal", () => {
  it("are what was served at the moment of each anchor, and there is one for each", async () => {
    const entries = recorded();
    const { all, rows, waiting, tally, lacksEarlier } = await trained(players, entries);
    const live = liveOf(players, entries);
    const served = new Map<number, { player: string; json: string }>();
    const anchored = new Set<string>();
    for (const entry of entries) {
      live.feed(batchOf([entry]));
      const player = playerOf(entry);
      const { json } = live.features(player)!;
      if (json === "null") continue;
      // the anchor's condition, by hand
      const sitting = (JSON.parse(live.aggregates(player)!.json) as Records).sitting.at(-1);
      if (sitting === undefined || !(sitting.offers > 0 || sitting.games > 1)) continue;
      const block = `${player} ${sitting._start_time}`;
      if (!anchored.has(block)) served.set(entry.seq, { player, json });
      anchored.add(block);
    }

    expect([waiting, lacksEarlier]).toEqual([0, false]);
    expect([tally.events, [...tally.dropped]]).toEqual([entries.length, []]);
    expect(rows).toBe(all.length);
    expect(all.length).toBeGreaterThan(100);
    const bySeq = all.toSorted((a, b) => a.seq - b.seq);
    expect(bySeq.map(({ seq, player, json }) => [seq, { player, json }])).toEqual([...served]);
  });

  it(`are what is served as of that moment, when events come late (seed ${SEED})`, async () => {
    const random = prng(SEED);
    const events = recorded().map(({ payload, receivedAt }, i) => {
      const delay = Math.floor(random() * MINUTE);
      return { payload, receivedAt: receivedAt + delay, id: `e${i}` };
    });
    const entries = entriesOf(events.sort((a, b) => a.receivedAt - b.receivedAt));
    const { all, waiting, tally } = await trained(players, entries);
    expect([waiting, [...tally.dropped]]).toEqual([0, []]);
    const inOrder = await trained(players, recorded());
    expect(all.map(({ json }) => json).sort()).toEqual(inOrder.all.map(({ json }) => json).sort());

    const live = liveOf(players, entries);
    live.feed(batchOf(entries));
    // of two events in one second the row knows the first, and who asks for that second both
    const seconds = new Map<string, number>();
    for (const { payload } of entries) {
      const { customer_identifier: player, event_time: at } = JSON.parse(String(payload));
      seconds.set(`${player} ${at}`, (seconds.get(`${player} ${at}`) ?? 0) + 1);
    }
    const alone = all.filter(({ player, at }) => seconds.get(`${player} ${iso(at)}`) === 1);
    expect(alone.length).toBeGreaterThan(50);
    for (const { player, at, json } of alone.slice(0, 25)) expect(await pastRow(live, entries, player, at)).toBe(json);
  });
});

interface Records {
  readonly sitting: readonly { readonly _start_time: string; readonly offers: number; readonly games: number }[];
}

const iso = (at: number) => new Date(at).toISOString().slice(0, 19);

// Labels

const STREAMING = `
Type: Blurr:Transform:Streaming
Version: '2018-03-01'
Name: S
Import: [{ Module: dateutil.parser, Identifiers: [parse] }]
Identity: source.u
Time: parse(source.t)
Lateness: 1m
Stores: [{ Type: Blurr:Store:Memory, Name: m }]
Aggregates:
  - Type: Blurr:Aggregate:Activity
    Name: visit
    Store: m
    SeparateByInactiveSeconds: 1800
    Fields:
      - { Name: n, Type: integer, Value: visit.n + 1 }
`;

/** @param windows  `[name, type, value]` over the visits; each counts their events */
function windowSpec(windows: readonly (readonly [string, string, number])[], max = ""): string {
  return `
Type: Blurr:Transform:Window
Version: '2018-03-01'
Name: W
Anchor: { Condition: S.visit.n > 1${max} }
Aggregates:
  - Type: Blurr:Aggregate:Variable
    Name: now
    Fields:
      - { Name: n, Type: integer, Value: anchor.n }
${windows
  .map(
    ([name, type, value]) => `
  - Type: Blurr:Aggregate:Window
    Name: ${name}
    WindowType: ${type}
    WindowValue: ${value}
    Source: S.visit
    Fields:
      - { Name: n, Type: integer, Value: sum(source.n) }`,
  )
  .join("")}
`;
}

function specFrom(streaming: string, window: string): SiteTransform {
  const { spec, mistakes } = readTransform({
    streaming: { file: "s.yml", text: streaming },
    window: { file: "w.yml", text: window },
  });
  if (spec === null) throw new Error(JSON.stringify(mistakes));
  return { name: "S", transform: spec, hash: "" };
}

/** Events of `u`, and of others, at times of one day. */
function at(...times: readonly string[]): Entry[] {
  const events = times.map((time) => {
    const [clock, who = "u"] = time.split(" ");
    return { u: who, t: `2026-03-0${clock!.length > 5 ? clock : `2T${clock}`}` };
  });
  return entriesOf(
    events.map((event) => ({ payload: Buffer.from(JSON.stringify(event)), receivedAt: Date.parse(`${event.t}Z`) })),
  );
}

describe("labels", () => {
  const nextHours = specFrom(STREAMING, windowSpec([["next", "hour", 3]]));

  it.each([
    ["while late events may come before the anchor", ["09:00", "09:01", "09:02 v"], 0, 1],
    ["while the window goes on", ["09:00", "09:01", "11:00", "11:59 v"], 0, 1],
    ["until late events may not come into the window", ["09:00", "09:01", "11:00", "12:00 v"], 0, 1],
    ["no longer then", ["09:00", "09:01", "11:00", "12:01 v"], 1, 0],
    ["while a visit in the window goes on", ["09:00", "09:01", "11:50", "12:10", "12:41 v"], 0, 2],
    ["until it is over", ["09:00", "09:01", "11:50", "12:10", "12:42 v"], 1, 1],
    ["never, when nothing came in the window", ["09:00", "09:01", "12:01 v"], 0, 0],
  ])("are waited for %s", async (_, times, complete, open) => {
    const { rows, waiting, all } = await trained(nextHours, at(...times));

    expect([rows, waiting]).toEqual([complete, open]);
    for (const { values } of all) expect(values["now.n"]).toBe(2);
  });

  it("are of the whole visit, and what was known is of the anchor's moment", async () => {
    const { all } = await trained(nextHours, at("09:00", "09:01", "09:02", "11:00", "11:10", "11:20", "3T09:00 v"));

    expect(all.filter(({ seq }) => seq === 2).map(({ values }) => values)).toEqual([
      { "now._identity": "u", "now.n": 2, "next._identity": "u", "next.n": 3 },
    ]);
  });

  it("of a count wait until it is there and over", async () => {
    const spec = specFrom(STREAMING, windowSpec([["next", "count", 2]]));
    const visits = ["09:00", "09:01", "11:00", "13:00"];

    const results = await Promise.all(
      [[], ["13:10 v"], ["13:31 v"], ["13:32 v"]].map((more) => trained(spec, at(...visits, ...more))),
    );

    expect(results.map(({ rows, waiting }) => [rows, waiting])).toEqual([
      [0, 1],
      [0, 1],
      [0, 1],
      [1, 0],
    ]);
    expect(results[3]!.all[0]!.values["next.n"]).toBe(2);
  });

  it("teach nothing of what the mock endpoints caused", async () => {
    const [first, ...rest] = at("09:00", "09:01", "11:00", "12:01 v");
    const marked = [first!, ...rest.map((entry, i) => (i === 0 ? { ...entry, headers: { test: "1" } } : entry))];

    expect((await trained(nextHours, [first!, ...rest])).rows).toBe(1);
    expect((await trained(nextHours, marked)).rows).toBe(0);
  });

  it("are of what the journal still has, which is said when it has lost its oldest entries", async () => {
    const times = ["09:00", "09:01", "11:00", "12:01 v"];
    const later = at(...times).map((entry) => ({ ...entry, seq: entry.seq + 10 }));
    const erased = at(...times).map((entry, i) => (i === 1 ? { ...entry, headers: { tombstone: "1" } } : entry));

    expect(await trained(nextHours, later)).toMatchObject({ rows: 1, lacksEarlier: true });
    expect(await trained(nextHours, erased)).toMatchObject({ rows: 0, lacksEarlier: false });
  });

  it.each([
    ["a block that a condition ends wait until the next has begun", "    Split: source.sid != visit.sid", [0, 0, 1]],
    [
      "a block of a dimension, which may be taken up again at any time, wait for the window alone",
      "    Dimensions: [{ Name: key, Type: string, Value: source.sid }]",
      [0, 1, 1],
    ],
  ])("of %s", async (_, ends, rows) => {
    const streaming = STREAMING.replace("Aggregate:Activity", "Aggregate:Block")
      .replace("    SeparateByInactiveSeconds: 1800", ends)
      .replace("    Fields:\n", "    Fields:\n      - { Name: sid, Type: string, Value: source.sid }\n");
    const spec = specFrom(streaming, windowSpec([["next", "hour", 1]]));
    const events = ["09:00 a", "09:10 a", "09:20 b", "10:30 b", "11:00 c", "11:02 c"].map((each) => {
      const [time, sid] = each.split(" ");
      return { u: "u", t: `2026-03-02T${time}`, sid };
    });
    const entries = entriesOf(
      events.map((event) => ({ payload: Buffer.from(JSON.stringify(event)), receivedAt: Date.parse(`${event.t}Z`) })),
    );

    const results = await Promise.all([3, 4, 6].map((count) => trained(spec, entries.slice(0, count))));

    // of the first anchor; the second has nothing after it
    expect(results.map(({ all }) => all.filter(({ seq }) => seq === 2).length)).toEqual(rows);
  });

  it("that wait keep the turn of a day's only row", async () => {
    const spec = specFrom(STREAMING, windowSpec([["next", "hour", 3]], ", Max: 1"));
    // the first anchor has nothing in its window, and so the second is the day's
    const times = ["09:00", "09:01", "14:00", "14:01", "16:00", "16:01"];

    const early = await trained(spec, at(...times, "11:59 v"));
    const between = await trained(spec, at(...times.slice(0, 4), "14:03 v"));
    const late = await trained(spec, at(...times, "3T09:00 v"));

    expect([early.rows, between.rows, between.waiting]).toEqual([0, 0, 1]);
    expect(late.all.map(({ seq }) => seq)).toEqual([4]);
  });

  it("once printed never change, whatever comes later", async () => {
    const file = (name: string) => readFileSync(new URL(`../../fixtures/specs/${name}`, import.meta.url), "utf8");
    const ahead = `
  - Type: Blurr:Aggregate:Window
    Name: next
    WindowType: hour
    WindowValue: 0.1
    Source: players.sitting
    Fields:
      - { Name: games, Type: integer, Value: sum(source.games) }
  - Type: Blurr:Aggregate:Window
    Name: two
    WindowType: count
    WindowValue: 2
    Source: players.sitting
    Fields:
      - { Name: won, Type: integer, Value: sum(source.won) }
`;
    const spec = specFrom(file("players.yml"), file("players-window.yml") + ahead);
    const entries = recorded();
    const whole = new Map(
      (await trained(spec, entries)).all.map(({ player, seq, json }) => [`${player} ${seq}`, json]),
    );
    expect(whole.size).toBeGreaterThan(50);

    let before = 0;
    for (const share of [0.3, 0.5, 0.7, 0.9]) {
      const { all } = await trained(spec, entries.slice(0, Math.floor(entries.length * share)));
      for (const { player, seq, json } of all) expect(json).toBe(whole.get(`${player} ${seq}`));
      expect(all.length).toBeGreaterThanOrEqual(before);
      before = all.length;
    }
    expect(before).toBeGreaterThan(20);
  });
});
