import { describe, expect, it } from "vitest";
import type { Actor } from "../../runtime/actor.ts";
import type { CustomerSource } from "../../runtime/data/source.ts";
import type { Decision, Profile } from "../../runtime/decide/decision.ts";
import { AisleError } from "../../runtime/errors.ts";
import { cutAfter } from "../support/memory-journal.ts";
import { prng } from "../support/prng.ts";
import { AskedScorer, AskedSource, Rig, type RigOptions, turns } from "../support/rig.ts";
import { ACTORS, CUSTOMERS, IN_AISLE, IN_BOYS, IN_SPORT, MINUTE, NOBODY, OPENING, shopPlan } from "../support/shop.ts";

const SECOND = 1_000; // ms

const entry = (id: number | string, at = OPENING) => ({ type: "entry", id, ts: at });
const exit = (id: number | string, at = OPENING) => ({ type: "exit", id, ts: at });
const focus = (id: number | string, dep = "Boys", at = OPENING) => ({ type: "focus", id, ts: at, dep });
const move = (id: number | string, place: object, at = OPENING) => ({ type: "move", id, ts: at, ...place });

const offersOf = (decisions: readonly Decision[]) =>
  decisions.map(({ customer, offers }) => [customer, offers[0]?.coupon ?? null]);
const reasonsOf = (decisions: readonly Decision[]) => decisions.map(({ none }) => none?.reason ?? null);

/** The shop's actors, one of them with a `handle` of the test's own. */
function actorsWith(
  goal: string,
  handle: (input: { customer: string }) => unknown,
): readonly Actor<unknown, unknown, unknown>[] {
  return ACTORS.map((actor) =>
    actor.goal === goal ? { ...actor, handle: (input) => handle(input as { customer: string }) } : actor,
  );
}

