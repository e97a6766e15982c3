import { describe, expect, it } from "vitest";
import { type Import, importOf, resolveImports } from "../../../runtime/spec/imports.ts";

const all = (module: string, ...identifiers: string[]): Import => ({
  module,
  identifiers: identifiers.length === 0 ? null : identifiers,
});

describe("an import", () => {
  it.each<[string, Import, [name: string, path: string][]]>([
    ["a module", all("datetime"), [["datetime", "datetime"]]],
    ["a module within one, by the outer", all("dateutil.parser"), [["dateutil", "dateutil"]]],
    ["a module by another name", all("dateutil.parser as p"), [["p", "dateutil.parser"]]],
    ["a name", all("datetime", "datetime"), [["datetime", "datetime.datetime"]]],
    ["a module as a name", all("dateutil", "parser"), [["parser", "dateutil.parser"]]],
    [
      "names by other names",
      all("datetime", "timezone as tz", "timedelta"),
      [
        ["tz", "datetime.timezone"],
        ["timedelta", "datetime.timedelta"],
      ],
    ],
    [
      "all names",
      all("dateutil.tz", "*"),
      [
        ["tzutc", "dateutil.tz.tzutc"],
        ["UTC", "dateutil.tz.UTC"],
      ],
    ],
  ])("brings %s", (_, entry, expected) => {
    const { imports, problems } = resolveImports([entry]);

    expect(problems).toEqual([]);
    expect([...imports].map(([name, { path }]) => [name, path])).toEqual(expected);
  });

  it("replaces what another brought by the same name", () => {
    const { imports } = resolveImports([all("datetime"), all("datetime", "datetime")]);

    expect(imports.get("datetime")?.path).toBe("datetime.datetime");
  });

  it.each<[string, Import, number | null, string]>([
    [
      "of an unknown module",
      all("os"),
      null,
      "unknown module 'os'; available: datetime, dateutil, dateutil.parser, dateutil.tz",
    ],
    [
      "of a module misspelt",
      all("dateutils", "parser"),
      null,
      "unknown module 'dateutils' (did you mean 'dateutil'?); available: datetime, dateutil, dateutil.parser, dateutil.tz",
    ],
    ["of what is no name", all("import x"), null, "'import x' is no module: expected a name, or 'name as alias'"],
    [
      "of an unknown name",
      all("dateutil.parser", "parse", "prase"),
      1,
      "'dateutil.parser' has no 'prase' here (did you mean 'parse'?); available: parse",
    ],
    [
      "of an object's own member",
      all("datetime", "constructor"),
      0,
      "'datetime' has no 'constructor' here; available: datetime, date, timedelta, timezone, UTC",
    ],
    [
      "of a path",
      all("dateutil", "parser.parse"),
      0,
      "'parser.parse' is no identifier: expected a name, or 'name as alias'",
    ],
    [
      "with a name for what is only looked into",
      all("datetime as d", "date"),
      null,
      "'as d' cannot stand before identifiers: write it behind the identifier it is for",
    ],
  ])("%s is a problem with its place", (_, entry, identifier, message) => {
    const { problems } = resolveImports([all("datetime"), entry]);

    expect(problems).toEqual([{ entry: 1, identifier, message }]);
  });

  it("of what is not here ends the run with compat, when it is used", () => {
    const { imports, problems } = resolveImports(
      [all("numpy as np"), all("math", "floor"), all("datetime", "time as t")],
      {
        compat: true,
      },
    );

    expect(problems).toEqual([]);
    expect([...imports].map(([name, { path, missing }]) => [name, path, missing])).toEqual([
      ["np", "numpy", true],
      ["floor", "math.floor", true],
      ["t", "datetime.time", true],
    ]);
  });

  it("is known for what needs one", () => {
    expect(["parse", "parser", "datetime", "timezone", "tzutc", "dateutil", "len"].map(importOf)).toEqual([
      "{ Module: dateutil.parser, Identifiers: [parse] }",
      "{ Module: dateutil, Identifiers: [parser] }",
      "{ Module: datetime, Identifiers: [datetime] }",
      "{ Module: datetime, Identifiers: [timezone] }",
      "{ Module: dateutil.tz, Identifiers: [tzutc] }",
      "{ Module: dateutil }",
      null,
    ]);
  });
});
