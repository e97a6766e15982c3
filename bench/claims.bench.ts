// Question: is a goal ever finished twice, however many ask for it at once? And how many claims are answered a second?
// Shape:    125,000 records of one goal, their homes three nodes, each with its own connection to one nats-server; eight
//           workers on the three nodes ask for every goal, 1,000,000 claims, close together in time. Who gets one finishes
//           it: a home by its journal, the others over the bucket. One claim in 200 is made by a program that dies with
//           it, and tries to finish it later, when others have long taken over, or just in that moment.
// Counted:  results that counted, by the journals of the homes: each goal has one. And results of the dead that the
//           bucket took although the goal was finished: none.
import { Board, cellOf } from "../runtime/board/board.ts";
import { type Change, type Changed, Changes, changeDraft, changeOf } from "../runtime/board/change.ts";
import { NatsBus } from "../runtime/bus/nats.ts";
import { NatsKv } from "../runtime/bus/nats-kv.ts";
import { claimKey } from "../runtime/claims/keys.ts";
import { KvClaims } from "../runtime/claims/kv-claims.ts";
import type { ClaimValue } from "../runtime/claims/values.ts";
import { systemClock } from "../runtime/clock.ts";
import type { Entry } from "../runtime/journal/journal.ts";
import type { PlannedActor } from "../runtime/site.ts";
import { MemoryJournal } from "../test/support/memory-journal.ts";
import { pageOf, plannedActor } from "../test/support/plans.ts";
import { prng } from "../test/support/prng.ts";
import { type NatsServer, natsServer } from "./nats.ts";

const WORKERS = 8;
const NODES = 3;
/** Keys that a worker asks for at once. */
const AT_ONCE = 16;
/** Workers walk the keys in the same order, but for the order within so many. */
const BLOCK = 64;
const DEAD = 1 / 200;
const DEAD_LEASE_MS = 400;
const SEED = 20_260;

const ACTOR: PlannedActor = plannedActor("t", { retries: { max: 1_000_000, backoffMs: 0, backoffMaxMs: 0 } });
const PLAN = { pages: [pageOf([ACTOR], { shared: true })], actors: [ACTOR] };

/** A claim whose program has died. */
interface Dead {
  readonly key: string;
  readonly run: string;
  readonly revision: number;
}

export async function bench({ quick }: { quick: boolean }) {
  const keys = Array.from({ length: (quick ? 20_000 : 1_000_000) / WORKERS }, (_, i) => `k${i}`);
  await using server = await natsServer();
  const site = await Site.open(server, keys);
  try {
    const start = performance.now();
    await site.askForAll();
    const seconds = (performance.now() - start) / 1_000;
    await site.askForTheRest();
    const late = await site.lateResults();
    const { once, twice } = site.finishes();
    const told = `${site.asked} claims, ${site.granted} granted, ${site.dead.length} of the dead, ${site.woken} of these came to in time`;
    process.stderr.write(`${told}; seed ${SEED} … `);
    if (once + twice !== keys.length) throw new Error(`${keys.length - once - twice} goals were not finished`);
    return {
      figures: {
        "board.claims_double_finish": twice + late,
        "board.claims_per_s": (keys.length * WORKERS) / seconds,
      },
      ratios: {},
    };
  } finally {
    await site.close();
  }
}

/** A board, a journal and claims, and nobody at work but the workers here. */
class Node {
  readonly name: string;
  readonly kv: NatsKv;
  readonly board = new Board(PLAN.pages);
  readonly journal = new MemoryJournal(systemClock);
  readonly claims: KvClaims;
  /** Keys of records whose goal was finished by a result that counted. */
  readonly done: string[] = [];
  readonly #changes = new Changes(this.board);
  readonly #applied = new Map<number, { readonly change: Change; readonly changed: Changed }>();

