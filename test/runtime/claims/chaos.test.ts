import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BoardRecord, cellOf } from "../../../runtime/board/board.ts";
import { changeOf } from "../../../runtime/board/change.ts";
import { ManualClock } from "../../../runtime/clock.ts";
import type { Job, Result } from "../../../runtime/runs/job.ts";
import type { Plan } from "../../../runtime/site.ts";
import { sharedPlan } from "../../support/cluster.ts";
import { type Disk, emptyDisk } from "../../support/memory-journal.ts";
import { MemoryBucket, type MemoryKv } from "../../support/memory-kv.ts";
import { Node, settle } from "../../support/nodes.ts";
import { plannedActor } from "../../support/plans.ts";
import { prng } from "../../support/prng.ts";

const NAMES = ["x", "y", "z"];
const STEP = 10; // ms
const retries = { max: 1_000, backoffMs: 20, backoffMaxMs: 200 };
const line = { leaseMs: 1_000, retries } as const;

/** Goal `b` and `c` keep away from each other in the whole site; `d` runs twice at most; `e` comes last. */
const PLAN: Plan = sharedPlan([
  plannedActor("a", line),
  plannedActor("b", { ...line, prerequisites: ["a"], conflicts: [{ goal: "c", limit: 1, scope: "site" }] }),
  plannedActor("c", { ...line, prerequisites: ["a"], conflicts: [{ goal: "b", limit: 1, scope: "site" }] }),
  plannedActor("d", { ...line, maxSelves: 2, selvesScope: "site" }),
  plannedActor("e", { ...line, prerequisites: ["b", "c", "d"] }),
]);
const GOALS = PLAN.actors.map(({ goal }) => goal);

type Action = {
  readonly do: "kill" | "cut" | "mend" | "record" | "stop" | "lose" | "rewind";
  readonly node: number;
  readonly afterMs: number;
};

const action: fc.Arbitrary<Action> = fc.record({
  do: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom("kill", "cut", "record") },
    { weight: 3, arbitrary: fc.constantFrom("mend", "stop", "lose") },
    { weight: 1, arbitrary: fc.constant("rewind") },
  ),
  node: fc.nat({ max: NAMES.length - 1 }),
  afterMs: fc.nat({ max: 2_500 }),
});

/** Three nodes, one of which may be down or cut off at any time; it is started again, or mended, by the next action. */
class World {
  readonly clock = new ManualClock(1_000_000);
  readonly #random: () => number;
  readonly #bucket: MemoryBucket;
  readonly #disks: Disk[] = NAMES.map(() => emptyDisk());
  readonly #nodes: (Node | null)[] = NAMES.map(() => null);
  /** Runs at work of processes that live, by goal. */
  readonly #working = new Map<string, Set<string>>();
  #boots = 0;
  /** Brings back the bucket as it was before the last action, and before the one before that. */
  #backup: () => void;
  #restore: () => void;
  /** Slots that had been taken are free: for once a limit may be passed. */
  #isRewound = false;
  #broken: string | null = null;
  readonly records: { readonly home: number; readonly key: string }[] = [];
  readonly faults: string[] = [];

