import { describe, expect, it } from "vitest";
import type { Actor } from "../../runtime/actor.ts";
import { emptied } from "../support/decisions.ts";
import { plannedActor } from "../support/plans.ts";
import { AskedScorer, AskedSource, Rig } from "../support/rig.ts";
import { ACTORS, IN_BOYS, MINUTE, NOBODY, OPENING, shopPlan } from "../support/shop.ts";

const entry = (id: number | string) => ({ type: "entry", id, ts: OPENING });
const focus = (id: number | string, dep = "Boys") => ({ type: "focus", id, ts: OPENING, dep });
const move = (id: number) => ({ type: "move", id, ts: OPENING, ...IN_BOYS });

/** A short day: offers, reasons, a stop that moves made. */
async function played(): Promise<Rig> {
  const rig = new Rig();
  await rig.send(entry(1), entry(2), focus(1), focus(NOBODY), focus(3, "Sport"), move(2), move(2), move(2));
  await rig.runner.idle();
  return rig;
}

describe("a replay", () => {
  it("makes every decision again, the same to the last field", async () => {
    const rig = await played();

    expect(rig.replay()).toEqual({ entries: rig.journal.lastSeq, compared: 4, expired: 0, differences: [] });
  });

  it("asks nobody: neither the source nor a scorer outside", async () => {
    const source = new AskedSource();
    const scorer = new AskedScorer();
    const rig = new Rig({ source, scorer });
    await rig.send(focus(1));
    source.know("1");
    await rig.settle();
    scorer.give(1, 0.6);
    await rig.runner.idle();

    expect(rig.replay()).toMatchObject({ compared: 1, differences: [] });
    expect([source.asked.length, scorer.asked.length]).toEqual([1, 1]);
  });

  it("takes the answers of the time also where the site's own model would score otherwise", async () => {
    const scorer = new AskedScorer();
    const rig = new Rig({ scorer });
    await rig.send(focus(1));
    await rig.settle();
    scorer.give(1, 0.6);
    await rig.runner.idle();

    expect(rig.replay({ scorer: new Rig().work.scorer })).toMatchObject({ compared: 1, differences: [] });
  });

  it("decides nothing that nobody answered for at the time", async () => {
    const scorer = new AskedScorer();
    const rig = new Rig({ scorer });
    await rig.send(focus(1));
    await rig.settle();

    expect(rig.replay()).toMatchObject({ compared: 0, differences: [] });
    expect(scorer.asked.length).toBe(1);
  });

  it("shows what another plan would have decided", async () => {
    const rig = await played();

    const { differences } = rig.replay({ plan: shopPlan({ offered: { threshold: 0.94 } }) });

    expect(
      differences.map(({ recorded, remade }) => [recorded!.customer, recorded!.threshold, remade!.threshold]),
    ).toEqual([
      ["1", 0.2, 0.94],
      ["2", 0.2, 0.94],
      [NOBODY, 0.2, 0.94],
      ["3", 0.2, 0.94],
    ]);
    expect(differences[0]).toMatchObject({
      recorded: { offers: [{ coupon: "1" }] },
      remade: { offers: [{ coupon: "1" }] },
    });
  });

  it("shows decisions that would not have been made, and those that would", async () => {
    const rig = await played();

    const fewer = rig.replay({ plan: shopPlan({ focused: { moves: 4 } }) }).differences;
    const more = rig.replay({ plan: shopPlan({ focused: { moves: 1 } }) }).differences;

    expect(fewer.map(({ id, remade }) => [id, remade])).toEqual([["box-e0-8-0", null]]);
    expect(more.map(({ id, recorded, remade }) => [id, recorded === null, remade === null])).toEqual([
      ["box-e0-8-0", false, true],
      ["box-e0-6-0", true, false],
    ]);
  });

  it("does not make decisions again that a restart let expire", async () => {
    const before = new Rig({ source: new AskedSource() });
    await before.send(focus(1), focus(2));
    const after = new Rig({ disk: before.journal.disk, now: OPENING + 15 * MINUTE });
    await after.runner.idle();

    expect(after.replay()).toMatchObject({ compared: 0, expired: 2, differences: [] });
  });

  it("goes on where an actor failed at the time, and fails again", async () => {
    const actors = ACTORS.map((actor): Actor<unknown, unknown, unknown> => {
      if (actor.goal !== "scored") return actor;
      const handle: typeof actor.handle = (input, ...rest) => {
        if ((input as { customer: string }).customer === "2") throw new Error("boom");
        return actor.handle(input, ...rest);
      };
      return { ...actor, handle };
    });
    const rig = new Rig({ actors });
    await rig.send(focus(1), focus(2), focus(3));

    expect(rig.letters.length).toBe(1);
    expect(rig.replay()).toMatchObject({ compared: 2, differences: [] });
  });

  it("goes on where an event could not be applied at the time", async () => {
    const focused = ACTORS.find(({ goal }) => goal === "focused")!;
    const handle: typeof focused.handle = (...given) => {
      if ((given[0] as { event: { x: number } }).event.x === 13) throw new Error("boom");
      return focused.handle(...given);
    };
    const rig = new Rig({ actors: ACTORS.map((actor) => (actor === focused ? { ...focused, handle } : actor)) });
    await rig.send(focus(1), { ...move(1), x: 13 }, focus(2));

    expect(rig.replay()).toMatchObject({ compared: 2, differences: [] });
  });

  it("goes past what the site's own actors did, and asks none of them", async () => {
    const { pages, actors } = shopPlan();
    const greeted = plannedActor("greeted", { page: "visits", prerequisites: ["context"] });
    const visits = { ...pages[0]!, goals: [...pages[0]!.goals, "greeted"] };
    const rig = new Rig({ plan: { pages: [visits, pages[1]!], actors: [...actors, greeted] } });
    await rig.send(entry(1), focus(1), focus(1, "Sport"));
    await rig.runner.idle();

    expect(rig.journal.disk.entries.map(({ subject }) => subject)).toContain("board/claim");
    expect(rig.replay()).toEqual({ entries: rig.journal.lastSeq, compared: 2, expired: 0, differences: [] });
  });

  it("leaves out what was emptied since", async () => {
    const rig = await played();
    const { entries } = rig.journal.disk;
    const decision = entries.findIndex(({ kind }) => kind === "decision");
    const cause = rig.decisions[0]!.cause - 1;
    for (const index of [cause, decision]) entries[index] = emptied(entries[index]!);

    expect(rig.replay()).toMatchObject({ compared: 3, differences: [] });
  });
});
