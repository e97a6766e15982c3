import { claimKey, recordKey, slotKey } from "../../runtime/claims/keys.ts";
import type { Shown } from "../../runtime/claims/mirror.ts";
import type { ClaimValue, SlotValue } from "../../runtime/claims/values.ts";
import { ManualClock } from "../../runtime/clock.ts";
import type { Job, Result } from "../../runtime/runs/job.ts";
import type { PageConfig, Plan, PlannedActor } from "../../runtime/site.ts";
import type { Disk } from "./memory-journal.ts";
import { MemoryBucket, type MemoryBucketOptions, type MemoryKv } from "./memory-kv.ts";
import { Node, pass, settle } from "./nodes.ts";
import { pageOf } from "./plans.ts";

/** A run at work in a test, that ends when the test says so. */
interface AtWork {
  readonly node: string;
  readonly job: Job;
  readonly end: (result: Result) => void;
}

/** A plan with one shared page, `jobs`. */
export function sharedPlan(actors: readonly PlannedActor[], more: Partial<PageConfig> = {}): Plan {
  return { pages: [pageOf(actors, { shared: true, ...more })], actors };
}

/** Nodes of a site over one bucket in memory, with one clock that stands until it is moved. */
export class Cluster {
  readonly clock: ManualClock;
  readonly bucket: MemoryBucket;
  readonly plan: Plan;
  readonly nodes: Node[] = [];
  /** By run. */
  readonly jobs = new Map<string, AtWork>();

  /** @param options  with a clock only if it is a ManualClock: the nodes' then */
  constructor(plan: Plan, options: MemoryBucketOptions & { readonly clock?: ManualClock } = {}) {
    this.plan = plan;
    this.clock = options.clock ?? new ManualClock(1_000_000);
    this.bucket = new MemoryBucket(options);
  }

  /** A node at work. @param disk  of an earlier process */
  async open(name: string, options: { disk?: Disk; plan?: Plan; cut?: boolean; epoch?: string } = {}): Promise<Node> {
    const { disk, plan = this.plan, cut = false, epoch = "" } = options;
    const kv = this.bucket.connect();
    if (cut) kv.cut();
    const node = new Node({
      ...{ name, plan, kv, epoch, clock: this.clock, random: () => 0 },
      boot: this.nodes.filter((node) => node.name === name).length,
      ...(disk === undefined ? {} : { disk }),
      run: (job) =>
        new Promise<Result>((end) => {
          this.jobs.set(job.run, { job, node: name, end });
          job.signal.addEventListener("abort", () => void this.jobs.delete(job.run));
        }),
    });
    this.nodes.push(node);
    const opened = node.open();
    await settle();
    // Where messages take their time, or never come.
    if (cut || node.claims.isAlone) await this.pass(1_000, 10);
    await opened;
    await settle();
    return node;
  }

  /** The plug is pulled: its runs end with it. */
  kill(node: Node): Disk {
    for (const [run, { node: name }] of this.jobs) if (name === node.name) this.jobs.delete(run);
    return node.kill();
  }

  line(node: Node): MemoryKv {
    return node.kv as MemoryKv;
  }

  async pass(ms: number, stepMs = ms): Promise<void> {
    await pass(this.clock, ms, stepMs);
  }

  /** Runs at work: `node goal key`. */
  get working(): string[] {
    return [...this.jobs.values()].map(({ node, job }) => `${node} ${job.actor.goal} ${job.key}`);
  }

  /** Ends the runs of a node. */
  async end(node: Node, result: Result = { outcome: "done" }): Promise<void> {
    for (const [run, each] of this.jobs) {
      if (each.node !== node.name) continue;
      this.jobs.delete(run);
      each.end(result);
    }
    await settle();
  }

  claim(goal = "t", key = "a"): ClaimValue | null {
    return this.#read(claimKey("jobs", key, goal)) as ClaimValue | null;
  }

  shown(key = "a"): Shown | null {
    return this.#read(recordKey("jobs", key)) as Shown | null;
  }

  slots(goal: string): (SlotValue | null)[] {
    const slots: (SlotValue | null)[] = [];
    for (let number = 0; ; number++) {
      const slot = this.#read(slotKey(goal, number)) as SlotValue | null;
      if (slot === null && number > 8) return slots.slice(0, slots.findLastIndex((each) => each !== null) + 1);
      slots.push(slot);
    }
  }

  /** As another program would write it. */
  put(key: string, value: unknown): void {
    this.bucket.write(key, typeof value === "string" ? value : JSON.stringify(value), null);
  }

  /** What went wrong anywhere. */
  get faults(): string[] {
    return this.nodes.flatMap(({ name, faults }) => faults.map((fault) => `${name}: ${fault}`));
  }

  async close(): Promise<void> {
    for (const node of this.nodes) node.kill();
    await settle();
  }

  #read(key: string): unknown {
    const value = this.bucket.find(key)?.value ?? null;
    return value === null ? null : JSON.parse(value);
  }
}