describe("a focus", () => {
  it("leads to an offer, explained in full", async () => {
    const rig = new Rig();
    await rig.send(entry(1), focus(1));

    expect(rig.decisions).toEqual([
      {
        id: "box-e0-2-0",
        cause: 2,
        customer: "1",
        visit: 1,
        department: "Boys",
        focusedAt: OPENING,
        receivedAt: OPENING,
        expiresAt: OPENING + 15 * MINUTE,
        offers: [{ coupon: "1", score: 0.9 + 0.05, rank: 1 }],
        none: null,
        threshold: 0.2,
        features: { age: 30 },
        candidates: [
          { coupon: "1", score: 0.9 + 0.05, features: { discount: 50 } },
          { coupon: "10", score: 0.9 + 0.05, features: { discount: 50 } },
          { coupon: "2", score: 0.5 + 0.05, features: { discount: 30 } },
        ],
        candidatesMore: 0,
        removed: [
          { coupon: "10", why: "beyond-top" },
          { coupon: "2", why: "beyond-top" },
          { coupon: "3", why: "not-valid" },
        ],
        removedMore: 0,
        scorer: "core",
        stale: false,
        versions: { model: "ab".repeat(32), plan: "p", catalog: "c", site: "s" },
        test: false,
      },
    ]);
    expect(rig.decided).toEqual(rig.decisions);
  });

  it("needs no entry: the visit opens with it", async () => {
    const rig = new Rig();
    await rig.send(focus(1));

    expect(offersOf(rig.decisions)).toEqual([["1", "1"]]);
  });

  it("comes of moves too", async () => {
    const rig = new Rig();
    await rig.send(entry(1), ...Array(5).fill(move(1, IN_BOYS)));

    expect(rig.decisions.map(({ cause }) => cause)).toEqual([4]);
  });

  it("repeated within its dwell leads to nothing more", async () => {
    const rig = new Rig();
    await rig.send(focus(1), focus(1), focus(1, "Boy's"));

    expect(rig.decisions.length).toBe(1);
  });

  it("is decided in the commit that brings it to the disk", async () => {
    const rig = new Rig();
    await rig.send(entry(1));
    const before = rig.journal.commits;
    await rig.send(focus(1));

    expect(rig.journal.commits).toBe(before + 1);
    expect(rig.kinds.slice(-2)).toEqual(["event", "decision"]);
  });

  it("has nobody outside hear of its decision before it is on disk", async () => {
    const rig = new Rig();
    rig.journal.hold();
    const sent = rig.send(focus(1));
    await turns(5);
    expect({ decided: rig.decided, queued: rig.journal.queued }).toEqual({ decided: [], queued: 3 });
    rig.journal.release();
    await sent;

    expect(rig.decided.length).toBe(1);
  });

  it("is not counted as waiting once it is decided", async () => {
    const rig = new Rig();
    await rig.send(focus(1));

    expect(rig.runner.backlog).toBe(0);
    expect(rig.journal.appliedSeq).toBe(rig.journal.lastSeq);
  });

  it.each([
    ["an unknown customer", NOBODY, "Boys", "unknown-customer"],
    ["scores that are too low", "3", "Sport", "below-threshold"],
  ])("leads to a reason for %s", async (_, customer, department, reason) => {
    const rig = new Rig();
    await rig.send(focus(customer, department));

    expect(reasonsOf(rig.decisions)).toEqual([reason]);
  });

  it("of long ago finds what was valid then", async () => {
    const rig = new Rig();
    await rig.send(focus(1, "Boys", Date.UTC(2025, 5, 1)), focus(1, "Sport", Date.UTC(2020, 0, 1)));

    expect(offersOf(rig.decisions)).toEqual([
      ["1", "3"],
      ["1", null],
    ]);
    expect(reasonsOf(rig.decisions)).toEqual([null, "no-coupon-valid"]);
  });

  it("tells who waits for it when it is decided, and at once who needs not wait", async () => {
    const source = new AskedSource();
    const rig = new Rig({ source });
    await rig.send(entry(1), focus(1));
    const told: string[] = [];
    const waits = [
      rig.runner.settled(2).then(() => told.push("focus")),
      rig.runner.settled(2).then(() => told.push("focus")),
    ];
    await rig.runner.settled(1);
    expect(told).toEqual([]);
    source.know("1");
    await Promise.all(waits);

    expect([told.length, rig.decisions.length]).toEqual([2, 1]);
    await rig.runner.settled(2);
  });
});

