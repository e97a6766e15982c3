import { afterEach, beforeEach, expect, it } from "vitest";
import { cellOf } from "../../../runtime/board/board.ts";
import { NatsBus } from "../../../runtime/bus/nats.ts";
import { NatsKv } from "../../../runtime/bus/nats-kv.ts";
import { boardBucket, claimKey } from "../../../runtime/claims/keys.ts";
import { systemClock } from "../../../runtime/clock.ts";
import type { Job, Result } from "../../../runtime/runs/job.ts";
import { until } from "../../contracts/bus.ts";
import { sharedPlan } from "../../support/cluster.ts";
import type { Disk } from "../../support/memory-journal.ts";
import { describeWithNats, type NatsServer, startNatsServer } from "../../support/nats-server.ts";
import { Node } from "../../support/nodes.ts";
import { plannedActor } from "../../support/plans.ts";
import { prng } from "../../support/prng.ts";

const NAMES = ["x", "y", "z"];
const retries = { max: 1_000, backoffMs: 5, backoffMaxMs: 50 };
const line = { leaseMs: 1_000, retries } as const;
const PLAN = sharedPlan([
  plannedActor("a", line),
  plannedActor("b", { ...line, prerequisites: ["a"], conflicts: [{ goal: "c", limit: 1, scope: "site" }] }),
  plannedActor("c", { ...line, prerequisites: ["a"], conflicts: [{ goal: "b", limit: 1, scope: "site" }] }),
  plannedActor("d", { ...line, prerequisites: ["b", "c"], maxSelves: 2, selvesScope: "site" }),
]);
const GOALS = PLAN.actors.map(({ goal }) => goal);
const BUCKET = boardBucket("aisle", "test");

