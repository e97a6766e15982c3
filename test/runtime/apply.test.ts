import { beforeEach, describe, expect, it } from "vitest";
import { type Applied, Applier, type Effect, type FocusData, type VisitData } from "../../runtime/apply.ts";
import type { BoardRecord } from "../../runtime/board.ts";
import type { Profile } from "../../runtime/decide/decision.ts";
import type { Entry, Kind } from "../../runtime/journal/journal.ts";
import { limits } from "../../runtime/limits.ts";
import { decisionOf, emptied } from "../support/decisions.ts";
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

  const visitOf = (customer: string) => applier.board.find<VisitData>("visits", customer);
  const focusOf = (cause: number) => applier.board.find<FocusData>("focuses", String(cause));
  const contextOf = (record: BoardRecord | undefined) => {
    const cell = record?.cells.get("context");
    return cell?.state === "done" ? cell.value : cell?.state;
  };

  /** All that the board holds, as plain data. */
  const snapshot = () =>
    ["visits", "focuses"].map((page) =>
      [...applier.board.records(page)].map(({ key, ready, complete, data, cells, children }) =>
        structuredClone({ key, ready, complete, data, cells, children: [...children].map((child) => child.key) }),
      ),
    );

  describe("opens a visit", () => {
    it("with an entry, ready for work", () => {
      const applied = event("entry", 7, { ts: now });

      expect(applied.changed).toEqual([visitOf("7")]);
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
      expect(applier.board.size("visits")).toBe(1);
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

      expect(applied.changed).toEqual([left!.parent]);
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

      expect(applied.changed).toEqual([visitOf("7")]);
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
      expect([focusOf(2), visitOf("7")!.children.size, applier.undecided.size]).toEqual([undefined, 0, 0]);
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

    expect(applier.board.size("visits")).toBe(limits.visits);
    expect([visitOf("1") !== undefined, visitOf("2") !== undefined, applier.evicted]).toEqual([true, false, 1]);
  });

  it("gives a focus up for good", () => {
    const { focus: record } = focus(7);
    applier.abandon(record!);

    expect(record!.complete).toBe(true);
    expect([focusOf(1), applier.undecided.size]).toEqual([undefined, 0]);
  });
});
