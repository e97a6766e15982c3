import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { claimKey, recordKey } from "../../../runtime/claims/keys.ts";
import { Cluster, sharedPlan } from "../../support/cluster.ts";
import { settle } from "../../support/nodes.ts";
import { plannedActor } from "../../support/plans.ts";

const LEASE = 30_000; // ms
const AT_ONCE = { max: 3, backoffMs: 0, backoffMaxMs: 0 };
const ONE = sharedPlan([plannedActor("t", { retries: AT_ONCE })]);

describe("claims among nodes", () => {
  let site: Cluster;

  beforeEach(() => {
    site = new Cluster(ONE);
  });

  afterEach(async () => {
    expect(site.faults).toEqual([]);
    await site.close();
  });

  const only = (goal: string) =>
    sharedPlan(
      ONE.actors.map((actor) => ({ ...actor, kind: "person", goal: actor.goal })),
      { goals: [goal] },
    );

  it("a home claims, works, and settles what its journal says", async () => {
    const home = await site.open("home");
    await home.write("jobs", "a", { note: "x" });
    await settle();
    expect(site.working).toEqual(["home t a"]);
    expect(site.claim()).toEqual({
      ...{ state: "claimed", node: "home", run: "home-0-1", attempt: 1, leaseMs: LEASE, onLapse: "retry" },
    });

    await site.end(home, { outcome: "done", fields: { metric: 7 } });

    expect(site.claim()).toMatchObject({ state: "settled", outcome: "done", run: "home-0-1", attempt: 1 });
    expect(site.shown()).toMatchObject({
      ...{ home: "home", keys: ["a"], ready: true, complete: false, cells: { note: "x", metric: "7" } },
      goals: { t: { state: "done", host: "home", attempts: 1 } },
    });
  });

  it("a goal runs on one of the nodes only", async () => {
    const home = await site.open("home");
    const other = await site.open("other");
    for (let i = 0; i < 20; i++) await home.write("jobs", `k${i}`, {});
    await settle(40);

    expect(site.working).toHaveLength(20);
    expect(new Set(site.working.map((each) => each.split(" ")[2])).size).toBe(20);
    expect(other.board.page("jobs").size).toBe(20);
  });

  describe("with a home that leaves the work to others", () => {
    // Its own plan has nobody for the goal but a person.
    const open = async () => [await site.open("home", { plan: idle() }), await site.open("other")] as const;
    const idle = () => {
      const plan = sharedPlan(ONE.actors);
      return { ...plan, actors: ONE.actors.map((actor) => ({ ...actor, on: ["never"] })) };
    };

    it("another node's claim and result come into the home's journal", async () => {
      const [home, other] = await open();
      await home.write("jobs", "a", {});
      await settle();
      expect(site.working).toEqual(["other t a"]);
      expect([home.shows("jobs", "a", "t"), other.shows("jobs", "a", "t")]).toEqual(["running other", "running other"]);

      await site.end(other, { outcome: "done", fields: { metric: "0.7", other: 3 }, detail: "well" });

      expect(home.log()).toEqual(["claim t other", "finish t other done"]);
      expect([home.shows("jobs", "a", "t"), other.shows("jobs", "a", "t")]).toEqual(["done other", "done other"]);
      expect(site.claim()).toMatchObject({ state: "settled", outcome: "done" });
      expect(other.find("jobs", "a")?.cells).toContain("0.7");
      expect(home.changes.map(({ entry }) => entry.principal)).toEqual(["a person", "other", "other"]);
    });

    it("nothing is on the other's disk: the home's journal is the truth", async () => {
      const [home, other] = await open();
      await home.write("jobs", "a", {});
      await settle();
      await site.end(other);

      expect(other.journal.disk.entries).toEqual([]);
      expect(home.journal.disk.entries).toHaveLength(3);
    });

    it("a failure is final until a person clears it", async () => {
      const [home, other] = await open();
      await home.write("jobs", "a", {});
      await settle();
      await site.end(other, { outcome: "failed", detail: "no input" });
      expect(home.shows("jobs", "a", "t")).toBe("failed other");
      expect(other.shows("jobs", "a", "t")).toBe("failed other");
      expect(site.working).toEqual([]);

      await home.write("jobs", "a", { t: "" });
      await settle();

      expect(site.working).toEqual(["other t a"]);
    });

    it("what is to be done again is opened by the home when its time has come", async () => {
      const backoff = { max: 3, backoffMs: 1_000, backoffMaxMs: 60_000 };
      const actors = [plannedActor("t", { retries: backoff })];
      const home = await site.open("home", { plan: sharedPlan(actors.map((actor) => ({ ...actor, on: ["never"] }))) });
      const other = await site.open("other", { plan: sharedPlan(actors) });
      await home.write("jobs", "a", {});
      await settle();
      await site.end(other, { outcome: "retry" });
      expect(site.claim()).toMatchObject({ state: "settled", outcome: "retry", attempt: 1 });
      expect(site.working).toEqual([]);

      await site.pass(999);
      expect(site.working).toEqual([]);
      await site.pass(1);
      await site.pass(1);
      expect(site.working).toEqual(["other t a"]);
      expect(site.claim()).toMatchObject({ state: "claimed", attempt: 2 });
    });

    it("gives up after as many runs as the plan says", async () => {
      const [home, other] = await open();
      await home.write("jobs", "a", {});
      for (let run = 0; run < 4; run++) {
        await settle(40);
        await site.pass(1);
        expect(site.working).toEqual(["other t a"]);
        await site.end(other, { outcome: "retry", detail: "busy" });
      }
      await site.pass(10);

      expect(site.working).toEqual([]);
      expect(home.shows("jobs", "a", "t")).toBe("failed other");
    });

    it("a result that some other program wrote is read like an actor's", async () => {
      const plan = sharedPlan(
        ONE.actors.map((actor) => ({ ...actor, on: ["never"] })),
        { data: ["metric"] },
      );
      const home = await site.open("home", { plan });
      await home.write("jobs", "a", {});
      await settle();
      const key = claimKey("jobs", "a", "t");
      site.put(key, { state: "claimed", node: "python", run: "p1", attempt: 1, leaseMs: 1_000 });
      await settle();
      expect(home.shows("jobs", "a", "t")).toBe("running python");
      const result = { outcome: "failed", fields: { metric: 1.5, unknown: "x", t: "1" }, detail: "no input" };
      site.put(key, { state: "finished", node: "python", run: "p1", attempt: 1, result });
      await settle();

      expect(home.shows("jobs", "a", "t")).toBe("failed python");
      expect(site.shown()?.cells).toEqual({ metric: "1.5" });
      expect(site.shown()?.goals.t?.detail).toMatch(/^no input; fields not written: .*'unknown'/);
      expect(home.notices).toMatchObject([
        { outcome: "failed", host: "python", run: "p1", key: "a", keys: { id: "a" } },
      ]);
    });

    it("values that make no sense are nobody's, and written over", async () => {
      const [home] = await open();
      await home.write("jobs", "a", { t: "1" });
      await settle();
      for (const value of [
        "",
        "null",
        "[]",
        "{",
        { state: "claimed" },
        { state: "finished", node: "x", run: "y", attempt: 1 },
      ]) {
        site.put(claimKey("jobs", "a", "t"), value);
        await settle();
        expect(site.claim()).toMatchObject({ state: "settled", outcome: "done" });
      }
      for (const key of [
        "x",
        "c",
        "c.jobs",
        "c.jobs.a",
        "c.none.a.t",
        "c.jobs.none.t",
        "c.jobs.a.none",
        "s.t.x",
        "s.t.999",
        "r.none.a",
        "c.j=0.a.t",
      ])
        site.put(key, { state: "claimed", node: "x", run: "y", attempt: 1, leaseMs: 1 });
      await settle();
      expect(home.log()).toEqual([]);
    });

    it("several goals of a record wait for what its home shows of the one before", async () => {
      const actors = [plannedActor("t"), plannedActor("u", { prerequisites: ["t"] })];
      const home = await site.open("home", { plan: sharedPlan(actors.map((actor) => ({ ...actor, on: ["never"] }))) });
      const other = await site.open("other", { plan: sharedPlan(actors) });
      await home.write("jobs", "a", {});
      await settle();
      home.journal.hold();
      await site.end(other);
      expect(other.shows("jobs", "a", "t")).toBe("running other");
      expect(site.working).toEqual([]);

      home.journal.release();
      await settle();

      expect(other.shows("jobs", "a", "t")).toBe("done other");
      expect(site.working).toEqual(["other u a"]);
    });

    it("a goal that a person fills is claimed by nobody", async () => {
      const [home, other] = await open();
      await home.write("jobs", "a", { t: "1" });
      await settle();

      expect(other.shows("jobs", "a", "t")).toBe("done");
      expect(site.claim()).toMatchObject({ state: "settled", outcome: "done", run: "" });
      expect(site.working).toEqual([]);
    });

    it("a run goes on for nothing when a person has filled its goal meanwhile", async () => {
      const [home, other] = await open();
      await home.write("jobs", "a", {});
      await settle();
      expect(site.working).toEqual(["other t a"]);
      await home.write("jobs", "a", { t: "1" });
      await settle();

      expect(site.working).toEqual([]); // it was told to end
      expect(home.log()).toEqual(["claim t other", "extra t other"]);
      expect([home.shows("jobs", "a", "t"), other.shows("jobs", "a", "t")]).toEqual(["done", "done"]);
      expect(home.notices.map(({ outcome }) => outcome)).toEqual(["extra-run"]);
    });

    it("a run whose goal a person clears counts for nothing, and another begins", async () => {
      const [home, other] = await open();
      await home.write("jobs", "a", {});
      await settle();
      await home.write("jobs", "a", { t: "" });
      await settle(40);

      expect(site.working).toEqual(["other t a"]);
      expect([...site.jobs.keys()]).toEqual(["other-0-2"]);
      await site.end(other);
      expect(home.log()).toEqual(["claim t other", "extra t other", "claim t other", "finish t other done"]);
    });

    it("records that are removed go everywhere, and their keys with them", async () => {
      const [home, other] = await open();
      await home.write("jobs", "a", { t: "1" });
      await settle();
      await home.remove("jobs", "a");
      await settle();

      expect(other.find("jobs", "a")).toBeUndefined();
      expect(site.bucket.entries().map(([, { value }]) => value)).toEqual([null, null]);
      await site.pass(10 * 60_000);
      expect(site.bucket.entries()).toEqual([]);
    });

    it("a complete record is seen by all, and has no claims any more", async () => {
      const [home, other] = await open();
      await home.write("jobs", "a", { t: "1" });
      await settle();
      await home.write("jobs", "a", { complete: "1" });
      await settle();

      expect(other.find("jobs", "a")?.complete).toBe(true);
      expect(site.claim()).toBeNull();
      expect(site.shown()).toMatchObject({ complete: true, goals: { t: { state: "done" } } });
    });

    it("a removed record can be made again", async () => {
      const [home, other] = await open();
      await home.write("jobs", "a", {});
      await settle();
      await home.remove("jobs", "a");
      await settle();
      expect(site.working).toEqual([]);
      await home.write("jobs", "a", {});
      await settle();

      expect(site.working).toEqual(["other t a"]);
      await site.end(other);
      expect(home.shows("jobs", "a", "t")).toBe("done other");
    });
  });

  it("a record made on two nodes has the home that showed it first", async () => {
    const first = await site.open("first", { cut: true, plan: only("t") });
    const second = await site.open("second", { cut: true, plan: only("t") });
    await first.write("jobs", "a", { note: "first" });
    await second.write("jobs", "a", { note: "second" });
    site.line(first).mend();
    await settle();
    site.line(second).mend();
    await settle();

    expect(second.find("jobs", "a")).toMatchObject({ home: "first" });
    expect(first.find("jobs", "a")).toMatchObject({ home: null });
    expect(site.shown()).toMatchObject({ home: "first", cells: { note: "first" } });
    expect(second.find("jobs", "a")?.cells).toContain("first");
  });

  it("a record that all nodes make at once has one home", async () => {
    const nodes = await Promise.all(["x", "y", "z"].map((name) => site.open(name, { plan: only("t") })));
    await Promise.all(nodes.map((node) => node.write("jobs", "a", {})));
    await settle();

    expect(nodes.filter((node) => node.find("jobs", "a")?.home === null)).toHaveLength(1);
    expect(new Set(nodes.map((node) => node.find("jobs", "a")?.home ?? node.name)).size).toBe(1);
  });

  it("a page that is not shared is nobody else's", async () => {
    const plan = sharedPlan(ONE.actors, { shared: false });
    const home = await site.open("home", { plan });
    await home.write("jobs", "a", {});
    await settle();
    await site.end(home);

    expect(home.shows("jobs", "a", "t")).toBe("done home");
    expect(site.bucket.entries()).toEqual([]);
  });

  it("keys and goals of any text are kept apart", async () => {
    const actors = [plannedActor("t.u", { retries: AT_ONCE })];
    const home = await site.open("home", { plan: sharedPlan(actors) });
    for (const key of ["a.b", "%C3%A5", "a%2Cb", "*", "%3E"]) await home.write("jobs", key, {});
    await settle(40);

    expect(site.working).toHaveLength(5);
    await site.end(home);
    expect(site.bucket.entries().filter(([key]) => key.startsWith("c."))).toHaveLength(5);
    expect(site.bucket.find(recordKey("jobs", "a.b"))).not.toBeNull();
  });
});
