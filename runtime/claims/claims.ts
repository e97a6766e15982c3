// Who may work on a goal of a record: a port with two implementations, one node alone and several over JetStream.
import type { BoardRecord } from "../board/board.ts";
import type { Change, Finish } from "../board/change.ts";
import type { Entry } from "../journal/journal.ts";
import type { Plan, PlannedActor } from "../site.ts";

/** The right to work on a goal of a record, until it is lost. */
export interface Claim {
  readonly run: string;
  readonly attempt: number;
  /** Fencing token: the revision of the claim among several nodes; 0: there is one node. */
  readonly token: number;
}

export type Refused =
  /** Another run holds it, or the goal is finished: what the board shows is about to change. */
  | { readonly refused: "taken"; readonly by: string }
  /** A limit or conflict of the whole site: all slots are held. */
  | { readonly refused: "site-limit"; readonly detail: string }
  /** Who arbitrates can't be reached. */
  | { readonly refused: "away"; readonly detail: string };

export interface Claims {
  /**
   * Asks for a goal of a record. Answers at once where nobody else can ask.
   *
   * @param run  id for the run, never given before
   */
  acquire(
    actor: PlannedActor,
    record: BoardRecord,
    run: string,
    attempt: number,
  ): Claim | Refused | Promise<Claim | Refused>;
  /**
   * Hands a result of a record whose home is another node to that home.
   *
   * @returns false when the claim was lost meanwhile: the result counts for nothing
   */
  deliver(claim: Claim, record: BoardRecord, finish: Finish): Promise<boolean>;
  /** The claim is still worked on. */
  renew(claim: Claim): void;
  /** The claim is given up, or settled: its slots are free. */
  release(claim: Claim): void;
  /** Called when slots of the site were freed, or when who arbitrates is back: what was refused may be asked again. */
  onFree(listener: () => void): void;
  /**
   * Called when a claim held here is somebody else's now, or its slot could not be kept: the run is to end at once, and
   * its result counts for nothing. What the board has to show of it is seen to; it needs no `release`.
   */
  onLost?(listener: (claim: Claim) => void): void;
  /**
   * Begins to take part with the other nodes. To be called when the board is rebuilt, before anything is started on it.
   * Resolves, within that time, to whether they can be reached; if not, this node works alone until they can be.
   */
  open?(timeoutMs: number): Promise<boolean>;
  /** A change of a record was applied, live. */
  applied?(change: Change, record: BoardRecord, entry: Entry): void;
  /** It is on disk. */
  committed?(change: Change, record: BoardRecord, entry: Entry): void;
  /** Takes over the pages and actors of a changed plan. */
  adopt?(plan: Plan): void;
  /** Gives up what is held, and asks for nothing more. */
  close(): Promise<void>;
}

/** One node alone: what the scheduler lets start is the node's. */
export class LocalClaims implements Claims {
  acquire(_actor: PlannedActor, _record: BoardRecord, run: string, attempt: number): Claim {
    return { run, attempt, token: 0 };
  }

  /** Never asked: there is no other home. */
  async deliver(): Promise<boolean> {
    return false;
  }

  renew(): void {}

  release(): void {}

  onFree(): void {}

  async close(): Promise<void> {}
}
