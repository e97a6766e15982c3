// Rows or records as Parquet, in columns of the types that the spec gives.
//
// integer  INT64             boolean   BOOLEAN     datetime        TIMESTAMP in µs, of UTC: its own offset is not kept
// float    DOUBLE            string    STRING      list, map, set  JSON
import { mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { fileWriter, ParquetWriter } from "hyparquet-writer";
import type { Fold, Handle } from "../core/fold.ts";
import { type Datetime, type Json, toJson, type Value } from "../core/value.ts";
import { AisleError, reasonOf } from "../errors.ts";
import { FIELD_TYPES, type FieldType } from "../spec/spec.ts";
import { storedAggregates } from "./csv.ts";
import type { Stored } from "./records.ts";
import type { Writer } from "./writer.ts";

/** Rows that are written at once. */
const GROUP_ROWS = 65_536;

type SchemaElement = ConstructorParameters<typeof ParquetWriter>[0]["schema"][number];
type Cell = bigint | number | string | boolean | Json;

interface Column {
  readonly name: string;
  readonly type: FieldType;
}

const ELEMENTS: Readonly<Record<FieldType, Omit<SchemaElement, "name">>> = {
  integer: { type: "INT64" },
  float: { type: "DOUBLE" },
  string: { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } },
  boolean: { type: "BOOLEAN" },
  datetime: {
    type: "INT64",
    converted_type: "TIMESTAMP_MICROS",
    logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MICROS" },
  },
  list: { type: "BYTE_ARRAY", converted_type: "JSON", logical_type: { type: "JSON" } },
  map: { type: "BYTE_ARRAY", converted_type: "JSON", logical_type: { type: "JSON" } },
  set: { type: "BYTE_ARRAY", converted_type: "JSON", logical_type: { type: "JSON" } },
};

/** Rows of all identities in one file. */
export class RowsParquet implements Writer {
  readonly #fold: Fold;
  readonly #table: Table;
  readonly #windows: readonly number[];

  constructor(fold: Fold, path: string) {
    const { aggregates, transform } = fold.program;
    const streams = transform.streaming.aggregates.length;
    this.#fold = fold;
    this.#windows = aggregates.slice(streams).map((_, i) => streams + i);
    const columns = aggregates
      .slice(streams)
      .flatMap((aggregate) =>
        columnsOf(aggregate).map(({ name, type }) => ({ name: `${aggregate.name}.${name}`, type })),
      );
    this.#table = new Table(path, columns);
  }

  records(): void {
    throw new Error("without a window spec there are no rows");
  }

  rows(_: Handle, rows: Iterable<number>): void {
    const { core } = this.#fold;
    for (const row of rows) {
      this.#table.add(this.#windows.flatMap((index) => this.#fold.values(index, core.recordOfRow(row, index))));
      core.dropRow(row);
    }
  }

  async ready(): Promise<void> {}

  async end(): Promise<void> {
    this.#table.end();
  }

  async abandon(): Promise<void> {
    this.#table.abandon();
  }
}

/** The records of each aggregate in a file of their own. */
export class RecordsParquet implements Writer {
  readonly #fold: Fold;
  readonly #tables: ReadonlyMap<number, Table>;

  /** @param pathOf  by the aggregate's name */
  constructor(fold: Fold, pathOf: (aggregate: string) => string) {
    this.#fold = fold;
    this.#tables = new Map(
      storedAggregates(fold).map((aggregate) => [
        aggregate.index,
        new Table(pathOf(aggregate.name), columnsOf(aggregate)),
      ]),
    );
  }

  records(_: Handle, records: readonly Stored[]): void {
    for (const { aggregate, record } of records) this.#tables.get(aggregate)!.add(this.#fold.values(aggregate, record));
  }

  rows(): void {
    throw new Error("with a window spec there are no records");
  }

  async ready(): Promise<void> {}

  async end(): Promise<void> {
    for (const table of this.#tables.values()) table.end();
  }

  async abandon(): Promise<void> {
    for (const table of this.#tables.values()) table.abandon();
  }
}

function columnsOf({ columns }: { columns: readonly { name: string; type: number }[] }): Column[] {
  return columns.map(({ name, type }) => ({ name, type: FIELD_TYPES[type]! }));
}

/** A file that is there once it is whole. */
class Table {
  readonly #path: string;
  readonly #columns: readonly Column[];
  readonly #writer: ParquetWriter;
  #data: (Cell | null)[][];

  constructor(path: string, columns: readonly Column[]) {
    this.#path = path;
    this.#columns = columns;
    this.#data = columns.map(() => []);
    const elements = columns.map(
      ({ name, type }): SchemaElement => ({ name, repetition_type: "OPTIONAL", ...ELEMENTS[type] }),
    );
    this.#writer = this.#try(() => {
      mkdirSync(dirname(path), { recursive: true });
      const schema: SchemaElement[] = [{ name: "root", num_children: elements.length }, ...elements];
      return new ParquetWriter({ writer: fileWriter(this.#part), schema, createdBy: "aisle" });
    });
  }

  /** @param values  one of each column */
  add(values: readonly Value[]): void {
    for (const [i, value] of values.entries()) this.#data[i]!.push(cellOf(value, this.#columns[i]!.type));
    if (this.#data[0]!.length === GROUP_ROWS) this.#write();
  }

  end(): void {
    this.#write();
    this.#try(() => {
      void this.#writer.finish();
      renameSync(this.#part, this.#path);
    });
  }

  abandon(): void {
    rmSync(this.#part, { force: true });
  }

  get #part(): string {
    return `${this.#path}.part`;
  }

  #write(): void {
    if (this.#data[0]!.length === 0) return;
    const columnData = this.#columns.map(({ name }, i) => ({ name, data: this.#data[i]! }));
    this.#try(() => void this.#writer.write({ columnData, rowGroupSize: GROUP_ROWS }));
    this.#data = this.#columns.map(() => []);
  }

  #try<T>(work: () => T): T {
    try {
      return work();
    } catch (cause) {
      throw new AisleError("unavailable", `cannot write '${this.#path}': ${reasonOf(cause)}`, { cause });
    }
  }
}

function cellOf(value: Value, type: FieldType): Cell | null {
  if (value === null) return null;
  switch (type) {
    case "integer":
      return BigInt(value as number | bigint | boolean);
    case "float":
      return Number(value);
    case "datetime":
      return (value as Datetime).micros;
    case "string":
    case "boolean":
      return value as string | boolean;
    default:
      return toJson(value);
  }
}
