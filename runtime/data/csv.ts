// A CSV file with declared columns → a table: one compact array per column, rows made when they are asked for.
import { CsvError, parse } from "csv-parse/sync";
import { didYouMean, type Mistake } from "../errors.ts";
import { limits } from "../limits.ts";
import type { ColumnType, Row, Value } from "../site.ts";
import { formatDay, parseDay } from "./day.ts";
import { decode } from "./files.ts";
import { found, oneOf, shorten } from "./mistakes.ts";

const INTEGER = /^[+-]?\d+(?:\.0+)?$/;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

const EXPECTED: Readonly<Record<ColumnType, string>> = {
  text: "text",
  integer: "a whole number",
  number: "a number",
  date: "a day such as '2026-03-01'",
};

/** `key` null: rows need no identity of their own, as in a table of links. */
export interface Columns {
  readonly key: string | null;
  readonly columns: Readonly<Record<string, ColumnType>>;
}

/** 8 bytes a cell: numbers and days (NaN is an empty cell), or references to texts, equal texts shared. */
type Cells = Float64Array | (string | null)[];

export class Table {
  readonly length: number;
  readonly key: string | null;
  readonly columns: Readonly<Record<string, ColumnType>>;
  readonly #cells: ReadonlyMap<string, Cells>;
  readonly #rows: ReadonlyMap<string, number>;
  /** Keys of rows that had mistakes: they are no rows, but what points to them is not to blame. */
  readonly #refused: ReadonlySet<string>;
  /** Line of each row in its file, for mistakes about what a row points to. */
  readonly #lines: Uint32Array;

  constructor(
    { key, columns }: Columns,
    cells: ReadonlyMap<string, Cells>,
    rows: ReadonlyMap<string, number>,
    refused: ReadonlySet<string>,
    lines: Uint32Array,
  ) {
    this.length = lines.length;
    this.key = key;
    this.columns = columns;
    this.#cells = cells;
    this.#rows = rows;
    this.#refused = refused;
    this.#lines = lines;
  }

  /** Row with this key, -1 when there is none. Keys are canonical: of an integer column "7", never "007". */
  find(key: string): number {
    return this.#rows.get(key) ?? -1;
  }

  /** Whether the file has a row with this key that was left out for its mistakes. */
  refused(key: string): boolean {
    return this.#refused.has(key);
  }

  value(index: number, column: string): Value {
    const cells = this.#cells.get(column)!;
    if (!(cells instanceof Float64Array)) return cells[index]!;
    const value = cells[index]!;
    if (Number.isNaN(value)) return null;
    return this.columns[column] === "date" ? formatDay(value) : value;
  }

