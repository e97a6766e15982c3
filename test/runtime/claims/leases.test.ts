import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { claimKey } from "../../../runtime/claims/keys.ts";
import { ManualClock } from "../../../runtime/clock.ts";
import type { Plan } from "../../../runtime/site.ts";
import { Cluster, sharedPlan } from "../../support/cluster.ts";
import { type Node, settle } from "../../support/nodes.ts";
import { plannedActor } from "../../support/plans.ts";

const LEASE = 30_000; // ms
const AT_ONCE = { max: 3, backoffMs: 0, backoffMaxMs: 0 };
const actor = plannedActor("t", { retries: AT_ONCE });
const ONE = sharedPlan([actor]);
const KEY = claimKey("jobs", "a", "t");

/** The same plan for a node that leaves the work to others. */
function idle({ pages, actors }: Plan): Plan {
  return { pages, actors: actors.map((each) => ({ ...each, on: ["never"] })) };
}

describe("a lease", () => {
  let site: Cluster;
  let home: Node;

  beforeEach(() => {
    site = new Cluster(ONE);
  });

  afterEach(async () => {
    await site.close();
  });

  /** A home that does nothing itself, and a node at work on its record `a`. */
  const oneAtWork = async (plan = ONE) => {
    home = await site.open("home", { plan: idle(plan) });
    const worker = await site.open("worker", { plan });
    await home.write("jobs", "a", {});
    await settle();
    expect(site.working).toEqual(["worker t a"]);
    return worker;
  };

  it("is renewed as long as the run goes on", async () => {
    await oneAtWork();
    await site.open("other");
    await site.pass(15 * LEASE, 1_000);

    expect(site.working).toEqual(["worker t a"]);
    expect(home.log()).toEqual(["claim t worker"]);
    expect(site.faults).toEqual([]);
  });

  it("runs out exactly when its key did not change for its length, and not before", async () => {
    const worker = await oneAtWork();
    const other = await site.open("other");
    const before = site.bucket.find(KEY)!.revision;
    site.kill(worker);
    await site.pass(LEASE - 1);
    expect(site.bucket.find(KEY)!.revision).toBe(before);
    expect(other.shows("jobs", "a", "t")).toBe("running worker");

    await site.pass(1);
    await site.pass(1);

    expect(site.working).toEqual(["other t a"]);
    expect(site.claim()).toMatchObject({ state: "claimed", node: "other", attempt: 2 });
    await site.end(other);
    expect(home.log()).toEqual(["claim t worker", "lapse t retry", "claim t other", "finish t other done"]);
  });

  it("begins anew with each renewal", async () => {
    home = await site.open("home");
    await home.write("jobs", "a", { t: "F" });
    await settle();
    const claimed = { state: "claimed", node: "x", run: "x1", attempt: 1, leaseMs: 1_000, onLapse: "retry" };
    await home.write("jobs", "a", { t: "" });
    site.put(KEY, claimed);
    await settle();
    for (let i = 0; i < 5; i++) {
      await site.pass(999);
      expect(home.shows("jobs", "a", "t")).toBe("running x");
      site.put(KEY, claimed);
      await settle();
    }
    await site.pass(999);
    expect(home.shows("jobs", "a", "t")).toBe("running x");
    await site.pass(1);
    await site.pass(1);
    expect(home.shows("jobs", "a", "t")).toBe("running home");
  });

  it("no longer than limits allow is asked for", async () => {
    home = await site.open("home", { plan: idle(ONE) });
    await home.write("jobs", "a", {});
    await settle();
    site.put(KEY, { state: "claimed", node: "x", run: "x1", attempt: 1, leaseMs: 1e12 });
    await settle();
    await site.pass(24 * 60 * 60_000, 6 * 60 * 60_000);
    await site.pass(1);

    expect(home.log()).toEqual(["claim t x", "lapse t retry"]);
  });

  it("has not run out when its renewals have not come by yet: the bucket is asked first", async () => {
    await oneAtWork();
    const { told } = site.line(home);
    site.line(home).told = () => {};
    await site.pass(2 * LEASE, 1_000);
    site.line(home).told = told;

    expect(home.log()).toEqual(["claim t worker"]);
    expect(site.working).toEqual(["worker t a"]);
  });

  it("is taken over while the home is down; the home hears of it when it is back", async () => {
    const worker = await oneAtWork();
    const other = await site.open("other");
    const disk = site.kill(home);
    site.kill(worker);
    await site.pass(LEASE - 1);
    expect(site.working).toEqual([]);
    await site.pass(1);
    expect(site.working).toEqual(["other t a"]);
    await site.end(other);
    expect(other.shows("jobs", "a", "t")).toBe("running other");

    const again = await site.open("home", { disk, plan: idle(ONE) });

    expect(again.shows("jobs", "a", "t")).toBe("done other");
    expect(again.log()).toEqual(["lapse t retry", "claim t other", "finish t other done"]);
    expect(other.shows("jobs", "a", "t")).toBe("done other");
  });

  it("that ran out means failure where the plan says so, and nobody takes over", async () => {
    const plan = sharedPlan([{ ...actor, onLapse: "fail" }]);
    const worker = await oneAtWork(plan);
    const other = await site.open("other", { plan });
    const disk = site.kill(home);
    site.kill(worker);
    await site.pass(3 * LEASE, LEASE);
    expect(site.working).toEqual([]);

    home = await site.open("home", { disk, plan: idle(plan) });
    await site.pass(LEASE);
    await site.pass(1);

    expect(home.log()).toEqual(["lapse t failed"]);
    expect(other.shows("jobs", "a", "t")).toBe("failed worker");
    expect(home.notices).toMatchObject([{ outcome: "lapsed" }]);
  });

  it("that ran out time and again means failure", async () => {
    const plan = sharedPlan([{ ...actor, retries: { ...AT_ONCE, max: 1 } }]);
    await oneAtWork(plan);
    const other = await site.open("other", { plan });
    site.kill(site.nodes[1]!);
    await site.pass(LEASE);
    await site.pass(1);
    expect(site.working).toEqual(["other t a"]);
    site.kill(other);
    await site.pass(LEASE);
    await site.pass(1);

    expect(home.shows("jobs", "a", "t")).toBe("failed other");
    expect(site.claim()).toMatchObject({ state: "settled", outcome: "failed" });
  });

  describe("of a run that pauses beyond it", () => {
    it("is lost when another node took over: the late result is refused, and told", async () => {
      const worker = await oneAtWork();
      const other = await site.open("other");
      const late = [...site.jobs.values()][0]!;
      // Its line is cut, but it works on.
      site.line(worker).cut();
      await site.pass(LEASE);
      await site.pass(1);
      expect(site.working).toContain("other t a");
      late.end({ outcome: "done", fields: { by: "worker" } });
      await settle();
      await site.end(other, { outcome: "done", fields: { by: "other" } });
      expect(home.shows("jobs", "a", "t")).toBe("done other");

      site.line(worker).mend();
      await settle();

      expect(home.log("t").filter((line) => line.startsWith("finish"))).toEqual(["finish t other done"]);
      expect(site.shown()?.cells).toEqual({ by: "other" });
      expect(worker.shows("jobs", "a", "t")).toBe("done other");
      expect(worker.notices.map(({ outcome }) => outcome)).toEqual(["extra-run"]);
    });

    it("is still good when nobody took over", async () => {
      const worker = await oneAtWork({ ...ONE, actors: [{ ...actor, onLapse: "fail" }] });
      site.line(home).cut();
      site.line(worker).cut();
      await site.pass(LEASE - 1);
      site.line(worker).mend();
      await site.end(worker);
      site.line(home).mend();
      await settle();

      expect(home.shows("jobs", "a", "t")).toBe("done worker");
    });

    it("ends a run of the home itself when another has its goal", async () => {
      home = await site.open("home");
      const other = await site.open("other");
      await home.write("jobs", "a", {});
      await settle();
      expect(site.working).toEqual(["home t a"]);
      // As if the home's process had stood still for longer than the lease.
      site.put(KEY, { state: "claimed", node: "other", run: "o1", attempt: 2, leaseMs: LEASE, onLapse: "retry" });
      await settle();

      expect(site.working).toEqual([]);
      expect(home.log()).toEqual(["claim t home", "lapse t retry", "claim t other"]);
      expect(home.notices.map(({ outcome }) => outcome)).toContain("extra-run");
      expect(other.shows("jobs", "a", "t")).toBe("running other");
    });
  });

  it("ends a run whose renewals were lost, when its home has settled that it lapsed", async () => {
    const plan = sharedPlan([{ ...actor, retries: { max: 3, backoffMs: 1_000, backoffMaxMs: 1_000 } }]);
    const worker = await oneAtWork(plan);
    for (let i = 0; i < 3; i++) {
      site.line(worker).loseNext("request");
      await site.pass(LEASE / 3);
    }
    await site.pass(1);

    expect(site.claim()).toMatchObject({ state: "settled", outcome: "retry", run: "worker-0-1" });
    expect(site.working).toEqual([]);
    await site.pass(1_000);
    await site.pass(1);
    expect(site.working).toEqual(["worker t a"]);
  });

  it("is asked for once by each of many nodes, and given to one", async () => {
    const worker = await oneAtWork();
    for (let i = 0; i < 5; i++) await site.open(`n${i}`);
    site.kill(worker);
    await site.pass(LEASE);
    await site.pass(1);

    expect(site.working).toHaveLength(1);
    expect(site.claim()).toMatchObject({ state: "claimed", attempt: 2 });
  });

  it("is given up by a node that stops: the goal is free at once", async () => {
    const worker = await oneAtWork();
    await site.open("other");
    await worker.stop();
    await settle();
    await site.pass(1);

    expect(site.working.at(-1)).toBe("other t a");
    expect(site.working).toHaveLength(1);
  });
});

