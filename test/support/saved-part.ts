// A part of a place's state that a test fills by hand.
import type { LoadedRow, Round, Saved, SavedRow } from "../../runtime/checkpoint/checkpoint.ts";

/** Texts by name; what has changed since the last round that was kept is saved. */
export class TextPart implements Saved {
  readonly name: string;
  readonly version: number;
  readonly basis: string;
  readonly alwaysWhole: boolean;
  texts = new Map<string, string>();
  /** Names that were changed or removed since. */
  readonly #changed = new Set<string>();
  #given: string[] = [];
  /** Thrown in the middle of a round. */
  fails: Error | null = null;

  constructor(name: string, { version = 1, basis = "", alwaysWhole = false } = {}) {
    this.name = name;
    this.version = version;
    this.basis = basis;
    this.alwaysWhole = alwaysWhole;
  }

  set(name: string, text: string | null): void {
    if (text === null) this.texts.delete(name);
    else this.texts.set(name, text);
    this.#changed.add(name);
  }

  *save({ whole }: Round): Generator<SavedRow | null> {
    this.#given = [...(whole || this.alwaysWhole ? this.texts.keys() : this.#changed)];
    for (const name of this.#given) {
      const text = this.texts.get(name);
      yield { key: Buffer.from(name), value: text === undefined ? null : Buffer.from(text) };
      yield null;
      if (this.fails !== null) throw this.fails;
    }
  }

  kept(): void {
    for (const name of this.#given) this.#changed.delete(name);
  }

  load(rows: Iterable<LoadedRow>): void {
    this.texts = textsIn(rows);
  }
}

export function textsIn(rows: Iterable<LoadedRow>): Map<string, string> {
  return new Map([...rows].map(({ key, value }) => [key.toString(), value.toString()]));
}