  constructor(name: string, kv: NatsKv, random: () => number) {
    this.name = name;
    this.kv = kv;
    this.claims = new KvClaims({
      ...{ kv, node: name, plan: PLAN, board: this.board, clock: systemClock, random },
      append: (drafts) => this.journal.append(drafts),
      changed: () => {},
      notice: () => {},
      fault: (what, error) => process.stderr.write(`${name}: ${what}: ${error}\n`),
    });
    this.journal.onAppend((entries) => {
      for (const entry of entries) this.#apply(entry);
    });
    this.journal.onCommit((entries) => {
      for (const entry of entries) {
        const applied = this.#applied.get(entry.seq);
        this.#applied.delete(entry.seq);
        if (applied !== undefined) this.claims.committed(applied.change, applied.changed.record, entry);
      }
    });
  }

  #apply(entry: Entry): void {
    const change = changeOf(entry)!;
    const changed = this.#changes.apply(change, entry);
    if (changed === null) return;
    if (change.do === "finish" && change.outcome === "done") this.done.push(change.key);
    this.#applied.set(entry.seq, { change, changed });
    this.claims.applied(change, changed.record, entry);
  }
}

class Site {
  readonly #keys: readonly string[];
  readonly #nodes: readonly Node[];
  readonly #buses: readonly NatsBus[];
  readonly #random = prng(SEED);
  readonly dead: Dead[] = [];
  asked = 0;
  granted = 0;
  readonly #waking: Promise<void>[] = [];
  /** Runs of the dead that came to before anybody had taken over: their result is good. */
  readonly #woken = new Set<string>();
  #runs = 0;

  private constructor(keys: readonly string[], nodes: readonly Node[], buses: readonly NatsBus[]) {
    this.#keys = keys;
    this.#nodes = nodes;
    this.#buses = buses;
  }

  /** Three nodes, each the home of a third of the records, which all can see. */
  static async open({ url }: NatsServer, keys: readonly string[]): Promise<Site> {
    const buses = Array.from({ length: NODES }, (_, i) => new NatsBus({ servers: url, name: `node-${i}` }));
    const nodes = buses.map((bus, i) => {
      const kv = new NatsKv({ bus, bucket: "bench", bytesMax: 2 ** 31 });
      return new Node(`node-${i}`, kv, prng(i));
    });
    await Promise.all(nodes.map(({ claims }) => claims.open(10_000)));
    const site = new Site(keys, nodes, buses);
    for (let from = 0; from < keys.length; from += 3_000) {
      for (const [i, { journal }] of nodes.entries()) {
        const own = keys.slice(from + i * 1_000, Math.min(from + (i + 1) * 1_000, from + 3_000));
        const drafts = own.map((key) => changeDraft({ do: "set", page: "jobs", key, cells: {} }, "bench"));
        if (drafts.length > 0) await journal.append(drafts);
      }
    }
    await until(() => nodes.every(({ board }) => board.page("jobs").size === keys.length));
    return site;
  }

