// The scheduler, the board and the layers together, as a place puts them together.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Board, BoardRecord } from "../../../runtime/board/board.ts";
import { Changes } from "../../../runtime/board/change.ts";
import { ManualClock } from "../../../runtime/clock.ts";
import type { Entry } from "../../../runtime/journal/journal.ts";
import { follow } from "../../../runtime/layers/follow.ts";
import { Layers, type Shift } from "../../../runtime/layers/layers.ts";
import { Scheduler } from "../../../runtime/scheduler.ts";
import type { PlannedActor } from "../../../runtime/site.ts";
import { actorOf, boardOf, holdOn, pageOf } from "../../support/layered.ts";

const PAGES = [
  pageOf("items", ["item"]),
  pageOf("boxes", ["item", "box"]),
  pageOf("shelves", ["shelf"]),
  pageOf("parts", ["part"], { parent: "items" }),
];

/** A place whose people write cells, and whose actors are done as soon as they start. */
class House {
  readonly clock = new ManualClock(1_000_000);
  readonly board: Board;
  readonly layers: Layers;
  readonly scheduler: Scheduler;
  /** "goal key", with the time since the beginning. */
  readonly started: (readonly [string, number])[] = [];
  readonly #actors: readonly PlannedActor[];
  readonly #changes: Changes;
  readonly #begun: number;
  #stopTimer: () => void = () => {};
  #seq = 0;

  constructor(actors: readonly PlannedActor[]) {
    this.#actors = actors;
    this.#begun = this.clock.now();
    this.board = boardOf(actors, PAGES);
    this.#changes = new Changes(this.board);
    this.layers = new Layers(actors);
    const start = ({ goal }: PlannedActor, { key }: BoardRecord) =>
      void this.started.push([`${goal} ${key}`, this.clock.now() - this.#begun]);
    this.scheduler = new Scheduler(actors, start, { clock: this.clock, gate: this.layers });
  }

  write(page: string, key: string, cells: Readonly<Record<string, string>>): void {
    const entry = { seq: ++this.#seq, receivedAt: this.clock.now(), principal: "ann" } as Entry;
    const changed = this.#changes.apply({ do: "set", page, key, cells }, entry)!;
    const shifts = this.layers.noticed(changed, entry);
    this.scheduler.changed(changed.record, changed.columns);
    this.#follow(shifts);
  }

  #follow(shifts: readonly Shift[]): void {
    follow(shifts, this.scheduler, this.board, this.#actors);
    this.#stopTimer();
    const end = this.layers.nextEnd();
    if (end === null) return;
    this.#stopTimer = this.clock.after(end - this.clock.now(), () => this.#follow(this.layers.ended(this.clock.now())));
  }
}

const packed = actorOf("packed", { page: "items" });
const stopped = actorOf("stopped", {
  ...{ page: "shelves", layer: 1, kind: "person" },
  inhibits: [holdOn("packed", 100, "shelf")],
});

describe("a goal that a higher layer inhibits", () => {
  it("starts when the time is over, if the higher layer is dead, and not before", () => {
    const house = new House([packed, stopped]);
    house.write("shelves", "A", { stopped: "1" });
    house.clock.advance(40);
    house.write("items", "1", { shelf: "A" });
    house.clock.advance(59);
    expect(house.started).toEqual([]);
    house.clock.advance(1);

    expect(house.started).toEqual([["packed 1", 100]]);
  });

  it("goes on waiting with each renewal", () => {
    const house = new House([packed, stopped]);
    house.write("shelves", "A", { stopped: "1" });
    house.write("items", "1", { shelf: "A" });
    for (let times = 0; times < 5; times++) {
      house.clock.advance(99);
      house.write("shelves", "A", { stopped: "1" });
    }
    house.clock.advance(1_000);

    expect(house.started).toEqual([["packed 1", 5 * 99 + 100]]);
  });

  it("starts as soon as the cell is cleared", () => {
    const house = new House([packed, stopped]);
    house.write("shelves", "A", { stopped: "1" });
    house.write("items", "1", { shelf: "A" });
    house.clock.advance(10);
    house.write("shelves", "A", { stopped: "" });

    expect(house.started).toEqual([["packed 1", 10]]);
  });

  it("starts at once where nothing is held", () => {
    const house = new House([packed, stopped]);
    house.write("shelves", "A", { stopped: "1" });
    house.write("items", "1", { shelf: "B" });

    expect(house.started).toEqual([["packed 1", 0]]);
  });

  it("starts as soon as its record is no more one of those that are held", () => {
    const house = new House([packed, stopped]);
    house.write("shelves", "A", { stopped: "1" });
    house.write("items", "1", { shelf: "A" });
    house.clock.advance(10);
    house.write("items", "1", { shelf: "B" });

    expect(house.started).toEqual([["packed 1", 10]]);
  });

  it("waits too when it is another that it subsumes", () => {
    const house = new House([actorOf("delivered", { page: "items", subsumes: ["packed"] }), packed, stopped]);
    house.write("shelves", "A", { stopped: "1" });
    house.write("items", "1", { shelf: "A" });
    house.clock.advance(99);
    expect(house.started).toEqual([]);
    house.clock.advance(1);

    expect(house.started.toSorted()).toEqual([
      ["delivered 1", 100],
      ["packed 1", 100],
    ]);
  });

  it("says who inhibits it until when", () => {
    const house = new House([packed, stopped]);
    house.write("shelves", "A", { stopped: "1" });
    house.write("items", "1", { shelf: "A" });

    expect(house.scheduler.blockers(packed, house.board.page("items").find("1")!)).toEqual([
      { rule: "inhibited", by: "stopped of A", layer: 1, until: 1_000_100 },
    ]);
  });

  it("starts at the first instant at which no living or dead layer holds it, whatever happened", () => {
    const higher = [1, 2, 3].map((layer) =>
      actorOf(`stopped${layer}`, {
        ...{ page: "shelves", layer, kind: "person" },
        inhibits: [holdOn("packed", layer * 20, layer === 2 ? null : "shelf")],
      }),
    );
    const step = fc.record({
      after: fc.nat(30),
      layer: fc.integer({ min: 1, max: 3 }),
      shelf: fc.constantFrom("A", "B"),
      text: fc.constantFrom("1", "1", ""),
    });
    let waited = 0;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), fc.nat(12), fc.nat(12), (steps, comes, killed) => {
        const house = new House([packed, ...higher]);
        /** By layer and shelf: the end of what it holds. */
        const ends = new Map<string, number>();
        let now = 0;
        let startsAt: number | null = null;
        let isThere = false;
        const heldUntil = () =>
          Math.max(0, ...[...ends].flatMap(([name, end]) => (name === "1B" || name === "3B" ? [] : end)));
        const pass = (to: number) => {
          if (isThere) startsAt ??= heldUntil() <= to ? Math.max(now, heldUntil()) : null;
          house.clock.advance(to - now);
          now = to;
        };
        for (const [index, { after, layer, shelf, text }] of [...steps, null].map((each) => each ?? LAST).entries()) {
          pass(now + after);
          if (index === Math.min(comes, steps.length)) {
            house.write("items", "1", { shelf: "A" });
            isThere = true;
            if (heldUntil() <= now) startsAt = now;
          }
          if (layer === 0 || (layer > 1 && index >= killed)) continue;
          house.write("shelves", shelf, { [`stopped${layer}`]: text });
          if (text === "1") ends.set(`${layer}${shelf}`, now + layer * 20);
          else ends.delete(`${layer}${shelf}`);
          if (isThere && heldUntil() <= now) startsAt ??= now;
        }
        pass(now + 100);

        expect(house.started).toEqual([["packed 1", startsAt]]);
        if (startsAt !== steps.slice(0, comes + 1).reduce((sum, { after }) => sum + after, 0)) waited++;
      }),
    );
    expect(waited).toBeGreaterThan(5);
  });
});

