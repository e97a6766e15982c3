import { rmSync } from "node:fs";
import { expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../../runtime/clock.ts";
import { openJournal } from "../../../runtime/journal/lmdb.ts";
import { type Up, up } from "../../support/cli.ts";
import { countingBytes } from "../../support/journal.ts";
import { describeWithNats, startNatsServer } from "../../support/nats-server.ts";
import { temporary } from "../../support/place.ts";
import { prng } from "../../support/prng.ts";
import { writeSite } from "../../support/sites.ts";

const ROUNDS = 6;
const SEED = Number(process.env.AISLE_SEED ?? 20_260_304);

describeWithNats("a device and its hub that are killed", () => {
  it(`${ROUNDS} times under load have each acknowledged event once at the hub (seed ${SEED})`, {
    timeout: 180_000,
  }, async () => {
    const random = prng(SEED);
    await using server = await startNatsServer();
    const folders = { box: folder(), center: folder() };
    const sites = {
      box: writeSite({ site: { hub: { place: "center" } } }),
      center: writeSite({ site: { hub: { accept: true } } }),
    };
    const start = (name: "box" | "center") =>
      up([sites[name], "--port", "0", "--no-play", "--data", folders[name], "--nats", server.url], {
        AISLE_PLACE: name,
      });
    const places = { box: await start("box"), center: await start("center") };
    const acknowledged = new Set<string>();
    let isOver = false;
    onTestFinished(async () => {
      isOver = true;
      await Promise.all(Object.values(places).map((place) => place.end("SIGKILL")));
    });
    const load = publish(() => (isOver ? null : places.box), acknowledged);
    for (let round = 0; round < ROUNDS; round++) {
      await new Promise((resolve) => setTimeout(resolve, 300 + 500 * random()));
      const name = random() < 0.5 ? "box" : "center";
      await places[name].end("SIGKILL");
      places[name] = await start(name);
    }
    isOver = true;
    await load;
    await expect.poll(() => waiting(places.box), { timeout: 60_000 }).toBe(0);
    for (const place of Object.values(places)) await place.end("SIGTERM");

    const { ids, origins } = contents(folders.center);
    expect(acknowledged.size).toBeGreaterThan(0);
    expect([...acknowledged].filter((id) => ids.get(id) !== 1)).toEqual([]);
    expect([...ids.values()].filter((times) => times !== 1)).toEqual([]);
    expect(new Set(origins).size).toBe(origins.length);
  });
});

function folder(): string {
  const dir = temporary();
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Posts events until there is no place any more; ids are noted once they are acknowledged. */
async function publish(place: () => Up | null, acknowledged: Set<string>): Promise<void> {
  for (let n = 0; ; ) {
    const at = place();
    if (at === null) return;
    const ids = Array.from({ length: 50 }, () => `e${++n}`);
    try {
      const body = ids.map((id) => JSON.stringify({ type: "entry", event_id: id, id: n % 997 })).join("\n");
      const headers = { "content-type": "application/x-ndjson" };
      const { status } = await fetch(`${at.url}/events`, { method: "POST", headers, body });
      if (status === 202) for (const id of ids) acknowledged.add(id);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20)); // it is gone; the next may be there
    }
  }
}

/** What the hub may lack of a place, by its metrics. */
async function waiting({ url }: Up): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^aisle_hub_waiting (\d+)$/m.exec(text)?.[1]);
}

/** How often each event is in a hub's journal, and where its entries come from. */
function contents(dir: string) {
  const journal = openJournal({ dir, clock: systemClock, random: countingBytes, readOnly: true });
  const ids = new Map<string, number>();
  const origins: string[] = [];
  for (const { kind, headers, payload } of journal.read()) {
    if (headers.origin !== undefined) origins.push(headers.origin);
    if (kind !== "event") continue;
    const { event_id: id } = JSON.parse(Buffer.from(payload).toString());
    ids.set(id, (ids.get(id) ?? 0) + 1);
  }
  void journal.close();
  return { ids, origins };
}