  /** Every worker asks for every goal. */
  async askForAll(): Promise<void> {
    await Promise.all(Array.from({ length: WORKERS }, (_, worker) => this.#walk(worker, this.#keys, DEAD)));
  }

  /** What the dead have left is taken over, and finished. */
  async askForTheRest(): Promise<void> {
    for (;;) {
      const rest = this.#keys.filter((key) => !this.#isDone(key));
      if (rest.length === 0) return;
      await Promise.all(Array.from({ length: WORKERS }, (_, worker) => this.#walk(worker, rest, 0)));
      await new Promise((resolve) => setTimeout(resolve, DEAD_LEASE_MS / 8));
    }
  }

  /** Results of the dead for goals that are finished; how many were taken. */
  async lateResults(): Promise<number> {
    await Promise.all(this.#waking);
    const late = this.dead.filter(({ run }) => !this.#woken.has(run));
    const taken = await Promise.all(late.map((dead) => this.#finishDead(dead)));
    return taken.filter((each) => each).length;
  }

  get woken(): number {
    return this.#woken.size;
  }

  /** Goals by how often a result counted. */
  finishes(): { readonly once: number; readonly twice: number } {
    const counts = new Map<string, number>();
    for (const { done } of this.#nodes) for (const key of done) counts.set(key, (counts.get(key) ?? 0) + 1);
    const all = [...counts.values()];
    return { once: all.filter((count) => count === 1).length, twice: all.filter((count) => count > 1).length };
  }

  async close(): Promise<void> {
    await Promise.all(this.#nodes.map(({ claims }) => claims.close()));
    await Promise.all(this.#buses.map((bus) => bus.drain()));
  }

  async #walk(worker: number, keys: readonly string[], dead: number): Promise<void> {
    const random = prng(SEED + worker + keys.length);
    const order = shuffledInBlocks(keys, random);
    let next = 0;
    const one = async () => {
      for (let i = next++; i < order.length; i = next++) {
        if (random() < dead) await this.#claimAndDie(order[i]!);
        else await this.#claimAndFinish(this.#nodes[worker % NODES]!, order[i]!);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, one));
  }

  async #claimAndFinish({ name, claims, journal, board }: Node, key: string): Promise<void> {
    const record = board.page("jobs").find(key)!;
    this.asked++;
    const run = `${name}-${++this.#runs}`;
    // A home looks at its own board first: it is the truth.
    if (record.home === null && cellOf(record, "t") !== undefined && cellOf(record, "t")!.state !== "waiting") return;
    const claim = await claims.acquire(ACTOR, record, run, (cellOf(record, "t")?.attempts ?? 0) + 1);
    if ("refused" in claim) return;
    this.granted++;
    const of = { page: "jobs", key, goal: "t", run, host: name } as const;
    if (record.home === null) {
      await journal.append([changeDraft({ do: "claim", ...of, attempt: claim.attempt }, name)]);
      await journal.append([changeDraft({ do: "finish", ...of, outcome: "done" }, name)]);
    } else await claims.deliver(claim, record, { do: "finish", ...of, outcome: "done" });
    claims.release(claim);
  }

  /** Straight into the bucket, as any program could. */
  async #claimAndDie(key: string): Promise<void> {
    this.asked++;
    const run = `dead-${++this.#runs}`;
    const value: ClaimValue = {
      state: "claimed",
      node: "dead",
      run,
      attempt: 1,
      leaseMs: DEAD_LEASE_MS,
      onLapse: "retry",
    };
    const revision = await this.#nodes[0]!.kv.create(claimKey("jobs", key, "t"), JSON.stringify(value));
    if (revision === null) return;
    const dead = { key, run, revision };
    this.dead.push(dead);
    // Half of them come to round about the moment in which their lease runs out.
    if (this.#random() < 0.5) this.#waking.push(this.#wake(dead, DEAD_LEASE_MS * (0.7 + 0.6 * this.#random())));
  }

  async #wake(dead: Dead, ms: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, ms));
    if (await this.#finishDead(dead)) this.#woken.add(dead.run);
  }

  /** A server that is busy may not answer in time: then what stands in the bucket says whether it took it. */
  async #finishDead(dead: Dead, tries = 5): Promise<boolean> {
    const { key, run, revision } = dead;
    const { kv } = this.#nodes[0]!;
    const name = claimKey("jobs", key, "t");
    const value: ClaimValue = { state: "finished", node: "dead", run, attempt: 1, result: { outcome: "done" } };
    const text = JSON.stringify(value);
    try {
      return (await kv.update(name, text, revision)) !== null;
    } catch (error) {
      if (tries === 0) throw error;
      const held = await kv.get(name).catch(() => null);
      return held?.value === text || this.#finishDead(dead, tries - 1);
    }
  }

  #isDone(key: string): boolean {
    return this.#nodes.every(({ board }) => cellOf(board.page("jobs").find(key)!, "t")?.state === "done");
  }
}

function shuffledInBlocks(keys: readonly string[], random: () => number): string[] {
  const order: string[] = [];
  for (let from = 0; from < keys.length; from += BLOCK) {
    const block = keys.slice(from, from + BLOCK);
    for (let i = block.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [block[i], block[j]] = [block[j]!, block[i]!];
    }
    order.push(...block);
  }
  return order;
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}
