import { describe, expect, it } from "vitest";
import type { BoardRecord } from "../../../runtime/board/board.ts";
import { type Change, Changes, carried } from "../../../runtime/board/change.ts";
import type { Entry } from "../../../runtime/journal/journal.ts";
import { Layers, type Shift } from "../../../runtime/layers/layers.ts";
import type { PlannedActor } from "../../../runtime/site.ts";
import { actorOf, boardOf, holdOn, pageOf, recordOf } from "../../support/layered.ts";

const PAGES = [pageOf("work", ["item"]), pageOf("shelves", ["shelf"]), pageOf("rooms", ["house", "room"])];
const T = 1_000; // ms
const LOW = actorOf("offered", { prerequisites: ["context"] });

function withHolder(more: Partial<PlannedActor> = {}, others: readonly PlannedActor[] = []) {
  const holder = actorOf("vetoed", { layer: 1, page: "shelves", ...more });
  const actors = [LOW, holder, ...others];
  const board = boardOf(actors, PAGES);
  const layers = new Layers(actors);
  return { board, layers, holder, shelf: recordOf(board, "shelves", "A"), work: recordOf(board, "work", "1") };
}

const inhibits = { inhibits: [holdOn("offered", T)] };
const suppresses = { suppresses: [holdOn("context", T)] };

describe("an inhibition", () => {
  it("blocks the output of a lower layer from its renewal on, and no longer than the plan says", () => {
    const { layers, holder, shelf, work } = withHolder(inhibits);
    expect(layers.inhibited(LOW, work, 5_000)).toBe(null);

    layers.renew(holder, shelf, 5_000);

    expect(layers.inhibited(LOW, work, 5_000)).toEqual({ by: "vetoed of A", layer: 1, until: 6_000 });
    expect(layers.inhibited(LOW, work, 5_999)).not.toBe(null);
    expect(layers.inhibited(LOW, work, 6_000)).toBe(null);
  });

  it("begins anew with each renewal", () => {
    const { layers, holder, shelf, work } = withHolder(inhibits);
    layers.renew(holder, shelf, 5_000);
    layers.renew(holder, shelf, 5_900);

    expect(layers.inhibited(LOW, work, 6_899)).toMatchObject({ until: 6_900 });
    expect(layers.inhibited(LOW, work, 6_900)).toBe(null);
  });

  it("is not shortened by a renewal that is older than the last", () => {
    const { layers, holder, shelf } = withHolder(inhibits);
    layers.renew(holder, shelf, 5_000);
    layers.renew(holder, shelf, 4_500);

    expect(layers.nextEnd()).toBe(6_000);
  });

  it("blocks no other output", () => {
    const { layers, holder, shelf, work } = withHolder(inhibits);
    layers.renew(holder, shelf, 0);

    expect(layers.inhibited(actorOf("scored"), work, 0)).toBe(null);
  });

  it.each([
    [1, 0, true],
    [1, 1, false],
    [1, 2, false],
    [2, 1, true],
  ])("of layer %d concerns an actor of layer %d: %s", (higher, lower, expected) => {
    const { layers, holder, shelf, work } = withHolder({ ...inhibits, layer: higher });
    layers.renew(holder, shelf, 0);

    expect(layers.inhibited({ ...LOW, layer: lower }, work, 0) !== null).toBe(expected);
  });

  it("lasts until the last of several has ended, and names that one", () => {
    const other = actorOf("paused", { layer: 2, page: "shelves", inhibits: [holdOn("offered", 2 * T)] });
    const { layers, holder, shelf, work } = withHolder(inhibits, [other]);
    layers.renew(other, shelf, 0);
    layers.renew(holder, shelf, 1_500);

    expect(layers.inhibited(LOW, work, 1_500)).toEqual({ by: "vetoed of A", layer: 1, until: 2_500 });
    expect(layers.inhibited({ ...LOW, layer: 1 }, work, 1_999)).toEqual({ by: "paused of A", layer: 2, until: 2_000 });
    expect(layers.inhibited(LOW, work, 2_000)).not.toBe(null);
    expect(layers.inhibited(LOW, work, 2_500)).toBe(null);
  });

  it("of two records lasts until both have let go", () => {
    const { board, layers, holder, shelf, work } = withHolder(inhibits);
    const second = recordOf(board, "shelves", "B");
    layers.renew(holder, shelf, 0);
    layers.renew(holder, second, 0);
    layers.release(holder, second);
    expect(layers.inhibited(LOW, work, 1)).toMatchObject({ by: "vetoed of A" });
    layers.release(holder, shelf);

    expect(layers.inhibited(LOW, work, 1)).toBe(null);
  });
});