describe("the source of customers", () => {
  it("is asked once for a visit", async () => {
    const source = new AskedSource();
    const rig = new Rig({ source });
    await rig.send(entry(1), entry(1), focus(1), focus(1, "Sport"));
    source.know("1");
    await rig.runner.idle();

    expect(source.asked).toEqual(["1"]);
    expect(offersOf(rig.decisions)).toEqual([
      ["1", "1"],
      ["1", null],
    ]);
  });

  it("may answer in any order, with customers between each other", async () => {
    const source = new AskedSource();
    const rig = new Rig({ source });
    await rig.send(entry(1), entry(4), focus(4), focus(1));
    expect(rig.runner.backlog).toBe(2);
    source.know("4");
    await rig.settle();
    expect(offersOf(rig.decisions)).toEqual([["4", "1"]]);
    source.know("1");
    await rig.runner.idle();

    expect(rig.decisions.map(({ customer, features }) => [customer, features.age])).toEqual([
      ["4", 60],
      ["1", 30],
    ]);
  });

  it("may answer after the exit: what was asked for is decided", async () => {
    const source = new AskedSource();
    const rig = new Rig({ source });
    await rig.send(entry(1), focus(1), exit(1));
    source.know("1");
    await rig.runner.idle();

    expect(offersOf(rig.decisions)).toEqual([["1", "1"]]);
    expect(rig.applier.board.page("visits").size).toBe(0);
  });

  it("has its answer journalled, so that nobody need ask again", async () => {
    const rig = new Rig();
    await rig.send(entry(1));
    await rig.settle();

    const effect = rig.journal.disk.entries.find(({ kind }) => kind === "effect")!;
    expect(JSON.parse(Buffer.from(effect.payload).toString())).toEqual({
      goal: "context",
      customer: "1",
      visit: 1,
      answer: { state: "known", row: CUSTOMERS.get("1"), stale: false },
    });
  });

  /** A source that is there, or away. */
  class Switched implements CustomerSource {
    away = false;
    asked = 0;

    fetch(customer: string): Profile {
      this.asked++;
      if (this.away) return { state: "unavailable", detail: "no route" };
      return { state: "known", row: CUSTOMERS.get(customer)!, stale: false };
    }
  }

  it("that is away has the last copy used", async () => {
    const source = new Switched();
    const rig = new Rig({ source });
    await rig.send(entry(1), exit(1));
    source.away = true;
    await rig.send(entry(1), focus(1));

    expect(rig.decisions).toMatchObject([{ stale: true, features: { age: 30 }, offers: [{ coupon: "1" }] }]);
  });

  it("that is away with no copy leads to a reason", async () => {
    const source = new Switched();
    source.away = true;
    const rig = new Rig({ source });
    await rig.send(focus(1));

    expect(rig.decisions[0]!.none).toEqual({ reason: "customer-unavailable", detail: "no route" });
  });

  it("that was away is asked again half a minute later, when the customer is heard of", async () => {
    const source = new Switched();
    source.away = true;
    const rig = new Rig({ source });
    await rig.send(focus(1));
    source.away = false;
    rig.clock.advance(25 * SECOND);
    await rig.send(focus(1, "Sport", rig.clock.now()));
    rig.clock.advance(5 * SECOND);
    await rig.settle();
    await rig.send(focus(1, "Boys", rig.clock.now()));

    expect(reasonsOf(rig.decisions)).toEqual(["customer-unavailable", "customer-unavailable", null]);
    expect(source.asked).toBe(2);
  });

  it("is asked again when a profile is too old", async () => {
    const source = new Switched();
    const rig = new Rig({ source, plan: shopPlan({ context: { timeToLive: MINUTE } }) });
    await rig.send(entry(1));
    rig.clock.advance(MINUTE);
    await rig.settle();
    await rig.send(move(1, IN_AISLE, rig.clock.now()));
    await rig.settle();

    expect(source.asked).toBe(2);
    expect(rig.kinds).toEqual(["event", "effect", "tick", "event", "effect"]);
  });

  it("that has a bug costs the focuses that wait, and is tried again for the next", async () => {
    const source = new AskedSource();
    const rig = new Rig({ source });
    await rig.send(entry(1), focus(1));
    source.fail(new Error("bug in the source"));
    await rig.runner.idle();
    expect(rig.letters).toMatchObject([
      { code: "failed", detail: "'context' failed: bug in the source", seq: 2, where: { source: "/events" } },
    ]);
    expect(rig.faults).toEqual(["'context' failed: bug in the source"]);
    await rig.send(move(1, IN_BOYS));
    expect(source.open.length).toBe(0);
    await rig.send(focus(1, "Sport"));
    source.know("1");
    await rig.runner.idle();

    expect(rig.decisions.map(({ cause }) => cause)).toEqual([4]);
    expect(rig.journal.appliedSeq).toBe(rig.journal.lastSeq);
  });

  it("that has a bug leaves a focus alone that is being scored already", async () => {
    const source = new AskedSource();
    const scorer = new AskedScorer();
    const rig = new Rig({ source, scorer, plan: shopPlan({ context: { timeToLive: MINUTE } }) });
    await rig.send(entry(1), focus(1));
    source.know("1");
    await rig.settle();
    rig.clock.advance(MINUTE);
    await rig.settle();
    await rig.send(focus(1, "Sport", rig.clock.now()));
    source.fail(new Error("bug in the source"));
    await rig.settle();
    scorer.give(1, 0.7);
    await rig.runner.idle();

    expect(rig.letters.length).toBe(1);
    expect(rig.decisions.map(({ department, offers }) => [department, offers.length])).toEqual([["Boys", 1]]);
  });
});

