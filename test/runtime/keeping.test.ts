import { expect, it } from "vitest";
import { DAY } from "../../runtime/clock.ts";
import { Block } from "../../runtime/journal/block.ts";
import { openJournal } from "../../runtime/journal/lmdb.ts";
import { limits } from "../../runtime/limits.ts";
import { openStore } from "../../runtime/store/lmdb.ts";
import { MONDAY, type Store, startStore, temporary } from "../support/place.ts";
import { writeSite } from "../support/sites.ts";

const MiB = 1024 * 1024;
const SIZE = 8 * MiB;
/** Plain events of one body, half a MiB in the journal. */
const BODY_EVENTS = 1_000;
/** A commit of so many bytes always finds room when what is old is gone. */
const BOUNDS = { journalRetryMs: 20, commitBytes: MiB };

/** Time passing, as the place notes it. */
const TICK = { kind: "tick", principal: "runner", subject: "clock", headers: {}, payload: new Uint8Array() } as const;

let last = 0;

/** The store's site, where customers pass by too: nothing on the board hears of that, so it is journalled as blocks. */
function passedBy(settings: Readonly<Record<string, unknown>> = {}): string {
  return writeSite({ site: { "events.types.passing": {}, ...settings } });
}

/** Customers on their way, whom nobody on the board hears of. */
function body(): string {
  const pad = "x".repeat(300);
  return Array.from({ length: BODY_EVENTS }, () =>
    JSON.stringify({ type: "passing", id: 1 + (++last % 50), ts: MONDAY, note: pad }),
  ).join("\n");
}

function post({ place }: Store): Promise<Response> {
  return fetch(`${place.url}/events`, {
    method: "POST",
    headers: { "content-type": "application/x-ndjson" },
    body: body(),
  });
}

/** Events that the journal holds, each of them in a block. */
function kept({ place }: Store): number {
  let count = 0;
  for (const part of place.journal.parts()) {
    if (part instanceof Block) count += part.count;
    else expect(part.kind).not.toBe("event");
  }
  return count;
}

const faults = ({ logged }: Store) => logged.filter(({ level }) => Number(level) >= 50);