describe("a suppression", () => {
  it("replaces what a lower layer reads, for as long as an inhibition blocks", () => {
    const { layers, holder, shelf, work } = withHolder(suppresses);
    layers.renew(holder, shelf, 5_000);

    expect(layers.suppressed(LOW, work, "context", 5_999)).toBe("1");
    expect(layers.suppressed(LOW, work, "context", 6_000)).toBe(null);
    expect(layers.suppressed(LOW, work, "other", 5_999)).toBe(null);
    expect(layers.suppressed({ ...LOW, layer: 1 }, work, "context", 5_999)).toBe(null);
  });

  it("puts the record's own text of that name in its place, as it was at the renewal", () => {
    const { layers, holder, shelf, work } = withHolder(suppresses);
    const { page, cells } = shelf;
    cells[page.ensure("context")] = "warm";
    layers.renew(holder, shelf, 0);
    cells[page.ensure("context")] = "cold";

    expect(layers.suppressed(LOW, work, "context", 0)).toBe("warm");
    layers.renew(holder, shelf, 1);
    expect(layers.suppressed(LOW, work, "context", 1)).toBe("cold");
  });

  it("puts in its place what the renewal says", () => {
    const { layers, holder, shelf, work } = withHolder(suppresses);
    layers.renew(holder, shelf, 0, "mild");

    expect(layers.suppressed(LOW, work, "context", 0)).toBe("mild");
  });

  it("of the highest layer goes before others, whichever came last", () => {
    const other = actorOf("paused", { layer: 2, page: "shelves", suppresses: [holdOn("context", T)] });
    const { layers, holder, shelf, work } = withHolder({ suppresses: [holdOn("context", 9 * T)] }, [other]);
    layers.renew(other, shelf, 0, "high");
    layers.renew(holder, shelf, 10, "low");

    expect(layers.suppressed(LOW, work, "context", 999)).toBe("high");
    expect(layers.suppressed(LOW, work, "context", 1_000)).toBe("low");
    expect(layers.suppressed({ ...LOW, layer: 1 }, work, "context", 999)).toBe("high");
  });

  it("of several records of one actor is that of the last renewed", () => {
    const { board, layers, holder, shelf, work } = withHolder(suppresses);
    const second = recordOf(board, "shelves", "B");
    layers.renew(holder, shelf, 0, "first");
    layers.renew(holder, second, 0, "second");
    expect(layers.suppressed(LOW, work, "context", 0)).toBe("second");
    layers.renew(holder, shelf, 5, "first again");
    expect(layers.suppressed(LOW, work, "context", 5)).toBe("first again");
    layers.release(holder, shelf);
    expect(layers.suppressed(LOW, work, "context", 5)).toBe("second");
  });
});

describe("of several that hold by one actor", () => {
  it("the one that ends last counts, also when an older one is put in later", () => {
    const { board, layers, holder, shelf, work } = withHolder(inhibits);
    layers.renew(holder, shelf, 50);
    layers.renew(holder, recordOf(board, "shelves", "B"), 20);

    expect(layers.inhibited(LOW, work, 60)).toMatchObject({ by: "vetoed of A", until: 1_050 });
  });

  it("the last renewed counts among those that end together", () => {
    const { board, layers, holder, shelf, work } = withHolder(suppresses);
    const [second, third] = [recordOf(board, "shelves", "B"), recordOf(board, "shelves", "C")];
    layers.renew(holder, shelf, 0, "first");
    layers.renew(holder, second, 5, "second");
    layers.renew(holder, shelf, 5, "first again");
    layers.renew(holder, third, 9, "third");
    layers.release(holder, third);

    expect(layers.suppressed(LOW, work, "context", 9)).toBe("first again");
  });
});

