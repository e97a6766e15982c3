import { randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import { type Clock, HOUR, ManualClock, MINUTE } from "../../../runtime/clock.ts";
import { ClockWatch } from "../../../runtime/journal/clock-watch.ts";
import { openJournal } from "../../../runtime/journal/lmdb.ts";
import type { StoreJournal } from "../../../runtime/journal/store-journal.ts";
import { draft, tempDir } from "../../support/journal.ts";
import { MONDAY, startStore } from "../../support/place.ts";

const openIn = (dir: string, clock: ManualClock): StoreJournal => openJournal({ dir, clock, random: randomBytes });

/** A journal whose last entry came when a clock said this. */
async function journalOf(at: number): Promise<string> {
  const dir = tempDir();
  const journal = openIn(dir, new ManualClock(at));
  await journal.append([draft("one")]);
  await journal.close();
  return dir;
}

it("a clock that was ahead is told of at the start, until it has caught up", async () => {
  const dir = await journalOf(MONDAY + 3 * HOUR);
  const clock = new ManualClock(MONDAY);
  const journal = openIn(dir, clock);
  const warned: string[] = [];
  const watch = new ClockWatch({ journal, clock, warn: (sentence) => warned.push(sentence) });

  watch.begin();

  expect(watch.trouble()).toMatch(
    /^the clock says 2026-03-02T.*, 3 hours behind the journal's last entry: all that comes is noted as received at 2026-/,
  );
  await journal.append([draft("two")]);
  expect(warned).toEqual([watch.trouble()]);
  expect(journal.find(2)!.receivedAt).toBe(MONDAY + 3 * HOUR);
  clock.advance(3 * HOUR);
  expect(watch.trouble()).toBeNull();
  await journal.close();
});

it("a clock that is a little behind is no trouble", async () => {
  const clock = new ManualClock(MONDAY);
  const journal = openIn(await journalOf(MONDAY + 5 * MINUTE), clock);

  expect(new ClockWatch({ journal, clock, warn: () => {} }).trouble()).toBeNull();
  await journal.close();
});

it("a clock that was set back is told of, though nothing comes", async () => {
  const dir = await journalOf(MONDAY);
  const clock = new ManualClock(MONDAY);
  const journal = openIn(dir, clock);
  const warned: string[] = [];
  let setBack = 0;
  const wall: Clock = {
    now: () => clock.now() - setBack,
    monotonic: () => clock.monotonic(),
    after: (ms, run) => clock.after(ms, run),
  };
  const watch = new ClockWatch({ journal, clock: wall, warn: (sentence) => warned.push(sentence) });
  watch.begin();
  expect(warned).toEqual([]);

  setBack = HOUR;
  clock.advance(MINUTE);
  expect(warned).toEqual([expect.stringContaining("59 minutes behind")]);

  setBack = 0;
  clock.advance(MINUTE);
  watch.end();
  setBack = HOUR;
  clock.advance(MINUTE);
  expect(warned).toHaveLength(1);
  await journal.close();
});

it("a place whose clock is set back says so when it happens, and again when it happens again", async () => {
  await using store = await startStore({ overrides: { logLevel: "warn" } });
  const send = async (id: number) => {
    const body = Buffer.from(JSON.stringify({ type: "entry", id, ts: store.clock.at }));
    await store.place.ingest.accept({ principal: "test", subject: "/events", type: null, headers: {}, body });
  };
  const degraded = async () => {
    const { degraded } = (await (await fetch(`${store.place.url}/readyz`)).json()) as { degraded: string[] };
    return degraded.filter((reason) => reason.startsWith("the clock says"));
  };
  const warnings = () => store.logged.filter(({ msg }) => String(msg).startsWith("the clock says"));
  await send(1);
  expect(await degraded()).toEqual([]);

  store.clock.at = MONDAY - HOUR;
  await send(2);
  await send(3);
  expect(await degraded()).toHaveLength(1);
  expect(warnings()).toHaveLength(1);

  store.clock.at = MONDAY + 1;
  await send(4);
  expect(await degraded()).toEqual([]);
  store.clock.at = MONDAY - HOUR;
  await send(5);
  expect(warnings()).toHaveLength(2);
});
