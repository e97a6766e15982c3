// The decision log: every decision is an entry of the journal, found by its id without an index, since the id names
// its cause and a decision follows its cause closely.
import type { Decisions, Standing } from "../http/ports.ts";
import type { Journal } from "../journal/journal.ts";
import { limits } from "../limits.ts";
import { causeOf } from "./build.ts";
import type { Decision } from "./decision.ts";
import { isDecision, readDecision } from "./offers.ts";
import { type PublishCoupon, predictions } from "./wire.ts";

export interface DecisionLogOptions {
  readonly journal: Pick<Journal, "read" | "lastSeq">;
  readonly epoch: string;
  readonly publish: PublishCoupon;
  /** Resolves once what an event caused is settled. */
  readonly settled: (cause: number) => Promise<void>;
}

export class DecisionLog implements Decisions {
  readonly #options: DecisionLogOptions;

  constructor(options: DecisionLogOptions) {
    this.#options = options;
  }

  async find(id: string): Promise<Decision | null> {
    const cause = causeOf(id, this.#options.epoch);
    const found = cause === null ? null : this.#ofCause(cause);
    // The place may have had another name when it was made.
    return found?.decision.id === id ? found.decision : null;
  }

  async causedBy(seq: number): Promise<readonly Standing[]> {
    await this.#options.settled(seq);
    const found = this.#ofCause(seq);
    return found === null ? [] : [{ ...found, messages: predictions(found.decision, this.#options.publish) }];
  }

  #ofCause(cause: number): Pick<Standing, "seq" | "decision"> | null {
    const { journal } = this.#options;
    if (cause > journal.lastSeq) return null;
    let read = 0;
    for (const entry of journal.read(cause + 1)) {
      if (++read > limits.decisionScanEntries) return null;
      if (!isDecision(entry)) continue;
      const decision = readDecision(entry.payload);
      if (decision.cause === cause) return { seq: entry.seq, decision };
    }
    return null;
  }
}