describeWithNats("three nodes over a NATS server", () => {
  let server: NatsServer;
  let nodes: (Node | null)[];
  let buses: NatsBus[];
  let boots: number;
  let random: () => number;
  /** Runs at work, by goal, and the most that were at once. */
  let working: Map<string, number>;
  let most: number;
  let together: boolean;

  beforeEach(async () => {
    const seed = Date.now() % 1e9;
    process.stdout.write(`seed ${seed}\n`);
    random = prng(seed);
    server = await startNatsServer({ jetStream: true });
    [nodes, buses, boots, working, most, together] = [[null, null, null], [], 0, new Map(), 0, false];
  });

  afterEach(async () => {
    for (const node of nodes) node?.kill();
    await Promise.all(buses.map((bus) => bus.drain()));
    await server[Symbol.asyncDispose]();
  });

  const run = async (job: Job): Promise<Result> => {
    const { goal } = job.actor;
    const count = (by: number) => void working.set(goal, (working.get(goal) ?? 0) + by);
    count(1);
    most = Math.max(most, working.get("d") ?? 0);
    together ||= (working.get("b") ?? 0) > 0 && (working.get("c") ?? 0) > 0;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 2 + random() * 30);
      job.signal.addEventListener("abort", () => {
        clearTimeout(timer);
        resolve();
      });
    });
    count(-1);
    return { outcome: random() < 0.05 ? "retry" : "done" };
  };

  const start = async (which: number, disk?: Disk): Promise<Node> => {
    const name = NAMES[which]!;
    const bus = new NatsBus({ servers: server.url, name, onError: () => {} });
    buses.push(bus);
    const kv = new NatsKv({ bus, bucket: BUCKET, onError: () => {} });
    const options = { name, plan: PLAN, kv, clock: systemClock, random, boot: ++boots, run };
    const node = new Node(disk === undefined ? options : { ...options, disk });
    nodes[which] = node;
    return node.open(5_000);
  };

  const isDone = (count: number) =>
    nodes.every((node) => {
      const records = [...node!.board.page("jobs").records()];
      return (
        records.length === count && records.every((each) => GOALS.every((goal) => cellOf(each, goal)?.state === "done"))
      );
    });

  const finishes = (keys: readonly string[]) =>
    keys.map((key) =>
      GOALS.map((goal) => {
        const entries = nodes.flatMap((node) => node!.journal.disk.entries);
        const changes = entries.map(({ payload }) => JSON.parse(Buffer.from(payload).toString()));
        return changes.filter(
          (each) => each.do === "finish" && each.key === key && each.goal === goal && each.outcome === "done",
        ).length;
      }),
    );

  it("share the work, and finish each goal once", async () => {
    const [x, y, z] = [await start(0), await start(1), await start(2)];
    const keys = Array.from({ length: 30 }, (_, i) => `k${i}`);
    await Promise.all(keys.map((key, i) => [x, y, z][i % 3]!.write("jobs", key, {})));
    await until(() => isDone(30));

    expect(finishes(keys)).toEqual(Array(30).fill(Array(GOALS.length).fill(1)));
    expect([most <= 2, together]).toEqual([true, false]);
    expect(nodes.flatMap((node) => node!.faults)).toEqual([]);
    // Each has worked on records of others.
    for (const node of nodes)
      expect(
        [...node!.journal.disk.entries].some(({ principal }) => principal !== node!.name && principal !== "a person"),
      ).toBe(true);
  });

  it("go on when the server dies and comes back, and when one of them does", { timeout: 120_000 }, async () => {
    for (const which of NAMES.keys()) await start(which);
    const keys: string[] = [];
    const add = async () => {
      for (const [which, node] of nodes.entries()) {
        const key = `${NAMES[which]}${keys.length}`;
        keys.push(key);
        await node!.write("jobs", key, {});
      }
    };
    for (let round = 0; round < 4; round++) {
      await add();
      await new Promise((resolve) => setTimeout(resolve, 50 + random() * 200));
      await (round % 2 === 0 ? server.kill() : server.stop());
      await add();
      const which = Math.floor(random() * 3);
      const disk = nodes[which]!.kill();
      await new Promise((resolve) => setTimeout(resolve, random() * 300));
      await server.restart();
      await start(which, disk);
    }
    await until(() => isDone(keys.length));

    expect(finishes(keys)).toEqual(Array(keys.length).fill(Array(GOALS.length).fill(1)));
    expect(nodes.flatMap((node) => node!.faults)).toEqual([]);
  });

  it("are joined by a program that knows no more than NATS", async () => {
    const home = await start(0);
    await start(1);
    await start(2);
    const bus = new NatsBus({ servers: server.url, onError: () => {} });
    buses.push(bus);
    await bus.whenHere();
    const kv = await bus.link!.connection.jetstream().views.kv(BUCKET);
    await home.write("jobs", "by%20hand", { ready: "" });
    await until(() => nodes.every((node) => node!.find("jobs", "by%20hand") !== undefined));

    const key = claimKey("jobs", "by%20hand", "a");
    const claim = (revision: number) => ({
      state: "claimed",
      node: "python",
      run: `p${revision}`,
      attempt: 1,
      leaseMs: 60_000,
    });
    const revision = await kv.create(key, JSON.stringify(claim(1)));
    await until(() => nodes.every((node) => node!.shows("jobs", "by%20hand", "a") === "running python"));
    const result = { outcome: "done", fields: { by: "python" } };
    const finished = { state: "finished", node: "python", run: "p1", attempt: 1, result };
    await kv.update(key, JSON.stringify(finished), revision);
    await until(() => nodes.every((node) => node!.shows("jobs", "by%20hand", "a") === "done python"));

    expect(home.log("a")).toEqual(["claim a python", "finish a python done"]);
    expect(JSON.parse((await kv.get(key))!.string())).toMatchObject({ state: "settled", outcome: "done", run: "p1" });
    await expect(kv.update(key, JSON.stringify(finished), revision)).rejects.toThrow(/wrong last sequence/);
  });
});
