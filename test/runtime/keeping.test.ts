import { expect, it } from "vitest";
import { openJournal } from "../../runtime/journal/lmdb.ts";
import { openStore } from "../../runtime/store/lmdb.ts";
import { MONDAY, type Store, startStore } from "../support/place.ts";
import { writeSite } from "../support/sites.ts";

const MiB = 1024 * 1024;
const SIZE = 8 * MiB;
/** Plain events of one body, half a MiB in the journal. */
const BODY_EVENTS = 1_000;
/** A commit of so many bytes always finds room when what is old is gone. */
const BOUNDS = { journalRetryMs: 20, commitBytes: MiB };

let last = 0;

/** Customers on their way, whom nobody on the board hears of. */
function body(): string {
  const pad = "x".repeat(300);
  return Array.from({ length: BODY_EVENTS }, () =>
    JSON.stringify({ type: "exit", id: 1 + (++last % 50), ts: MONDAY, note: pad }),
  ).join("\n");
}

function post({ place }: Store): Promise<Response> {
  return fetch(`${place.url}/events`, {
    method: "POST",
    headers: { "content-type": "application/x-ndjson" },
    body: body(),
  });
}

const faults = ({ logged }: Store) => logged.filter(({ level }) => Number(level) >= 50);

it("removes old entries as the journal grows, long before an hour is over", { timeout: 60_000 }, async () => {
  await using store = await startStore({ dir: writeSite({ site: { "retention.size": "8MiB" } }) });
  const { journal } = store.place;
  let most = 0;

  for (let i = 0; i < 60; i++) {
    expect((await post(store)).status).toBe(202);
    most = Math.max(most, journal.stats().bytes);
    while (journal.stats().bytes > SIZE + 4 * MiB) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  expect(journal.stats().removed.bytes).toBeGreaterThan(8 * MiB);
  expect(most).toBeLessThan(SIZE + 10 * MiB);
  expect(faults(store)).toEqual([]);
});

it("makes room on a full disk by itself, with a checkpoint", { timeout: 60_000 }, async () => {
  // The journal has no room long before it has grown by a step.
  const open: typeof openJournal = (options) => openJournal({ ...options, mapSize: 5 * MiB, limits: BOUNDS });
  await using store = await startStore({
    dir: writeSite({ site: { "retention.size": "2MiB" } }),
    machine: { openJournal: open },
  });
  const { journal, checkpoints } = store.place;
  let wasFull = false;
  journal.onFull(() => {
    wasFull = true;
  });

  for (let i = 0; i < 3; i++) {
    // Together more than it holds.
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(store)));
    for (const { status } of answers) expect([202, 429, 507]).toContain(status);
    while (journal.trouble !== null) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  expect(wasFull).toBe(true);
  expect(checkpoints.checkpointer!.done).toBeGreaterThan(0);
  expect(journal.stats().removed.bytes).toBeGreaterThan(2 * MiB);
  expect((await post(store)).status).toBe(202);
  expect(faults(store)).toEqual([]);
});

it("says in /readyz that the journal is far beyond its size, while no checkpoint lets it go of what is old", {
  timeout: 60_000,
}, async () => {
  const open: typeof openStore = (options) =>
    openStore(options.what === "checkpoint" ? { ...options, mapSize: 64 * 1024 } : options);
  await using store = await startStore({
    dir: writeSite({ site: { "retention.size": "1MiB" } }),
    machine: { openStore: open },
  });
  const degraded = async () => {
    const answer = await fetch(`${store.place.url}/readyz`);
    return String(((await answer.json()) as { degraded?: string[] }).degraded);
  };

  expect(await degraded()).not.toContain("the journal takes");
  while (store.place.journal.stats().bytes < 8 * MiB) expect((await post(store)).status).toBe(202);
  expect(await degraded()).toMatch(/the state can't be saved: .*the journal takes \d+ MiB, and should take 1 /);
});