  /** Days since 1970-01-01 of a date column; NaN for an empty cell. */
  day(index: number, column: string): number {
    return (this.#cells.get(column) as Float64Array)[index]!;
  }

  keyOf(index: number): string {
    return String(this.value(index, this.key!));
  }

  /** A new row, columns in the order of the declaration. */
  row(index: number): Row {
    const row: Record<string, Value> = {};
    for (const column in this.columns) row[column] = this.value(index, column);
    return row;
  }

  line(index: number): number {
    return this.#lines[index]!;
  }
}

/**
 * Reads a table. Columns come in any order, found by the names in the first line; columns that aren't declared
 * are left out. An empty cell is null, except in the key. Every mistake is added to `mistakes` with its line and
 * its column's name; what can still be read is read.
 *
 * @param bytes  UTF-8; a byte order mark, CRLF, quoted fields and empty lines are fine
 * @param adapt  puts a cell into its canonical form before it is kept (departments by their aliases, days
 *               moved); text of its own making is a mistake's message
 * @returns null when there is nothing to work with
 */
export function readCsv(
  bytes: Buffer,
  file: string,
  declared: Columns,
  mistakes: Mistake[],
  adapt: Readonly<Record<string, Adapt>> = {},
): Table | null {
  const say = (line: number, message: string) => mistakes.push({ file, line, column: 0, message });
  try {
    decode(bytes, file);
  } catch (error) {
    say(0, (error as Error).message);
    return null;
  }
  const builder = new Builder(recordLines(bytes), declared, adapt, say);
  try {
    for (const record of parse(bytes, CSV_SYNTAX) as string[][]) builder.take(record);
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    // What comes before the fault is worth its mistakes too. The callback is slow, hence only here.
    const on_record = (record: string[]) => void builder.take(record);
    try {
      parse(bytes, { ...CSV_SYNTAX, on_record });
    } catch {
      say(builder.nextLine, CSV_MISTAKES[error.code] ?? shorten(error.message));
    }
  }
  return builder.finish();
}

export type Adapt = (value: string | number) => { readonly value: string | number } | { readonly expected: string };

/** How every CSV is read: forgiving where nothing can be mistaken. */
export const CSV_SYNTAX = {
  bom: true,
  relax_column_count: true,
  skip_empty_lines: true,
  max_record_size: limits.csvRecordBytes,
} as const;

/** What is wrong with a CSV, by the parser's code, for people. */
export const CSV_MISTAKES: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: "a field that begins with a quote here is never closed",
  INVALID_OPENING_QUOTE: "a quote stands within a field that isn't quoted: quote the whole field and double the quote",
  CSV_INVALID_CLOSING_QUOTE: "text follows the closing quote of a field: expected a comma or the end of the line",
  CSV_MAX_RECORD_SIZE: `a record is longer than ${limits.csvRecordBytes} bytes: is a quote not closed?`,
};

/** Takes records in order and makes the table. */
class Builder {
  readonly #recordLines: Uint32Array;
  readonly #declared: Columns;
  readonly #adapt: Readonly<Record<string, Adapt>>;
  readonly #say: (line: number, message: string) => void;
  readonly #rows = new Map<string, number>();
  readonly #refused = new Set<string>();
  readonly #lines: number[] = [];
  readonly #columns: {
    name: string;
    type: ColumnType;
    at: number;
    numbers: number[];
    texts: (string | null)[];
    known: Map<string, string>;
  }[] = [];
  #width = 0;
  #taken = 0;

  constructor(
    recordLines: Uint32Array,
    declared: Columns,
    adapt: Readonly<Record<string, Adapt>>,
    say: (line: number, message: string) => void,
  ) {
    this.#recordLines = recordLines;
    this.#declared = declared;
    this.#adapt = adapt;
    this.#say = say;
  }

  /** Where the record begins that comes next. */
  get nextLine(): number {
    return this.#recordLines[this.#taken] ?? 0;
  }

  take(record: readonly string[]): void {
    const line = this.nextLine;
    this.#taken++;
    if (this.#width === 0) this.#header(record, line);
    else this.#record(record, line);
  }

  /** Null without a usable header. */
  finish(): Table | null {
    if (this.#width === 0) this.#say(0, "is empty: expected a first line with the names of the columns");
    if (this.#columns.length === 0) return null;
    const cells = this.#columns.map(
      ({ name, type, numbers, texts }) => [name, type === "text" ? texts : Float64Array.from(numbers)] as const,
    );
    return new Table(
      this.#declared,
      new Map<string, Cells>(cells),
      this.#rows,
      this.#refused,
      Uint32Array.from(this.#lines),
    );
  }

  #header(names: readonly string[], line: number): void {
    this.#width = names.length;
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) this.#say(line, `the column '${shorten(twice)}' stands twice`);
    const { columns } = this.#declared;
    const absent = Object.keys(columns).filter((name) => !names.includes(name));
    for (const name of absent) {
      const free = names.filter((other) => !Object.hasOwn(columns, other));
      const suggestion = didYouMean(name, free) || `: the file has ${shorten(names.join(", "))}`;
      this.#say(line, `the column '${name}' is missing${suggestion}`);
    }
    if (absent.length > 0) return;
    for (const [name, type] of Object.entries(columns)) {
      this.#columns.push({ name, type, at: names.indexOf(name), numbers: [], texts: [], known: new Map() });
    }
  }

  #record(record: readonly string[], line: number): void {
    if (this.#columns.length === 0) return;
    if (record.length !== this.#width) {
      this.#say(line, `expected ${this.#width} fields as in the first line, found ${record.length}`);
      return;
    }
    let ok = true;
    const values = this.#columns.map(({ name, type, at }) => {
      const text = record[at]!;
      const read = this.#cell(name, type, text);
      if (read === null || typeof read !== "object") return read;
      this.#say(line, `column '${name}': expected ${read.expected}, found ${found(text)}`);
      ok = false;
      return null;
    });
    const identity = this.#identity(values);
    if (!ok) {
      if (identity !== null) this.#refused.add(identity);
    } else if (this.#claim(identity, line)) this.#keep(values, line);
  }

  #cell(name: string, type: ColumnType, text: string): Value | { expected: string } {
    if (text === "") return name === this.#declared.key ? { expected: EXPECTED[type] } : null;
    const value = parseCell(type, text);
    if (value === null) return { expected: EXPECTED[type] };
    const adapted = this.#adapt[name]?.(value) ?? { value };
    return "value" in adapted ? adapted.value : adapted;
  }

  /** The row's key; null when it has none, or none that can be read. */
  #identity(values: readonly Value[]): string | null {
    const value = values[this.#columns.findIndex(({ name }) => name === this.#declared.key)] ?? null;
    return value === null ? null : String(value);
  }

  /** False when another row has this key already. */
  #claim(identity: string | null, line: number): boolean {
    if (identity === null) return true;
    const before = this.#rows.get(identity);
    if (before === undefined) this.#rows.set(identity, this.#lines.length);
    else
      this.#say(
        line,
        `column '${this.#declared.key}': '${shorten(identity)}' stands on line ${this.#lines[before]} already`,
      );
    return before === undefined;
  }

  #keep(values: readonly Value[], line: number): void {
    this.#lines.push(line);
    values.forEach((value, index) => {
      const column = this.#columns[index]!;
      if (column.type !== "text") column.numbers.push(value === null ? Number.NaN : (value as number));
      else column.texts.push(value === null ? null : share(column.known, value as string));
    });
  }
}

