import { describe, expect, it } from "vitest";
import { type BoardRecord, cellOf, putCell } from "../../../runtime/board/board.ts";
import { cell } from "../../../runtime/board/cell.ts";
import type { Finish } from "../../../runtime/board/change.ts";
import type { Claim, Claims, Refused } from "../../../runtime/claims/claims.ts";
import type { Conflict, PlannedActor } from "../../../runtime/site.ts";
import { plannedActor } from "../../support/plans.ts";
import { turns } from "../../support/rig.ts";
import { Workbench } from "../../support/workbench.ts";

const SECOND = 1_000; // ms
const MINUTE = 60 * SECOND;
const one = (more: Partial<PlannedActor> = {}) => [plannedActor("a", more)];
const retries = { max: 2, backoffMs: SECOND, backoffMaxMs: 3 * SECOND };
const apart = (goal: string, scope: Conflict["scope"] = "node"): Conflict => ({ goal, limit: 1, scope });

/** Claims whose answers the test gives. */
class AskedClaims implements Claims {
  readonly asked: { readonly goal: string; readonly key: string; readonly run: string; readonly attempt: number }[] =
    [];
  readonly #answers: ((answer: Claim | Refused) => void)[] = [];
  readonly delivered: Finish[] = [];
  readonly released: string[] = [];
  readonly renewed: string[] = [];
  /** What is answered at once; null: the test answers. */
  answer: Refused | null = null;
  good = true;
  free: () => void = () => {};
  lost: (claim: Claim) => void = () => {};

