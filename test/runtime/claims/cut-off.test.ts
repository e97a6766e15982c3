import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { claimKey, recordKey } from "../../../runtime/claims/keys.ts";
import { Cluster, sharedPlan } from "../../support/cluster.ts";
import { settle } from "../../support/nodes.ts";
import { plannedActor } from "../../support/plans.ts";

const LEASE = 30_000; // ms
const AT_ONCE = { max: 3, backoffMs: 0, backoffMaxMs: 0 };
const actor = plannedActor("t", { retries: AT_ONCE });
const ONE = sharedPlan([actor]);
const KEY = claimKey("jobs", "a", "t");

describe("a node that is cut off", () => {
  let site: Cluster;

  beforeEach(() => {
    site = new Cluster(ONE);
  });

  afterEach(async () => {
    expect(site.faults).toEqual([]);
    await site.close();
  });

  it("goes on with its own records, and brings what it did when it is back", async () => {
    const home = await site.open("home");
    const other = await site.open("other");
    site.line(home).cut();
    await home.write("jobs", "a", {});
    await settle();
    expect(site.working).toEqual(["home t a"]);
    await site.end(home, { outcome: "done", fields: { metric: "1" } });
    expect(home.shows("jobs", "a", "t")).toBe("done home");
    expect(other.find("jobs", "a")).toBeUndefined();

    site.line(home).mend();
    await settle();

    expect(other.shows("jobs", "a", "t")).toBe("done home");
    expect(site.claim()).toMatchObject({ state: "settled", outcome: "done" });
  });

  it("works alone from the start, when the bucket does not come in time", async () => {
    const home = await site.open("home", { cut: true });
    await home.write("jobs", "a", {});
    await settle();
    expect(site.working).toEqual(["home t a"]);
    site.line(home).mend();
    await settle();
    expect(site.claim()).toMatchObject({ state: "claimed", node: "home" });
    await site.pass(3 * LEASE, LEASE / 3);
    await site.end(home);

    expect(home.log()).toEqual(["claim t home", "finish t home done"]);
    expect(site.claim()).toMatchObject({ state: "settled", outcome: "done" });
  });

  it("starts nothing of others' records, and does when it is back", async () => {
    const home = await site.open("home", { plan: { ...ONE, actors: [{ ...actor, on: ["never"] }] } });
    const other = await site.open("other");
    await home.write("jobs", "a", { ready: "" });
    await settle();
    site.line(other).cut();
    await home.write("jobs", "a", { ready: "1" });
    await settle();
    expect(site.working).toEqual([]);
    site.line(other).mend();
    await settle();

    expect(site.working).toEqual(["other t a"]);
  });

  it("starts nothing of others' records that it knows to be ready", async () => {
    const actors = [actor, plannedActor("u", { prerequisites: ["x"], retries: AT_ONCE })];
    const home = await site.open("home", {
      plan: sharedPlan(actors.map((each) => ({ ...each, on: ["never"] }))),
    });
    const other = await site.open("other", { plan: sharedPlan(actors) });
    await home.write("jobs", "a", { t: "1" });
    await settle();
    site.line(other).cut();
    other.scheduler.changed(other.find("jobs", "a")!, null);
    const asked = await other.claims.acquire(actors[1]!, other.find("jobs", "a")!, "r1", 1);
    await settle();

    expect(asked).toEqual({ refused: "away", detail: "'home', the home of the record, can't be reached" });
    expect(site.working).toEqual([]);
  });

  it("does not work against a lease that it knows of, until that has run out on its clock", async () => {
    const home = await site.open("home", { plan: { ...ONE, actors: [{ ...actor, on: ["never"] }] } });
    const other = await site.open("other");
    await home.write("jobs", "a", {});
    await settle();
    expect(site.working).toEqual(["other t a"]);
    site.line(home).cut();
    await settle();
    const record = home.find("jobs", "a")!;
    await site.pass(LEASE - 1);
    expect(await home.claims.acquire(actor, record, "r1", 2)).toEqual({ refused: "taken", by: "other" });
    await settle();
    expect(home.shows("jobs", "a", "t")).toBe("running other");

    await site.pass(1);
    await site.pass(1);

    expect(home.shows("jobs", "a", "t")).toBe("waiting other");
    expect(await home.claims.acquire(actor, record, "r2", 2)).toMatchObject({ run: "r2", token: 0 });
    expect(other.shows("jobs", "a", "t")).toBe("running other");
  });

  describe("and comes back when another has worked on its record", () => {
    /** A home whose record `a` is claimed by another; cut off until its lease has run out; then both are at work. */
    const bothAtWork = async () => {
      const home = await site.open("home");
      const other = await site.open("other");
      await home.write("jobs", "a", {});
      await settle();
      expect(site.working).toEqual(["home t a"]);
      site.line(home).cut();
      await site.pass(LEASE);
      await site.pass(1);
      expect(site.working).toEqual(["home t a", "other t a"]);
      return { home, other };
    };

    it("its own run goes on: the other's is ended, and counts as an extra one", async () => {
      const { home, other } = await bothAtWork();
      site.line(home).mend();
      await settle();

      expect(site.working).toEqual(["home t a"]);
      await site.end(home);
      expect(home.log()).toEqual(["claim t home", "extra t other", "finish t home done"]);
      expect(other.shows("jobs", "a", "t")).toBe("done home");
    });

    it("what the other brought is an extra run, and told", async () => {
      const { home, other } = await bothAtWork();
      await site.end(other, { outcome: "done", fields: { by: "other" } });
      expect(site.claim()).toMatchObject({ state: "finished", node: "other" });
      site.line(home).mend();
      await settle();
      await site.end(home, { outcome: "done", fields: { by: "home" } });

      expect(home.log()).toEqual(["claim t home", "extra t other", "finish t home done"]);
      expect(site.shown()?.cells).toEqual({ by: "home" });
      expect(home.notices.map(({ outcome }) => outcome)).toEqual(["extra-run"]);
      expect(site.claim()).toMatchObject({ state: "settled", outcome: "done" });
    });

    it("its journal wins over what the other finished", async () => {
      const { home, other } = await bothAtWork();
      await site.end(home, { outcome: "failed" });
      await site.end(other, { outcome: "done" });
      site.line(home).mend();
      await settle();

      expect(home.log()).toEqual(["claim t home", "finish t home failed", "extra t other"]);
      expect(other.shows("jobs", "a", "t")).toBe("failed home");
    });
  });

  it("takes what another has finished of a record that it had not begun", async () => {
    const home = await site.open("home", { plan: { ...ONE, actors: [{ ...actor, on: ["never"] }] } });
    const other = await site.open("other");
    await home.write("jobs", "a", {});
    await settle();
    site.line(home).cut();
    await site.end(other);
    site.line(home).mend();
    await settle();

    expect(home.log()).toEqual(["claim t other", "finish t other done"]);
  });

  it("removes what it has removed meanwhile", async () => {
    const home = await site.open("home");
    const other = await site.open("other");
    await home.write("jobs", "a", { t: "1" });
    await settle();
    site.line(home).cut();
    await home.remove("jobs", "a");
    await settle();
    expect(other.find("jobs", "a")).toBeDefined();
    site.line(home).mend();
    await settle();

    expect(other.find("jobs", "a")).toBeUndefined();
    expect(site.shown()).toBeNull();
    expect(site.claim()).toBeNull();
  });

  it("hears of what was removed meanwhile, mark or no mark", async () => {
    const home = await site.open("home");
    const other = await site.open("other");
    await home.write("jobs", "a", { t: "1" });
    await settle();
    site.line(other).cut();
    await home.remove("jobs", "a");
    await settle();
    await site.pass(10 * 60_000);
    expect(site.bucket.entries()).toEqual([]);
    site.line(other).mend();
    await settle();

    expect(other.find("jobs", "a")).toBeUndefined();
  });

  it("keeps its claims through a short absence", async () => {
    const home = await site.open("home", { plan: { ...ONE, actors: [{ ...actor, on: ["never"] }] } });
    const worker = await site.open("worker");
    await site.open("other");
    await home.write("jobs", "a", {});
    await settle();
    const [by] = site.working[0]!.split(" ");
    const node = site.nodes.find(({ name }) => name === by)!;
    for (let i = 0; i < 5; i++) {
      site.line(node).cut();
      await site.pass(LEASE / 2);
      site.line(node).mend();
      await settle();
    }
    await site.end(node);

    expect(home.log()).toEqual([`claim t ${by}`, `finish t ${by} done`]);
    expect(worker.faults).toEqual([]);
  });

  it("shows a record that was written over by another program as it is", async () => {
    const home = await site.open("home");
    await home.write("jobs", "a", { t: "1", note: "x" });
    await settle();
    site.put(recordKey("jobs", "a"), "nonsense");
    await settle();

    expect(site.shown()).toMatchObject({ home: "home", cells: { note: "x" } });
  });

  it("is told by what holds its goal up", async () => {
    const plan = sharedPlan([{ ...actor, maxSelves: 1, selvesScope: "site" }]);
    const home = await site.open("home", { plan });
    site.line(home).cut();
    await home.write("jobs", "a", {});
    await settle();

    expect(site.working).toEqual([]);
    expect(home.work.refusal(plan.actors[0]!, home.find("jobs", "a")!)).toBe(
      "'t' has a limit for the whole site, which can't be reached",
    );
    site.line(home).mend();
    await settle();
    expect(site.working).toEqual(["home t a"]);
    expect(home.work.refusal(plan.actors[0]!, home.find("jobs", "a")!)).toBeNull();
  });
});