describe("an answer that is lost", () => {
  let site: Cluster;

  beforeEach(() => {
    site = new Cluster(ONE);
  });

  afterEach(async () => {
    await site.close();
  });

  it("of a claim that was made: it is read back", async () => {
    const home = await site.open("home", { plan: idle(ONE) });
    const worker = await site.open("worker");
    site.line(worker).loseNext("answer");
    await home.write("jobs", "a", {});
    await settle();

    expect(site.working).toEqual(["worker t a"]);
    await site.end(worker);
    expect(home.log()).toEqual(["claim t worker", "finish t worker done"]);
  });

  it("of a claim that was not made: it is asked for again", async () => {
    const home = await site.open("home", { plan: idle(ONE) });
    const worker = await site.open("worker");
    site.line(worker).loseNext("request");
    await home.write("jobs", "a", {});
    await settle();
    expect(site.working).toEqual([]);
    await site.pass(1_000);
    await settle();

    expect(site.working).toEqual(["worker t a"]);
    await site.end(worker);
    expect(home.shows("jobs", "a", "t")).toBe("done worker");
  });

  it("of a renewal: the run goes on", async () => {
    const home = await site.open("home", { plan: idle(ONE) });
    const worker = await site.open("worker");
    await home.write("jobs", "a", {});
    await settle();
    for (const lost of ["answer", "request", "answer"] as const) {
      site.line(worker).loseNext(lost);
      await site.pass(LEASE / 3);
    }
    await site.pass(LEASE, LEASE / 3);
    await site.end(worker);

    expect(home.log()).toEqual(["claim t worker", "finish t worker done"]);
  });

  it("of a result: it counts once", async () => {
    for (const lost of ["answer", "request"] as const) {
      const own = new Cluster(ONE);
      const home = await own.open("home", { plan: idle(ONE) });
      const worker = await own.open("worker");
      await home.write("jobs", "a", {});
      await settle();
      own.line(worker).loseNext(lost);
      await own.end(worker);
      await own.pass(100);
      await settle();

      expect(home.log()).toEqual(["claim t worker", "finish t worker done"]);
      expect(worker.notices).toEqual([]);
      await own.close();
    }
  });

  it("of what a home writes: both sides agree in the end", async () => {
    for (const lost of ["answer", "request"] as const) {
      const own = new Cluster(ONE);
      const home = await own.open("home");
      await home.write("jobs", "a", {});
      await settle();
      for (let i = 0; i < 4; i++) own.line(home).loseNext(lost);
      await own.end(home);
      await own.pass(5_000, 100);

      expect(own.claim()).toMatchObject({ state: "settled", outcome: "done" });
      expect(own.shown()?.goals.t).toMatchObject({ state: "done" });
      await own.close();
    }
  });
});

