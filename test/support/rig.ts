// The engine of a place, from the door to the decision, over the journal in memory: no disk, no bus, no HTTP.
import type { Actor } from "../../runtime/actor.ts";
import { Applier } from "../../runtime/apply.ts";
import { LocalClaims } from "../../runtime/claims/claims.ts";
import { ManualClock } from "../../runtime/clock.ts";
import { type CustomerSource, LocalSource } from "../../runtime/data/source.ts";
import type { Coupon, Decision, Profile, Scores } from "../../runtime/decide/decision.ts";
import { isDecision, readDecision } from "../../runtime/decide/offers.ts";
import { CoreScorer, type Scorer } from "../../runtime/decide/scorer.ts";
import { Dedupe, printOf } from "../../runtime/dedupe.ts";
import type { Receipt } from "../../runtime/http/ports.ts";
import { EventIngest, type Refused } from "../../runtime/ingest.ts";
import { Block } from "../../runtime/journal/block.ts";
import { type Replayed, replay } from "../../runtime/replay.ts";
import { Runner, type WorkPorts } from "../../runtime/runner.ts";
import { Work } from "../../runtime/runs/work.ts";
import type { Plan, Row } from "../../runtime/site.ts";
import { type Disk, emptyDisk, MemoryJournal } from "./memory-journal.ts";
import { ACTORS, CUSTOMERS, EXPLAIN, OPENING, shopModel, shopPlan, shopReader, WORLD } from "./shop.ts";

const UTF8 = new TextEncoder();

export interface RigOptions {
  readonly disk?: Disk;
  /** ms since epoch. */
  readonly now?: number;
  readonly source?: CustomerSource;
  readonly scorer?: Scorer;
  readonly plan?: Plan;
  readonly actors?: readonly Actor<unknown, unknown, unknown>[];
  readonly told?: (decision: Decision) => void;
  /** What the board hears, as a `config` entry says it. */
  readonly hears?: string;
}

/** Lets the event loop turn. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

const core = new CoreScorer(shopModel());

export class Rig {
  readonly clock: ManualClock;
  readonly journal: MemoryJournal;
  readonly applier: Applier;
  readonly runner: Runner;
  readonly ingest: EventIngest;
  readonly work: WorkPorts;
  readonly letters: Refused[] = [];
  readonly faults: string[] = [];
  /** Decisions as the outside hears of them. */
  readonly decided: Decision[] = [];
  readonly #options: RigOptions;

  constructor(options: RigOptions = {}) {
    this.#options = options;
    const { disk = emptyDisk(), now = disk.entries.at(-1)?.receivedAt ?? OPENING, source, scorer = core } = options;
    const { plan = shopPlan(), actors = ACTORS, told = () => {} } = options;
    this.clock = new ManualClock(now);
    this.journal = new MemoryJournal(this.clock, disk);
    this.work = {
      plan,
      actors,
      world: WORLD,
      scorer,
      explain: EXPLAIN,
      place: "box",
      epoch: this.journal.epoch,
      versions: { model: scorer.model, plan: "p", catalog: "c", site: "s" },
    };
    this.applier = this.#newApplier();
    const refuse = (refused: Refused) => void this.letters.push(refused);
    const fault = (what: string, error: unknown) => void this.faults.push(`${what}: ${(error as Error).message}`);
    this.runner = new Runner({
      ...this.work,
      journal: this.journal,
      clock: this.clock,
      applier: this.applier,
      ...(options.hears === undefined ? {} : { hears: options.hears }),
      source: source ?? new LocalSource((customer) => CUSTOMERS.get(customer) ?? null),
      refuse,
      decided: (_, decision) => {
        this.decided.push(decision);
        told(decision);
      },
      applied: () => {},
      boarded: () => {},
      gate: null,
      work: this.#newWork(fault),
      fault,
    });
    const dedupe = new Dedupe(10_000);
    this.ingest = new EventIngest({
      journal: this.journal,
      clock: this.clock,
      reader: shopReader(),
      dedupe,
      refuse,
      backlog: () => this.runner.backlog,
      count: () => {},
    });
    this.runner.recover((part) => {
      if (part instanceof Block) return;
      const { headers, payload } = part;
      if (headers.id !== undefined) dedupe.add(printOf(headers.source ?? "", headers.id, payload));
    });
  }

  /** Hands events in, in one body; resolves when they are on disk. */
  send(...events: readonly object[]): Promise<Receipt> {
    return this.ingest.accept({
      principal: "test",
      subject: "/events",
      type: null,
      headers: {},
      body: UTF8.encode(JSON.stringify(events)),
    });
  }

  /** Some turns of the event loop: enough for whatever doesn't wait for an answer from outside. */
  async settle(): Promise<void> {
    await turns(3);
    while (this.journal.queued > 0) await turns(1);
  }

  /** Decisions on disk, in their order. */
  get decisions(): Decision[] {
    return this.journal.disk.entries.filter(isDecision).map(({ payload }) => readDecision(payload));
  }

  /** "kind" of every entry on disk. */
  get kinds(): string[] {
    return this.journal.disk.entries.map(({ kind }) => kind);
  }

  /** What a replay of the disk finds. */
  replay(changes: Partial<WorkPorts> = {}): Replayed {
    const work = { ...this.work, ...changes };
    return replay(work, this.#newApplier(work.plan), () => this.journal.read());
  }

  /** For actors that a site brings: here nobody does their work. */
  #newWork(fault: (what: string, error: unknown) => void): Work {
    let runs = 0;
    return new Work({
      board: this.applier.board,
      journal: this.journal,
      clock: this.clock,
      defer: (run) => void setImmediate(run),
      claims: new LocalClaims(),
      executors: {},
      gate: null,
      logs: { append: () => {}, tail: () => "" },
      node: "box",
      newRun: () => `run-${++runs}`,
      notice: () => {},
      count: () => {},
      fault,
    });
  }

  #newApplier(plan: Plan = this.work.plan): Applier {
    const { actors = ACTORS } = this.#options;
    return new Applier({ plan, actors, reader: shopReader(), world: WORLD });
  }
}