  constructor(seed: number) {
    this.#random = prng(seed);
    const { clock } = this;
    // Now and then a message takes longer than a lease.
    const delayMs = () => 1 + Math.floor(this.#random() ** 3 * 60) + (this.#random() < 0.005 ? 1_500 : 0);
    this.#bucket = new MemoryBucket({ clock, delayMs, random: this.#random });
    this.#backup = this.#bucket.backup();
    this.#restore = this.#backup;
  }

  start(which: number): void {
    if (this.#nodes[which] !== null) return;
    const node = new Node({
      ...{ name: NAMES[which]!, plan: PLAN, kv: this.#bucket.connect(), clock: this.clock, random: this.#random },
      disk: this.#disks[which]!,
      boot: ++this.#boots,
      run: (job, at) => this.#run(job, at),
    });
    this.#nodes[which] = node;
    node.journal.hold(); // the disk takes its time, too
    void node.open(300);
  }

  async act({ do: what, node: which, afterMs }: Action): Promise<void> {
    const node = this.#nodes[which]!;
    switch (what) {
      case "kill":
        this.#nodes[which] = null;
        this.#disks[which] = node.kill();
        this.#bury(node);
        break;
      case "stop":
        this.#nodes[which] = null;
        void node.stop();
        await this.pass(100);
        this.#disks[which] = node.kill();
        this.#bury(node);
        break;
      case "cut":
        (node.kv as MemoryKv).cut();
        break;
      case "mend":
        for (const each of this.#nodes) (each?.kv as MemoryKv | undefined)?.mend();
        break;
      case "record": {
        const key = `k${this.records.length}`;
        this.records.push({ home: which, key });
        void node.write("jobs", key, {});
        node.journal.commit();
        break;
      }
      case "rewind":
        // The server's plug is pulled: it comes back without what it had written last.
        for (const each of this.#nodes) (each?.kv as MemoryKv | undefined)?.cut();
        this.#restore();
        this.#backup = this.#restore; // what was lost stays lost
        this.#isRewound = true;
        this.mend();
        break;
      default:
        (node.kv as MemoryKv).loseNext(this.#random() < 0.5 ? "answer" : "request");
    }
    await this.pass(afterMs);
    this.#restore = this.#backup;
    this.#backup = this.#bucket.backup();
    this.start(which);
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += STEP) {
      this.clock.advance(STEP);
      await settle(4);
      for (const node of this.#nodes) if (this.#random() < 0.3) node?.journal.commit();
      this.#checkLimits();
    }
  }

  mend(): void {
    for (const node of this.#nodes) (node?.kv as MemoryKv | undefined)?.mend();
  }

  find(which: number, key: string): BoardRecord | undefined {
    return this.#nodes[which]?.find("jobs", key);
  }

  get isDone(): boolean {
    const every = this.records.flatMap(({ key }) => NAMES.map((_, which) => this.find(which, key)));
    return every.every(
      (record) => record !== undefined && GOALS.every((goal) => cellOf(record, goal)?.state === "done"),
    );
  }

  /** By record and goal: how often it was finished in the journal of its home, to count for something. */
  finishes(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { home, key } of this.records) {
      // Applied from the beginning, as a process that starts now would.
      const changes = this.#disks[home]!.entries.map((entry) => changeOf(entry));
      const holder = new Map<string, string>();
      const done = new Set<string>();
      for (const change of changes) {
        if (change === null || !("goal" in change) || change.key !== key) continue;
        if (change.do === "claim" && !done.has(change.goal)) holder.set(change.goal, change.run);
        if (change.do === "lapse" && holder.get(change.goal) === change.run) holder.delete(change.goal);
        if (change.do !== "finish" || holder.get(change.goal) !== change.run) continue;
        holder.delete(change.goal);
        if (change.outcome !== "done") continue;
        done.add(change.goal);
        counts.set(`${key} ${change.goal}`, (counts.get(`${key} ${change.goal}`) ?? 0) + 1);
      }
    }
    return counts;
  }

  async close(): Promise<void> {
    for (const node of this.#nodes) if (node !== null) this.#bury(node, node.kill());
    await settle();
  }

  #bury(node: Node, _disk?: Disk): void {
    for (const runs of this.#working.values()) {
      for (const run of runs) if (run.startsWith(`${node.name}-`)) runs.delete(run);
    }
    this.faults.push(...node.faults);
  }

  /** What another node's record shows to be done, is on the disk of its home. */
  #checkShown({ page, key, row }: Job, { name, board }: Node): void {
    const home = NAMES.indexOf(board.page(page).find(key)?.home ?? name);
    if (NAMES[home] === name) return;
    for (const goal of GOALS.filter((each) => row[each] === "1")) {
      const changes = this.#disks[home]!.entries.map((entry) => changeOf(entry));
      const isThere = changes.some((each) => each?.do === "finish" && each.key === key && each.goal === goal);
      if (!isThere) this.#broken = `'${name}' works on '${key}', whose '${goal}' is not on the disk of its home`;
    }
  }

  #run(job: Job, node: Node): Promise<Result> {
    const { goal } = job.actor;
    const runs = this.#working.get(goal) ?? new Set();
    this.#working.set(goal, runs.add(job.run));
    this.#checkShown(job, node);
    // Most are short; some take several leases.
    const [ms, luck] = [10 + this.#random() ** 4 * 4_000, this.#random()];
    return new Promise((resolve) => {
      job.signal.addEventListener("abort", () => void runs.delete(job.run));
      this.clock.after(ms, () => {
        runs.delete(job.run);
        resolve({ outcome: luck < 0.1 ? "retry" : "done" });
      });
    });
  }

  #checkLimits(): void {
    const count = (goal: string) => this.#working.get(goal)?.size ?? 0;
    const shown = () => `at ${this.clock.now()}: ${[...this.#working].map(([goal, runs]) => `${goal}: ${[...runs]}`)}`;
    if (this.#broken !== null) throw new Error(this.#broken);
    if (this.#isRewound) return;
    if (count("d") > 2) throw new Error(`'d' runs ${count("d")} times ${shown()}`);
    if (count("b") > 0 && count("c") > 0) throw new Error(`'b' and 'c' run together ${shown()}`);
  }
}

describe("nodes that die and are cut off at random", () => {
  it("finish every goal once, keep the limits of the site, and agree in the end", { timeout: 300_000 }, async () => {
    const seed = Number(process.env.AISLE_SEED ?? Date.now() % 1e9);
    const numRuns = Number(process.env.AISLE_RUNS ?? 12);
    const property = fc.asyncProperty(
      fc.nat(),
      fc.array(action, { minLength: 5, maxLength: 25 }),
      async (own, actions) => {
        const world = new World(own);
        try {
          for (const which of NAMES.keys()) world.start(which);
          await world.pass(300);
          for (const each of actions) await world.act(each);
          world.mend();
          for (let waited = 0; waited < 120_000 && !world.isDone; waited += 500) await world.pass(500);
          expect(world.isDone).toBe(true);
          for (const { key } of world.records)
            for (const goal of GOALS) expect(world.finishes().get(`${key} ${goal}`), `${key} ${goal}`).toBe(1);
        } finally {
          await world.close();
        }
        expect(world.faults).toEqual([]);
      },
    );
    process.stdout.write(`seed ${seed}\n`);
    await fc.assert(property, { seed, numRuns, endOnFailure: process.env.AISLE_SHRINK === undefined });
  });
});
