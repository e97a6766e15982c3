// The first draft's dialect at work: its own pair of specs, corrected, on real events and on some made by hand.
//
// Corrected are, against the two files of 2018-03-12 in `../blurr/dtc_seed`: the layout; no package filter, as only the
// first event of a session names a package; `won == True`, and a win ratio of games won to games played; purchases and
// offers as the real events call them; a declared session_id; a sign-in that the events have; an anchor's condition that works.
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Writable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Lines } from "../../../runtime/batch/lines.ts";
import { streamSink } from "../../../runtime/batch/sink.ts";
import { fileSource } from "../../../runtime/batch/sources.ts";
import { transform } from "../../../runtime/batch/transform.ts";
import { validateCommand } from "../../../runtime/cli/validate.ts";
import { DAY } from "../../../runtime/clock.ts";
import { formatMistake } from "../../../runtime/errors.ts";
import { readTransform, type SpecFile } from "../../../runtime/spec/load.ts";
import { runCommand } from "../../support/command.ts";

const SPECS = resolve("test/fixtures/specs");
const SHIPPED = "test/cases/offer-ai/events.jsonl";
const elsewhere = resolve(process.env.AISLE_CASES || ".", "offer-ai/events.jsonl");
/** Those of another folder of cases, where it has some. */
const EVENTS = existsSync(elsewhere) ? elsewhere : resolve(SHIPPED);
/** Made by hand; what must come of it stands below. */
const PURCHASES = join(SPECS, "draft-purchases.jsonl");

/** What the draft promises of an offer. */
interface Features {
  readonly gamesPlayed: number;
  readonly winRatio: number;
  readonly purchases: number;
}

type Rows = ReadonlyMap<string, readonly Features[]>;

async function rowsOf(folder: string, suffix: string, events: string): Promise<Rows> {
  const file = (name: string): SpecFile => ({
    file: name,
    text: readFileSync(join(folder, `${name}${suffix}`), "utf8"),
  });
  const { spec, mistakes } = readTransform({ streaming: file("draft-streaming"), window: file("draft-window") });
  expect(mistakes.map(formatMistake)).toEqual([]);
  let out = "";
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      out += chunk.toString();
      done();
    },
  });
  const tally = await transform({
    transform: spec!,
    sources: [fileSource(events)],
    processor: "simple",
    compat: false,
    stateDir: null,
    writer: (fold) => new Lines(fold, streamSink(stream)),
  });
  expect([...tally.dropped]).toEqual([]);
  return new Map(
    out
      .trimEnd()
      .split("\n")
      .map((line) => {
        const [player, rows] = JSON.parse(line) as [string, Record<string, number>[]];
        return [
          player,
          rows.map((row) => ({
            gamesPlayed: row["prev_session.games_played_last_session"]!,
            winRatio: row["prev_session.win_ratio_last_session"]!,
            purchases: row["prev_week.purchases_prev_week_amount"]!,
          })),
        ];
      }),
  );
}

// The same by hand

interface GameEvent {
  readonly event_id: string;
  readonly event_time: string;
  readonly customer_identifier: string;
  readonly session_id: string;
  readonly won?: boolean;
  readonly item_price?: number;
}

interface Session {
  readonly id: string;
  /** ms */
  readonly start: number;
  played: number;
  won: number;
  ratio: number;
  purchases: number;
  hadOffer: boolean;
}

function reckoned(events: string): Rows {
  const players = new Map<string, GameEvent[]>();
  for (const line of readFileSync(events, "utf8").trimEnd().split("\n")) {
    const event = JSON.parse(line) as GameEvent;
    const own = players.get(event.customer_identifier) ?? [];
    players.set(event.customer_identifier, [...own, event]);
  }
  return new Map(Array.from(players, ([player, own]) => [player, rowsReckoned(own)]));
}

const timeOf = ({ event_time: text }: GameEvent) => Date.parse(`${text.replaceAll("/", "-").replace(" ", "T")}Z`);

