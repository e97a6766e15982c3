import type { Board } from "../board/board.ts";
import type { KeyValue } from "../bus/kv.ts";
import { limits } from "../limits.ts";
import { giveUp } from "./deliver.ts";
import { placeOf } from "./keys.ts";
import type { SeenClaims } from "./seen.ts";
import type { Serial } from "./serial.ts";
import type { Claimed } from "./values.ts";

export interface StraysOptions {
  readonly kv: KeyValue;
  /** Name of this node. */
  readonly node: string;
  readonly board: Board;
  readonly seen: SeenClaims;
  readonly serial: Serial;
  readonly isSynced: () => boolean;
  /** The goal was given back. */
  readonly given: (key: string) => void;
}

/**
 * Claims of this node that nobody works for: of an earlier process, of runs that have ended, or of such that were never
 * begun as no answer came, and whose claim may yet arrive. A goal of another home's record is given back where one is seen.
 */
export class Strays {
  readonly #options: StraysOptions;
  readonly #runs = new Set<string>();

  constructor(options: StraysOptions) {
    this.#options = options;
  }

  add(run: string): void {
    // The oldest has long been seen, or its lease has run out.
    if (this.#runs.size >= limits.bucketRequests) this.#runs.delete(this.#runs.values().next().value!);
    this.#runs.add(run);
  }

  has({ node, run }: Claimed): boolean {
    return node === this.#options.node && this.#runs.has(run);
  }

  giveBack(key: string): void {
    const { kv, board, seen, serial, isSynced, given } = this.#options;
    const { said } = seen.find(key);
    if (!isSynced() || said.state !== "claimed" || !this.has(said)) return;
    const place = placeOf(key);
    if (place?.family !== "claim" || board.find(place.page)?.find(place.key)?.home === null) return;
    giveUp(key, said.run, { kv, seen, serial }).then(
      () => given(key),
      () => {}, // it is seen again when the bucket was read again
    );
  }
}
