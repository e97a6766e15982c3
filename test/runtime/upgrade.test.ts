// Data folders that version 0.3.0 left behind, and what it answered then: test/fixtures/place-0.3/make.mjs.
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { journalCommand } from "../../runtime/cli/journal.ts";
import { HOUR } from "../../runtime/clock.ts";
import type { Entry } from "../../runtime/journal/journal.ts";
import { runCommand } from "../support/command.ts";
import { journalIn, tempDir } from "../support/journal.ts";
import { labSite, until } from "../support/lab-site.ts";
import { decisionsOf, type Store, startStore } from "../support/place.ts";
import { transformed } from "../support/transforming.ts";

const FIXTURES = join(import.meta.dirname, "../fixtures/place-0.3");

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
  readonly gzip: boolean;
  readonly status: number;
  readonly answer: Answer;
}

interface Answer {
  readonly accepted?: number;
  readonly duplicate?: number;
  readonly seq?: number;
  readonly standing?: { messages?: unknown }[];
}

/** A data folder as it was left. */
function unpacked(name: string, to = tempDir()): string {
  const from = join(FIXTURES, name);
  cpSync(from, to, { recursive: true });
  const folder = existsSync(join(to, "journal")) ? join(to, "journal") : to;
  const packed = join(folder, "data.mdb.gz");
  writeFileSync(join(folder, "data.mdb"), gunzipSync(readFileSync(packed)));
  rmSync(packed);
  return to;
}

/** What was done to a place, and what it showed then. */
function told(name: string): {
  readonly done: readonly Asked[];
  readonly at: number;
  readonly shown: readonly Asked[];
} {
  const lines = readFileSync(join(FIXTURES, `${name}.jsonl`), "utf8")
    .trimEnd()
    .split("\n");
  const all = lines.map((line) => JSON.parse(line) as Asked & { at?: number });
  const looked = all.findIndex(({ at }) => at !== undefined);
  return { done: all.slice(0, looked), at: all[looked]!.at!, shown: all.slice(looked + 1) };
}

/** Asks once more, of the place that runs now. */
async function ask({ place }: Pick<Store, "place">, { method, path, headers, body, gzip }: Asked) {
  const response = await fetch(new URL(path, place.url), {
    method,
    headers: gzip ? { ...headers, "content-encoding": "gzip" } : headers,
    ...(body === undefined ? {} : { body: gzip ? gzipSync(body) : body }),
  });
  const answer = (await response.json()) as Answer;
  for (const each of answer.standing ?? []) delete each.messages;
  return { status: response.status, answer };
}

/** What is to be seen, without the entry that a page is read at: a start may add entries. */
const seen = ({ status, answer: { seq: _, ...rest } }: Pick<Asked, "status" | "answer">) => ({ status, ...rest });

async function look(store: Store, shown: readonly Asked[]) {
  const all: [string, object][] = [];
  for (const each of shown) all.push([each.path, seen(await ask(store, each))]);
  return all;
}

/** What an entry says, without its place in memory. */
const sayingOf = ({ seq, kind, receivedAt, principal, subject, headers, payload }: Entry) => ({
  ...{ seq, kind, receivedAt, principal, subject, headers },
  payload: Buffer.from(payload).toString(),
});

/** The entries of a folder that nobody is at work on. */
async function entriesIn(dir: string) {
  const journal = journalIn(dir, { readOnly: true });
  const entries = Array.from(journal.read(), sayingOf);
  await journal.close();
  return entries;
}

async function verified(dir: string): Promise<string> {
  const { code, out, err } = await runCommand(journalCommand, ["verify", "--data", dir]);
  expect([code, err]).toEqual([0, []]);
  return out.join("\n");
}