const LF = 0x0a;
const CR = 0x0d;
const QUOTE = 0x22;

/** The line, from 1, on which each record begins. Empty lines are none; a quoted field may go over several. */
export function recordLines(bytes: Buffer): Uint32Array {
  const lines: number[] = [];
  let line = 1;
  let quoted = false;
  let begun = false;
  for (let at = bytes[0] === 0xef ? 3 : 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === LF || byte === CR) {
      if (byte === CR && bytes[at + 1] === LF) continue;
      line++;
      begun &&= quoted;
      continue;
    }
    if (!begun) lines.push(line);
    begun = true;
    if (byte === QUOTE) quoted = !quoted; // A doubled quote changes twice.
  }
  return Uint32Array.from(lines);
}

/** Texts remembered per column so that equal ones are stored once; past that they are likely all different. */
const SHARED_TEXTS = 10_000;

function share(known: Map<string, string>, text: string): string {
  const same = known.get(text);
  if (same !== undefined) return same;
  if (known.size < SHARED_TEXTS) known.set(text, text);
  return text;
}

/** A cell's value: days as numbers; null when the text is none. */
function parseCell(type: ColumnType, text: string): string | number | null {
  switch (type) {
    case "text":
      return text;
    case "date":
      return parseDay(text);
    case "integer": {
      const value = INTEGER.test(text) ? Number(text) : Number.NaN;
      return Number.isSafeInteger(value) ? value + 0 : null;
    }
    case "number": {
      const value = NUMBER.test(text) ? Number(text) : Number.NaN;
      return Number.isFinite(value) ? value : null;
    }
  }
}

/** "text, integer, number or date" */
export const COLUMN_TYPES = Object.keys(EXPECTED) as [ColumnType, ...ColumnType[]];
export const COLUMN_TYPE_WORDS = oneOf(COLUMN_TYPES);
