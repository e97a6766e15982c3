// Records and rows as Blurr makes them, where it does otherwise: for `--compat blurr`.
//
// Anchors are found at the end of the run, among finished blocks, in the order in which these were saved; identity
// aggregates show what they end with. Windows of a Block aggregate compare times as text.
import { Aborted, type Fold, type Handle } from "../core/fold.ts";
import { Datetime } from "../core/value.ts";
import type { Described } from "../spec/compile.ts";
import type { Stored } from "./records.ts";

/** Faults that `Fold.core` gives in place of an answer; addresses are larger. */
const ABORTED = 100;
const FAULTS_END = 1024;

const DAY_MICROS = 86_400_000_000;

/** What stands in a list or map and Python's `json` refuses, by its tag in `assembly/machine/value.ts`. */
const REFUSED: Readonly<Record<number, string>> = {
  22: "datetime",
  23: "date",
  24: "timedelta",
  25: "timezone",
  27: "tuple",
  28: "set",
};

/** A block, and when it began. */
interface Block {
  readonly record: number;
  /** µs */
  readonly start: number;
  /** ISO 8601, in its own zone. */
  readonly text: string;
  /** Seconds east. */
  readonly zone: number;
}

type Order = (a: Block | Bound, b: Block | Bound) => number;
type Bound = Pick<Block, "start" | "text">;

/** @throws Aborted when Python could not print the record or row */
export function checkPrintable(fold: Fold, aggregate: number, record: number): void {
  const tag = fold.core.unprintable(aggregate, record);
  if (tag === 0) return;
  throw new Aborted("TypeError", `Object of type ${REFUSED[tag]} is not JSON serializable`);
}

export class BlurrRows {
  readonly #fold: Fold;
  readonly #anchor: {
    readonly entry: number;
    readonly header: number | null;
    readonly blocks: number;
    readonly max: number;
  };
  readonly #windows: readonly { readonly index: number; readonly described: Described; readonly isExact: boolean }[];
  readonly #order: Order;
  /** Room in the core for addresses of records. */
  #room = 0;
  #roomCount = 0;

  constructor(fold: Fold) {
    const { anchor, aggregates, transform } = fold.program;
    const streams = transform.streaming.aggregates.length;
    this.#fold = fold;
    this.#anchor = anchor!;
    this.#windows = transform.window!.aggregates.flatMap((aggregate, i) => {
      if (aggregate.kind !== "window") return [];
      return [{ index: streams + i, described: aggregates[streams + i]!, isExact: aggregate.window === "count" }];
    });
    this.#order = aggregates[anchor!.blocks]!.kind === "block" ? byText : byInstant;
  }

  /**
   * Rows of an identity, to be dropped by who takes them.
   *
   * @param saved  its records, in the order in which they were saved
   *
   * @throws Aborted where Blurr's run would end
   */
  *rows(identity: Handle, saved: readonly Stored[]): Generator<number> {
    const { core } = this.#fold;
    const { blocks: aggregate, max } = this.#anchor;
    // identity aggregates show the record saved last
    const shown = new Map(saved.map(({ aggregate, record }) => [aggregate, record]));
    shown.delete(aggregate);
    const blocks = saved.filter((each) => each.aggregate === aggregate).map(({ record }) => this.#block(record));
    const byDay = new Map<number, number>();
    for (const block of blocks) {
      if (max > 0 && (byDay.get(dayOf(block)) ?? 0) >= max) continue;
      core.showIdentity(identity);
      for (const [other, record] of shown) core.showRecord(other, record);
      core.showAnchor(aggregate, block.record);
      if (!this.#isTrue(this.#anchor.entry)) continue;
      const row = this.#rowOf(identity, block, blocks);
      if (row === null) continue;
      const day = dayOf(block);
      byDay.set(day, (byDay.get(day) ?? 0) + 1);
      yield row;
    }
  }

  #rowOf(identity: Handle, anchor: Block, blocks: readonly Block[]): number | null {
    const { core } = this.#fold;
    if (this.#anchor.header !== null && !this.#isTrue(this.#anchor.header)) return core.emptyRow(identity);
    const windows: Block[][] = [];
    for (const { described, isExact } of this.#windows) {
      const window = this.#window(anchor, blocks, described);
      if (window.length === 0 || (isExact && window.length !== Math.abs(described.span))) return null;
      windows.push(window);
    }
    this.#set(windows);
    const row = core.rowOf(identity);
    if (row === ABORTED) throw this.#fold.aborted();
    return row < FAULTS_END ? null : row;
  }

  #isTrue(entry: number): boolean {
    const answer = this.#fold.core.isTrue(entry);
    if (answer === ABORTED) throw this.#fold.aborted();
    return answer === 1;
  }

  #block(record: number): Block {
    const { core } = this.#fold;
    const start = core.startOf(record);
    const zone = core.zoneOf(record);
    return { record, start, zone, text: Number.isNaN(start) ? "" : isoOf(start, zone) };
  }

  /** The blocks of a window, in the order of their starts. */
  #window(anchor: Block, blocks: readonly Block[], { unit, span }: Described): Block[] {
    if (Number.isNaN(anchor.start)) throw neverBegan(unit);
    if (blocks.some(({ start }) => Number.isNaN(start)))
      throw new Aborted("TypeError", "'<' not supported between instances of 'datetime.datetime' and 'NoneType'");
    const isPast = span < 0;
    const beside = blocks.filter((block) => (isPast ? this.#order(block, anchor) < 0 : this.#order(block, anchor) > 0));
    beside.sort(this.#order);
    if (unit === "count") return isPast ? beside.slice(span) : beside.slice(0, span);
    const start = anchor.start + span;
    const bound: Bound = { start, text: isoOf(start, anchor.zone) };
    return beside.filter((block) => (isPast ? this.#order(block, bound) > 0 : this.#order(block, bound) < 0));
  }

  /** Hands the windows to the core. */
  #set(windows: readonly (readonly Block[])[]): void {
    const { core } = this.#fold;
    const count = windows.reduce((sum, window) => sum + window.length, 0);
    if (count > this.#roomCount) {
      this.#roomCount = 2 * count;
      this.#room = core.reserve(4 * this.#roomCount);
    }
    const words = new Uint32Array(core.memory.buffer, this.#room, count);
    let at = 0;
    for (const [i, window] of windows.entries()) {
      core.setWindow(this.#windows[i]!.index, this.#room + 4 * at, window.length);
      for (const { record } of window) words[at++] = record;
    }
  }
}

/** How Blurr's run ends when the anchor is a session that never began. */
function neverBegan(unit: Described["unit"]): Aborted {
  return unit === "time"
    ? new Aborted("TypeError", "unsupported operand type(s) for +: 'NoneType' and 'datetime.timedelta'")
    : new Aborted("AttributeError", "'NoneType' object has no attribute 'tzinfo'");
}

function byInstant(a: Bound, b: Bound): number {
  return a.start - b.start;
}

function byText(a: Bound, b: Bound): number {
  if (a.text === b.text) return 0;
  return a.text < b.text ? -1 : 1;
}

/** The calendar day of a block's start, in its own zone. */
function dayOf({ start, zone }: Block): number {
  if (Number.isNaN(start)) throw new Aborted("AttributeError", "'NoneType' object has no attribute 'date'");
  return Math.floor((start + zone * 1e6) / DAY_MICROS);
}

function isoOf(micros: number, zone: number): string {
  return new Datetime(BigInt(micros), zone).toString();
}
