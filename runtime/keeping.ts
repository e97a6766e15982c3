// What the journal and the dead letters keep, and for how long: looked at now and then.
import type { Board } from "./board/board.ts";
import { carryOld } from "./board/carry.ts";
import type { Checkpoints } from "./checkpoint/checkpoints.ts";
import { type Clock, HOUR } from "./clock.ts";
import type { StoreJournal } from "./journal/store-journal.ts";
import type { Site } from "./site.ts";
import type { StoredDeadLetters } from "./store/deadletters.ts";

/** How often old entries and letters are looked for. */
const EVERY_MS = HOUR;
/** Of the bytes that the journal may take. */
const NEARLY_FULL = 0.8;

/** Who still has to send what the journal keeps. */
interface Needs {
  /** The first sequence that it needs. */
  neededFrom(): number;
}

export interface KeepingOptions {
  readonly site: Site;
  readonly journal: StoreJournal;
  readonly letters: StoredDeadLetters;
  readonly board: Board;
  readonly checkpoints: Pick<Checkpoints, "upToSeq">;
  readonly outbox: Needs;
  readonly hub: Needs | null;
  readonly clock: Clock;
  readonly fault: (what: string, error: unknown) => void;
}

export class Keeping {
  readonly #options: KeepingOptions;
  #stop: () => void = () => {};

  constructor(options: KeepingOptions) {
    this.#options = options;
  }

  /** Now, and from now on. */
  begin(): void {
    const { clock, fault } = this.#options;
    this.retain().catch((error) => fault("old entries can't be removed", error));
    this.#stop = clock.after(EVERY_MS, () => this.begin());
  }

  end(): void {
    this.#stop();
  }

  /** Removes what is old: never what a checkpoint, the bus or the hub has yet to have. */
  async retain(): Promise<void> {
    const { site, journal, letters, checkpoints, outbox, hub } = this.#options;
    const { ageMs, bytes, decisionsMs, deadLettersMs } = site.retention;
    const upToSeq = Math.min(await this.#carryOld(), checkpoints.upToSeq);
    const passingFrom = hub?.neededFrom() ?? Number.POSITIVE_INFINITY;
    const lastingFrom = Math.min(outbox.neededFrom(), passingFrom);
    await journal.retain({ ageMs, bytes, decisionAgeMs: decisionsMs, upToSeq, lastingFrom, passingFrom });
    await letters.retain(deadLettersMs);
  }

  /**
   * Records of the board that rest on the older half of what is kept are written again. A checkpoint has them too, but of
   * one plan: under another, or if it can't be read, the board is made from the journal alone.
   */
  #carryOld(): Promise<number> {
    const { site, journal, board, clock } = this.#options;
    const { ageMs, bytes } = site.retention;
    const { firstSeq, lastSeq, bytes: taken } = journal.stats();
    return carryOld({
      board,
      append: (drafts) => journal.append(drafts),
      node: site.place,
      beforeAt: clock.now() - ageMs / 2,
      beforeSeq: taken > bytes * NEARLY_FULL ? (firstSeq + lastSeq) / 2 : 0,
    });
  }
}