describe("a scorer outside", () => {
  it("may answer in any order, with customers between each other", async () => {
    const scorer = new AskedScorer();
    const rig = new Rig({ scorer });
    await rig.send(focus(1), focus(2));
    await rig.settle();
    scorer.give(2, 0.5);
    await rig.settle();
    scorer.give(1, 0.4);
    await rig.runner.idle();

    expect(rig.decisions.map(({ customer, offers, scorer: by }) => [customer, offers[0]!.score, by])).toEqual([
      ["2", 0.5, "rest"],
      ["1", 0.4, "rest"],
    ]);
  });

  it("scores two focuses of one visit at once", async () => {
    const scorer = new AskedScorer();
    const rig = new Rig({ scorer });
    await rig.send(focus(1), focus(1, "Sport"));
    await rig.settle();
    expect(scorer.open.map(({ asked }) => asked.coupons[0]!.department)).toEqual(["Boys", "Sport"]);
    scorer.answer(
      ({ coupons }) => ({ state: "scored", by: "rest", scores: coupons.map(({ id }) => ({ coupon: id, score: 1 })) }),
      ({ coupons }) => coupons[0]!.department === "Sport",
    );
    await rig.settle();
    scorer.give(1, 0.4);
    await rig.runner.idle();

    expect(rig.decisions.map(({ department }) => department)).toEqual(["Sport", "Boys"]);
  });

  it("has its answer in the commit of the decision, before it", async () => {
    const scorer = new AskedScorer();
    const rig = new Rig({ scorer });
    await rig.send(focus(1));
    await rig.settle();
    const before = rig.journal.commits;
    scorer.give(1, 0.4);
    await rig.runner.idle();

    expect(rig.journal.commits).toBe(before + 1);
    expect(rig.kinds.slice(-2)).toEqual(["effect", "decision"]);
  });

  it("that failed leads to a reason", async () => {
    const scorer = new AskedScorer();
    const rig = new Rig({ scorer });
    await rig.send(focus(1));
    await rig.settle();
    scorer.answer({ state: "failed", detail: "the scorer answered 500" });
    await rig.runner.idle();

    expect(rig.decisions[0]!.none).toEqual({ reason: "scorer-failed", detail: "the scorer answered 500" });
  });

  it("that has a bug costs one focus", async () => {
    const scorer = new AskedScorer();
    const rig = new Rig({ scorer });
    await rig.send(focus(1), focus(2));
    await rig.settle();
    scorer.fail(new Error("bug in the scorer"));
    scorer.give(2, 0.5);
    await rig.runner.idle();

    expect(rig.letters).toMatchObject([{ code: "failed", detail: "'scored' failed: bug in the scorer", seq: 1 }]);
    expect(offersOf(rig.decisions)).toEqual([["2", "1"]]);
  });

  it("is not asked where there is nothing to score", async () => {
    const scorer = new AskedScorer();
    const rig = new Rig({ scorer });
    await rig.send(focus(NOBODY));
    await rig.settle();

    expect(scorer.asked).toEqual([]);
    expect(reasonsOf(rig.decisions)).toEqual(["unknown-customer"]);
  });

  it.each([
    ["a millisecond before the offer would expire", 15 * MINUTE - 1, null],
    ["when it has", 15 * MINUTE, "expired"],
  ])("that answers %s: %d ms, %s", async (_, ms, reason) => {
    const scorer = new AskedScorer();
    const rig = new Rig({ scorer });
    await rig.send(focus(1));
    await rig.settle();
    rig.clock.advance(ms);
    scorer.give(1, 0.9);
    await rig.runner.idle();

    expect(reasonsOf(rig.decisions)).toEqual([reason]);
  });
});