describe.each([
  ["stopped", ["stopped"]],
  ["killed", ["stopped", "killed"]],
])("a place of 0.3.0 that was %s", (name, runs) => {
  const { at, shown } = told(name);
  const asShown = shown.map((each) => [each.path, seen(each)]);
  const taken = runs.flatMap((run) => told(run).done).filter(({ answer }) => (answer.accepted ?? 0) > 0);
  // Taken in again, a dead letter is a new event each time.
  const events = taken.filter(({ path }) => !path.endsWith("/replay"));
  const event = (body: object): Asked => ({
    ...{ method: "POST", path: "/events", headers: { "content-type": "application/json" }, gzip: false },
    ...{ body: JSON.stringify({ ts: at, ...body }), status: 202, answer: { accepted: 1 } },
  });

  it("shows all that it showed, and has every entry as it was", async () => {
    const dataDir = unpacked(name);
    const before = await entriesIn(dataDir);
    expect(before.length).toBeGreaterThan(50);
    expect(await verified(dataDir)).toMatch(new RegExp(`^${before.length} entries in \\d+ commits can be read$`));
    {
      await using store = await startStore({ dataDir, at });
      expect(await look(store, shown)).toEqual(asShown);
      // To the bus goes what is decided from now on.
      expect(store.place.outbox.stats()).toMatchObject({ waiting: 0, sent: 0 });
      expect(store.logged).toEqual([]);
    }

    const after = await entriesIn(dataDir);
    expect(after.slice(0, before.length)).toEqual(before);
    expect(after.slice(before.length).map(({ kind }) => kind)).toEqual(["config"]);
    expect(await verified(dataDir)).toMatch(`${after.length} entries in `);
  });

  it("knows what it took: sent again, all of it is a duplicate, and nothing is done twice", async () => {
    const dataDir = unpacked(name);
    const before = await entriesIn(dataDir);
    await using store = await startStore({ dataDir, at });
    const { journal, runner } = store.place;
    const decided = decisionsOf(journal);
    expect(decided.length).toBeGreaterThan(10);

    for (const each of events)
      expect(await ask(store, each), each.body).toMatchObject({
        status: 202,
        answer: { accepted: 0, duplicate: each.answer.accepted! + (each.answer.duplicate ?? 0), rejected: [] },
      });
    await runner.idle();

    expect(decisionsOf(journal)).toEqual(decided);
    expect(new Set(decided.map(({ cause }) => cause)).size).toBe(decided.length);
    expect(journal.lastSeq).toBe(before.length + 1);
    expect(await look(store, shown)).toEqual(asShown);
  });

  it("goes on deciding, and so it does from a checkpoint", async () => {
    const dataDir = unpacked(name);
    const first = await startStore({ dataDir, at });
    const { epoch } = first.place.journal;
    const decisions = async (store: Store, body: object) => {
      const { length } = decisionsOf(store.place.journal);
      expect(await ask(store, event(body))).toMatchObject({ status: 202, answer: { accepted: 1 } });
      await store.place.runner.idle();
      return decisionsOf(store.place.journal).slice(length);
    };
    const offered = { customer: "4", department: "Sport", none: null };
    expect(await decisions(first, { type: "focus", id: 4, dep: "Sport" })).toMatchObject([offered]);
    // What was held back before is held back still: by three dismissals, and by a person.
    const fatigued = await decisions(first, { type: "focus", id: 3, dep: "Sport" });
    const vetoed = await decisions(first, { type: "focus", id: 4, dep: "Men" });
    expect([...fatigued, ...vetoed].map(({ none }) => none?.reason)).toEqual(["inhibited", "inhibited"]);
    await first.place.checkpoints.checkpointer!.now();
    await decisions(first, { type: "entry", id: 7 });
    const showed = await look(first, shown);
    await first.place.stop();
    expect(existsSync(join(dataDir, "checkpoint", "data.mdb"))).toBe(true);

    await using second = await startStore({ dataDir, at: first.clock.at, overrides: { logLevel: "info" } });
    expect(second.logged.filter(({ msg }) => msg === "ready")).toMatchObject([{ replayed: 0 }]);
    expect(second.place.journal.epoch).toBe(epoch);
    expect(await look(second, shown)).toEqual(showed);
    for (const each of events)
      expect(await ask(second, each), each.body).toMatchObject({ status: 202, answer: { accepted: 0 } });
    expect(await decisions(second, { type: "focus", id: 7, dep: "Girls" })).toMatchObject([{ customer: "7" }]);
    expect(await decisions(second, { type: "focus", id: 3, dep: "Women" })).toMatchObject([
      { none: { reason: "inhibited" } },
    ]);
  });

  it("takes its dead letters in again", async () => {
    await using store = await startStore({ dataDir: unpacked(name), at: at + 2 * HOUR });
    const [early] = store.place.letters.list({ code: "ahead-of-time", limit: 2 });
    const replay = { ...event({}), path: `/deadletters/${early!.id}/replay` };

    const asked = await Promise.all([1, 2, 3].map(() => ask(store, replay)));
    expect(asked).toMatchObject([{ status: 202, answer: { accepted: 1 } }, { status: 409 }, { status: 409 }]);
    expect(await ask(store, replay)).toMatchObject({ status: 409 });
    await store.place.runner.idle();

    expect(store.place.letters.get(early!.id)!.replayedAs).toBeGreaterThan(50);
    expect(decisionsOf(store.place.journal).at(-1)).toMatchObject({ customer: "1", department: "Sport" });
  });
});

describe("a board of 0.3.0 that was killed at work", () => {
  it("keeps what is done and what failed, and does again what was under way", async () => {
    const [page] = told("lab-killed").shown;
    const { records } = page!.answer as unknown as { records: { key: string; row: Record<string, string> }[] };
    expect(records.map(({ row }) => [row.counted, row.refused, row.weighed])).toEqual([
      ["1", "F:n1", "r:n1"],
      ["1", "F:n1", "1"],
      ["1", "F:n1", "1"],
    ]);
    const site = labSite("");
    cpSync(join(FIXTURES, "lab"), site.dir, { recursive: true });
    unpacked("lab-killed", site.data);
    const lab = await site.open();

    await until(() => expect(lab.row("samples", "s1").weighed).toBe("1"));
    await lab.make("samples", { sample: "s4" });
    await until(() => expect(lab.row("samples", "s4").weighed).toBe("1"));
    await lab.idle();

    for (const { key, row } of records) expect(lab.row("samples", key)).toEqual({ ...row, weighed: "1" });
    const ran = readFileSync(join(site.dir, "ran"), "utf8").trimEnd().split("\n");
    expect(ran.sort()).toEqual(["counted s4", "refused s4", "weighed s1", "weighed s4"]);
    await lab.stop();
    await lab.place.stop();
  });
});

describe("the state that a transform of 0.3.0 left", () => {
  it("is gone on from: rows and records are those of one run over all events", async () => {
    const spec = (name: string) => readFileSync(join(import.meta.dirname, "../fixtures/specs", name), "utf8");
    const setting = { streaming: spec("players.yml"), window: spec("players-window.yml") };
    const all = readFileSync("test/cases/offer-ai/events.jsonl", "utf8").trimEnd().split("\n");
    const timeOf = (line: string) => Date.parse((JSON.parse(line) as { event_time: string }).event_time);
    const events = all.slice(0, 800).sort((a, b) => timeOf(a) - timeOf(b));

    const { lines } = await transformed({ ...setting, events });
    const later = await transformed({ ...setting, events: events.slice(400), stateDir: unpacked("state") });

    expect(lines.length).toBeGreaterThan(10);
    expect(later.lines).toEqual(lines);
  });
});
