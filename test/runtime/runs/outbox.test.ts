import { beforeEach, describe, expect, it } from "vitest";
import { type Change, changeOf, type SetCells } from "../../../runtime/board/change.ts";
import { ManualClock } from "../../../runtime/clock.ts";
import { AisleError } from "../../../runtime/errors.ts";
import { Outbox } from "../../../runtime/runs/outbox.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";
import { turns } from "../../support/rig.ts";

const RETRY = 20; // ms

describe("an outbox", () => {
  let clock: ManualClock;
  let journal: MemoryJournal;
  let outbox: Outbox;
  let faults: string[];

  beforeEach(() => {
    clock = new ManualClock();
    journal = new MemoryJournal(clock);
    faults = [];
    const fault = (what: string, error: unknown) => void faults.push(`${what}: ${(error as Error).message}`);
    outbox = new Outbox({ journal, clock, node: "n1", fault });
  });

  const change = (key: string, text = ""): Change => ({ do: "set", page: "jobs", key, cells: { note: text } });
  const written = () => journal.disk.entries.map((entry) => (changeOf(entry) as SetCells).key);
  const pass = async (ms: number) => {
    clock.advance(ms);
    await turns(3);
  };

  it("says when a change is on disk, and whose it is", async () => {
    journal.hold();
    const done = outbox.append(change("1"));
    await turns(2);
    expect([outbox.pending, written()]).toEqual([1, []]);
    journal.release();

    expect(await done).toBe(true);
    expect([outbox.pending, written(), journal.disk.entries[0]!.principal]).toEqual([0, ["1"], "n1"]);
  });

  it("keeps the order when the journal was full, whatever comes meanwhile", async () => {
    journal.queueMax = 1;
    journal.hold();
    const all = ["1", "2", "3"].map((key) => outbox.append(change(key)));
    await turns(2);
    journal.queueMax = 10;
    all.push(outbox.append(change("4")));
    await pass(RETRY);
    all.push(outbox.append(change("5")));
    expect(outbox.pending).toBe(5);
    journal.release();

    expect(await Promise.all(all)).toEqual(Array(5).fill(true));
    expect(written()).toEqual(["1", "2", "3", "4", "5"]);
    expect([outbox.pending, faults]).toEqual([0, []]);
  });

  it("asks as often as it takes", async () => {
    journal.queueMax = 0;
    const done = outbox.append(change("1"));
    for (let i = 0; i < 5; i++) await pass(RETRY);
    expect(outbox.pending).toBe(1);
    journal.queueMax = 1;
    await pass(RETRY);

    expect(await done).toBe(true);
  });

  it("hands a full journal a bounded number of changes, and bytes, at once", async () => {
    const batches: number[] = [];
    const full = { append: journal.append.bind(journal) };
    let open = false;
    full.append = (drafts) => {
      if (!open) return Promise.reject(new AisleError("overloaded", "full"));
      batches.push(drafts.length);
      return journal.append(drafts);
    };
    outbox = new Outbox({ journal: full, clock, node: "n1", fault: (what) => void faults.push(what) });
    const small = Array.from({ length: 600 }, (_, i) => outbox.append(change(String(i))));
    const long = Array.from({ length: 3 }, (_, i) => outbox.append(change(`long${i}`, "x".repeat(700_000))));
    await turns(2);
    open = true;
    await pass(RETRY);

    expect(await Promise.all([...small, ...long])).toEqual(Array(603).fill(true));
    expect(batches).toEqual([500, 101, 1, 1]);
    expect(written().slice(-4)).toEqual(["599", "long0", "long1", "long2"]);
  });

  it("says that a broken journal will never have a change", async () => {
    journal.failNext(new AisleError("unavailable", "the disk is full"));

    expect(await outbox.append(change("1"))).toBe(false);
    expect([outbox.pending, faults]).toEqual([0, ["the board can't be journalled: the disk is full"]]);
  });

  it("says so too of what a full one did not take before", async () => {
    journal.queueMax = 0;
    const all = ["1", "2"].map((key) => outbox.append(change(key)));
    await turns(2);
    journal.queueMax = 10;
    journal.failNext(new AisleError("unavailable", "the disk is full"));
    await pass(RETRY);

    expect(await Promise.all(all)).toEqual([false, false]);
    expect([outbox.pending, faults.length]).toEqual([0, 1]);
  });
});
