import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RecordsParquet, RowsParquet } from "../../../runtime/batch/parquet.ts";
import { COUNTING, ROUND, transformed } from "../../support/transforming.ts";

const TYPES = `
Type: Blurr:Transform:Streaming
Version: '2018-03-01'
Name: S
Import: [{ Module: dateutil.parser, Identifiers: [parse] }]
Identity: source.u
Time: parse(source.t)
Stores: [{ Type: Blurr:Store:Memory, Name: m }]
Aggregates:
  - Type: Blurr:Aggregate:Identity
    Name: all
    Store: m
    Fields:
      - { Name: whole, Type: integer, Value: source.whole }
      - { Name: real, Type: float, Value: source.real }
      - { Name: text, Type: string, Value: source.text }
      - { Name: yes, Type: boolean, Value: source.yes }
      - { Name: at, Type: datetime, Value: parse(source.at) }
      - { Name: list, Type: list, Value: source.list }
      - { Name: map, Type: map, Value: source.map }
      - { Name: set, Type: set, Value: source.list }
`;

describe("Parquet", () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "parquet-"));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  const read = async (name: string) => parquetReadObjects({ file: await asyncBufferFromFile(join(folder, name)) });

  it("has a file for each aggregate, with columns of the types of its fields", async () => {
    const full = {
      ...{ u: "a", t: "2018-01-01", whole: 0, real: 40, text: "é", yes: true },
      ...{ at: "2018-01-01T02:00:00.000001+02:00", list: [1, "x", null], map: { k: { l: 1.5 } } },
    };
    const line = JSON.stringify(full).replace('"whole":0', '"whole":9007199254740993');
    const writer = (fold: ConstructorParameters<typeof RecordsParquet>[0]) =>
      new RecordsParquet(fold, (name) => join(folder, "tables", `${name}.parquet`));

    await transformed({ streaming: TYPES, events: [line, { u: "b", t: "2018-01-01", whole: true }], writer });

    expect(readdirSync(join(folder, "tables"))).toEqual(["all.parquet"]);
    expect(await read("tables/all.parquet")).toEqual([
      {
        ...{ _identity: "a", whole: 9007199254740993n, real: 40, text: "é", yes: true },
        ...{
          at: new Date("2018-01-01T00:00:00.000Z"),
          list: [1, "x", null],
          map: { k: { l: 1.5 } },
          set: [1, "x", null],
        },
      },
      { _identity: "b", whole: 1n, real: 0, text: "", yes: false, at: null, list: [], map: {}, set: [] },
    ]);
    const { schema } = await parquetMetadataAsync(await asyncBufferFromFile(join(folder, "tables/all.parquet")));
    expect(schema.slice(1).map(({ type, converted_type }) => converted_type ?? type)).toEqual([
      "UTF8",
      "INT64",
      "DOUBLE",
      "UTF8",
      "BOOLEAN",
      "TIMESTAMP_MICROS",
      "JSON",
      "JSON",
      "JSON",
    ]);
  });

  it("has the rows of all identities, columns in the order of the spec", async () => {
    const event = (u: string, i: number) => ({ u, t: `2018-01-0${i + 1}`, sid: `s${i}`, v: "x" });
    const path = join(folder, "rows.parquet");
    const events = ["a", "b"].flatMap((u) => [0, 1, 2].map((i) => event(u, i)));

    await transformed({ streaming: COUNTING, window: ROUND, events, writer: (fold) => new RowsParquet(fold, path) });

    const rows = await read("rows.parquet");
    expect(rows.map((row) => Object.entries(row))).toEqual(
      ["a", "a", "b", "b"].map((u, i) => [
        ["before._identity", u],
        ["before.n", 1n],
        ["before.sid", `s${i % 2}`],
      ]),
    );
    expect(existsSync(`${path}.part`)).toBe(false);
  });

  it("is a file without rows when there are none", async () => {
    await transformed({
      streaming: COUNTING,
      window: ROUND,
      writer: (fold) => new RowsParquet(fold, join(folder, "rows")),
    });

    expect(await read("rows")).toEqual([]);
  });

  it("leaves no file behind when it can't be written", async () => {
    writeFileSync(join(folder, "file"), "");
    const writer = (fold: ConstructorParameters<typeof RowsParquet>[0]) =>
      new RowsParquet(fold, join(folder, "file", "rows"));

    await expect(transformed({ streaming: COUNTING, window: ROUND, writer })).rejects.toThrow(/^cannot write '.*rows'/);
    expect(readdirSync(folder)).toEqual(["file"]);
  });
});
