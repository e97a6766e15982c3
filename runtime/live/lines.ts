// The records of all identities of all specs, a slice at a time, while events go on being folded.
import type { Handle } from "../core/fold.ts";
import { AisleError } from "../errors.ts";
import type { Live } from "./live.ts";

/** Identities, and characters, of one slice. */
const SLICE = 64;
const SLICE_CHARS = 256 * 1024;

/** NDJSON. Every identity that was there at the start comes once, as it is when its turn comes. */
export class Lines {
  readonly #walks: Walk[];
  readonly #ended: () => void;

  /** @param ended  called once, when it is at its end or nobody asks any more */
  constructor(lives: readonly Live[], ended: () => void) {
    this.#walks = lives.map((live) => new Walk(live));
    this.#ended = once(ended);
  }

  /**
   * Some lines, each with its line break; null: there are no more.
   *
   * @throws AisleError `unavailable` when a spec was replaced meanwhile
   */
  next(): string | null {
    for (;;) {
      const walk = this.#walks[0];
      if (walk === undefined) break;
      const lines = walk.next();
      if (lines === "done") this.#walks.shift();
      else if (lines !== "") return lines;
    }
    this.#ended();
    return null;
  }

  end(): void {
    this.#walks.length = 0;
    this.#ended();
  }
}

/**
 * Goes through memory and disk in turn, until all were met: between two slices identities may move from one to the
 * other. Each has a number of its own, from 1, by which it is known whether it was shown.
 */
class Walk {
  readonly #live: Live;
  readonly #shown: Uint8Array;
  /** Turn of the newest identity at the start. */
  readonly #newest: number;
  #left: number;
  #inMemory = true;
  #place = 0;
  #after: Buffer | null = null;

  constructor(live: Live) {
    this.#live = live;
    const { core } = live.fold;
    this.#newest = core.ordinalsGiven();
    this.#left = core.identitiesCount() + live.cold.size;
    this.#shown = new Uint8Array((this.#newest >> 3) + 1);
  }

  next(): string | "done" {
    if (this.#left === 0) return "done";
    if (this.#live.closed || this.#live.broken !== null)
      throw new AisleError("unavailable", `the spec '${this.#live.name}' was replaced, or has failed, meanwhile`);
    return this.#inMemory ? this.#nextOfMemory() : this.#nextOfDisk();
  }

  #nextOfMemory(): string {
    const { core } = this.#live.fold;
    let lines = "";
    for (let n = 0; n < SLICE && lines.length < SLICE_CHARS; n++) {
      const handle = core.identityFrom(this.#place);
      this.#place = core.nextPlace();
      if (handle !== 0) lines += this.#line(handle);
      if (this.#place !== 0) continue;
      this.#inMemory = false;
      break;
    }
    return lines;
  }

  #nextOfDisk(): string {
    const { fold, cold } = this.#live;
    let lines = "";
    const { packed, last } = cold.page(this.#after, SLICE);
    for (const bytes of packed) {
      const handle = fold.unpackNew(bytes);
      if (handle === null) continue; // it was saved, and is in memory by now
      lines += this.#line(handle);
      fold.forget(handle);
    }
    this.#after = last;
    if (last === null) this.#inMemory = true;
    return lines;
  }

  /** Empty when it was shown before, or came after the start. */
  #line(handle: Handle): string {
    const ordinal = this.#live.fold.core.ordinalOf(handle);
    const bit = 1 << (ordinal & 7);
    if (ordinal > this.#newest || (this.#shown[ordinal >> 3]! & bit) !== 0) return "";
    this.#shown[ordinal >> 3]! |= bit;
    this.#left--;
    const { identity, spec, incomplete, settledAt, json } = this.#live.show(handle);
    return `${JSON.stringify({ identity, spec, incomplete, settledAt }).slice(0, -1)},"records":${json}}\n`;
  }
}

function once(call: () => void): () => void {
  let called = false;
  return () => {
    if (!called) call();
    called = true;
  };
}