describe("whom a hold is about", () => {
  const matching = (match: string, page = "shelves") => withHolder({ page, inhibits: [holdOn("offered", T, match)] });

  it("is told by a column of the lower record", () => {
    const { board, layers, holder, shelf, work } = matching("shelf");
    const other = recordOf(board, "work", "2");
    work.cells[work.page.ensure("shelf")] = "A";
    other.cells[other.page.ensure("shelf")] = "B";
    layers.renew(holder, shelf, 0);

    expect(layers.inhibited(LOW, work, 0)).not.toBe(null);
    expect(layers.inhibited(LOW, other, 0)).toBe(null);
  });

  it("is told by a key of the lower record", () => {
    const { board, layers, holder, work } = matching("item");
    layers.renew(holder, recordOf(board, "shelves", "1"), 0);

    expect(layers.inhibited(LOW, work, 0)).not.toBe(null);
    expect(layers.inhibited(LOW, recordOf(board, "work", "2"), 0)).toBe(null);
  });

  it("is told by its parent, or by what the runtime keeps of it", () => {
    const { board, layers, holder, work } = matching("item");
    layers.renew(holder, recordOf(board, "shelves", "1"), 0);
    const page = board.page("rooms");
    const child = page.add(["h", "1"], { shelf: 7 }, { parent: work }) as BoardRecord;
    const keeper = page.add(["h", "2"], { item: 1 }) as BoardRecord;
    const stranger = page.add(["h", "3"], { item: 2 }) as BoardRecord;

    expect(layers.inhibited(LOW, child, 0)).not.toBe(null);
    expect(layers.inhibited(LOW, keeper, 0)).not.toBe(null);
    expect(layers.inhibited(LOW, stranger, 0)).toBe(null);
  });

  it("is nobody who has no such field", () => {
    const { board, layers, holder, work } = matching("shelf");
    layers.renew(holder, recordOf(board, "shelves", ""), 0);

    expect(layers.inhibited(LOW, work, 0)).toBe(null);
  });

  it.each([
    ["its key cell of that name", "room", "r"],
    ["its first key cell, when it has none of that name", "place", "h"],
  ])("must say what the record that holds has as %s", (_, match, text) => {
    const { board, layers, holder } = matching(match, "rooms");
    layers.renew(holder, recordOf(board, "rooms", "h", "r"), 0);

    for (const said of ["h", "r"]) {
      expect(layers.heldPort("offered", { [match]: said }, 0) !== null).toBe(said === text);
    }
  });

  it("may be something that has no record", () => {
    const { layers, holder, shelf } = withHolder({
      inhibits: [holdOn("offers", T, "shelf"), holdOn("predictions", T)],
      layer: 2,
    });
    layers.renew(holder, shelf, 0);

    expect(layers.heldPort("offers", { shelf: "A" }, 999)).toEqual({ by: "vetoed of A", layer: 2, until: 1_000 });
    expect(layers.heldPort("offers", { shelf: "A" }, 1_000)).toBe(null);
    expect(layers.heldPort("offers", { shelf: "B" }, 0)).toBe(null);
    expect(layers.heldPort("offers", {}, 0)).toBe(null);
    expect(layers.heldPort("predictions", {}, 0, 1)).not.toBe(null);
    expect(layers.heldPort("predictions", {}, 0, 2)).toBe(null);
    expect(layers.heldPort("unknown", {}, 0)).toBe(null);
  });

  it("is named as a person would", () => {
    const { board, layers, holder, work } = withHolder({ page: "rooms", ...inhibits });
    layers.renew(holder, recordOf(board, "rooms", "Top, left", "2"), 0);

    expect(layers.inhibited(LOW, work, 0)!.by).toBe("vetoed of Top, left, 2");
  });
});

