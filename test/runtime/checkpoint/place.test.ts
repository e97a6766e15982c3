import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { rowOf } from "../../../runtime/board/board.ts";
import { DAY, MINUTE } from "../../../runtime/clock.ts";
import { tempDir } from "../../support/journal.ts";
import { decisionsOf, MONDAY, readStore, type Store, startStore } from "../../support/place.ts";
import { writeSite } from "../../support/sites.ts";

const SECOND = 1_000; // ms

describe("a place with a checkpoint", () => {
  let dataDir: string;
  let store: Store;

  beforeEach(async () => {
    dataDir = tempDir();
    store = await startStore({ dataDir, overrides: { logLevel: "info" } });
    for (let id = 1; id <= 4; id++) await send(entry(id), focus(id));
  });

  afterEach(async () => {
    await store[Symbol.asyncDispose]();
  });

  const entry = (id: number) => ({ type: "entry", id, ts: MONDAY, event_id: `entry ${id}` });
  const focus = (id: number, dep = "Sport", ts = MONDAY) => ({ type: "focus", id, dep, ts });

  async function send(...events: object[]) {
    const body = Buffer.from(events.map((event) => JSON.stringify(event)).join("\n"));
    const receipt = await store.place.ingest.accept({
      principal: "test",
      subject: "/events",
      type: null,
      headers: {},
      body,
    });
    await store.place.runner.idle();
    return receipt;
  }

  async function restart(at = store.clock.at): Promise<void> {
    await store.place.stop();
    store = await startStore({ dataDir, at, overrides: { logLevel: "info" } });
  }

  const logged = (message: RegExp) => store.logged.filter(({ msg }) => message.test(String(msg)));

  /** What can be seen of the state from outside. */
  async function seen() {
    const { place } = store;
    return {
      rows: [...place.runner.board.pages].map((page) => [page.name, ...[...page.records()].map(rowOf)]),
      offers: place.offers.standing(null).map(({ seq }) => seq),
      aggregates: place.transforms.aggregates("1"),
      features: await place.transforms.features("1", null),
    };
  }

  it("starts from it, and replays what followed", async () => {
    await store.place.checkpoints.checkpointer!.now();
    const saved = store.place.journal.lastSeq;
    await send(focus(2, "Boys", MONDAY + SECOND));
    const before = await seen();
    // Ended by force: no last checkpoint.
    store.place.checkpoints.checkpointer!.stop = async () => {};
    await restart();

    const { lastSeq } = store.place.journal;
    expect(logged(/^ready$/)).toMatchObject([{ from: saved + 1, replayed: lastSeq - saved, entries: lastSeq }]);
    expect(await seen()).toEqual(before);
    expect(decisionsOf(store.place.journal)).toHaveLength(5);
    expect(await send(entry(1))).toMatchObject({ accepted: 0, duplicate: 1 });
    await send(focus(1, "Boys", MONDAY + 2 * SECOND));
    expect(decisionsOf(store.place.journal).at(-1)).toMatchObject({ customer: "1", department: "Boys" });
  });

  it("makes one as it stops, and replays nothing then", async () => {
    const before = await seen();
    await restart();

    expect(logged(/^ready$/)).toMatchObject([{ replayed: 0 }]);
    expect(await seen()).toEqual(before);
  });

  it("is the same as one that has lost it", async () => {
    const before = await seen();
    await store.place.stop();
    const file = join(dataDir, "checkpoint", "data.mdb");
    writeFileSync(file, "no checkpoint");
    store = await startStore({ dataDir, overrides: { logLevel: "info" } });

    expect(logged(/checkpoint can't be used/)).toHaveLength(1);
    expect(readdirSync(dataDir)).toContain("checkpoint.unusable");
    expect(logged(/^ready$/)).toMatchObject([{ from: 1, replayed: store.place.journal.lastSeq }]);
    expect(await seen()).toEqual(before);
  });

  it("lets the journal be cut, and still knows what was cut", async () => {
    const { retention } = store.place.site;
    const retain = () =>
      store.place.journal.retain({ ageMs: retention.ageMs, upToSeq: store.place.checkpoints.upToSeq });
    store.clock.at += retention.ageMs + DAY;
    expect((await retain()).entries).toBe(0);
    await send(focus(9, "Boys", store.clock.at));
    await store.place.checkpoints.checkpointer!.now();
    expect((await retain()).entries).toBeGreaterThan(0);

    // The visits of then have ended meanwhile, a tick says.
    const { rows: _, ...before } = await seen();
    await restart();
    expect(logged(/can't be used/)).toEqual([]);
    expect(await seen()).toMatchObject(before);
    expect(before.aggregates[0]!.json).toMatch(/Sport/);
    expect(await send(entry(1))).toMatchObject({ accepted: 0, duplicate: 1 });
  });

  it("makes one as often as site.yml says", () => {
    const dir = (every: string) => writeSite({ site: { "checkpoint.every": every } });

    expect(readStore({}, {}, dir("5m")).site.checkpoint).toEqual({ everyMs: 5 * MINUTE });
    expect(() => readStore({}, {}, dir("1ms"))).toThrow(/expected a duration from 1s to 1d/);
    expect(store.place.site.checkpoint).toEqual({ everyMs: MINUTE });
  });

  it("shows its figures", async () => {
    await store.place.checkpoints.checkpointer!.now();
    const metrics = await (await fetch(`${store.place.url}/metrics`)).text();

    expect(metrics).toMatch(new RegExp(`^aisle_checkpoint_seq ${store.place.journal.lastSeq}$`, "m"));
    expect(metrics).toMatch(/^aisle_checkpoint_bytes [1-9]/m);
    for (const name of ["age_seconds", "seconds", "slice_seconds"])
      expect(metrics).toMatch(new RegExp(`^aisle_checkpoint_${name} [0-9.]+$`, "m"));
  });
});
