import { expect, it } from "vitest";
import { compile } from "../../../runtime/spec/compile.ts";
import { readTransform } from "../../../runtime/spec/load.ts";
import { entriesOf, Folding } from "../../support/folding.ts";
import { prng } from "../../support/prng.ts";

const SEED = Number(process.env.AISLE_SEED ?? 20_261_126);
const SESSIONS_COUNT = 60;

/** Fields of the blocks, and what of the event they take. */
const FIELDS = {
  integer: "source.n",
  float: "source.f",
  string: "source.t",
  boolean: "source.b",
  datetime: "source.d and time",
};

/** Ways to write a value over a window's blocks: what the machine does by itself, and with a list. */
const PAIRS: readonly (readonly [by: string, withList: string])[] = [
  ["sum($)", "sum([x for x in $])"],
  ["len($)", "len([x for x in $])"],
  ["min($)", "min([x for x in $])"],
  ["max($)", "max([x for x in $])"],
  ["$[0]", "[x for x in $][0]"],
  ["$[-1]", "[x for x in $][-1]"],
  ["$[2]", "[x for x in $][2]"],
  ["$[-3]", "[x for x in $][-3]"],
  ["$[True]", "[x for x in $][1]"],
  ["$[len($) - 1]", "[x for x in $][-1]"],
  ["$[9223372036854775807]", "[x for x in $][9223372036854775807]"],
];

const pairs = Object.keys(FIELDS).flatMap((type) =>
  PAIRS.filter(([by]) => !(by === "sum($)" && (type === "string" || type === "datetime"))).map((pair) =>
    pair.map((value) => value.replaceAll("$", `source.${type}`)),
  ),
);

it(`a window's values are the same with and without a list of them (seed ${SEED})`, () => {
  const random = prng(SEED);
  const streaming = {
    Type: "Blurr:Transform:Streaming",
    Version: "2018-03-01",
    Name: "stream",
    Import: [{ Module: "datetime", Identifiers: ["datetime"] }],
    Identity: "source.id",
    Time: "datetime.utcfromtimestamp(source.at)",
    Stores: [{ Type: "Blurr:Store:Memory", Name: "memory" }],
    Aggregates: [
      {
        Type: "Blurr:Aggregate:Activity",
        Name: "session",
        Store: "memory",
        SeparateByInactiveSeconds: 60,
        Fields: Object.entries(FIELDS).map(([Type, Value]) => ({ Name: Type, Type, Value })),
      },
    ],
  };
  const window = {
    Type: "Blurr:Transform:Window",
    Version: "2018-03-01",
    Name: "window",
    Anchor: { Condition: "True" },
    Aggregates: [-1, -24].map((value, i) => ({
      Type: "Blurr:Aggregate:Window",
      Name: `past${i}`,
      WindowType: "hour",
      WindowValue: value,
      Source: "stream.session",
      // as a list of one, so that None and what fails are told apart
      Fields: pairs.flatMap(([by, withList], n) => [
        { Name: `a${n}`, Type: "list", Value: `[${by}]` },
        { Name: `b${n}`, Type: "list", Value: `[${withList}]` },
      ]),
    })),
  };
  const { spec, mistakes } = readTransform({
    streaming: { file: "a.yml", text: JSON.stringify(streaming) },
    window: { file: "b.yml", text: JSON.stringify(window) },
  });
  expect(mistakes).toEqual([]);
  const some = <T>(value: T): T | null => (random() < 0.15 ? null : value);
  const events = Array.from({ length: SESSIONS_COUNT }, (_, i) => ({
    id: "a",
    at: 1_520_000_000 + i * 900,
    n: some(random() < 0.03 ? "9223372036854775807" : Math.floor(random() * 9)),
    f: some(random() < 0.05 ? "nan" : random() * 9 - 4),
    t: some(["", "a", "b", "é"][Math.floor(random() * 4)]),
    b: some(random() < 0.5),
    d: some(true),
  }));

  const folding = new Folding(compile(spec!), { rows: true, unordered: true });
  folding.feed(entriesOf(events.map((event) => ({ payload: Buffer.from(JSON.stringify(event)), receivedAt: 0 }))));

  const rows = folding.rows().map((row): Record<string, unknown> => JSON.parse(row.replaceAll("NaN", '"nan"')));
  expect(rows.length).toBeGreaterThan(SESSIONS_COUNT / 2);
  let filled = 0;
  for (const row of rows) {
    for (const [n, [by]] of pairs.entries()) {
      for (const name of ["past0", "past1"]) {
        const value = row[`${name}.a${n}`] as unknown[];
        filled += value.length;
        expect({ by, value }).toEqual({ by, value: row[`${name}.b${n}`] });
      }
    }
  }
  expect(filled).toBeGreaterThan(1_000);
});