function rowsReckoned(events: readonly GameEvent[]): Features[] {
  const sessions: Session[] = [];
  const rows: Features[] = [];
  const days = new Set<number>();
  for (const event of events.toSorted((a, b) => timeOf(a) - timeOf(b))) {
    if (sessions.at(-1)?.id !== event.session_id)
      sessions.push({
        id: event.session_id,
        start: timeOf(event),
        played: 0,
        won: 0,
        ratio: 0,
        purchases: 0,
        hadOffer: false,
      });
    const session = sessions.at(-1)!;
    if (event.event_id === "game_start") session.played++;
    if (event.event_id === "game_end") {
      if (event.won === true) session.won++;
      if (session.played > 0) session.ratio = session.won / session.played;
    }
    if (event.event_id === "purchase_made") session.purchases += event.item_price!;
    if (event.event_id !== "offer_shown" || session.hadOffer) continue;
    session.hadOffer = true;
    const day = Math.floor(session.start / DAY);
    const row = featuresBefore(session, sessions.slice(0, -1));
    if (row === null || days.has(day)) continue;
    days.add(day);
    rows.push(row);
  }
  return rows;
}

function featuresBefore({ start }: Session, earlier: readonly Session[]): Features | null {
  const last = earlier.at(-1);
  const week = earlier.filter((session) => session.start > start - 7 * DAY);
  if (last === undefined || week.length === 0) return null;
  const purchases = week.reduce((sum, session) => sum + session.purchases, 0);
  return { gamesPlayed: last.played, winRatio: last.ratio, purchases };
}

describe("the first draft's specs, corrected", () => {
  it("give on real events the rows that a reckoning by hand gives", async () => {
    const rows = await rowsOf(SPECS, ".yml", EVENTS);

    expect(rows).toEqual(reckoned(EVENTS));
    const all = [...rows.values()].flat();
    expect(all.length).toBeGreaterThan(20);
    expect(all.some(({ winRatio }) => winRatio > 0 && winRatio < 1)).toBe(true);
  });

  it("give on purchases made by hand what they must", async () => {
    const rows = await rowsOf(SPECS, ".yml", PURCHASES);

    expect(rows).toEqual(
      new Map([
        [
          "ada",
          [
            // a3 on 8 February: a2 before it; a1 began exactly a week before, which is too early; what is bought in a3 itself,
            // before the offer or after it, does not count.
            { gamesPlayed: 2, winRatio: 0.5, purchases: 0.99 },
            // a4 on the same day is one too many. a5 on 9 February: nothing was played in a4; 0.99 of a2, 150 of a3.
            { gamesPlayed: 0, winRatio: 0, purchases: 150.99 },
          ],
        ],
        // b1 has no session before it, b2 none within the week.
        ["bob", []],
        // Who comes back to e1 begins another session: e2 is the last before it, one game, lost.
        ["eve", [{ gamesPlayed: 1, winRatio: 0, purchases: 1 }]],
      ]),
    );
    expect(reckoned(PURCHASES)).toEqual(rows);
  });

  describe("in today's form, by aisle validate --fix", () => {
    let folder: string;

    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), "aisle-draft-"));
      for (const name of ["draft-streaming.yml", "draft-window.yml"])
        copyFileSync(join(SPECS, name), join(folder, name));
    });

    afterAll(() => rmSync(folder, { recursive: true }));

    it("are valid, and give the same rows", async () => {
      const named = (suffix: string) =>
        ["draft-streaming", "draft-window"].map((name) => join(folder, `${name}${suffix}`));

      expect(await runCommand(validateCommand, ["--fix", ...named(".yml")])).toMatchObject({ code: 0, err: [] });
      expect(await runCommand(validateCommand, named(".fixed.yml"))).toMatchObject({
        code: 0,
        out: named(".fixed.yml").map((name) => `${name}: valid`),
      });
      expect(readFileSync(join(folder, "draft-streaming.fixed.yml"), "utf8")).toContain(
        "Type: Blurr:Transform:Streaming",
      );
      for (const events of [EVENTS, PURCHASES])
        expect(await rowsOf(folder, ".fixed.yml", events)).toEqual(await rowsOf(SPECS, ".yml", events));
    });
  });
});