it("removes old entries as the journal grows, long before an hour is over", { timeout: 60_000 }, async () => {
  await using store = await startStore({ dir: passedBy({ "retention.size": "8MiB" }) });
  const { journal } = store.place;
  let most = 0;

  for (let i = 0; i < 60; i++) {
    expect((await post(store)).status).toBe(202);
    most = Math.max(most, journal.stats().bytes);
    while (journal.stats().bytes > SIZE + 4 * MiB) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  // A run that is not over yet has made room already, and counts what it removed at its end.
  await expect.poll(() => journal.stats().removed.bytes, { timeout: 30_000 }).toBeGreaterThan(8 * MiB);
  expect(most).toBeLessThan(SIZE + 10 * MiB);
  expect(kept(store)).toBeGreaterThan(0);
  expect(faults(store)).toEqual([]);
});

/** The most that a site may say, where the store's map is so large. */
const sizeMost = (mapBytes: number) => (mapBytes * limits.retentionBytesMax) / limits.journalMapBytes / MiB;

it.each([
  // The journal has no room long before it has grown by a step.
  ["far below the bound", 5, 2],
  ["at the bound", 8, sizeMost(8 * MiB)],
])(
  "makes room in a full store by itself, with a checkpoint, with a size %s",
  { timeout: 60_000 },
  async (_, map, size) => {
    const open: typeof openJournal = (options) => openJournal({ ...options, mapSize: map * MiB, limits: BOUNDS });
    await using store = await startStore({
      dir: passedBy({ "retention.size": `${size}MiB` }),
      machine: { openJournal: open },
    });
    const { journal, checkpoints } = store.place;
    let wasFull = false;
    journal.onFull(() => {
      wasFull = true;
    });

    for (let i = 0; i < 3; i++) {
      // Together more than it holds.
      const answers = await Promise.all(Array.from({ length: 4 * map }, () => post(store)));
      for (const { status } of answers) expect([202, 429, 507]).toContain(status);
      while (journal.trouble !== null) await new Promise((resolve) => setTimeout(resolve, 5));
    }

    expect(wasFull).toBe(true);
    expect(checkpoints.checkpointer!.done).toBeGreaterThan(0);
    expect(journal.stats().removed.bytes).toBeGreaterThan(2 * MiB);
    expect((await post(store)).status).toBe(202);
    expect(kept(store)).toBeGreaterThan(0);
    expect(faults(store)).toEqual([]);
  },
);

it("says in /readyz that the journal is far beyond its size, while no checkpoint lets it go of what is old", {
  timeout: 60_000,
}, async () => {
  const open: typeof openStore = (options) =>
    openStore(options.what === "checkpoint" ? { ...options, mapSize: 64 * 1024 } : options);
  await using store = await startStore({
    dir: passedBy({ "retention.size": "1MiB" }),
    machine: { openStore: open },
  });
  const degraded = async () => {
    const answer = await fetch(`${store.place.url}/readyz`);
    return String(((await answer.json()) as { degraded?: string[] }).degraded);
  };

  expect(await degraded()).not.toContain("the journal takes");
  while (store.place.journal.stats().bytes < 8 * MiB) expect((await post(store)).status).toBe(202);
  expect(kept(store)).toBeGreaterThan(0);
  expect(await degraded()).toMatch(/the state can't be saved: .*the journal takes \d+ MiB, and should take 1 /);
});

it("hurries checkpoints while what is not in one is far more than the journal may take, and only then", {
  timeout: 60_000,
}, async () => {
  let isHeld = true;
  const open: typeof openStore = (options) => {
    const store = openStore(options);
    if (options.what !== "checkpoint") return store;
    const commit = store.commit.bind(store);
    store.commit = async (writes) => {
      while (isHeld) await new Promise((resolve) => setTimeout(resolve, 5));
      return commit(writes);
    };
    return store;
  };
  await using store = await startStore({
    dir: passedBy({ "retention.size": "1MiB" }),
    machine: { openStore: open },
  });
  const { journal, checkpoints } = store.place;
  const urgency = () => checkpoints.checkpointer!.urgency;

  for (let i = 0; i < 16; i++) expect((await post(store)).status).toBe(202);
  const held = urgency();
  expect(kept(store)).toBe(16 * BODY_EVENTS);
  isHeld = false;
  // Nothing more comes in.
  while (urgency() > 0 || journal.stats().bytes > 6 * MiB) await new Promise((resolve) => setTimeout(resolve, 5));

  expect(held).toBe(1);
  expect(urgency()).toBe(0);
});

it("lets nothing go by its age for a day behind a gap: the clock may have jumped", { timeout: 60_000 }, async () => {
  const years = 10 * 365 * DAY;
  const [dir, dataDir] = [passedBy(), temporary()];
  const degraded = async ({ place }: Store) =>
    String(((await (await fetch(`${place.url}/readyz`)).json()) as { degraded?: string[] }).degraded);
  const tidied = async (store: Store) => {
    await store.place.checkpoints.save();
    await store.place.keeping.run();
    await store.place.keeping.run();
  };
  {
    await using monday = await startStore({ dir, dataDir });
    await post(monday);
  }
  {
    await using later = await startStore({ dir, dataDir, at: MONDAY + years });
    await tidied(later);
    expect(kept(later)).toBe(BODY_EVENTS);
    await later.place.journal.append([TICK]);
    await tidied(later);
    expect(kept(later)).toBe(BODY_EVENTS);
    expect(await degraded(later)).toMatch(/nothing was received from 2026-03-02.* to 2036-.*or the clock has jumped/);
  }
  {
    await using nextDay = await startStore({ dir, dataDir, at: MONDAY + years + 2 * DAY });
    await nextDay.place.journal.append([TICK]);
    await tidied(nextDay);
    expect(kept(nextDay)).toBe(BODY_EVENTS); // in between nothing came: no day has been seen to pass
  }
  await using dayAfter = await startStore({ dir, dataDir, at: MONDAY + years + 3 * DAY });
  await dayAfter.place.journal.append([TICK]);
  await tidied(dayAfter);
  expect(kept(dayAfter)).toBe(0);
  expect(await degraded(dayAfter)).not.toContain("the clock has jumped");
});
