import { describe, expect, it } from "vitest";
import { parseExpression } from "../../../runtime/spec/parse.ts";
import { resolve, resolveImports, type Scope } from "../../../runtime/spec/resolve.ts";
import { one, two, values } from "./kinds.cases.ts";

const { imports } = resolveImports([
  { module: "datetime", identifiers: ["datetime", "date", "timedelta", "timezone"] },
  { module: "dateutil.parser", identifiers: ["parse"] },
]);

const scope: Scope = {
  source: "event",
  time: false,
  identity: false,
  aggregates: [],
  whose: "stream",
  defined: 0,
  stream: null,
  anchor: null,
  bareFields: null,
  imports,
  compat: false,
};

const kinds = Object.keys(values);

/** What Python does and is refused here: the machine does not format text. */
const UNAVAILABLE = ["text % list", "text % tuple", "text % map"];

/** What Python fails at and is let through: a value without a hash, arguments that only one kind's method takes. */
const NOT_SEEN = [
  ...["list in set", "list not in set", "map in set", "map not in set"],
  ...["list in map", "list not in map", "set in map", "set not in map", "map in map", "map not in map"],
  ...["map item list", "map item set", "map item map"],
  ...["(A).pop() of map", "(A).index(1) of text", "(A).count(1) of text"],
  ...["(A).replace('a', 'b') of date", "(A).replace('a', 'b') of datetime"],
];

describe("an operation on values of known kinds", () => {
  it("is refused only if Python fails at it, whatever the values", () => {
    const refused = everyOperation().filter(({ fails, problems }) => problems > 0 && !fails);

    expect(refused.map(({ name }) => name)).toEqual(UNAVAILABLE);
  });

  it("is refused if Python fails at it, but for some", () => {
    const missed = everyOperation().filter(({ fails, problems, count }) => fails && problems < count);

    expect(missed.map(({ name }) => name).sort()).toEqual([...NOT_SEEN].sort());
  });

  it("is never refused with compat", () => {
    expect(everyOperation({ ...scope, compat: true }).filter(({ problems }) => problems > 0)).toEqual([]);
  });
});

interface Operation {
  readonly name: string;
  /** In Python, whatever the values. */
  readonly fails: boolean;
  /** Of how many pairs of values. */
  readonly count: number;
  /** Those that are refused. */
  readonly problems: number;
}

function everyOperation(of = scope): Operation[] {
  const operation = (name: string, outcome: string | undefined, texts: readonly string[]): Operation => {
    return {
      name,
      fails: outcome === "x",
      count: texts.length,
      problems: texts.filter((text) => isRefused(text, of)).length,
    };
  };
  return [
    ...Object.entries(one).flatMap(([template, row]) =>
      kinds.map((kind, index) =>
        operation(
          `${template} of ${kind}`,
          row[index],
          values[kind]!.map((value) => template.replace("A", value)),
        ),
      ),
    ),
    ...Object.entries(two).flatMap(([operator, rows]) =>
      kinds.flatMap((left, row) =>
        kinds.map((right, column) => {
          const pairs = values[left]!.flatMap((a) => values[right]!.map((b) => between(a, operator, b)));
          return operation(`${left} ${operator} ${right}`, rows[row]?.[column], pairs);
        }),
      ),
    ),
  ];
}

function between(left: string, operator: string, right: string): string {
  return operator === "item" ? `${left}[${right}]` : `${left} ${operator} ${right}`;
}

function isRefused(text: string, of: Scope): boolean {
  const { expr, problems } = parseExpression(text);
  expect(problems).toEqual([]);
  return resolve(expr!, text, of).term === null;
}