describe("an actor that throws", () => {
  const boom = (when: string) => (input: { customer: string }) => {
    if (input.customer === when) throw new Error("boom");
    return { scores: null, notValid: [] };
  };

  it("costs one focus: its cause is a dead letter, other customers go on", async () => {
    const rig = new Rig({ actors: actorsWith("scored", boom("2")) });
    await rig.send(focus(1), focus(2), focus(3));

    expect(rig.decisions.map(({ customer }) => customer)).toEqual(["1", "3"]);
    expect(rig.letters).toMatchObject([{ code: "failed", detail: "'scored' failed: boom", seq: 2 }]);
    expect(JSON.parse(Buffer.from(rig.letters[0]!.payload).toString())).toEqual(focus(2));
    expect(rig.faults).toEqual(["'scored' failed: boom"]);
  });

  it("leaves nothing that waits", async () => {
    const rig = new Rig({ actors: actorsWith("scored", boom("2")) });
    await rig.send(focus(2));
    await rig.runner.settled(1);
    await rig.send(entry(1));

    expect(rig.runner.backlog).toBe(0);
    expect(rig.journal.appliedSeq).toBe(rig.journal.lastSeq);
    expect(rig.applier.board.page("focuses").size).toBe(0);
  });

  it("has its focus decided when the letter is taken in again and the cause is mended", async () => {
    let mended = false;
    const scored = ACTORS.find(({ goal }) => goal === "scored")!;
    const actors = ACTORS.map((actor): Actor<unknown, unknown, unknown> => {
      if (actor !== scored) return actor;
      const handle: typeof actor.handle = (...given) => {
        if (!mended) throw new Error("boom");
        return scored.handle(...given);
      };
      return { ...actor, handle };
    });
    const rig = new Rig({ actors });
    await rig.send(focus(1));
    mended = true;
    const { principal, subject, headers, payload } = rig.letters[0]!;
    await rig.ingest.replay({ principal, subject, type: null, headers, body: payload }, { letter: 1, seq: null });

    expect(offersOf(rig.decisions)).toEqual([["1", "1"]]);
  });

  it("at an event costs that event alone, in the dead letters by its sequence", async () => {
    const focused = ACTORS.find(({ goal }) => goal === "focused")!;
    const handle: typeof focused.handle = (...given) => {
      if ((given[0] as { event: { x: number } }).event.x === 13) throw new Error("boom");
      return focused.handle(...given);
    };
    const rig = new Rig({ actors: ACTORS.map((actor) => (actor === focused ? { ...focused, handle } : actor)) });
    const receipt = await rig.send(focus(1), move(1, { x: 13, y: 0 }), focus(2));

    expect(receipt).toMatchObject({ accepted: 3 });
    expect(rig.letters).toMatchObject([{ code: "failed", detail: "boom", seq: 2 }]);
    expect(rig.decisions.map(({ customer }) => customer)).toEqual(["1", "2"]);
  });
});

describe("who is told", () => {
  it("and throws keeps nobody's decision from being made or told", async () => {
    const heard: string[] = [];
    const told = ({ customer }: Decision) => {
      heard.push(customer);
      throw new Error("the terminal is gone");
    };
    const rig = new Rig({ told });
    await rig.send(focus(1), focus(2));
    await rig.send(focus(3));

    expect(heard).toEqual(["1", "2", "3"]);
    expect(rig.faults).toEqual(Array(3).fill("what happened can't be told: the terminal is gone"));
  });
});