describe("a bucket that has lost its end", () => {
  let site: Cluster;

  beforeEach(() => {
    site = new Cluster(sharedPlan([actor, plannedActor("u", { retries: AT_ONCE, maxSelves: 1, selvesScope: "site" })]));
  });

  afterEach(async () => {
    expect(site.faults).toEqual([]);
    await site.close();
  });

  it("is made to say again what the journals of the homes say, and the work goes on", async () => {
    const home = await site.open("home");
    const other = await site.open("other");
    await home.write("jobs", "a", {});
    await other.write("jobs", "b", {});
    await settle(30);
    const restore = site.bucket.backup();
    for (const node of site.nodes) await site.end(node);
    for (let i = 0; i < 10; i++) await home.write("jobs", `k${i}`, { t: "1", u: "1" });
    await settle(30);
    for (const node of site.nodes) site.line(node).cut();
    restore();
    for (const node of site.nodes) site.line(node).mend();
    await settle(30);

    for (let round = 0; round < 10; round++) {
      for (const node of site.nodes) await site.end(node);
      await site.pass(LEASE / 3, 1_000);
    }

    for (const node of site.nodes)
      for (const key of ["a", "b", "k0", "k9"])
        for (const goal of ["t", "u"]) expect(node.shows("jobs", key, goal)).toMatch(/^done/);
    for (const key of ["a", "b", "k9"])
      expect(site.claim("t", key)).toMatchObject({ state: "settled", outcome: "done" });
    const finishes = site.nodes.flatMap((node) => node.log()).filter((each) => each.startsWith("finish"));
    expect(finishes).toHaveLength(4);
  });
});