  acquire(actor: PlannedActor, record: BoardRecord, run: string, attempt: number): Refused | Promise<Claim | Refused> {
    this.asked.push({ goal: actor.goal, key: record.key, run, attempt });
    if (this.answer !== null) return this.answer;
    return new Promise((resolve) => this.#answers.push(resolve));
  }

  /** Answers the oldest open question. */
  async give(answer: Refused | "granted", token = 7): Promise<void> {
    const index = this.asked.length - this.#answers.length;
    const { run, attempt } = this.asked[index]!;
    this.#answers.shift()!(answer === "granted" ? { run, attempt, token } : answer);
    await turns(3);
  }

  async deliver(_claim: Claim, _record: BoardRecord, finish: Finish): Promise<boolean> {
    this.delivered.push(finish);
    return this.good;
  }

  renew({ run }: Claim): void {
    this.renewed.push(run);
  }

  release({ run }: Claim): void {
    this.released.push(run);
  }

  onFree(listener: () => void): void {
    this.free = listener;
  }

  onLost(listener: (claim: Claim) => void): void {
    this.lost = listener;
  }

  async close(): Promise<void> {}
}

const LIMIT: Refused = { refused: "site-limit", detail: "all 2 slots of 'a' are held" };

describe("a claim that is asked for", () => {
  it("begins the run when it is granted, with its token", async () => {
    const claims = new AskedClaims();
    const bench = new Workbench({ actors: one(), claims });
    await bench.set({});
    expect([bench.row().a, bench.changes, bench.hands.jobs]).toEqual(["r", ["set"], []]);
    expect(bench.work.busy).toBe(1);
    await claims.give("granted");
    expect(bench.hands.last).toMatchObject({ token: 7, attempt: 1, run: claims.asked[0]!.run });
    bench.hands.end(bench.hands.last, "done");
    await bench.settle();

    expect(bench.row().a).toBe("1");
    expect(claims.released).toEqual([bench.hands.last.run]);
  });

  it.each<[string, Refused]>([
    ["a limit of the whole site", LIMIT],
    ["who arbitrates being away", { refused: "away", detail: "the server can't be reached" }],
  ])("is asked for again after %s, when something is free", async (_, refused) => {
    const claims = new AskedClaims();
    const bench = new Workbench({ actors: one(), claims });
    await bench.set({});
    await claims.give(refused);
    const [actor] = one();
    expect(bench.row().a).toBe("");
    expect(bench.runner.scheduler.working).toBe(0);
    expect(bench.work.refusal(bench.runner.scheduler.actorOf("jobs", "a")!, bench.find())).toBe(
      "detail" in refused ? refused.detail : "",
    );
    expect(bench.work.refusal(actor!, bench.find())).toBe(null);
    claims.free();
    expect(claims.asked.length).toBe(2);
    await claims.give("granted");

    expect(bench.row().a).toBe("r:n1");
    expect(bench.work.refusal(bench.runner.scheduler.actorOf("jobs", "a")!, bench.find())).toBe(null);
  });

  it("is left to the other node that was faster", async () => {
    const claims = new AskedClaims();
    const bench = new Workbench({ actors: one(), claims });
    await bench.set({});
    await claims.give({ refused: "taken", by: "n2" });
    claims.free();

    expect(claims.asked.length).toBe(1);
    expect(bench.row().a).toBe("");
  });

  it("keeps the runs so far when it is refused", async () => {
    const claims = new AskedClaims();
    const bench = new Workbench({ actors: one({ retries }), claims });
    await bench.set({});
    await claims.give("granted");
    bench.hands.end(bench.hands.last, "retry");
    await bench.settle();
    await bench.pass(SECOND + 1);
    await claims.give(LIMIT);
    claims.free();

    expect(claims.asked.map(({ attempt }) => attempt)).toEqual([1, 2, 2]);
    expect(new Set(claims.asked.map(({ run }) => run)).size).toBe(3);
  });

  it("gives its place on the node back when it is refused", async () => {
    const claims = new AskedClaims();
    const bench = new Workbench({ actors: one({ maxSelves: 1 }), claims });
    for (const key of ["1", "2"]) await bench.set({}, key);
    await claims.give(LIMIT);

    expect(claims.asked.map(({ key }) => key)).toEqual(["1", "2"]);
  });

  it.each(["at once", "later"])(
    "does not take turns for ever with one that it is kept apart from: refused %s",
    async (when) => {
      const claims = new AskedClaims();
      if (when === "at once") claims.answer = LIMIT;
      const actors = [
        plannedActor("a", { conflicts: [apart("b", "record")] }),
        plannedActor("b", { conflicts: [apart("a", "record")] }),
      ];
      const bench = new Workbench({ actors, claims });
      await bench.set({});
      if (when === "later") for (const _ of actors) await claims.give(LIMIT);
      await bench.settle();

      expect(claims.asked.map(({ goal }) => goal)).toEqual(["a", "b"]);
    },
  );

  it.each([
    ["1", "1"],
    ["F", "F"],
  ])("comes to nothing when a person has written '%s' meanwhile", async (text, stands) => {
    const claims = new AskedClaims();
    const bench = new Workbench({ actors: one(), claims });
    await bench.set({});
    await bench.set({ a: text });
    await claims.give("granted");

    expect([bench.row().a, bench.hands.jobs, bench.changes]).toEqual([stands, [], ["set", "set"]]);
    expect(claims.released).toEqual([claims.asked[0]!.run]);
    expect(bench.runner.scheduler.working).toBe(0);
  });

  it("begins one run when a person has cleared the cell meanwhile", async () => {
    const claims = new AskedClaims();
    const bench = new Workbench({ actors: one(), claims });
    await bench.set({});
    await bench.set({ a: "" });
    expect(claims.asked.length).toBe(2);
    await claims.give("granted");
    await claims.give("granted");

    expect(bench.hands.jobs.map(({ run }) => run)).toEqual([claims.asked[1]!.run]);
    expect(claims.released).toEqual([claims.asked[0]!.run]);
    expect(bench.runner.scheduler.working).toBe(1);
  });

  it("begins nothing once the place has stopped", async () => {
    const claims = new AskedClaims();
    const bench = new Workbench({ actors: one(), claims });
    await bench.set({});
    await bench.work.close();
    await claims.give("granted");

    expect([bench.hands.jobs, claims.released]).toEqual([[], [claims.asked[0]!.run]]);
  });

  it("that can't be asked for is told of", async () => {
    const claims = new AskedClaims();
    claims.acquire = () => Promise.reject(new Error("no route"));
    const bench = new Workbench({ actors: one(), claims });
    await bench.set({});

    expect(bench.faults).toEqual(["'a' could not be claimed: no route"]);
    expect([bench.row().a, bench.work.busy, bench.runner.scheduler.working]).toEqual(["", 0, 0]);
  });

  it("is renewed with the run", async () => {
    const claims = new AskedClaims();
    const bench = new Workbench({ actors: one(), claims });
    await bench.set({});
    await claims.give("granted");
    bench.hands.end(bench.hands.last, "accepted");
    await bench.settle();
    bench.work.renew(bench.hands.last.run);

    expect(claims.renewed).toEqual([bench.hands.last.run]);
  });

  it("that is lost ends the run, and people hear of it", async () => {
    const claims = new AskedClaims();
    const bench = new Workbench({ actors: one(), claims });
    await bench.set({});
    await claims.give("granted");
    const { run, attempt, token, signal } = bench.hands.last;
    claims.lost({ run, attempt, token });
    bench.hands.end(bench.hands.last, "done");
    await bench.settle();

    expect(signal.aborted).toBe(true);
    expect(bench.notices).toMatchObject([{ outcome: "extra-run", run }]);
    expect([bench.changes, bench.runner.scheduler.working]).toEqual([["set", "claim a"], 0]);
  });
});

describe("a record of another home", () => {
  /** A board that mirrors a record of node `n2`. */
  async function mirrored(actors = one()) {
    const claims = new AskedClaims();
    const bench = new Workbench({ actors, claims });
    const record = bench.applier.board.page("jobs").add(["1"], null, { home: "n2" }) as BoardRecord;
    bench.runner.scheduler.changed(record);
    await claims.give("granted");
    return { claims, bench, record };
  }

  it("has its result delivered, and nothing of it in the journal", async () => {
    const { claims, bench } = await mirrored();
    const { run } = bench.hands.last;
    bench.hands.end(bench.hands.last, "done", { fields: { note: "n" } });
    await bench.settle();

    expect(claims.delivered).toEqual([
      { do: "finish", page: "jobs", key: "1", goal: "a", run, host: "n1", outcome: "done", fields: { note: "n" } },
    ]);
    expect(claims.released).toEqual([run]);
    expect([bench.changes, bench.work.busy, bench.runner.scheduler.working]).toEqual([[], 0, 0]);
  });

  it("says so when the claim was lost meanwhile", async () => {
    const { claims, bench } = await mirrored();
    claims.good = false;
    const { run } = bench.hands.last;

    expect(await bench.work.report(run, { outcome: "done" })).toBe(false);
    expect(bench.notices).toMatchObject([{ outcome: "extra-run", run }]);
    expect(bench.counted).toContain("a extra");
  });

  it("gives its place to the next when the result can't be delivered", async () => {
    const { claims, bench } = await mirrored(one({ maxSelves: 1 }));
    claims.deliver = () => Promise.reject(new Error("no route"));
    await bench.set({}, "2");
    expect(claims.asked.length).toBe(1);
    bench.hands.end(bench.hands.last, "done");
    await bench.settle();

    expect(bench.faults).toEqual(["the result of 'a' could not be delivered: no route"]);
    expect(claims.asked.map(({ key }) => key)).toEqual(["1", "2"]);
  });

  it("is not recovered: its claims are its home's", async () => {
    const { bench, record } = await mirrored();
    putCell(record, "a", cell({ state: "running", host: "n1", run: "n1-0-9" }));
    bench.work.recovered();
    await bench.settle();

    expect(bench.changes).toEqual([]);
    expect(cellOf(record, "a")!.run).toBe("n1-0-9");
  });

  it("tells its home of a run that took too long", async () => {
    const { claims, bench } = await mirrored(one({ timeoutMs: MINUTE }));
    await bench.pass(MINUTE);

    expect([bench.changes, claims.released]).toEqual([[], [bench.hands.last.run]]);
    expect(claims.delivered).toMatchObject([
      { do: "finish", outcome: "retry", detail: `took longer than ${MINUTE} ms` },
    ]);
    expect(bench.runner.scheduler.working).toBe(0);
  });
});