const LAST = { after: 0, layer: 0, shelf: "A", text: "" };

describe("a goal whose input a higher layer suppresses", () => {
  const shipped = (page: string) => actorOf("shipped", { page, prerequisites: ["checked"] });
  const approved = (match: string | null) =>
    actorOf("approved", { page: "shelves", layer: 1, kind: "person", suppresses: [holdOn("checked", 100, match)] });

  it.each([
    ["all records", null, "items", "1"],
    ["those of its key", "item", "items", "A"],
    ["those with its key in one of several cells", "item", "boxes", "A,7"],
    ["those with its key in a field", "shelf", "items", "1"],
  ])("starts with what stands in its place: %s", (_, match, page, key) => {
    const house = new House([shipped(page), approved(match)]);
    house.write(page, key, { shelf: "A" });
    house.write(page, key.replace(/[1A]/, "B"), { shelf: "B" });
    house.clock.advance(5);
    expect(house.started).toEqual([]);
    house.write("shelves", "A", { approved: "1" });

    const others = match === null ? [[`shipped ${key.replace(/[1A]/, "B")}`, 5]] : [];
    expect(house.started).toEqual([[`shipped ${key}`, 5], ...others]);
  });

  it("is not started by what stands there, until the time is over", () => {
    const house = new House([shipped("items"), approved(null)]);
    house.write("shelves", "A", { checked: "0", approved: "1" });
    house.write("items", "1", { checked: "1" });
    house.clock.advance(99);
    expect(house.started).toEqual([]);
    house.clock.advance(1);

    expect(house.started).toEqual([["shipped 1", 100]]);
  });

  it("reads what stands there again once the higher layer is dead", () => {
    const house = new House([shipped("items"), approved(null)]);
    house.write("shelves", "A", { approved: "1" });
    house.clock.advance(100);
    house.write("items", "1", { ready: "1" });
    house.clock.advance(1_000);

    expect(house.started).toEqual([]);
  });

  it("reads it for the parts of a record too", () => {
    const house = new House([shipped("parts"), approved("item")]);
    house.write("items", "A", { checked: "" });
    const parent = house.board.page("items").find("A")!;
    const part = house.board.page("parts").add(["p"], null, { parent }) as BoardRecord;
    house.scheduler.changed(part);
    house.write("shelves", "A", { approved: "1" });

    expect(house.started).toEqual([["shipped p", 0]]);
  });

  it("is asked for again only where a lower layer reads it", () => {
    const actors = [shipped("items"), { ...shipped("boxes"), layer: 1 }, approved(null)];
    const house = new House(actors);
    house.write("items", "1", { note: "" });
    house.write("boxes", "1,2", { note: "" });
    house.write("shelves", "A", { note: "" });
    const shifts = house.layers.renew(approved(null), house.board.page("shelves").find("A")!, house.clock.now());
    const asked: string[] = [];
    const scheduler = { changed: ({ key }: BoardRecord) => void asked.push(key), released: () => {} };
    follow(shifts, scheduler, house.board, actors);

    expect(asked).toEqual(["1"]);
  });
});