describe("a journal", () => {
  it("that is full gets the results a little later", async () => {
    const rig = new Rig();
    rig.journal.queueMax = 1;
    rig.journal.hold();
    const sent = rig.send(focus(1));
    rig.journal.queueMax = Number.POSITIVE_INFINITY;
    rig.journal.release();
    await sent;
    expect(rig.decisions).toEqual([]);
    rig.clock.advance(20);
    await rig.runner.idle();

    expect(offersOf(rig.decisions)).toEqual([["1", "1"]]);
    expect(rig.faults).toEqual([]);
  });

  it("that stays full gets them as often as it takes", async () => {
    const scorer = new AskedScorer();
    const rig = new Rig({ scorer });
    await rig.send(focus(1));
    await rig.settle();
    rig.journal.queueMax = 0;
    scorer.give(1, 0.5);
    for (let i = 0; i < 5; i++) {
      await rig.settle();
      rig.clock.advance(20);
    }
    rig.journal.queueMax = 2;
    await rig.settle();
    rig.clock.advance(20);
    await rig.runner.idle();

    expect(rig.decisions.length).toBe(1);
    expect(rig.kinds.slice(-2)).toEqual(["effect", "decision"]);
  });

  it("that breaks leaves nobody waiting, and makes no dead letters of what a restart decides", async () => {
    const scorer = new AskedScorer();
    const rig = new Rig({ scorer });
    await rig.send(focus(1));
    await rig.settle();
    const settled = rig.runner.settled(1);
    rig.journal.failNext(new AisleError("unavailable", "the disk is full"));
    scorer.give(1, 0.5);
    await settled;
    await rig.runner.idle();

    expect(rig.letters).toEqual([]);
    expect(rig.faults).toEqual(["'offered' failed: the disk is full"]);
    expect(offersOf((await restarted(rig)).decisions)).toEqual([["1", "1"]]);
  });

  it("is away leaves causes to the next start, also when it still writes what it took before", async () => {
    const scorer = new AskedScorer();
    const rig = new Rig({ scorer });
    await rig.send(focus(1));
    await rig.settle();
    const settled = rig.runner.settled(1);
    rig.journal.failNext(new AisleError("unavailable", "the journal is closed"));
    scorer.give(1, 0.5);
    await settled;
    // Two commits: what a commit makes of it stands in the one after it.
    for (const customer of [2, 3]) await rig.send(entry(customer));
    await rig.settle();

    expect(rig.runner.backlog).toBe(0);
    expect(rig.journal.appliedSeq).toBe(0);
    expect(offersOf((await restarted(rig)).decisions)).toEqual([["1", "1"]]);
  });

  /** The same place, started again from what is on its disk. */
  async function restarted(rig: Rig): Promise<Rig> {
    const again = new Rig({ disk: rig.journal.disk });
    await again.runner.idle();
    return again;
  }
});

describe("time", () => {
  it("becomes an entry only when something on the board depends on it", async () => {
    const rig = new Rig();
    await rig.send(entry(1));
    rig.clock.advance(29 * MINUTE);
    await rig.settle();
    expect(rig.kinds).toEqual(["event", "effect"]);
    rig.clock.advance(MINUTE);
    await rig.settle();

    expect(rig.kinds).toEqual(["event", "effect", "tick"]);
    expect(rig.applier.board.page("visits").size).toBe(0);
  });

  it("stands still after a drain", async () => {
    const rig = new Rig();
    await rig.send(entry(1));
    await rig.runner.drain(1_000);
    rig.clock.advance(60 * MINUTE);
    await rig.settle();

    expect(rig.kinds).toEqual(["event", "effect"]);
  });

  it("is given to what is under way by a drain: a focus that waits is decided", async () => {
    const source = new AskedSource();
    const rig = new Rig({ source });
    await rig.send(focus(1));
    const drained = rig.runner.drain(1_000);
    source.know("1");
    await drained;

    expect(offersOf(rig.decisions)).toEqual([["1", "1"]]);
  });

  it("does not let a drain wait for ever", async () => {
    const source = new AskedSource();
    const rig = new Rig({ source });
    await rig.send(focus(1));
    const drained = rig.runner.drain(1_000);
    rig.clock.advance(1_000);
    await drained;

    expect(rig.runner.backlog).toBe(1);
  });
});

