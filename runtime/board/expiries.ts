// Rows of plan pages that end by themselves: when one does, what it ranked is to be asked for again.
import { type Clock, DAY } from "../clock.ts";
import type { BoardRecord } from "./board.ts";
import { endOf } from "./ranks.ts";

export class Expiries {
  readonly #clock: Clock;
  readonly #ended: (row: BoardRecord) => void;
  readonly #waits = new Map<BoardRecord, () => void>();

  /** @param ended  told of each row that counts no more */
  constructor(clock: Clock, ended: (row: BoardRecord) => void) {
    this.#clock = clock;
    this.#ended = ended;
  }

  /** A row is new, or has changed, or is taken off. */
  watch(row: BoardRecord): void {
    this.#waits.get(row)?.();
    this.#waits.delete(row);
    const left = row.page.find(row.key) === row ? endOf(row) - this.#clock.now() : 0;
    if (left <= 0 || left === Number.POSITIVE_INFINITY) return;
    const stop = this.#clock.after(Math.min(DAY, left), () => {
      this.#waits.delete(row);
      if (left > DAY) this.watch(row);
      else this.#ended(row);
    });
    this.#waits.set(row, stop);
  }

  close(): void {
    for (const stop of this.#waits.values()) stop();
    this.#waits.clear();
  }
}
