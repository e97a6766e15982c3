import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { AisleError } from "../../../runtime/errors.ts";
import { limits } from "../../../runtime/limits.ts";
import type { Place } from "../../../runtime/main.ts";
import { payloadOf } from "../../../runtime/player.ts";
import {
  MONDAY,
  recordedSteps,
  STORE,
  type Store,
  type StoreOptions,
  startStore,
  temporary,
} from "../../support/place.ts";
import { prng } from "../../support/prng.ts";
import { writeSite } from "../../support/sites.ts";

const MINUTE = 60_000; // ms
const HOUR = 60 * MINUTE;
const SEED = Number(process.env.AISLE_SEED ?? 20_261_126);

const VISITS = readFileSync(join(STORE, "transforms/visits.yml"), "utf8");
const FEATURES = readFileSync(join(STORE, "transforms/visits-features.yml"), "utf8");

/** The store's specs in a folder of their own, where they may be changed. */
function siteWith(specs: Readonly<Record<string, string>> = {}, site: Readonly<Record<string, unknown>> = {}): string {
  const dir = writeSite({ site });
  mkdirSync(join(dir, "transforms"));
  for (const [name, text] of Object.entries(specs)) writeFileSync(join(dir, "transforms", name), text);
  return dir;
}

function dataDir(): string {
  const dir = temporary();
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

async function post(place: Place, ...events: readonly object[]): Promise<Record<string, unknown>> {
  const response = await fetch(`${place.url}/events`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(events),
  });
  expect(response.status).toBe(202);
  return (await response.json()) as Record<string, unknown>;
}

// biome-ignore lint/suspicious/noExplicitAny: answers, whose shape the tests know
type Json = any;

const get = async (place: Place, path: string) => (await fetch(`${place.url}${path}`)).json() as Promise<Json>;

/** All lines of all specs. */
async function everybody(place: Place): Promise<string[]> {
  const text = await (await fetch(`${place.url}/aggregates?format=ndjson`)).text();
  return text
    .split("\n")
    .filter((line) => line !== "")
    .toSorted();
}

async function walk({ place, clock }: Store, steps = recordedSteps()): Promise<void> {
  for (const step of steps) {
    clock.at = step.at;
    await place.ingest.accept({
      principal: "player",
      subject: `play/${step.type}`,
      type: step.type,
      headers: {},
      body: payloadOf(step),
    });
  }
  await place.runner.idle();
}