describe("a restart", () => {
  it("decides what was left undecided, and nothing twice", async () => {
    const source = new AskedSource();
    const before = new Rig({ source });
    await before.send(entry(1), focus(1), entry(2), focus(2));
    source.know("1");
    await before.settle();
    expect(before.decisions.map(({ cause }) => cause)).toEqual([2]);

    const after = new Rig({ disk: before.journal.disk });
    await after.runner.idle();

    expect(after.decisions.map(({ id }) => id)).toEqual(["box-e0-2-0", "box-e0-4-0"]);
    expect(after.decided.map(({ id }) => id)).toEqual(["box-e0-4-0"]);
  });

  it("knows dwells, profiles and ids again", async () => {
    const before = new Rig();
    const named = { ...focus(1), event_id: "a" };
    await before.send(entry(1), move(1, IN_SPORT), move(1, IN_SPORT), named);
    await before.settle();
    const source = new AskedSource();
    const after = new Rig({ disk: before.journal.disk, source });

    expect(await after.send(named)).toMatchObject({ duplicate: 1 });
    await after.send(move(1, IN_SPORT), move(1, IN_SPORT), move(1, IN_SPORT), focus(1, "Boys"));
    expect(source.asked).toEqual([]);
    expect(after.decisions.map(({ department }) => department)).toEqual(["Boys", "Sport", "Boys"]);
  });

  it("lets an offer expire whose time has passed meanwhile", async () => {
    const before = new Rig({ source: new AskedSource() });
    await before.send(focus(1));
    const after = new Rig({ disk: before.journal.disk, now: OPENING + 15 * MINUTE });
    await after.runner.idle();

    expect(after.decisions[0]!.none).toEqual({
      reason: "expired",
      detail: "decided more than 900 s after the focus, as after a restart",
    });
  });

  it("leaves history alone: a cause that had its effect is not decided by a new plan", async () => {
    const before = new Rig({ plan: shopPlan({ focused: { moves: 5 } }) });
    await before.send(entry(1), ...Array(4).fill(move(1, IN_BOYS)));
    await before.send(entry(2));
    await before.settle();
    // With three moves, the fourth entry would have been a focus.
    const after = new Rig({ disk: before.journal.disk });
    await after.settle();

    expect(after.decisions).toEqual([]);
    expect(after.runner.backlog).toBe(0);
  });

  it("uses the profile that a focus had, though the visit lost it since", async () => {
    const plan = shopPlan({ context: { timeToLive: MINUTE } });
    const row = { customer_id: 1, age: 30 };
    const source: CustomerSource = { fetch: () => ({ state: "known", row, stale: false }) };
    const before = new Rig({ plan, source, scorer: new AskedScorer() });
    await before.send(entry(1), focus(1));
    before.clock.advance(MINUTE);
    await before.settle();
    expect(before.kinds.at(-1)).toBe("tick");

    const older: CustomerSource = { fetch: () => ({ state: "known", row: { ...row, age: 50 }, stale: false }) };
    const after = new Rig({ disk: before.journal.disk, plan, source: older });
    await after.runner.idle();

    expect(after.decisions.map(({ features }) => features.age)).toEqual([30]);
    expect(after.replay().differences).toEqual([]);
  });
});

