import { beforeEach, describe, expect, it } from "vitest";
import { type Applied, Applier, type Effect, type FocusData, type Holds, type VisitData } from "../../runtime/apply.ts";
import { type BoardRecord, cellOf, keyOf, rowOf } from "../../runtime/board/board.ts";
import { changeDraft } from "../../runtime/board/change.ts";
import type { Profile } from "../../runtime/decide/decision.ts";
import type { Entry, Kind } from "../../runtime/journal/journal.ts";
import { limits } from "../../runtime/limits.ts";
import { decisionOf, emptied } from "../support/decisions.ts";
import { pageConfig, plannedActor } from "../support/plans.ts";
import { ACTORS, IN_AISLE, IN_BOYS, MINUTE, OPENING, shopPlan, shopReader, WORLD } from "../support/shop.ts";

const SECOND = 1_000; // ms
const KNOWN: Profile = { state: "known", row: { age: 30 }, stale: false };
const AWAY: Profile = { state: "unavailable", detail: "away" };

describe("an applier", () => {
  let applier: Applier;
  let seq: number;
  let now: number;

  beforeEach(() => {
    applier = new Applier({ plan: shopPlan(), actors: ACTORS, reader: shopReader(), world: WORLD });
    seq = 0;
    now = OPENING;
  });

  function entryOf(kind: Kind, value: unknown, headers: Record<string, string> = {}): Entry {
    const payload = new TextEncoder().encode(JSON.stringify(value));
    return { seq: ++seq, kind, principal: "test", subject: "", headers, receivedAt: now, payload };
  }

  const apply = (kind: Kind, value: unknown, headers = {}): Applied => applier.apply(entryOf(kind, value, headers));
  const event = (type: string, id: number, more: object = {}, headers = {}) =>
    apply("event", { type, id, ...more }, headers);
  const move = (id: number, place: object = IN_BOYS) => event("move", id, { ts: now, ...place });
  const focus = (id: number, dep = "Boys") => event("focus", id, { ts: now, dep });
  const profile = (customer: string, visit: number, answer: Profile) =>
    apply("effect", { goal: "context", customer, visit, answer } satisfies Effect);
  const decided = (cause: number) => apply("decision", decisionOf(cause, "7", null));
  const tick = () => apply("tick", null);

  const pageOf = (name: string) => applier.board.page(name);
  const visitOf = (customer: string) => pageOf("visits").find<VisitData>(keyOf([customer]));
  const focusOf = (cause: number) => pageOf("focuses").find<FocusData>(keyOf([String(cause)]));
  const contextOf = (record: BoardRecord<never> | BoardRecord | undefined) => {
    const cell = record === undefined ? undefined : cellOf(record as BoardRecord, "context");
    return cell?.state === "done" ? cell.value : cell?.state;
  };
  /** Anything of the record may have changed. */
  const all = (record: unknown) => [{ record, columns: null }];

  /** All that the board holds, as plain data. */
  const snapshot = () =>
    ["visits", "focuses"].map((page) =>
      [...pageOf(page).records()].map((record) => {
        const { key, data, cells, children } = record;
        return structuredClone({
          key,
          row: rowOf(record),
          data,
          cells,
          children: [...(children ?? [])].map((child) => child.key),
        });
      }),
    );

  describe("opens a visit", () => {
    it("with an entry, ready for work", () => {
      const applied = event("entry", 7, { ts: now });

      expect(applied.changed).toEqual(all(visitOf("7")));
      expect(applied.event).toMatchObject({ type: "entry", identity: "7" });
      expect(visitOf("7")).toMatchObject({ ready: true, data: { customer: "7", number: 1, heardAt: OPENING } });
    });

    it("with a first focus, without an entry", () => {
      const applied = focus(7);

      expect(visitOf("7")).toMatchObject({ ready: true, data: { number: 1 } });
      expect(applied.focus!.data).toMatchObject({ customer: "7", visit: 1, department: "Boys", cause: 1, at: OPENING });
    });

    it("with the moves that make a focus, numbered by the last", () => {
      const focuses = [move(7), move(7), move(7)].map((applied) => applied.focus?.data.visit);

      expect(focuses).toEqual([undefined, undefined, 3]);
      expect(visitOf("7")).toMatchObject({ ready: true, data: { number: 3 } });
    });

    it("that isn't ready with moves alone, and is with the entry that comes late", () => {
      move(7, IN_AISLE);
      expect(visitOf("7")).toMatchObject({ ready: false });
      event("entry", 7);

      expect(visitOf("7")).toMatchObject({ ready: true, data: { number: 2 } });
    });

    it("and counts moves before the entry to the stop", () => {
      move(7);
      move(7);
      event("entry", 7);

      expect(move(7).focus).not.toBe(null);
    });

    it("once: a second entry changes nothing", () => {
      event("entry", 7);
      event("entry", 7);

      expect(visitOf("7")).toMatchObject({ data: { number: 1 } });
      expect(pageOf("visits").size).toBe(1);
    });
  });

  it.each([
    ["an outcome", "outcome", { type: "outcome", id: 7, action: "shown" }],
    ["an exit of somebody who isn't there", "event", { type: "exit", id: 7 }],
    ["what is no event of the site any more", "event", { type: "dance", id: 7 }],
    ["the configuration", "config", { plan: "x" }],
    ["a cell", "cell", {}],
  ] as const)("leaves the board alone at %s", (_, kind, value) => {
    expect(apply(kind, value)).toMatchObject({ changed: [], focus: null, decision: null });
    expect(snapshot()).toEqual([[], []]);
    expect(applier.appliedSeq).toBe(1);
  });

  it.each(["event", "effect", "decision"] as const)("leaves the board alone at an emptied %s", (kind) => {
    expect(applier.apply(emptied(entryOf(kind, {})))).toMatchObject({ changed: [], focus: null, decision: null });
  });

  it("takes the receive time for an event without one", () => {
    now += 3 * MINUTE;

    expect(event("focus", 7, { dep: "Boys" }).focus!.data.at).toBe(now);
  });

  it("marks a focus from a mock endpoint as a test", () => {
    expect(event("focus", 7, { dep: "Boys" }, { test: "1" }).focus!.data.test).toBe(true);
    expect(focus(8).focus!.data.test).toBe(false);
  });

  it("makes a focus of a dead letter taken in again, though the dwell had one", () => {
    focus(7);
    expect(focus(7).focus).toBe(null);

    expect(event("focus", 7, { dep: "Boys" }, { "replay-of": "1" }).focus).not.toBe(null);
  });

  it("changes nothing at all when an actor throws", () => {
    const bomb = ACTORS.map((actor) =>
      actor.goal !== "focused"
        ? actor
        : {
            ...actor,
            handle(sighting: unknown) {
              if ((sighting as { event: { x: number } }).event.x === 13) throw new Error("boom");
              return actor.handle(sighting, null, shopPlan().actors[1]!.with as never, WORLD);
            },
          },
    );
    applier = new Applier({ plan: shopPlan(), actors: bomb, reader: shopReader(), world: WORLD });
    event("entry", 7);
    move(7);
    const before = snapshot();
    now += MINUTE;

    expect(() => move(7, { x: 13, y: 0 })).toThrow("boom");
    expect(() => move(8, { x: 13, y: 0 })).toThrow("boom");
    expect(snapshot()).toEqual(before);
    expect(applier.appliedSeq).toBe(seq);
  });

  describe("at an exit", () => {
    it("takes the visit off the board; the next begins anew", () => {
      event("entry", 7);
      move(7);
      move(7);
      event("exit", 7);
      expect(visitOf("7")).toBe(undefined);

      expect(move(7).focus).toBe(null);
    });

    it("lets an undecided focus be decided, with the profile that comes late", () => {
      event("entry", 7);
      const { focus: left } = focus(7);
      event("exit", 7);
      const applied = profile("7", 1, KNOWN);

      expect(applied.changed).toEqual(all(left!.parent));
      expect(contextOf(left!)).toEqual(KNOWN);
      expect([...applier.undecided.keys()]).toEqual([2]);
    });

    it("forgets the visit with its last focus", () => {
      event("entry", 7);
      focus(7);
      event("exit", 7);
      decided(2);

      expect(profile("7", 1, KNOWN).changed).toEqual([]);
      expect(applier.undecided.size).toBe(0);
    });

    it("does not mix up a visit with the one before", () => {
      event("entry", 7);
      focus(7);
      event("exit", 7);
      event("entry", 7);
      profile("7", 1, AWAY);

      expect(contextOf(visitOf("7"))).toBe(undefined);
      expect(contextOf(focusOf(2))).toEqual(AWAY);
      decided(2);
      expect(visitOf("7")).toMatchObject({ data: { number: 4 } });
    });
  });

  describe("at a profile", () => {
    it("gives it to the visit, and to the focuses that wait", () => {
      event("entry", 7);
      focus(7);
      const applied = profile("7", 1, KNOWN);

      expect(applied.changed).toEqual(all(visitOf("7")));
      expect([contextOf(visitOf("7")), contextOf(focusOf(2))]).toEqual([KNOWN, KNOWN]);
    });

    it("gives it to the focuses that come", () => {
      event("entry", 7);
      profile("7", 1, KNOWN);
      focus(7);

      expect(contextOf(focusOf(3))).toEqual(KNOWN);
    });

    it("lets a focus keep the one that it has", () => {
      event("entry", 7);
      profile("7", 1, KNOWN);
      focus(7);
      profile("7", 1, { ...KNOWN, row: { age: 31 } });

      expect(contextOf(focusOf(3))).toEqual(KNOWN);
      expect(contextOf(visitOf("7"))).toMatchObject({ row: { age: 31 } });
    });

    it("keeps a copy for when the source is away: of a good answer only", () => {
      event("entry", 7);
      profile("7", 1, KNOWN);
      profile("7", 1, { ...KNOWN, row: { age: 99 }, stale: true });
      profile("7", 1, AWAY);
      profile("7", 1, { state: "unknown" });

      expect([...applier.copies]).toEqual([["7", KNOWN.row]]);
    });

    it("keeps a copy also of a visit that is over", () => {
      event("entry", 7);
      event("exit", 7);

      expect(profile("7", 1, KNOWN).changed).toEqual([]);
      expect(applier.copies.get("7")).toEqual(KNOWN.row);
    });

    it("keeps a bounded number of copies, the latest", () => {
      for (let customer = 0; customer <= limits.customerCopies; customer++) profile(String(customer), 0, KNOWN);

      expect(applier.copies.size).toBe(limits.customerCopies);
      expect([applier.copies.has("0"), applier.copies.has("1")]).toEqual([false, true]);
    });

    it("takes no answer that was asked for a focus", () => {
      event("entry", 7);
      apply("effect", { goal: "scored", customer: "7", visit: 1, cause: 9, answer: { state: "failed", detail: "" } });

      expect(contextOf(visitOf("7"))).toBe(undefined);
    });
  });

  describe("at a decision", () => {
    it("takes the focus off the board, and off the visit", () => {
      event("entry", 7);
      const { focus: record } = focus(7);
      const applied = decided(2);

      expect(applied.decision).toMatchObject({ cause: 2 });
      expect(record!.complete).toBe(true);
      expect([focusOf(2), visitOf("7")!.children!.size, applier.undecided.size]).toEqual([undefined, 0, 0]);
    });

    it("shows on the visit's row what became of it", () => {
      event("entry", 7);
      focus(7);
      focus(7, "Sport");
      apply("decision", decisionOf(2, "7", "10"));
      expect(cellOf(visitOf("7") as BoardRecord, "offered")).toMatchObject({
        state: "done",
        detail: "coupon 10",
        at: now,
      });
      decided(3);

      expect(rowOf(visitOf("7") as BoardRecord)).toMatchObject({
        customer: "7",
        ready: "1",
        offered: "1",
        complete: "",
      });
      expect(cellOf(visitOf("7") as BoardRecord, "offered")!.detail).toBe("no-coupon-valid");
    });

    it("takes a second one for the same cause, or for none, without a change", () => {
      focus(7);
      decided(1);
      const before = snapshot();
      decided(1);
      decided(99);

      expect(snapshot()).toEqual(before);
    });
  });

  describe("at what became of an offer", () => {
    const tired = plannedActor("fatigued", {
      ...{ page: "visits", kind: "shipped", layer: 1, on: ["outcome"] },
      with: { dismissals: 2, within: 30 * MINUTE },
    });
    let renewed: string[];

    beforeEach(() => {
      const { pages, actors } = shopPlan();
      renewed = [];
      const holds: Holds = {
        noticed: () => {},
        renewed: ({ goal }, { key }, at) => void renewed.push(`${goal} of ${key} at ${at - OPENING}`),
        inhibited: () => null,
      };
      const plan = { pages, actors: [...actors, tired] };
      applier = new Applier({ plan, actors: ACTORS, reader: shopReader(), world: WORLD, holds });
    });

    const outcome = (id: number | null, more: object) =>
      apply("outcome", { type: "outcome", ...(id === null ? {} : { id }), action: "dismissed", ts: now, ...more });
    const tiredOf = (customer: string) => rowOf(visitOf(customer) as BoardRecord).fatigued;

    it("wakes the actors that wait for it, which remember what came before", () => {
      event("entry", 7);
      const applied = outcome(7, { coupon: "1" });
      expect([tiredOf("7"), renewed]).toEqual([undefined, []]);
      expect(applied.changed).toEqual(all(visitOf("7")));
      now += MINUTE;
      outcome(7, { coupon: "2" });

      expect([tiredOf("7"), renewed]).toEqual(["1", [`fatigued of 7 at ${MINUTE}`]]);
      now += MINUTE;
      outcome(7, { coupon: "10" });
      expect(renewed.length).toBe(2);
    });

    it("knows the customer by the decision where the event names none", () => {
      focus(7);
      apply("decision", decisionOf(1, "7", "1"));
      const { id } = decisionOf(1, "7", "1");
      outcome(null, { decision: id, coupon: "1" });
      outcome(null, { decision: "box-e0-9-0", coupon: "2" });
      expect(renewed).toEqual([]);
      outcome(7, { coupon: "2" });

      expect(tiredOf("7")).toBe("1");
    });

    it("opens no visit, and keeps none open", () => {
      expect(outcome(7, { coupon: "1" })).toMatchObject({ changed: [], event: { identity: "7" } });
      event("entry", 8);
      now += MINUTE;
      outcome(8, { coupon: "1" });

      expect([pageOf("visits").size, visitOf("8")!.data.heardAt]).toEqual([1, OPENING]);
    });

    it("forgets it with the visit", () => {
      event("entry", 7);
      outcome(7, { coupon: "1" });
      event("exit", 7);
      event("entry", 7);
      outcome(7, { coupon: "2" });

      expect(renewed).toEqual([]);
    });
  });

  describe("at a change of the board", () => {
    const change = (cells: Record<string, string>, key = "7"): Applied =>
      applier.apply({
        ...changeDraft({ do: "set", page: "visits", key, cells }, "anna"),
        ...{ seq: ++seq, receivedAt: now },
      });

    it("says what changed, and what it was", () => {
      event("entry", 7);
      const applied = change({ note: "regular" });

      expect(applied.changed).toEqual([{ record: visitOf("7"), columns: [pageOf("visits").column("note")] }]);
      expect(applied.change).toMatchObject({ do: "set", cells: { note: "regular" } });
      expect(rowOf(visitOf("7") as BoardRecord).note).toBe("regular");
    });

    it("says what it was also where it came to nothing", () => {
      expect(change({ note: "regular" })).toMatchObject({ changed: [], change: { do: "set" } });
      expect(pageOf("visits").size).toBe(0);
    });

    it("goes on with the pages and actors of a changed plan", () => {
      const { pages, actors } = shopPlan();
      const done = plannedActor("greeted", { page: "visits" });
      const visits = { ...pages[0]!, goals: [...pages[0]!.goals, "greeted", "seen"] };
      event("entry", 7);
      applier.adopt({ pages: [visits, pages[1]!, pageConfig("tills")], actors: [...actors, done] });
      const of = { page: "visits", key: "7", goal: "greeted", run: "r1", host: "n1" } as const;
      for (const each of [
        { ...of, do: "claim", attempt: 1 },
        { ...of, do: "finish", outcome: "done", also: ["seen"] },
      ] as const)
        applier.apply({ ...changeDraft(each, "n1"), seq: ++seq, receivedAt: now });

      expect(rowOf(visitOf("7") as BoardRecord)).toMatchObject({ greeted: "1", seen: "1" });
      expect(pageOf("tills").size).toBe(0);
    });
  });

  describe("as time passes", () => {
    const LIFE = 30 * MINUTE;

    it("waits for nothing on an empty board", () => {
      expect(applier.nextDueAt()).toBe(null);
    });

    it.each([
      [LIFE - 1, true],
      [LIFE, false],
    ])("keeps a visit that heard nothing for less than its time to live: %d ms, %s", (ms, stays) => {
      event("entry", 7);
      expect(applier.nextDueAt()).toBe(OPENING + LIFE);
      now += ms;
      tick();

      expect(visitOf("7") !== undefined).toBe(stays);
    });

    it("counts from the last event, by receive time", () => {
      event("entry", 7);
      event("entry", 8);
      now += 20 * MINUTE;
      event("move", 7, { ts: 1, ...IN_AISLE });
      now += 10 * MINUTE;
      expect(applier.nextDueAt()).toBe(now);
      tick();

      expect([visitOf("7") !== undefined, visitOf("8") !== undefined]).toEqual([true, false]);
    });

    it("closes a visit, but leaves its focus to be decided", () => {
      focus(7);
      now += LIFE;
      tick();

      expect(visitOf("7")).toBe(undefined);
      expect(focusOf(1)).toMatchObject({ complete: false });
      decided(1);
      expect(focusOf(1)).toBe(undefined);
    });

    it.each<[string, Profile, number]>([
      ["a good profile, to its time to live", KNOWN, 30 * MINUTE],
      ["that nobody knows the customer, too", { state: "unknown" }, 30 * MINUTE],
      ["that the source is away, for half a minute", AWAY, 30 * SECOND],
      ["an old copy, for half a minute", { ...KNOWN, stale: true }, 30 * SECOND],
    ])("keeps %s", (_, answer, life) => {
      event("entry", 7);
      profile("7", 1, answer);
      now += life - 1;
      move(7, IN_AISLE); // the visit stays
      tick();
      expect(contextOf(visitOf("7"))).toEqual(answer);
      expect(applier.nextDueAt()).toBe(OPENING + life);
      now += 1;
      tick();

      expect(contextOf(visitOf("7"))).toBe(undefined);
    });

    it("drops each profile in its own time, good and poor mixed", () => {
      for (const id of [1, 2, 3]) event("entry", id);
      profile("1", 1, KNOWN);
      profile("2", 2, AWAY);
      now += 20 * SECOND;
      profile("3", 3, AWAY);
      now += 10 * SECOND;
      tick();
      expect(["1", "2", "3"].map((id) => contextOf(visitOf(id)))).toEqual([KNOWN, undefined, AWAY]);
      profile("2", 2, KNOWN);
      now += 20 * SECOND;
      tick();

      expect(["1", "2", "3"].map((id) => contextOf(visitOf(id)))).toEqual([KNOWN, KNOWN, undefined]);
    });

    it("does not take a profile from a focus that waits", () => {
      event("entry", 7);
      profile("7", 1, KNOWN);
      focus(7);
      now += 29 * MINUTE;
      move(7);
      now += MINUTE;
      tick();

      expect([contextOf(visitOf("7")), contextOf(focusOf(3))]).toEqual([undefined, KNOWN]);
    });

    it("forgets the profile's age with the visit", () => {
      event("entry", 7);
      profile("7", 1, AWAY);
      event("exit", 7);

      expect(applier.nextDueAt()).toBe(null);
    });
  });

  it("closes the visit that was silent longest when the board is full, and counts it", () => {
    for (let id = 1; id <= limits.visits; id++) event("entry", id);
    move(1, IN_AISLE);
    event("entry", limits.visits + 1);

    expect(pageOf("visits").size).toBe(limits.visits);
    expect([visitOf("1") !== undefined, visitOf("2") !== undefined, applier.evicted]).toEqual([true, false, 1]);
  });

  it("gives a focus up for good", () => {
    const { focus: record } = focus(7);
    applier.abandon(record!);

    expect(record!.complete).toBe(true);
    expect([focusOf(1), applier.undecided.size]).toEqual([undefined, 0]);
  });
});
