// An intake of the store site over a journal that the test brings, and what it is handed besides.
import type { ManualClock } from "../../runtime/clock.ts";
import { Dedupe } from "../../runtime/dedupe.ts";
import { AisleError } from "../../runtime/errors.ts";
import { ACTIONS } from "../../runtime/events.ts";
import type { Receipt } from "../../runtime/http/ports.ts";
import { EventIngest, type Refused } from "../../runtime/ingest.ts";
import type { Ack } from "../../runtime/intake/ack.ts";
import { Intake } from "../../runtime/intake/intake.ts";
import { Block } from "../../runtime/journal/block.ts";
import type { Journal } from "../../runtime/journal/journal.ts";
import { readerOf, SITES } from "./intake.ts";

export const BASE = "aisle.store.box";
export const SITE = SITES[0]!;

export const bytes = (event: object) => Buffer.from(JSON.stringify(event));
/** Nothing on the board hears of it, unless the rig says so. */
export const exit = (id: number, more: object = {}) => bytes({ type: "exit", id, ...more });
export const entry = (id: number, more: object = {}) => bytes({ type: "entry", id, ...more });
export const turn = () => new Promise((resolve) => setImmediate(resolve));

export interface IntakeRigOptions<J> {
  readonly clock: ManualClock;
  readonly journal: J;
  readonly hears?: (type: string) => boolean;
  readonly isStuck?: () => boolean;
}

/** Unless told otherwise, the board hears of who comes in. */
export class IntakeRig<J extends Journal> {
  readonly clock: ManualClock;
  readonly journal: J;
  readonly dedupe = new Dedupe(100_000);
  readonly letters: Refused[] = [];
  readonly counted = new Map<string, number>();
  readonly lost: [many: number, code: string][] = [];
  readonly replicated: number[] = [];
  isHubAway = false;
  readonly parts: (number | "block")[] = [];
  backlog = 0;
  readonly ingest: EventIngest;
  readonly intake: Intake;

  constructor({ clock, journal, hears = (type) => type === "entry", isStuck }: IntakeRigOptions<J>) {
    this.clock = clock;
    this.journal = journal;
    const count = (outcome: string, type: string, many = 1) =>
      void this.counted.set(`${outcome} ${type}`, (this.counted.get(`${outcome} ${type}`) ?? 0) + many);
    const { dedupe } = this;
    const shared = { journal, clock, dedupe, pending: new Map(), backlog: () => this.backlog, count };
    this.ingest = new EventIngest({ ...shared, reader: readerOf(SITE), refuse: (each) => this.letters.push(each) });
    this.intake = new Intake({
      ...shared,
      gate: { ...SITE, actions: ACTIONS, hears },
      base: BASE,
      ingest: this.ingest,
      letters: { hasRoom: () => true },
      replicated: async (seq) => {
        if (this.isHubAway) throw new AisleError("unavailable", "the hub is late");
        this.replicated.push(seq);
      },
      lost: (many, error) => this.lost.push([many, (error as AisleError).code]),
      ...(isStuck === undefined ? {} : { isStuck }),
    });
    journal.onCommit((_, { parts }) => {
      for (const part of parts) this.parts.push(part instanceof Block ? "block" : part.length);
    });
  }

  add(payload: Uint8Array, subject = "events.exit", ack: Ack = "durable"): Promise<Receipt> {
    return new Promise((resolve, reject) => {
      const answer = (receipt: Receipt | null, error: Error | null) =>
        receipt === null ? reject(error) : resolve(receipt);
      this.intake.add(payload, 0, Buffer.from(`${BASE}.${subject}`), answer, ack);
    });
  }

  onDisk(): string[] {
    return [...this.journal.read()].map(({ payload }) => Buffer.from(payload).toString());
  }
}