describe("what happens while a node does not look", () => {
  let site: Cluster;

  beforeEach(() => {
    site = new Cluster(ONE);
  });

  afterEach(async () => {
    await site.close();
  });

  /** A home that is down, a node at work on its record `a`, and another that is cut off. */
  const unseen = async () => {
    const home = await site.open("home", { plan: idle(ONE) });
    const worker = await site.open("worker");
    await home.write("jobs", "a", {});
    await settle();
    const other = await site.open("other");
    site.kill(home);
    site.line(other).cut();
    await settle();
    return { worker, other };
  };

  it("a lease runs out: the node takes over when it is back", async () => {
    const { worker, other } = await unseen();
    site.kill(worker);
    await site.pass(2 * LEASE, LEASE);
    expect(site.working).toEqual([]);
    site.line(other).mend();
    await settle();

    expect(site.working).toEqual(["other t a"]);
  });

  it("a lease is renewed: the node hears of it, and leaves the goal alone", async () => {
    const { other } = await unseen();
    await site.pass(2 * LEASE, 1_000);
    expect(other.shows("jobs", "a", "t")).toBe("running worker");
    site.line(other).mend();
    await settle();
    await site.pass(LEASE - 1, 1_000);

    expect(site.working).toEqual(["worker t a"]);
    expect(other.shows("jobs", "a", "t")).toBe("running worker");
  });

  it("a goal is given up: the node claims it when it is back", async () => {
    const { worker, other } = await unseen();
    site.put(KEY, { state: "open", attempt: 1 });
    site.kill(worker);
    await settle();
    site.line(other).mend();
    await settle();

    expect(site.working).toEqual(["other t a"]);
    expect(site.claim()).toMatchObject({ attempt: 2 });
  });
});