/** A port whose answers the test gives, in whatever order. */
export class Questions<In, Out> {
  readonly open: { readonly asked: In; readonly answer: (out: Out) => void; readonly fail: (error: Error) => void }[] =
    [];
  /** All that was ever asked. */
  readonly asked: In[] = [];

  ask(asked: In): Promise<Out> {
    this.asked.push(asked);
    return new Promise((answer, fail) => this.open.push({ asked, answer, fail }));
  }

  /** Answers the oldest open question that fits. */
  answer(out: Out | ((asked: In) => Out), fits: (asked: In) => boolean = () => true): void {
    const index = this.open.findIndex(({ asked }) => fits(asked));
    if (index < 0) throw new Error("nobody asked");
    const [question] = this.open.splice(index, 1);
    question!.answer(typeof out === "function" ? (out as (asked: In) => Out)(question!.asked) : out);
  }

  fail(error: Error): void {
    this.open.shift()!.fail(error);
  }
}

/** A source away in another house. */
export class AskedSource extends Questions<string, Profile> implements CustomerSource {
  fetch(customer: string): Promise<Profile> {
    return this.ask(customer);
  }

  know(customer: string, row: Row = CUSTOMERS.get(customer)!): void {
    this.answer({ state: "known", row, stale: false }, (asked) => asked === customer);
  }
}

/** A scorer away in another house. */
export class AskedScorer extends Questions<{ customer: Row; coupons: readonly Coupon[] }, Scores> implements Scorer {
  readonly outside = true;
  readonly model = null;

  score(customer: Row, coupons: readonly Coupon[]): Promise<Scores> {
    return this.ask({ customer, coupons });
  }

  /** Scores every coupon alike, for the oldest question about a customer. */
  give(customer: number, score: number): void {
    this.answer(
      ({ coupons }) => ({ state: "scored", by: "rest", scores: coupons.map(({ id }) => ({ coupon: id, score })) }),
      (asked) => asked.customer.customer_id === customer,
    );
  }
}
