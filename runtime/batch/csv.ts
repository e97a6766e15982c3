// Rows or records as CSV, as Python's `csv` writes it: columns by name, CRLF, quotes where they are needed.
import type { Fold, Handle } from "../core/fold.ts";
import { AisleError } from "../errors.ts";
import type { Stored } from "./records.ts";
import type { Sink } from "./sink.ts";
import type { Writer } from "./writer.ts";

/** A row by the names of its columns. */
type Line = ReadonlyMap<string, string>;

/**
 * Rows of all identities in one table, the columns in the order of their names.
 *
 * Blurr flattens maps, so that rows may differ in what they have: the columns are those of the first row of the last
 * identity that has rows, and another row must have the same. With its compatibility nothing is written before the end.
 */
export class RowsCsv implements Writer {
  readonly #fold: Fold;
  readonly #sink: Sink;
  readonly #windows: readonly { readonly index: number; readonly columns: readonly string[] }[];
  readonly #names: readonly string[];
  /** Rows by identity. */
  readonly #held: (readonly Line[])[] | null;

  constructor(fold: Fold, sink: Sink) {
    const { compat, aggregates, transform } = fold.program;
    const streams = transform.streaming.aggregates.length;
    this.#fold = fold;
    this.#sink = sink;
    this.#windows = aggregates.slice(streams).map(({ name, columns }, i) => ({
      index: streams + i,
      columns: columns.map((column) => `${name}.${column.name}`),
    }));
    this.#names = this.#windows.flatMap(({ columns }) => columns).sort();
    this.#held = compat ? [] : null;
    if (!compat) sink.write(csvLine(this.#names));
  }

  records(): void {
    throw new Error("without a window spec there are no rows");
  }

  rows(_: Handle, rows: Iterable<number>): void {
    const lines = Array.from(rows, (row) => this.#line(row));
    if (this.#held !== null) this.#held.push(lines);
    else for (const line of lines) this.#sink.write(csvLine(this.#names.map((name) => line.get(name)!)));
  }

  ready(): Promise<void> {
    return this.#sink.ready();
  }

  async end(): Promise<void> {
    if (this.#held !== null) await this.#writeHeld(this.#held);
    await this.#sink.end();
  }

  abandon(): Promise<void> {
    return this.#sink.abandon();
  }

  async #writeHeld(rows: readonly (readonly Line[])[]): Promise<void> {
    const first = rows.findLast((lines) => lines.length > 0)?.[0] ?? new Map<string, string>();
    const names = [...first.keys()].sort();
    const other = rows.flat().flatMap((line) => [...line.keys()].filter((name) => !first.has(name)))[0];
    if (other !== undefined)
      throw new AisleError("invalid", `ValueError: dict contains fields not in fieldnames: '${other}'`);
    this.#sink.write(csvLine(names));
    for (const line of rows.flat()) {
      this.#sink.write(csvLine(names.map((name) => line.get(name) ?? "")));
      await this.#sink.ready();
    }
  }

  #line(row: number): Line {
    const { core } = this.#fold;
    const line = new Map<string, string>();
    for (const { index, columns } of this.#windows) {
      const texts = this.#fold.texts(index, core.recordOfRow(row, index));
      for (const [i, name] of columns.entries()) {
        const text = texts[i]!;
        if (typeof text === "string") line.set(name, text);
        else for (let n = 0; n < text.length; n += 2) line.set(text[n]!, text[n + 1]!);
      }
    }
    core.dropRow(row);
    return line;
  }
}

/** The records of each aggregate in a table of their own, the columns in the order of the record. */
export class RecordsCsv implements Writer {
  readonly #fold: Fold;
  readonly #sinks: ReadonlyMap<number, Sink>;

  /** @param sinkOf  by the aggregate's name */
  constructor(fold: Fold, sinkOf: (aggregate: string) => Sink) {
    this.#fold = fold;
    this.#sinks = new Map(
      storedAggregates(fold).map(({ index, name, columns }) => {
        const sink = sinkOf(name);
        sink.write(csvLine(columns.map((column) => column.name)));
        return [index, sink];
      }),
    );
  }

  records(_: Handle, records: readonly Stored[]): void {
    for (const { aggregate, record } of records)
      this.#sinks.get(aggregate)!.write(csvLine(this.#fold.texts(aggregate, record) as string[]));
  }

  rows(): void {
    throw new Error("with a window spec there are no records");
  }

  async ready(): Promise<void> {
    for (const sink of this.#sinks.values()) await sink.ready();
  }

  async end(): Promise<void> {
    for (const sink of this.#sinks.values()) await sink.end();
  }

  async abandon(): Promise<void> {
    for (const sink of this.#sinks.values()) await sink.abandon();
  }
}

/** Aggregates of the streaming spec whose records are kept. */
export function storedAggregates(fold: Fold) {
  const { aggregates, transform } = fold.program;
  const streams = aggregates.slice(0, transform.streaming.aggregates.length);
  return streams.map((each, index) => ({ index, ...each })).filter(({ stored }) => stored);
}

function csvLine(texts: readonly string[]): string {
  // a line with nothing in it would be none
  if (texts.length === 1 && texts[0] === "") return '""\r\n';
  return `${texts.map(quoted).join(",")}\r\n`;
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
