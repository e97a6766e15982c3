// Asking for a goal of a record: from what was last seen, then by one change of its key, which only one node can make.
import type { BoardRecord } from "../board/board.ts";
import { type KeyValue, swap } from "../bus/kv.ts";
import { AisleError, reasonOf } from "../errors.ts";
import { limits } from "../limits.ts";
import type { PlannedActor } from "../site.ts";
import type { Claim, Refused } from "./claims.ts";
import { mayTakeOver } from "./foreign.ts";
import type { Holds } from "./holds.ts";
import type { SeenClaims } from "./seen.ts";
import type { Serial } from "./serial.ts";
import type { SiteSlots } from "./slots.ts";
import type { Claimed } from "./values.ts";

/** What is asked for. */
export interface Asked {
  readonly actor: PlannedActor;
  readonly record: BoardRecord;
  readonly run: string;
  readonly attempt: number;
  /** Null: nobody else may ask for goals of the record. */
  readonly key: string | null;
}

export interface AskingOptions {
  readonly kv: KeyValue;
  /** Name of this node. */
  readonly node: string;
  readonly seen: SeenClaims;
  readonly holds: Holds;
  readonly slots: SiteSlots;
  readonly serial: Serial;
  readonly isSynced: () => boolean;
  /** Whether this node may go on alone when the bucket is away. */
  readonly isOpen: () => boolean;
  readonly isStale: (claimed: Claimed) => boolean;
  readonly granted: (asked: Asked, claim: Claim) => void;
  /** The board shows again what it showed before. */
  readonly refused: (asked: Asked, why: Refused) => void;
  /** A claim for a run that will not be may stand in the bucket, or come to stand there. */
  readonly strayed: (run: string) => void;
}

export class Asking {
  readonly #options: AskingOptions;
  /** By key: the run for which it is asked, until the board shows what has come of it. */
  readonly #asking = new Map<string, string>();
  /** Runs that have no answer yet. */
  readonly #runs = new Set<string>();

  constructor(options: AskingOptions) {
    this.#options = options;
  }

  /** Whether this node asks for the claim now. */
  isAsked(key: string): boolean {
    return this.#asking.has(key);
  }

  /** Whether it asks for a run. */
  isRun(run: string): boolean {
    return this.#runs.has(run);
  }

  async ask(asked: Asked): Promise<Claim | Refused> {
    const { key, run, actor } = asked;
    const { holds, node, slots } = this.#options;
    if (key !== null) {
      const other = this.#asking.get(key);
      const isAsked = other !== undefined && this.#runs.has(other);
      if (isAsked || holds.at(key) !== null) return this.#refuse(asked, { refused: "taken", by: node });
      this.#asking.set(key, run);
      this.#runs.add(run);
    }
    const answer = await this.#answer(asked);
    if (!("refused" in answer)) return answer;
    if (slots.needs(actor)) slots.release(run);
    return this.#refuse(asked, answer);
  }

  /** Who stands in the way of a claim, as far as is known; null: nobody. */
  obstacle({ record, actor }: Pick<Asked, "record" | "actor">, key: string): string | null {
    const { seen, isStale } = this.#options;
    const { said } = seen.find(key);
    const isHome = record.home === null;
    switch (said.state) {
      case "absent":
      case "open":
        return null;
      case "claimed":
        if (isStale(said)) return null;
        return seen.isLapsed(key) && (isHome || mayTakeOver(said, actor)) ? null : said.node;
      case "finished":
        return said.node;
      default:
        return isHome ? null : record.home;
    }
  }

