import type { Fold } from "../core/fold.ts";
import { limits } from "../limits.ts";

/**
 * Lets go of what only late events would need, of identities that nothing more is heard of. Those that are heard of
 * do so by themselves. A few identities at a time, round and round: which ones is a function of the entries.
 */
export class Settling {
  readonly #fold: Fold;
  #place = 0;
  /** The watermark when this round began, and when the last whole one did, µs. */
  #began = Number.NEGATIVE_INFINITY;
  #whole = Number.NEGATIVE_INFINITY;

  constructor(fold: Fold) {
    this.#fold = fold;
  }

  /** Is there an event that may still be joined by earlier ones, or that nobody let go of? */
  get isUnsettled(): boolean {
    const highest = this.#fold.core.highestAt();
    return highest !== Number.NEGATIVE_INFINITY && highest >= this.#whole;
  }

  /** Goes on with a bounded number of identities. */
  step(): void {
    const { core } = this.#fold;
    if (this.#place === 0) this.#began = core.settledAt();
    for (let n = 0; n < limits.settledPerTick; n++) {
      const identity = core.identityFrom(this.#place);
      this.#place = core.nextPlace();
      if (identity !== 0 && core.tailCount(identity) > 0) core.settleIdentity(identity);
      if (this.#place !== 0) continue;
      this.#whole = this.#began;
      return;
    }
  }
}
