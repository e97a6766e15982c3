// The way of the board's changes into the journal: in order, and once more when it was full.
import { type Change, changeDraft } from "../board/change.ts";
import type { Clock } from "../clock.ts";
import { AisleError } from "../errors.ts";
import type { Draft, Journal } from "../journal/journal.ts";

export interface OutboxPorts {
  readonly journal: Pick<Journal, "append">;
  readonly clock: Clock;
  /** Name of this node: the principal of what it writes. */
  readonly node: string;
  /** A failing journal: for the log. */
  readonly fault: (what: string, error: unknown) => void;
}

interface Waiting {
  readonly draft: Draft;
  readonly resolve: (written: boolean) => void;
}

/** Wait before changes are handed to a full journal again, ms. */
const RETRY_MS = 20;
/** Of what a full journal gets at once: changes, and bytes; one change in any case. */
const BATCH = 500;
const BATCH_BYTES = 1024 * 1024;

export class Outbox {
  readonly #ports: OutboxPorts;
  /** What a full journal did not take, oldest first. All that comes meanwhile stands behind: no result before its claim. */
  #waiting: Waiting[] = [];
  #pending = 0;

  constructor(ports: OutboxPorts) {
    this.#ports = ports;
  }

  /** Changes that are not on disk. */
  get pending(): number {
    return this.#pending;
  }

  /** Hands a change to the journal; a full one gets it a little later. Resolves once it is on disk; false: it never is. */
  append(change: Change): Promise<boolean> {
    const { journal, node } = this.#ports;
    const draft = changeDraft(change, node);
    this.#pending++;
    if (this.#waiting.length > 0) return this.#later(draft);
    return journal.append([draft]).then(
      () => this.#ended(true),
      (error) => (isOverloaded(error) ? this.#later(draft) : this.#broken(error)),
    );
  }

  #later(draft: Draft): Promise<boolean> {
    if (this.#waiting.length === 0) this.#ports.clock.after(RETRY_MS, () => this.#again());
    return new Promise((resolve) => this.#waiting.push({ draft, resolve }));
  }

  /** Until the batch is on disk it stands in front of what comes. */
  #again(): void {
    const { journal, clock } = this.#ports;
    const batch = firstOf(this.#waiting);
    const end = (written: boolean) => {
      this.#waiting = this.#waiting.slice(batch.length);
      for (const { resolve } of batch) resolve(this.#ended(written));
      if (this.#waiting.length > 0) this.#again();
    };
    journal.append(batch.map(({ draft }) => draft)).then(
      () => end(true),
      (error) => {
        if (isOverloaded(error)) {
          clock.after(RETRY_MS, () => this.#again());
          return;
        }
        this.#ports.fault("the board can't be journalled", error);
        end(false);
      },
    );
  }

  /** The place is not ready any more, and a restart does it again. */
  #broken(error: unknown): boolean {
    this.#ports.fault("the board can't be journalled", error);
    return this.#ended(false);
  }

  #ended(written: boolean): boolean {
    this.#pending--;
    return written;
  }
}

function firstOf(waiting: readonly Waiting[]): readonly Waiting[] {
  let bytes = 0;
  const past = waiting.findIndex(({ draft }, index) => {
    bytes += draft.payload.length;
    return index > 0 && (index >= BATCH || bytes > BATCH_BYTES);
  });
  return past < 0 ? [...waiting] : waiting.slice(0, past);
}

function isOverloaded(error: unknown): boolean {
  return error instanceof AisleError && error.passing;
}
