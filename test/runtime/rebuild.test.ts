// What a restart shows the board of plain events, and what it need not.
import { describe, expect, it } from "vitest";
import type { Draft } from "../../runtime/journal/journal.ts";
import { emptyDisk } from "../support/memory-journal.ts";
import { Rig } from "../support/rig.ts";
import { OPENING } from "../support/shop.ts";

const UTF8 = new TextEncoder();

const event = (customer: number): Draft => ({
  kind: "event",
  principal: "nats",
  subject: "events",
  headers: {},
  payload: UTF8.encode(JSON.stringify({ type: "entry", id: customer, ts: OPENING })),
});
const config = (said: string): Draft => ({
  kind: "config",
  principal: "runtime",
  subject: "site",
  headers: {},
  payload: UTF8.encode(said),
});

/** Entries on disk; events are plain. */
function diskOf(drafts: readonly Draft[]) {
  const disk = emptyDisk();
  for (const [i, draft] of drafts.entries()) {
    disk.entries.push({ ...draft, seq: i + 1, receivedAt: OPENING });
    disk.applied.push(i + 1);
    if (draft.kind === "event") disk.plain.set(i + 1, i + 1);
  }
  return disk;
}

function visitors(rig: Rig): string[] {
  return [...rig.applier.board.page("visits").records()].map(({ data }) => (data as { customer: string }).customer);
}

describe("plain events after a restart", () => {
  const drafts = [
    event(1),
    config('{"hears":"now"}'),
    event(2),
    event(3),
    config('{"hears":"before"}'),
    event(4),
    config("{}"),
    event(5),
    config("no JSON"),
    event(6),
    config('{"hears":"now"}'),
    event(7),
  ];

  it("are not shown to a board of which it was said that it doesn't hear them", () => {
    const rig = new Rig({ disk: diskOf(drafts), hears: "now" });

    expect(visitors(rig)).toEqual(["1", "4", "5", "6"]);
    expect(rig.applier.appliedSeq).toBeGreaterThanOrEqual(drafts.length);
    expect(rig.faults).toEqual([]);
  });

  it("are shown where the site hears something else by now, or doesn't say", () => {
    const all = ["1", "2", "3", "4", "5", "6", "7"];

    expect(visitors(new Rig({ disk: diskOf(drafts), hears: "later" }))).toEqual(all);
    expect(visitors(new Rig({ disk: diskOf(drafts) }))).toEqual(all);
  });
});