it("a goal is not begun when its record was removed while it was asked for", async () => {
  const clock = new ManualClock(1_000_000);
  const site = new Cluster(ONE, { clock, delayMs: () => 10 });
  const home = await site.open("home", { plan: idle(ONE) });
  const worker = await site.open("worker");
  await home.write("jobs", "a", {});
  await site.pass(25, 1);
  expect(worker.find("jobs", "a")).toBeDefined();
  expect(site.working).toEqual([]);
  await home.remove("jobs", "a");
  await site.pass(12, 1);
  await home.write("jobs", "a", {});
  await site.pass(2_000, 1);

  expect(site.working).toEqual(["worker t a"]);
  await site.end(worker);
  await site.pass(200, 1);
  expect([home, worker].map((node) => node.shows("jobs", "a", "t"))).toEqual(["done worker", "done worker"]);
  await site.close();
});

it("a claim that arrives after its node has given it up is given back", async () => {
  const clock = new ManualClock(1_000_000);
  // What is under way when a line is cut arrives all the same.
  const site = new Cluster(ONE, { clock, delayMs: () => 10, random: () => 0.9 });
  const home = await site.open("home", { plan: idle(ONE) });
  const worker = await site.open("worker");
  await home.write("jobs", "a", {});
  for (let ms = 0; ms < 200 && site.claim() === null; ms++) {
    await site.pass(1);
    // The record has just come: its claim is on its way.
    if (worker.find("jobs", "a") !== undefined && site.line(worker).state === "here") site.line(worker).cut();
  }
  expect(site.claim()).toMatchObject({ state: "claimed", node: "worker", run: "worker-0-1" });
  await site.pass(100, 1);
  expect(site.working).toEqual([]);
  site.line(worker).mend();
  await site.pass(1_000, 1);

  expect(site.working).toEqual(["worker t a"]);
  expect(site.claim()).toMatchObject({ node: "worker", run: "worker-0-2" });
  expect(home.log()).toEqual(["claim t worker", "lapse t retry", "claim t worker"]);
  await site.close();
});
