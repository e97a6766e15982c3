// Who waits for the disk hears after a while that it is full, instead of nothing: what waits may still get there.
import { AisleError } from "../errors.ts";
import { limits } from "../limits.ts";

/** What tells that a commit finds no room, and for how long that has been so, ms; again and again while it is so. */
export interface FullDisk {
  onFull(listener: (error: AisleError, forMs: number) => void): void;
}

export class Patience {
  readonly #waiting = new Set<(error: AisleError) => void>();

  constructor(disk: FullDisk) {
    disk.onFull(({ message }, forMs) => {
      if (forMs < limits.fullAnswerMs) return;
      const detail = `${message}. What was sent waits for room, and may still be taken in; what has an id is safe to send again`;
      const error = new AisleError("full", detail);
      for (const end of this.#waiting) end(error);
      this.#waiting.clear();
    });
  }

  /** Settles as what is waited for, or sooner. @throws AisleError `full` when the disk has been full for too long */
  readonly bound = <T>(waited: Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      waited.then(resolve, reject).finally(() => this.#waiting.delete(reject));
    });
}