describe("a place whose site has transforms", () => {
  it("keeps who is busy in its memory, journals how many events late ones may join, and says so", async () => {
    const dir = siteWith({ "a.yml": VISITS }, { transforms: { memory: "256KiB" } });
    const data = dataDir();
    const isOfTails = ({ kind, subject }: { kind: string; subject: string }) => kind === "tick" && subject === "tails";
    const glance = (i: number) => ({ type: "focus", id: (i % 40) + 1, dep: "Sport", ts: MONDAY + 100 * i });
    let before: string[] = [];
    {
      await using store = await startStore({ dir, dataDir: data, at: MONDAY + 10 * MINUTE });
      const { place } = store;
      for (let from = 0; from < 4_000; from += 200) {
        await post(place, ...Array.from({ length: 200 }, (_, i) => glance(from + i)));
        await get(place, "/transforms");
      }
      await post(place, { ...glance(0), event_id: "late" });
      await get(place, "/transforms");

      expect([...place.journal.read()].some(isOfTails)).toBe(true);
      expect((await get(place, "/readyz")).degraded).toEqual([
        expect.stringMatching(
          /'visits' lets late events join the youngest \d+ of a customer, not 4096: .*'transforms: memory:'/,
        ),
      ]);
      await expect.poll(async () => (await get(place, "/deadletters")).letters).toMatchObject([{ code: "late" }]);
      before = await everybody(place);
    }

    // All of it once more, from the journal.
    rmSync(join(data, "checkpoint"), { recursive: true });
    await using again = await startStore({ dir, dataDir: data, at: MONDAY + 10 * MINUTE });
    expect(await everybody(again.place)).toEqual(before);
  });

  it("answers with what was acknowledged, whatever its form", async () => {
    await using store = await startStore();
    const { place } = store;
    await post(
      place,
      { type: "entry", id: 7 },
      { type: "focus", id: 7, dep: "Sport" },
      {
        event_type: "customer focus",
        event_timestamp: MONDAY / 1000 + 1,
        payload: { customer_id: 7, category: "Men" },
      },
      {
        specversion: "1.0",
        type: "focus",
        source: "beacon",
        id: "a",
        time: new Date(MONDAY + 2_000).toISOString(),
        data: { customer_id: 7, category: "Men" },
      },
    );

    await post(place, { type: "outcome", customer: 7, coupon: 3, action: "redeemed" });

    const { identity, specs } = await get(place, "/aggregates/7");
    const { features } = (await get(place, "/features/7")).specs.visits;

    expect(identity).toBe("7");
    expect(specs.visits.incomplete).toBe(false);
    expect(specs.visits.records.visit).toEqual([
      {
        _identity: "7",
        _start_time: "2026-03-02T09:00:00+00:00",
        _end_time: "2026-03-02T09:00:02+00:00",
        moves: 0,
        stops: 3,
        department: "Men",
        departments: { Sport: 1, Men: 2 },
      },
    ]);
    expect(features).toMatchObject({ "now.stops": 3, "now.departments": 2, "ever.redeemed": 1 });
  });

  it("gives the row as of an instant that is past", async () => {
    await using store = await startStore();
    const { place } = store;
    const focus = (minutes: number) => ({ type: "focus", id: 7, dep: "Sport", ts: MONDAY + minutes * MINUTE });
    const served: unknown[] = [];
    for (const minutes of [0, 2, 4, 60, 61]) {
      store.clock.at = MONDAY + minutes * MINUTE;
      await post(place, focus(minutes), { ...focus(minutes), id: 8 });
      served.push((await get(place, "/features/7")).specs.visits.features);
    }

    const rows = [];
    for (const minutes of [0, 2, 4, 60, 61]) {
      const { specs } = await get(place, `/features/7?at=${MONDAY + minutes * MINUTE + 1}`);
      rows.push(specs.visits.features);
    }
    const iso = await get(place, "/features/7?at=2026-03-02T10:03:00%2B01:00");

    expect(rows).toEqual(served);
    expect(iso.specs.visits.features).toEqual(served[1]);
    expect((await fetch(`${place.url}/features/7?at=${MONDAY - 1}`)).status).toBe(404);
  });

  it("has the same state after a restart, with plenty of memory and with little", async () => {
    const data = dataDir();
    const little = siteWith({ "a.yml": VISITS, "b.yml": FEATURES }, { transforms: { memory: "64KiB" } });
    let before: string[];
    let features: unknown;
    let now: number;
    {
      await using store = await startStore({ dataDir: data, dir: siteWith({ "a.yml": VISITS, "b.yml": FEATURES }) });
      await walk(store);
      await post(store.place, ...Array.from({ length: 500 }, (_, i) => ({ type: "entry", id: 1 + (i % 300) })));
      before = await everybody(store.place);
      features = await get(store.place, "/features/3");
      now = store.clock.at;
    }

    await using again = await startStore({ dataDir: data, dir: little, at: now });

    expect(await everybody(again.place)).toEqual(before);
    expect(await get(again.place, "/features/3")).toEqual(features);
    expect(before.length).toBeGreaterThan(290);
    const [spec] = (await get(again.place, "/transforms")).specs;
    expect(spec.identities.disk).toBeGreaterThan(50);
    expect(spec.identities.disk + spec.identities.memory).toBe(before.length);
  });

  it("keeps what comes too late as a dead letter, once, and says whose records lack it", async () => {
    const data = dataDir();
    const at = (minutes: number) => ({ type: "focus", id: 7, dep: "Sport", ts: MONDAY + minutes * MINUTE });
    const letters = async (place: Place) => (await get(place, "/deadletters?code=late")).letters as Json[];
    {
      await using store = await startStore({ dataDir: data });
      const { place } = store;
      await post(place, at(0), at(-61), at(-59));
      await get(place, "/aggregates/7");
      await place.letters.flush();

      const [letter, ...others] = await letters(place);
      expect(others).toEqual([]);
      expect(letter).toMatchObject({ code: "late", where: { source: "transforms/visits" } });
      expect(letter.detail).toContain("spec 'visits': the event is from before 2026-03-02T08:00:00.000Z");
      expect(place.journal.find(letter.seq)).toMatchObject({ kind: "event" });
      expect((await get(place, "/aggregates/7")).specs.visits).toMatchObject({ incomplete: true });

      const replayed = await fetch(`${place.url}/deadletters/${letter.id}/replay`, { method: "POST" });
      expect(replayed.status).toBe(202);
      await get(place, "/aggregates/7");
      await place.letters.flush();
      expect(await letters(place)).toHaveLength(2);
      const [{ events }] = (await get(place, "/transforms")).specs;
      expect(events).toMatchObject({ folded: 2, late: 2 });
    }

    await using store = await startStore({ dataDir: data });
    await get(store.place, "/aggregates/7");
    await store.place.letters.flush();

    expect(await letters(store.place)).toHaveLength(2);
    expect((await get(store.place, "/aggregates/7")).specs.visits).toMatchObject({ incomplete: true });
  });

  it("tells again of what came too late when a crash took the letter", async () => {
    const data = dataDir();
    const at = (minutes: number) => ({ type: "focus", id: 7, dep: "Sport", ts: MONDAY + minutes * MINUTE });
    {
      await using store = await startStore({ dataDir: data, dir: siteWith() });
      await post(store.place, at(0), at(-61));
    }

    // As if nobody had folded what is on disk, whatever the runner had made of it.
    await using store = await startStore({ dataDir: data, dir: siteWith({ "a.yml": VISITS }) });
    await get(store.place, "/aggregates/7");
    await store.place.letters.flush();

    expect((await get(store.place, "/deadletters?code=late")).letters).toHaveLength(1);
  });

  it("tells again of what came too late when the disk had no room for the letter, but for a checkpoint", async () => {
    const data = dataDir();
    const at = (minutes: number) => ({ type: "focus", id: 7, dep: "Sport", ts: MONDAY + minutes * MINUTE });
    {
      await using store = await startStore({ dataDir: data });
      const { place } = store;
      const disk = place.journal.store;
      const commit = disk.commit.bind(disk);
      disk.commit = (writes) =>
        writes.some(({ table }) => table === "deadletters")
          ? Promise.reject(new AisleError("full", "no space is left on the disk"))
          : commit(writes);
      await post(place, at(0), at(-61));
      await get(place, "/aggregates/7");
      await place.checkpoints.save();
      expect(place.checkpoints.meta!.seq).toBe(place.journal.lastSeq);
      expect(place.letters.stats()).toMatchObject({ waiting: 1, count: 0 });
    }

    for (let starts = 0; starts < 2; starts++) {
      await using store = await startStore({ dataDir: data });
      await store.place.letters.flush();

      const { letters } = await get(store.place, "/deadletters?code=late");
      expect(letters).toMatchObject([
        { where: { source: "transforms/visits" }, detail: expect.stringContaining("before 2026-03-02T08:00") },
      ]);
    }
  });

  it("lets time settle what nobody adds to, by entries of the journal", async () => {
    const data = dataDir();
    const kinds = (place: Place) => [...place.journal.read()].filter(({ principal }) => principal === "transforms");
    let settledAt: number;
    let lines: string[];
    {
      await using store = await startStore({ dataDir: data });
      const { place, clock } = store;
      /** Time passes; resolves once as many ticks as expected are on disk, and no more. */
      const pass = async (ms: number, ticks: number) => {
        clock.at += ms;
        place.transforms.pass();
        await expect.poll(() => kinds(place).length).toBe(ticks);
        await new Promise((resolve) => setTimeout(resolve, 20));
        expect(kinds(place)).toHaveLength(ticks);
      };
      await pass(0, 0);
      await post(place, { type: "focus", id: 7, dep: "Sport" });

      await pass(limits.tickEveryMs, 1);
      await pass(limits.tickEveryMs - 1, 1);
      await pass(2 * HOUR, 2);
      settledAt = (await get(place, "/aggregates/7")).specs.visits.settledAt;
      expect(settledAt).toBe(clock.at - HOUR);
      await pass(2 * HOUR, 2);
      lines = await everybody(place);
    }

    await using store = await startStore({ dataDir: data });
    expect((await get(store.place, "/aggregates/7")).specs.visits.settledAt).toBe(settledAt);
    expect(await everybody(store.place)).toEqual(lines);
  });

  it("shows in the metrics what became of events, and what failed", async () => {
    const spec = VISITS.replace("Value: visit.moves + 1, When: \"'move' in event.type\"", "Value: 1 / visit.moves");
    await using store = await startStore({ dir: siteWith({ "a.yml": spec }) });
    await post(store.place, { type: "entry", id: 7 }, { type: "entry", id: 7 });
    await get(store.place, "/aggregates/7");

    const metrics = await (await fetch(`${store.place.url}/metrics`)).text();

    expect(metrics).toContain('aisle_transform_events_total{spec="visits",outcome="folded"} 2');
    expect(metrics).toContain(
      'aisle_transform_faults_total{spec="visits",aggregate="visit",field="moves",fault="ZeroDivisionError"} 2',
    );
    expect(metrics).toContain('aisle_transform_identities{spec="visits",where="memory"} 1');
    expect(metrics).toMatch(/aisle_transform_watermark_lag_seconds\{spec="visits"\} 3600\b/);
    expect(metrics).not.toContain('"7"');
  });

  it("goes on deciding, and serves nobody's records, without a folder of specs", async () => {
    await using store = await startStore({ dir: writeSite({}) });
    const { place } = store;
    await walk(store, recordedSteps().slice(0, 50));

    for (const path of ["/aggregates/3", "/features/3", "/aggregates"]) {
      const response = await fetch(`${place.url}${path}`);
      expect([path, response.status, ((await response.json()) as Json).detail]).toEqual([
        path,
        404,
        expect.stringContaining("no specs in its folder 'transforms'"),
      ]);
    }
    const config = [...place.journal.read()].find(({ kind }) => kind === "config");
    expect(Object.keys(JSON.parse(String(config!.payload)) as object)).toEqual([
      "model",
      "plan",
      "catalog",
      "site",
      "hears",
    ]);
  });

  it("has no features without a window spec, and says so", async () => {
    await using store = await startStore({ dir: siteWith({ "a.yml": VISITS }) });
    await post(store.place, { type: "entry", id: 7 });

    const response = await fetch(`${store.place.url}/features/7`);

    expect(response.status).toBe(404);
    expect(((await response.json()) as Json).detail).toContain("none of its specs has a window spec");
  });
});

