// The claims that this node holds: each is renewed until its run has ended, and told to be lost when another has it.
import type { BoardRecord } from "../board/board.ts";
import type { Finish } from "../board/change.ts";
import type { KeyValue } from "../bus/kv.ts";
import type { Clock } from "../clock.ts";
import type { PlannedActor } from "../site.ts";
import type { Claim } from "./claims.ts";
import type { Said, SeenClaims } from "./seen.ts";
import type { Serial } from "./serial.ts";
import type { Claimed } from "./values.ts";

export interface Hold {
  readonly claim: Claim;
  readonly actor: PlannedActor;
  readonly record: BoardRecord;
  /** Null: nobody else may claim goals of the record, but there is a slot to keep. */
  readonly key: string | null;
  /** What the bucket says of it. */
  readonly claimed: Claimed;
  /** Last known revision of the claim; 0: the bucket has never seen it. */
  revision: number;
  /** The claim could not be kept while the bucket was away: of records of this node only. */
  isCut: boolean;
  /** The home's journal has the claim. */
  isBegun: boolean;
  /** The outcome that is on its way to the home; null: there is none yet. */
  delivering: Finish["outcome"] | null;
  /** The home has its result, or will have. */
  isDelivered: boolean;
  /** Ends the renewals. */
  stop: () => void;
}

export interface HoldsOptions {
  readonly kv: KeyValue;
  readonly clock: Clock;
  readonly seen: SeenClaims;
  readonly serial: Serial;
  readonly isSynced: () => boolean;
  /** Renews what the run holds besides. */
  readonly renewSlot: (run: string) => void;
  /** The bucket does not say what is held here, of a record of this node. */
  readonly differs: (record: BoardRecord, goal: string) => void;
  readonly lost: (hold: Hold) => void;
}

/** Renewals in the time of a lease: two may fail. */
const RENEWALS = 3;

export class Holds {
  readonly #options: HoldsOptions;
  readonly #byRun = new Map<string, Hold>();
  readonly #byKey = new Map<string, Hold>();

  constructor(options: HoldsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#byRun.size;
  }

  add(hold: Hold): void {
    this.#byRun.set(hold.claim.run, hold);
    if (hold.key !== null) this.#byKey.set(hold.key, hold);
    this.#renewLater(hold);
  }

  find(run: string): Hold | undefined {
    return this.#byRun.get(run);
  }

  /** Of a key. */
  at(key: string): Pick<Hold, "claimed" | "isBegun" | "isCut"> | null {
    return this.#byKey.get(key) ?? null;
  }

  /** The journal of its home, this node, has the claim. */
  begun(key: string, run: string): void {
    const hold = this.#byKey.get(key);
    if (hold?.claim.run === run) hold.isBegun = true;
  }

  /** The run has ended. */
  drop(hold: Hold): void {
    hold.stop();
    if (this.#byRun.get(hold.claim.run) === hold) this.#byRun.delete(hold.claim.run);
    if (hold.key !== null && this.#byKey.get(hold.key) === hold) this.#byKey.delete(hold.key);
  }

  /** Another run has the goal. */
  lose(key: string): void {
    const hold = this.#byKey.get(key);
    if (hold !== undefined) this.#lose(hold);
  }

  loseRun(run: string): void {
    const hold = this.#byRun.get(run);
    if (hold !== undefined) this.#lose(hold);
  }

  /** What the bucket says of a key has changed. */
  seen(key: string): void {
    const hold = this.#byKey.get(key);
    if (hold === undefined) return;
    const { said, revision } = this.#options.seen.find(key);
    if (said.state === "claimed" && said.run === hold.claim.run) {
      hold.revision = revision;
      if (this.#options.isSynced()) hold.isCut = false;
    } else if (hold.record.home === null) this.#options.differs(hold.record, hold.actor.goal);
    else if (isResultOf(hold, said)) hold.isDelivered = true;
    else if (!hold.isDelivered) this.#lose(hold);
  }

  /** A person has written into the goal: unless the run has been told already, it is lost. */
  written(key: string, run: string): void {
    const hold = this.#byKey.get(key);
    if (hold === undefined || hold.claim.run === run) return;
    // Whoever writes may end the run himself, in this same turn.
    setImmediate(() => {
      if (this.#byKey.get(key) === hold) this.#lose(hold);
    });
  }

  /** The bucket is away. */
  cut(): void {
    for (const hold of this.#byRun.values()) if (hold.record.home === null) hold.isCut = true;
  }

  /** All of the bucket is known again. */
  current(): void {
    for (const hold of [...this.#byRun.values()]) {
      if (hold.key !== null) this.seen(hold.key);
      void this.renew(hold);
    }
  }

  async renew(hold: Hold): Promise<void> {
    const { serial, isSynced, renewSlot } = this.#options;
    if (!isSynced()) return;
    renewSlot(hold.claim.run);
    const { key } = hold;
    if (key !== null && hold.revision !== 0) await serial.run(key, () => this.#renew(hold, key));
  }

  close(): void {
    for (const hold of this.#byRun.values()) hold.stop();
  }

  async #renew(hold: Hold, key: string): Promise<void> {
    const { kv, seen, isSynced } = this.#options;
    if (this.#byRun.get(hold.claim.run) !== hold || !isSynced() || hold.isCut) return;
    const { said } = seen.find(key);
    if (said.state !== "claimed" || said.run !== hold.claim.run) return; // it is delivered, or lost
    const text = JSON.stringify(hold.claimed);
    try {
      const revision = await kv.update(key, text, hold.revision);
      if (revision !== null) seen.see(key, text, revision);
      else await seen.refresh(kv, key);
      this.seen(key);
    } catch {
      // The next renewal is tried; a lease that nobody takes over runs on.
    }
  }

  #renewLater(hold: Hold): void {
    const { clock } = this.#options;
    hold.stop = clock.after(hold.claimed.leaseMs / RENEWALS, () => {
      this.#renewLater(hold);
      void this.renew(hold);
    });
  }

  #lose(hold: Hold): void {
    this.drop(hold);
    this.#options.lost(hold);
  }
}

/** Whether the bucket has the result of a run: as it was brought, or settled by the home. A lapse is settled, too. */
function isResultOf({ claim, delivering }: Hold, said: Said): boolean {
  if (said.state !== "finished" && said.state !== "settled") return false;
  if (said.run !== claim.run) return false;
  return said.state === "finished" || said.outcome === "done" || (delivering !== null && delivering !== "done");
}