/** Some customers, an hour long: entries, moves, told focuses, exits, with ids; times are whole ticks. */
function randomDay(seed: number, count: number): { readonly at: number; readonly event: object }[] {
  const random = prng(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const customers = [...CUSTOMERS.keys(), NOBODY];
  let at = OPENING;
  let last: object = focus(1);
  return Array.from({ length: count }, (_, index) => {
    at += 5 * SECOND * Math.floor(random() < 0.05 ? 200 * random() : 8 * random());
    const kind = random();
    const id = pick(customers);
    if (kind < 0.1) return { at, event: last };
    const what =
      kind < 0.25
        ? entry(id, at)
        : kind < 0.35
          ? exit(id, at)
          : kind < 0.5
            ? focus(id, pick(["Boys", "Sports"]), at)
            : move(id, pick([IN_BOYS, IN_BOYS, IN_SPORT, IN_AISLE]), at);
    last = { ...what, event_id: `${seed}-${index}` };
    return { at, event: last };
  });
}

async function live(rig: Rig, day: ReturnType<typeof randomDay>): Promise<void> {
  for (const { at, event } of day) {
    if (at > rig.clock.now()) rig.clock.advance(at - rig.clock.now());
    await rig.settle();
    await rig.send(event);
  }
  await rig.runner.idle();
}

/** What a decision says, but for the numbers that depend on when answers were written. */
function essence({ id: _i, cause: _c, visit: _v, ...rest }: Decision): string {
  return JSON.stringify(rest);
}

describe("a cut of the power", () => {
  // Moves make a focus soon, and profiles get old within the hour, so that there is much to cut.
  const plan = shopPlan({ focused: { moves: 2, again: MINUTE }, context: { timeToLive: 4 * MINUTE } });

  it.each([1, 2, 3])("after any entry changes no decision, loses none, and makes none twice: day %d", async (seed) => {
    const day = randomDay(seed, 50);
    const whole = new Rig({ plan });
    await live(whole, day);
    const expected = whole.decisions.map(essence);
    expect(expected.length).toBeGreaterThan(5);

    for (let cut = 0; cut <= whole.journal.lastSeq; cut++) {
      const disk = cutAfter(whole.journal.disk, cut);
      const kept = disk.entries.filter(({ kind }) => kind === "decision").length;
      const rig = new Rig({ plan, disk, ...(cut === 0 ? { now: OPENING } : {}) });
      // The publisher, not knowing what arrived, sends the day again from its start.
      await live(rig, day);

      const shown = `seed ${seed}, cut after entry ${cut}`;
      expect(rig.decisions.map(essence).sort(), shown).toEqual([...expected].sort());
      expect(new Set(rig.decisions.map(({ id }) => id)).size, shown).toBe(expected.length);
      expect(kept + rig.decided.length, shown).toBe(expected.length);
      expect({ letters: rig.letters, faults: rig.faults }, shown).toEqual({ letters: [], faults: [] });
    }
  });

  it.each([11, 12, 13, 14])(
    "while the world changes leaves a journal that replays without a difference: day %d",
    async (seed) => {
      const day = randomDay(seed, 60);
      const random = prng(seed);
      /** Everybody is a year older with each answer; now and then nobody is at home. */
      let age = 20;
      const source: CustomerSource = {
        async fetch(customer): Promise<Profile> {
          for (let turns = Math.floor(random() * 3); turns > 0; turns--)
            await new Promise((resolve) => setImmediate(resolve));
          if (random() < 0.2) return { state: "unavailable", detail: "no route" };
          return { state: "known", row: { customer_id: Number(customer), age: age++ }, stale: false };
        },
      };
      const options: RigOptions = { plan, source };
      let rig = new Rig(options);
      for (let from = 0; from < day.length; ) {
        const count = 1 + Math.floor(random() * 20);
        for (const { at, event } of day.slice(from, from + count)) {
          if (at > rig.clock.now()) rig.clock.advance(at - rig.clock.now());
          if (random() < 0.5) await rig.settle();
          await rig.send(event);
        }
        from += count;
        // Off, whatever is under way; and on again.
        const { disk } = rig.journal;
        rig = new Rig({ ...options, disk: cutAfter(disk, disk.entries.length), now: rig.clock.now() });
      }
      await rig.runner.idle();

      const replayed = rig.replay();
      expect(replayed.differences).toEqual([]);
      expect(replayed.compared).toBeGreaterThan(5);
      expect(new Set(rig.decisions.map(({ cause }) => cause)).size).toBe(rig.decisions.length);
    },
  );
});