describe("entries of the board", () => {
  function journalled(more: Partial<PlannedActor>) {
    const rig = withHolder({ ...more, kind: "person" });
    const changes = new Changes(rig.board);
    let seq = 0;
    const apply = (change: Change, receivedAt: number): readonly Shift[] => {
      const entry = { seq: ++seq, receivedAt, principal: "ann" } as Entry;
      const changed = changes.apply(change, entry);
      return changed === null ? [] : rig.layers.noticed(changed, entry);
    };
    const set = (vetoed: string, receivedAt: number, key = "A") =>
      apply({ do: "set", page: "shelves", key, cells: { vetoed } }, receivedAt);
    return { ...rig, apply, set };
  }

  it("hold with a goal that is done, anew when it is written anew, and let go when it is cleared", () => {
    const { layers, set, work } = journalled(inhibits);
    set("1", 0);
    expect(layers.nextEnd()).toBe(1_000);
    set("1", 500);
    expect(layers.nextEnd()).toBe(1_500);
    set("", 600);

    expect(layers.nextEnd()).toBe(null);
    expect(layers.inhibited(LOW, work, 600)).toBe(null);
  });

  it.each(["", "F:box"])("let go when the goal says '%s' instead", (text) => {
    const { layers, set } = journalled(inhibits);
    set("1", 0);
    set(text, 1);

    expect(layers.size).toBe(0);
  });

  it("hold with the result of a run", () => {
    const { layers, apply } = journalled(inhibits);
    const run = { page: "shelves", key: "A", goal: "vetoed", run: "r1", host: "box" };
    apply({ do: "claim", attempt: 1, ...run }, 0);
    expect(layers.size).toBe(0);
    apply({ do: "finish", outcome: "done", ...run }, 7);

    expect(layers.nextEnd()).toBe(1_007);
  });

  it("of other columns change nothing", () => {
    const { layers, apply, set } = journalled(inhibits);
    set("1", 0);
    apply({ do: "set", page: "shelves", key: "A", cells: { note: "x" } }, 900);
    apply({ do: "set", page: "work", key: "1", cells: { offered: "1" } }, 900);

    expect(layers.nextEnd()).toBe(1_000);
  });

  it("let go with the record", () => {
    const { layers, apply, set } = journalled(inhibits);
    set("1", 0);
    apply({ do: "remove", page: "shelves", key: "A" }, 1);

    expect(layers.size).toBe(0);
  });

  it("that write a record again hold from when its goal was done", () => {
    const { layers, apply, set, shelf } = journalled(inhibits);
    set("1", 300);
    const again = carried(shelf);
    apply(again, 900);
    expect(layers.holds(900)).toMatchObject([{ renewedAt: 300, until: 1_300 }]);

    const later = journalled(inhibits);
    later.apply(again, 900);
    expect(later.layers.holds(900)).toEqual(layers.holds(900));

    const tooLate = journalled(inhibits);
    tooLate.apply(again, 1_300);
    expect(tooLate.layers.size).toBe(0);
  });

  it("make the same state when they are applied again", () => {
    const live = journalled({ ...inhibits, ...suppresses });
    const replay = journalled({ ...inhibits, ...suppresses });
    const texts = ["1", "1", "", "1", "F:x", "1", "1"];
    texts.forEach((text, index) => {
      live.set(text, index * 300, index % 2 === 0 ? "A" : "B");
      live.layers.ended(index * 300);
    });
    texts.forEach((text, index) => {
      replay.set(text, index * 300, index % 2 === 0 ? "A" : "B");
    });

    expect(live.layers.holds(1_900)).not.toEqual([]);
    expect(replay.layers.holds(1_900)).toEqual(live.layers.holds(1_900));
  });
});

describe("what has shifted", () => {
  it("is told when a hold begins, ends, is let go or replaces by something else", () => {
    const { layers, holder, shelf } = withHolder({ ...inhibits, suppresses: [holdOn("context", 2 * T, "shelf")] });
    const brief = (shifts: readonly Shift[]) =>
      shifts.map((shift) => (shift.kind === "moves" ? shift.kind : `${shift.kind} ${shift.text} ${shift.free}`));

    expect(brief(layers.renew(holder, shelf, 0))).toEqual(["suppresses A false", "inhibits  false"]);
    expect(brief(layers.renew(holder, shelf, 1))).toEqual([]);
    expect(brief(layers.renew(holder, shelf, 2, "x"))).toEqual(["suppresses A false"]);
    expect(brief(layers.ended(1_001))).toEqual([]);
    expect(brief(layers.ended(1_002))).toEqual(["inhibits  true"]);
    expect(brief(layers.ended(1_003))).toEqual([]);
    expect(brief(layers.release(holder, shelf))).toEqual(["suppresses A true"]);
    expect(brief(layers.release(holder, shelf))).toEqual([]);
  });
});

