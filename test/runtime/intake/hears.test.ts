import { describe, expect, it } from "vitest";
import type { Applier } from "../../../runtime/apply.ts";
import type { EventIn } from "../../../runtime/events.ts";
import { hearsHash } from "../../../runtime/intake/hears.ts";
import type { Entry } from "../../../runtime/journal/journal.ts";
import { load } from "../../../runtime/loaded.ts";
import { newApplier } from "../../../runtime/main.ts";
import { MONDAY, readStore } from "../../support/place.ts";

const opened = readStore();
const { site } = opened;
const { pages, actors } = site.plan;

/** The store's board, where nothing hears of moves, and visits open and close as said. */
function board(opens: readonly string[], closes: readonly string[]): Applier {
  const plan = {
    pages: pages.map((page) => (page.opens.length > 0 ? { ...page, opens, closes } : page)),
    actors: actors.filter(({ goal }) => goal === "context"),
  };
  return newApplier(load({ ...opened, site: { ...site, plan } }));
}

const entryOf = (type: string, seq: number): Entry => ({
  ...{ seq, receivedAt: MONDAY, kind: "event", principal: "http", subject: "/events", headers: {} },
  payload: Buffer.from(JSON.stringify({ type, id: 7, dep: "Boys", x: 1, y: 1 })),
});

describe("what the board hears", () => {
  it("is what opens a visit, closes one, or wakes an actor", () => {
    const hears = (applier: Applier) => [...site.events.types.keys()].filter((type) => applier.hears(type));

    expect(hears(board(["entry"], ["exit"]))).toEqual(["entry", "exit", "outcome"]);
    expect(hears(newApplier(load(opened)))).toEqual(["entry", "focus", "move", "exit", "outcome"]);
    expect(hears(board([], []))).toEqual([]);
  });

  it("is all that does something to it", () => {
    const applier = board(["entry"], ["exit"]);
    applier.apply(entryOf("entry", 1));
    const before = applier.nextDueAt();
    for (const [i, type] of ["focus", "move"].entries()) {
      expect(applier.hears(type)).toBe(false);
      const { changed, rows, focus } = applier.apply({ ...entryOf(type, 2 + i), receivedAt: MONDAY + 1_000 });
      expect([changed, rows, focus]).toEqual([[], [], null]);
    }

    expect(applier.nextDueAt()).toBe(before);
    expect((applier.apply(entryOf("exit", 9)).event as EventIn).type).toBe("exit");
  });

  it("has another name when types, forms or the plan say otherwise", () => {
    const some = (type: string) => type === "entry";
    const renamed = { ...site, events: { ...site.events, forms: site.events.forms.slice(1) } };

    expect(hearsHash(readStore().site, some)).toBe(hearsHash(site, some));
    expect(hearsHash(site, () => true)).not.toBe(hearsHash(site, some));
    expect(hearsHash(renamed, some)).not.toBe(hearsHash(site, some));
  });
});