  async #answer(asked: Asked): Promise<Claim | Refused> {
    const { slots, serial, isSynced } = this.#options;
    const { key, actor, run } = asked;
    if (!isSynced()) return this.#alone(asked);
    const by = key === null ? null : this.obstacle(asked, key);
    if (by !== null) return { refused: "taken", by };
    if (slots.needs(actor)) {
      const refused = await slots.take(actor, run);
      if (refused !== null) return refused;
    }
    return key === null ? this.#grant(asked, 0) : serial.run(key, () => this.#claim(asked, key));
  }

  async #claim(asked: Asked, key: string): Promise<Claim | Refused> {
    const { kv, seen, isSynced } = this.#options;
    const text = JSON.stringify(this.#claimed(asked));
    for (let attempt = 0; attempt < limits.claimTries; attempt++) {
      if (!isSynced()) return this.#alone(asked);
      const by = this.obstacle(asked, key);
      if (by !== null) return { refused: "taken", by };
      try {
        const revision = await swap(kv, key, text, seen.find(key).revision);
        if (revision === null) await seen.refresh(kv, key);
        else {
          seen.see(key, text, revision);
          return this.#grant(asked, revision);
        }
      } catch (error) {
        return this.#uncertain(asked, key, error);
      }
    }
    return { refused: "taken", by: "others, time and again" };
  }

  /** The bucket did not answer: whether the claim was made is read from it. */
  async #uncertain(asked: Asked, key: string, error: unknown): Promise<Claim | Refused> {
    const { kv, seen, strayed } = this.#options;
    const away: Refused = { refused: "away", detail: reasonOf(error) };
    if (!(error instanceof AisleError) || error.code !== "unavailable") return away;
    try {
      await seen.refresh(kv, key);
      const { said, revision } = seen.find(key);
      if (said.state === "claimed" && said.run === asked.run) return this.#grant(asked, revision);
    } catch {
      if (kv.state !== "here") {
        const answer = this.#alone(asked);
        if (!("refused" in answer)) return answer;
      }
    }
    // What was sent may still arrive.
    strayed(asked.run);
    return away;
  }

  /** Without the bucket: a home goes on with its own records, but not against a lease that it knows of. */
  #alone(asked: Asked): Claim | Refused {
    const { kv, seen, slots, isOpen, isStale } = this.#options;
    const { record, actor, key } = asked;
    if (kv.state === "here" || !isOpen()) return { refused: "away", detail: "the claims of the site are being read" };
    if (record.home !== null)
      return { refused: "away", detail: `'${record.home}', the home of the record, can't be reached` };
    if (slots.needs(actor))
      return { refused: "away", detail: `'${actor.goal}' has a limit for the whole site, which can't be reached` };
    if (key === null) return this.#grant(asked, 0);
    const { said } = seen.find(key);
    const isHeld = said.state === "claimed" && !isStale(said) && !seen.isLapsed(key);
    if (isHeld || said.state === "finished") return { refused: "taken", by: said.node };
    return this.#grant(asked, 0);
  }

  /** @param revision  of the claim; 0: the bucket knows of none */
  #grant(asked: Asked, revision: number): Claim | Refused {
    const { holds, slots, granted, strayed } = this.#options;
    const { actor, record, run, attempt, key } = asked;
    if (record.page.find(record.key) !== record) {
      if (revision !== 0) strayed(run);
      return { refused: "taken", by: "nobody: the record was removed meanwhile" };
    }
    if (slots.needs(actor) && !slots.holds(run)) {
      if (revision !== 0) strayed(run);
      return { refused: "site-limit", detail: `the slot of '${actor.goal}' was lost before its claim was made` };
    }
    const claim: Claim = { run, attempt, token: revision };
    const isCut = key !== null && revision === 0;
    const claimed = this.#claimed(asked);
    const fresh = { isBegun: false, delivering: null, isDelivered: false, stop: () => {} };
    holds.add({ claim, actor, record, key, claimed, revision, isCut, ...fresh });
    if (key !== null) this.#ended(key, run);
    granted(asked, claim);
    return claim;
  }

  #refuse(asked: Asked, why: Refused): Refused {
    const { key, run } = asked;
    this.#runs.delete(run);
    // Not before who asked has put back what the board shows, and may ask again.
    setImmediate(() => {
      if (key !== null) this.#ended(key, run);
      if (key === null || !this.#asking.has(key)) this.#options.refused(asked, why);
    });
    return why;
  }

  #ended(key: string, run: string): void {
    this.#runs.delete(run);
    if (this.#asking.get(key) === run) this.#asking.delete(key);
  }

  #claimed({ actor, run, attempt }: Asked): Claimed {
    const { leaseMs, onLapse } = actor;
    return { state: "claimed", node: this.#options.node, run, attempt, leaseMs, onLapse };
  }
}