describe("a node that is started anew", () => {
  let site: Cluster;

  beforeEach(() => {
    site = new Cluster(ONE);
  });

  afterEach(async () => {
    expect(site.faults).toEqual([]);
    await site.close();
  });

  it("does again what it was at on its own records", async () => {
    const home = await site.open("home");
    await home.write("jobs", "a", {});
    await settle();
    const again = await site.open("home", { disk: site.kill(home) });
    await site.pass(1);

    expect(site.working).toEqual(["home t a"]);
    expect(site.claim()).toMatchObject({ state: "claimed", node: "home", attempt: 2 });
    await site.end(again);
    expect(again.log()).toEqual(["lapse t retry", "claim t home", "finish t home done"]);
    expect(site.claim()).toMatchObject({ state: "settled", outcome: "done" });
  });

  it("gives up at once what it held of others' records", async () => {
    const home = await site.open("home", { plan: { ...ONE, actors: [{ ...actor, on: ["never"] }] } });
    const worker = await site.open("worker");
    await home.write("jobs", "a", {});
    await settle();
    await site.open("worker", { disk: site.kill(worker) });
    await site.pass(1);

    expect(site.working).toEqual(["worker t a"]);
    expect(site.claim()).toMatchObject({ state: "claimed", node: "worker", attempt: 2 });
  });

  it("shows nothing that was not on its disk", async () => {
    const home = await site.open("home");
    const other = await site.open("other");
    await home.write("jobs", "a", {});
    await settle();
    home.journal.hold();
    await site.end(home);
    await settle();
    expect(home.shows("jobs", "a", "t")).toBe("done home");
    expect(other.shows("jobs", "a", "t")).toBe("running home");
    expect(site.claim()).toMatchObject({ state: "claimed" });

    const again = await site.open("home", { disk: site.kill(home) });
    await site.pass(1);
    expect(again.shows("jobs", "a", "t")).toMatch(/^running/);
  });

  it("writes what it had journalled and not shown", async () => {
    const home = await site.open("home");
    const other = await site.open("other");
    await home.write("jobs", "a", {});
    await settle();
    site.line(home).cut();
    await site.end(home);
    await site.open("home", { disk: site.kill(home) });
    await settle();

    expect(other.shows("jobs", "a", "t")).toBe("done home");
    expect(site.claim()).toMatchObject({ state: "settled", outcome: "done" });
  });

  it("takes a result that was waiting for it, once", async () => {
    const home = await site.open("home", { plan: { ...ONE, actors: [{ ...actor, on: ["never"] }] } });
    const worker = await site.open("worker");
    await home.write("jobs", "a", {});
    await settle();
    const disk = site.kill(home);
    await site.end(worker, { outcome: "retry" });
    const again = await site.open("home", { disk, plan: { ...ONE, actors: [{ ...actor, on: ["never"] }] } });
    await site.pass(1);

    expect(again.log()).toEqual(["finish t worker retry", "claim t worker"]);
  });

  it("does not take a result twice that it had journalled and not settled", async () => {
    const home = await site.open("home", { plan: { ...ONE, actors: [{ ...actor, on: ["never"] }] } });
    const worker = await site.open("worker");
    await home.write("jobs", "a", {});
    await settle();
    const before = site.bucket.find(KEY)!;
    await site.end(worker);
    expect(home.log()).toEqual(["claim t worker", "finish t worker done"]);
    const disk = site.kill(home);
    // As if its last word had been lost.
    const run = JSON.parse(before.value!).run;
    site.put(KEY, { state: "finished", node: "worker", run, attempt: 1, result: { outcome: "done" } });
    const again = await site.open("home", { disk });

    expect(again.log()).toEqual([]);
    expect(site.claim()).toMatchObject({ state: "settled", outcome: "done" });
  });

  it("knows its records again under another name", async () => {
    const box = await site.open("box", { epoch: "e1" });
    const other = await site.open("other", { epoch: "e2" });
    await box.write("jobs", "a", { note: "x" });
    await settle();
    const renamed = await site.open("till", { disk: site.kill(box), epoch: "e1" });
    await site.pass(LEASE);
    await site.pass(1);

    expect(renamed.find("jobs", "a")?.home).toBeNull();
    expect(other.find("jobs", "a")?.home).toBe("till");
    expect(site.shown()).toMatchObject({ home: "till", epoch: "e1", cells: { note: "x" } });
  });
});

it("two processes of one name are told of it", async () => {
  const site = new Cluster(ONE);
  const home = await site.open("home", { plan: { ...ONE, actors: [{ ...actor, on: ["never"] }] } });
  await site.open("box");
  await site.open("box");
  await home.write("jobs", "a", {});
  await home.write("jobs", "b", {});
  await settle(60);
  await site.pass(LEASE, 1_000);

  expect(site.faults[0]).toMatch(/another process works as 'box': each needs a name of its own/);
  await site.close();
});