describe("the bound of holds", () => {
  const shelves = (count: number) => {
    const rig = withHolder({ inhibits: [holdOn("offered", T, "shelf")] });
    return {
      ...rig,
      records: Array.from({ length: count }, (_, index) => recordOf(rig.board, "shelves", `s${index}`)),
    };
  };
  const held = (layers: Layers, at: number) => layers.holds(at).map(({ key }) => key);

  it("lets the one go that is nearest its end, and counts it", () => {
    const { records, holder } = shelves(4);
    const layers = new Layers([LOW, holder], 3);
    for (const [index, record] of records.entries()) {
      if (index === 3) layers.renew(holder, records[0]!, 2);
      layers.renew(holder, record, index);
    }

    expect(held(layers, 3)).toEqual(["s2", "s0", "s3"]);
    expect(layers.counts.get("offered")).toMatchObject({ evicted: 1, released: 1 });
  });

  it("lets go first what has ended, which counts as released alone", () => {
    const { records, holder } = shelves(4);
    const layers = new Layers([LOW, holder], 3);
    records.forEach((record, index) => {
      layers.renew(holder, record, index * 500);
    });

    expect(held(layers, 1_500)).toEqual(["s2", "s3"]);
    expect(layers.counts.get("offered")).toMatchObject({ evicted: 0, released: 2 });
  });

  it("is kept through any number of holds that are let go and taken again", () => {
    const { layers, records, holder } = shelves(3);
    for (let at = 0; at < 10_000; at++) {
      layers.renew(holder, records[at % 3]!, at);
      layers.release(holder, records[(at + 1) % 3]!);
    }

    expect(layers.size).toBe(2);
    expect(layers.nextEnd()).toBe(9_998 + T);
  });
});

describe("a changed plan", () => {
  it("keeps what it still has, for as long as it says now, and frees the rest", () => {
    const other = actorOf("paused", { layer: 2, page: "shelves", inhibits: [holdOn("scored", T)] });
    const { layers, holder, shelf, work } = withHolder(inhibits, [other]);
    layers.renew(holder, shelf, 0);
    layers.renew(other, shelf, 0);

    const shifts = layers.adopt([LOW, { ...holder, inhibits: [holdOn("offered", 3 * T)], layer: 4 }]);

    expect(shifts).toMatchObject([{ kind: "inhibits", hold: { port: "scored" }, free: true }]);
    expect(layers.inhibited(LOW, work, 2_999)).toEqual({ by: "vetoed of A", layer: 4, until: 3_000 });
    expect(layers.inhibited(actorOf("scored"), work, 1)).toBe(null);
    expect(layers.nextEnd()).toBe(3_000);
  });
});

describe("what layers tell people", () => {
  it("names the holds that an actor feels", () => {
    const { layers, holder, shelf, work } = withHolder({ ...suppresses, inhibits: [holdOn("offered", T, "item")] });
    layers.renew(holder, shelf, 0, "warm");

    expect(layers.explain(LOW, work, 0)).toEqual([
      {
        ...{ kind: "suppresses", port: "context", by: "vetoed", page: "shelves", key: "A", layer: 1, match: null },
        ...{ value: "warm", renewedAt: 0, until: 1_000 },
      },
    ]);
    expect(layers.holds(0)).toHaveLength(2);
    expect(layers.explain(LOW, work, 1_000)).toEqual([]);
    expect(layers.explain({ ...LOW, layer: 1 }, work, 0)).toEqual([]);
  });

  it("counts what happened to each port", () => {
    const { layers, holder, shelf, work } = withHolder({ ...inhibits, ...suppresses });
    layers.renew(holder, shelf, 0);
    layers.renew(holder, shelf, 1);
    layers.inhibited(LOW, work, 1);
    layers.inhibited(LOW, work, 1_001);
    layers.suppressed(LOW, work, "context", 1);
    layers.heldPort("offered", {}, 1);
    layers.ended(1_001);

    const none = { renewed: 2, released: 1, evicted: 0 };
    expect(Object.fromEntries(layers.counts)).toEqual({
      offered: { ...none, blocked: 2, replaced: 0 },
      context: { ...none, blocked: 0, replaced: 1 },
    });
  });
});

it("a hold for no time, or beyond the bound, is a mistake of the program", () => {
  for (const forMs of [0, -1, Number.NaN, 25 * 3_600_000]) {
    expect(() => new Layers([actorOf("vetoed", { layer: 1, inhibits: [holdOn("offered", forMs)] })])).toThrow(
      RangeError,
    );
  }
});