describe("a reload of the specs", () => {
  const CHANGED = VISITS.replace("visit.stops + 1", "visit.stops + 10").replace(
    "SeparateByInactiveSeconds: 1800",
    "SeparateByInactiveSeconds: 60",
  );

  async function reload(place: Place): Promise<{ status: number; body: Json }> {
    const response = await fetch(`${place.url}/transforms/reload`, { method: "POST" });
    return { status: response.status, body: (await response.json()) as Json };
  }

  async function reloaded(place: Place): Promise<Json> {
    for (;;) {
      const { reload: state } = await get(place, "/transforms");
      if (state.state !== "building") return state;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** What a fresh place makes of the same journal with the specs as they are. */
  async function fresh(options: StoreOptions): Promise<string[]> {
    const copy = dataDir();
    cpSync(join(options.dataDir!, "journal"), join(copy, "journal"), { recursive: true });
    await using store = await startStore({ ...options, dataDir: copy });
    return await everybody(store.place);
  }

  it(`under load ends where a fresh replay does (seed ${SEED})`, async () => {
    const dir = siteWith({ "a.yml": VISITS, "b.yml": FEATURES });
    const options = { dir, dataDir: dataDir() };
    const random = prng(SEED);
    let sent = 0;
    let ended: string[];
    {
      await using store = await startStore(options);
      const { place, clock } = store;
      const send = async (count: number) => {
        for (let n = 0; n < count; n++) {
          clock.at += Math.floor(random() * 20_000);
          const events = Array.from({ length: 20 }, () => ({
            type: "focus",
            id: 1 + Math.floor(random() * 50),
            dep: "Sport",
            ts: clock.at - Math.floor(random() * 30 * MINUTE),
          }));
          sent += events.length;
          await post(place, ...events);
        }
      };
      await send(100);
      const before = await everybody(place);
      writeFileSync(join(dir, "transforms/a.yml"), CHANGED);

      const answer = await reload(place);
      expect(answer).toMatchObject({ status: 202, body: { state: "building", changed: ["visits"], removed: [] } });
      expect(await everybody(place)).toEqual(before);
      expect((await reload(place)).status).toBe(409);
      await send(30);

      const state = await reloaded(place);
      expect(state).toMatchObject({ state: "done", changed: ["visits"] });
      const entry = place.journal.find(state.seq)!;
      expect(entry.kind).toBe("config");
      expect(JSON.parse(String(entry.payload)).transforms).toMatch(/^[0-9a-f]{64}$/);
      await send(10);
      ended = await everybody(place);
      const [spec] = (await get(place, "/transforms")).specs;
      expect(spec.events.folded + spec.events.late).toBe(sent);
      expect(spec.incomplete).toBe(false);
    }

    expect(await fresh(options)).toEqual(ended);
    expect(ended.join("\n")).toContain('"stops": 20');
    // The hash that the reload wrote is the one in force: a restart has nothing to add.
    await using again = await startStore(options);
    expect([...again.place.journal.read()].filter(({ kind }) => kind === "config")).toHaveLength(2);
  });

  it("with a mistake changes nothing, and tells where it is", async () => {
    const dir = siteWith({ "a.yml": VISITS });
    await using store = await startStore({ dir });
    const { place } = store;
    await post(place, { type: "focus", id: 7, dep: "Sport" });
    const before = await everybody(place);
    writeFileSync(join(dir, "transforms/a.yml"), VISITS.replace("visit.stops + 1", "visit.stosp + 1"));

    const { status, body } = await reload(place);

    expect(status).toBe(422);
    expect(body.errors[0].detail).toMatch(/^transforms\/a\.yml:\d+:\d+: .*stosp.*stops/s);
    expect(await everybody(place)).toEqual(before);
    expect((await get(place, "/transforms")).reload).toMatchObject({ state: "failed", reasons: [expect.any(String)] });
    expect((await get(place, "/readyz")).degraded).toEqual([expect.stringContaining("stosp")]);
    expect(await (await fetch(`${place.url}/metrics`)).text()).toContain(
      'aisle_transform_reloads_total{result="failed"} 1',
    );

    writeFileSync(join(dir, "transforms/a.yml"), VISITS);
    expect((await reload(place)).body).toMatchObject({ state: "done", changed: [], seq: null });
    expect((await get(place, "/readyz")).degraded).toEqual([]);
  });

  it("brings specs and takes them away", async () => {
    const dir = siteWith();
    await using store = await startStore({ dir });
    const { place } = store;
    await post(place, { type: "focus", id: 7, dep: "Sport" });
    writeFileSync(join(dir, "transforms/a.yml"), VISITS);

    await reload(place);
    await reloaded(place);
    expect((await get(place, "/aggregates/7")).specs.visits.records.visit).toHaveLength(1);

    rmSync(join(dir, "transforms/a.yml"));
    await reload(place);
    expect(await reloaded(place)).toMatchObject({ removed: ["visits"] });
    expect((await fetch(`${place.url}/aggregates/7`)).status).toBe(404);
  });

  it("marks what it makes when the journal has lost its oldest entries", async () => {
    const dir = siteWith({ "a.yml": VISITS });
    await using store = await startStore({ dir });
    const { place, clock } = store;
    await post(place, { type: "focus", id: 7, dep: "Sport" });
    clock.at += HOUR;
    await post(place, { type: "focus", id: 7, dep: "Sport" });
    await place.runner.idle();
    await post(place, { type: "entry", id: 7 });
    await place.journal.retain({ ageMs: HOUR / 2 });
    expect((await get(place, "/aggregates/7")).specs.visits).toMatchObject({ incomplete: false });

    writeFileSync(join(dir, "transforms/a.yml"), CHANGED);
    await reload(place);
    await reloaded(place);

    const { visits } = (await get(place, "/aggregates/7")).specs;
    expect(visits.incomplete).toBe(true);
    expect(visits.records.visit).toHaveLength(1);
  });
});
