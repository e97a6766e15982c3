// The ids seen. They may be saved as of a little after the entry that a round names: what is replayed is known then, and
// changes nothing.
import type { Dedupe, DedupeSaved } from "../dedupe.ts";
import type { LoadedRow, Round, Saved, SavedRow } from "./checkpoint.ts";
import { numbered } from "./rows.ts";

const VERSION = 1;
/** Shorter than a number: comes first. */
const HEAD = Buffer.from("h");

export class DedupeState implements Saved {
  readonly name = "dedupe";
  readonly version = VERSION;
  readonly #dedupe: Dedupe;
  /** Ids that were ever added, as of the last round that is on disk, and of the one under way. */
  #kept = 0;
  #saved = 0;

  constructor(dedupe: Dedupe) {
    this.#dedupe = dedupe;
  }

  /** A place in the ring means something only at one size. */
  get basis(): string {
    return String(this.#dedupe.capacity);
  }

  *save({ whole }: Round): Generator<SavedRow | null> {
    const dedupe = this.#dedupe;
    let from = Math.max(whole ? 0 : this.#kept, dedupe.added - dedupe.capacity);
    // Others add meanwhile: the end is where nothing is left to copy.
    for (; dedupe.chunkEnd(from) < dedupe.added; from = dedupe.chunkEnd(from)) yield this.#chunk(from);
    const rows = from < dedupe.added ? [this.#chunk(from), this.#head()] : [this.#head()];
    yield* rows;
  }

  kept(): void {
    this.#kept = this.#saved;
  }

  load(rows: Iterable<LoadedRow>): void {
    const rest = rows[Symbol.iterator]();
    const head = rest.next().value as LoadedRow;
    const saved = JSON.parse(head.value.toString()) as DedupeSaved;
    this.#dedupe.restore(saved, chunksOf(rest));
    this.#kept = saved.added;
  }

  #chunk(from: number): SavedRow {
    const number = this.#dedupe.chunkOf(from);
    return { key: numbered(number), value: this.#dedupe.chunk(number) };
  }

  #head(): SavedRow {
    const saved = this.#dedupe.saved();
    this.#saved = saved.added;
    return { key: HEAD, value: Buffer.from(JSON.stringify(saved)) };
  }
}

/** One after another: all at once they take what the memory of ids takes. */
function* chunksOf(rows: Iterator<LoadedRow>): Generator<readonly [number, Buffer]> {
  for (let next = rows.next(); next.done !== true; next = rows.next())
    yield [next.value.key.readUInt32BE(0), next.value.value];
}
