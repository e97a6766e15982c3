import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { loadSite } from "../../runtime/config.ts";
import { MONDAY, STORE, type Store, startStore, temporary } from "../support/place.ts";
import { mistakesOf, OPTIONS, SiteCopy } from "../support/site.ts";

const MOST = 1_000;

const siteWith = (ids: number) => new SiteCopy().edit("site.yml", ...edit(ids));

const edit = (ids: number) => ["  identity: integer", `  identity: integer\n  dedupe: ${ids}`] as const;

/** The store, with its model. */
function storeWith(ids: number): string {
  const dir = temporary();
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  cpSync(STORE, dir, { recursive: true });
  const file = join(dir, "site.yml");
  writeFileSync(file, readFileSync(file, "utf8").replace(...edit(ids)));
  return dir;
}

/** Events with the ids `from` to `to`. */
function send({ place }: Store, from: number, to = from) {
  const lines = Array.from({ length: to - from + 1 }, (_, i) =>
    JSON.stringify({ type: "entry", id: 7, ts: MONDAY, event_id: `e${from + i}` }),
  );
  const body = Buffer.from(lines.join("\n"));
  const ndjson = { "content-type": "application/x-ndjson" };
  return place.ingest.accept({ principal: "test", subject: "/events", type: null, headers: ndjson, body });
}

describe("how many ids are remembered", () => {
  it("is a million, unless the site says otherwise within its bounds", () => {
    const load = (copy: SiteCopy) => loadSite(copy.dir, OPTIONS);

    expect(load(new SiteCopy()).events.dedupeIds).toBe(1_000_000);
    expect(load(siteWith(50_000_000)).events.dedupeIds).toBe(50_000_000);
    expect(mistakesOf(() => load(siteWith(50_000_001)))).toEqual([
      expect.stringMatching(/^site\.yml:\d+:\d+: expected a whole number from 1000 to 50000000/),
    ]);
  });

  it("decides whether an event that comes again counts again", async () => {
    await using store = await startStore({ dir: storeWith(MOST) });
    await send(store, 1, MOST);
    expect(await send(store, 1)).toMatchObject({ accepted: 0, duplicate: 1 });

    await send(store, MOST + 1);

    expect(await send(store, 1)).toMatchObject({ accepted: 1, duplicate: 0 });
  });

  it("may be another after a restart, also where a checkpoint has them: the journal has them, too", async () => {
    const dataDir = temporary();
    onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
    const before = await startStore({ dir: storeWith(MOST), dataDir });
    await send(before, 1, MOST + 1);
    await before.place.checkpoints.checkpointer!.now();
    await before.place.stop();

    await using store = await startStore({ dir: storeWith(2 * MOST), dataDir });

    expect(await send(store, 1)).toMatchObject({ accepted: 0, duplicate: 1 });
    expect(await send(store, MOST + 1)).toMatchObject({ accepted: 0, duplicate: 1 });
  });
});
