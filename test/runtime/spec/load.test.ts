import { describe, expect, it } from "vitest";
import { formatMistake } from "../../../runtime/errors.ts";
import { kindOfSpec, type LoadOptions, loadStreaming, loadWindow, readTransform } from "../../../runtime/spec/load.ts";
import type { Aggregate, StreamingSpec, WindowSpec } from "../../../runtime/spec/spec.ts";
import { caseText } from "../../support/specs.ts";

const STREAMING = `Type: Blurr:Transform:Streaming
Version: '2018-03-01'
Name: shop
Import:
  - { Module: dateutil.parser, Identifiers: [ parse ] }
Identity: source.customer
Time: parse(source.at)
Stores:
  - { Type: Blurr:Store:Memory, Name: memory }
Aggregates:
  - Type: Blurr:Aggregate:Identity
    Name: person
    Store: memory
    Fields:
      - { Name: country, Type: string, Value: source.country }
  - Type: Blurr:Aggregate:Block
    Name: visit
    Store: memory
    Dimensions:
      - { Name: till, Type: integer, Value: source.till }
    Fields:
      - { Name: items, Type: integer, Value: visit.items + 1 }
`;

const WINDOW = `Type: Blurr:Transform:Window
Version: '2018-03-01'
Name: rows
Anchor:
  Condition: shop.visit.items > 1
  Max: 2
Aggregates:
  - Type: Blurr:Aggregate:Window
    Name: last
    WindowType: count
    WindowValue: -1
    Source: shop.visit
    Fields:
      - { Name: items, Type: integer, Value: 'source.items[0]' }
`;

function streaming(text: string, options: LoadOptions = {}): string[] {
  return loadStreaming(text, "a.yml", options).mistakes.map(formatMistake);
}

function window(text: string, options: LoadOptions = {}): string[] {
  const { outline } = loadStreaming(STREAMING, "a.yml");
  return loadWindow(text, "w.yml", outline, options).mistakes.map(formatMistake);
}

/** The text with one part put in the place of another, which must be there. */
function but(text: string, part: string, instead: string): string {
  expect(text).toContain(part);
  return text.replace(part, instead);
}

function specOf(text: string, options: LoadOptions = {}): StreamingSpec {
  const { spec, mistakes } = loadStreaming(text, "a.yml", options);
  expect(mistakes.map(formatMistake)).toEqual([]);
  return spec!;
}

function windowOf(text: string, over = STREAMING): WindowSpec {
  const { spec, mistakes } = loadWindow(text, "w.yml", loadStreaming(over, "a.yml").outline);
  expect(mistakes.map(formatMistake)).toEqual([]);
  return spec!;
}

describe("a streaming spec", () => {
  it("gives its aggregates with their columns in the order of output", () => {
    const spec = specOf(STREAMING);

    expect(spec).toMatchObject({
      file: "a.yml",
      name: "shop",
      when: null,
      latenessMs: 3_600_000,
      stores: [{ name: "memory", retentionMs: null }],
    });
    expect(spec.aggregates.map(({ kind, name, store }) => [kind, name, store])).toEqual([
      ["identity", "person", 0],
      ["block", "visit", 0],
    ]);
    expect(spec.aggregates[1]!.columns).toEqual([
      { name: "_identity", type: "string" },
      { name: "_start_time", type: "datetime" },
      { name: "_end_time", type: "datetime" },
      { name: "items", type: "integer" },
      { name: "till", type: "integer" },
    ]);
    expect(spec.aggregates[1]!.fields.map(({ name, column }) => [name, column])).toEqual([["items", 3]]);
    expect((spec.aggregates[1] as Aggregate & { kind: "block" }).dimensions[0]).toMatchObject({
      name: "till",
      column: 4,
    });
  });

  it("leads every expression to what it means, with its place", () => {
    const [field] = specOf(STREAMING).aggregates[1]!.fields;

    expect(field!.value).toMatchObject({
      text: "visit.items + 1",
      at: { line: 22, column: 46 },
      term: { kind: "binary", left: { kind: "field", whose: "stream", aggregate: 1, column: 3 } },
    });
    expect(field!.at).toEqual({ line: 22, column: 9 });
  });

  it("reads lateness and retention", () => {
    const text = but(
      STREAMING,
      "Name: memory }",
      "Name: memory, Retention: 2 }\n  - { Type: Blurr:Store:Memory, Name: short, Retention: 90m }",
    );

    const spec = specOf(but(text, "Stores:", "Lateness: 10m\nStores:"));

    expect(spec.latenessMs).toBe(600_000);
    expect(spec.stores.map(({ retentionMs }) => retentionMs)).toEqual([172_800_000, 5_400_000]);
  });

  it("reads an activity, seconds as text too", () => {
    const text = but(STREAMING, "Block\n", "Activity\n");
    const spec = specOf(text.replace(/Dimensions:\n.*\n/, "SeparateByInactiveSeconds: '1800'\n"));

    expect(spec.aggregates[1]).toMatchObject({ kind: "activity", separateAfterMs: 1_800_000 });
  });

  it("takes numbers, flags and dates that YAML reads for the expressions that they look like", () => {
    const text = but(
      STREAMING,
      "Value: source.country }",
      "Value: '''a''' }\n      - { Name: zero, Type: integer, Value: 0 }\n      - { Name: yes_, Type: boolean, Value: true, When: false }\n      - { Name: f, Type: float, Value: 1.50 }",
    );

    const [, zero, flag, float] = specOf(but(text, "'2018-03-01'", "2018-03-01")).aggregates[0]!.fields;

    expect(zero!.value.text).toBe("0");
    expect([flag!.value.text, flag!.when!.text]).toEqual(["True", "False"]);
    expect(float!.value.text).toBe("1.50");
  });

  it("names store attributes without effect", () => {
    const text = but(
      STREAMING,
      "Blurr:Store:Memory, Name: memory",
      "Blurr:Store:Dynamo, Name: memory, Table: t, ReadCapacityUnits: 5",
    );

    expect(loadStreaming(text, "a.yml").notes.map(formatMistake)).toEqual([
      "a.yml:9:47: 'Table' has no effect here",
      "a.yml:9:57: 'ReadCapacityUnits' has no effect here",
    ]);
  });

  it("notes a field that only brackets reach", () => {
    const { spec, notes } = loadStreaming(but(STREAMING, "Name: country", "Name: country-code"), "a.yml");

    expect(spec).not.toBeNull();
    expect(notes.map(formatMistake)).toEqual(["a.yml:15:17: 'country-code' is read as person['country-code'] only"]);
  });
});

describe("what is wrong with a streaming spec is said", () => {
  it.each([
    // attributes
    ["Version", "Verison", "a.yml:2:1: unknown attribute 'Verison' (did you mean 'Version'?)"],
    ["Type: Blurr:Tr", "Tyoe: Blurr:Tr", "a.yml:1:1: unknown attribute 'Tyoe' (did you mean 'Type'?)"],
    [
      "    Store: memory\n    Fields:\n      - { N",
      "    Filter: 'True'\n    Store: memory\n    Fields:\n      - { N",
      "a.yml:13:5: unknown attribute 'Filter' (did you mean 'When'?)",
    ],
    ["Aggregates:", "DataGroups:", "a.yml:10:1: unknown attribute 'DataGroups' (did you mean 'Aggregates'?)"],
    [
      "Type: integer, Value: source.till",
      "Type: integer, Foo: 1, Value: source.till",
      "a.yml:20:38: unknown attribute 'Foo': the dimension has When, Description, Atomic",
    ],
    ["Identity: source.customer\n", "", "a.yml:1:1: the streaming spec has no 'Identity': expected an expression"],
    ["    Store: memory\n    D", "    D", "a.yml:16:5: the block aggregate has no 'Store': expected text"],
    [
      "Stores:\n  - { Type: Blurr:Store:Memory, Name: memory }\n",
      "",
      "a.yml:1:1: the streaming spec has no 'Stores': expected a list of stores",
    ],
    [
      "    Dimensions:\n      - { Name: till, Type: integer, Value: source.till }\n",
      "",
      "a.yml:16:5: the block aggregate has no 'Dimensions': expected a list of dimensions, or Split instead",
    ],
    [
      "    Dimensions:",
      "    Split: 'True'\n    Dimensions:",
      "a.yml:16:5: has both Dimensions and Split: expected one of them",
    ],
    [
      "Type: string, Value: source.country",
      "Type: string",
      "a.yml:15:9: the field has no 'Value': expected an expression",
    ],
    [
      "Name: country, Type: string",
      "Name: country",
      "a.yml:15:9: the field has no 'Type': expected integer, float, string, boolean, datetime, list, map or set",
    ],
    // types
    [
      "Blurr:Transform:Streaming",
      "Blurr:Transform:Steaming",
      "a.yml:1:7: expected Blurr:Transform:Streaming or Blurr:Transform:Window, found 'Blurr:Transform:Steaming' (did you mean 'Blurr:Transform:Streaming'?)",
    ],
    [
      "Blurr:Transform:Streaming",
      "Blurr:Transform:Window",
      "a.yml:1:7: expected a streaming spec, found a window spec: 'Blurr:Transform:Window'",
    ],
    [
      "Aggregate:Identity",
      "Aggregate:Idenity",
      "a.yml:11:11: expected Blurr:Aggregate:Identity, Blurr:Aggregate:Block, Blurr:Aggregate:Activity, Blurr:Aggregate:Variable, found 'Blurr:Aggregate:Idenity' (did you mean 'Blurr:Aggregate:Identity'?)",
    ],
    [
      "Aggregate:Identity",
      "Aggregate:Window",
      "a.yml:11:11: 'Blurr:Aggregate:Window' stands in a window spec, not in a streaming spec: expected Blurr:Aggregate:Identity, Blurr:Aggregate:Block, Blurr:Aggregate:Activity, Blurr:Aggregate:Variable",
    ],
    [
      "Aggregate:Block",
      "Aggregate:Label",
      "a.yml:16:11: 'Blurr:Aggregate:Label' was never made: expected Blurr:Aggregate:Block, with Dimensions for the labels",
    ],
    [
      "Store:Memory",
      "Store:Memry",
      "a.yml:9:13: expected Blurr:Store:Memory or Blurr:Store:Dynamo, found 'Blurr:Store:Memry' (did you mean 'Blurr:Store:Memory'?)",
    ],
    [
      "Type: string",
      "Type: text",
      "a.yml:15:32: expected integer, float, string, boolean, datetime, list, map or set, found 'text' (did you mean 'string'?)",
    ],
    [
      "Type: integer, Value: source.till",
      "Type: float, Value: source.till",
      "a.yml:20:29: expected string or integer, found 'float'",
    ],
    ["'2018-03-01'", "'2018-03-07'", "a.yml:2:10: expected '2018-03-01', found '2018-03-07'"],
    // names
    [
      "Name: shop",
      "Name: my shop",
      "a.yml:3:7: 'my shop' is no name that an expression can use: expected letters, digits and '_' (did you mean 'my_shop'?)",
    ],
    ["Name: person", "Name: _person", "a.yml:12:11: '_person': names that begin with '_' are reserved"],
    ["Name: person", "Name: run_person", "a.yml:12:11: 'run_person': names that begin with 'run_' are reserved"],
    ["Name: person", "Name: 7", "a.yml:12:11: expected a name, found the number 7 (write it in quotes)"],
    ["Name: person", "Name: class", "a.yml:12:11: 'class' is a word of Python, which no expression can use as a name"],
    [
      "Name: person",
      "Name: time",
      "a.yml:12:11: 'time' means something else in every expression: expected another name",
    ],
    ["Name: country", "Name: a.b", "a.yml:15:17: 'a.b': no name may hold a '.'"],
    ["Name: person", "Name: visit", "a.yml:17:11: 'visit' is the name of an aggregate already, in line 12"],
    ["Name: items", "Name: till", "a.yml:20:17: 'till' is the name of a field already, in line 22"],
    ["Store: memory", "Store: memroy", "a.yml:13:12: no store is called 'memroy' (did you mean 'memory'?)"],
    ["Store: memory", "Store: x", "a.yml:13:12: no store is called 'x': expected memory"],
    // numbers
    [
      "Name: memory }",
      "Name: memory, Retention: 0 }",
      "a.yml:9:58: expected a whole number of days, or a duration such as '12h', found the number 0",
    ],
    [
      "Stores:",
      "Lateness: 60d\nStores:",
      "a.yml:8:11: expected a duration from 0s to 30d, such as '30m' or '1h', found '60d'",
    ],
    [
      "Store:Memory",
      "Store:Dynamo",
      "a.yml:9:5: the store has no 'Table', which Blurr:Store:Dynamo needs: expected a name",
    ],
    // lists and maps
    [
      "  - { Type: Blurr:Store:Memory, Name: memory }",
      "  Type: Blurr:Store:Memory\n  Name: memory",
      "a.yml:9:3: expected a list of stores, found a map",
    ],
    [
      "  - { Type: Blurr:Store:Memory, Name: memory }",
      "  - memory",
      "a.yml:9:5: expected a map that describes one store, found 'memory'",
    ],
    [
      "\n  - { Type: Blurr:Store:Memory, Name: memory }",
      " []",
      "a.yml:8:9: expected a list of stores, found an empty one",
    ],
    // expressions
    [
      "Value: source.country",
      "Value: [source.country]",
      'a.yml:15:47: is a list of YAML\'s own, not an expression: put it in quotes, "[source.country]"',
    ],
    [
      "Value: source.country",
      "Value: {'a': source.country}",
      "a.yml:15:47: is a map of YAML's own, not an expression: put it in quotes, \"{'a': source.country}\"",
    ],
    ["Value: source.country", "Value: ''", "a.yml:15:47: 'Value' is empty: expected an expression"],
    ["Value: source.country", "Value:", "a.yml:15:47: 'Value' is empty: expected an expression"],
    [
      "Value: source.country",
      "When: source.a = 1, Value: source.country",
      "a.yml:15:55: '=' assigns, and an expression assigns nothing: to compare write '=='",
    ],
    ["visit.items + 1", "visit.itms + 1", "a.yml:22:52: 'visit' has no field 'itms' (did you mean 'items'?)"],
    ["visit.items + 1", "vist.items + 1", "a.yml:22:46: unknown name 'vist' (did you mean 'visit'?)"],
    ["Time: parse(", "Time: strptime(", "a.yml:7:7: unknown name 'strptime'"],
    [
      "dateutil.parser,",
      "dateutils.parser,",
      "a.yml:5:15: unknown module 'dateutils.parser' (did you mean 'dateutil.parser'?); available: datetime, dateutil, dateutil.parser, dateutil.tz",
    ],
    [
      "[ parse ]",
      "[ prase ]",
      "a.yml:5:47: 'dateutil.parser' has no 'prase' here (did you mean 'parse'?); available: parse",
    ],
  ])("%j → %j: %s", (part, instead, expected) => {
    expect(streaming(but(STREAMING, part, instead))).toContain(expected);
  });

  it.each([
    ["", "a.yml:1:1: is empty"],
    ["- 1\n", "a.yml:1:1: expected a map that begins with 'Type: Blurr:Transform:Streaming', found a list"],
    ["a:\n\tb: 1\n", "a.yml:2:1: a tab is used for indentation: use spaces"],
    [`${"- ".repeat(100)}a`, "a.yml:1:67: is nested deeper than 32 levels"],
  ])("%j: %s", (text, expected) => {
    expect(streaming(text)).toEqual([expected]);
  });

  it("once each, from the top, without what follows from it", () => {
    const text = STREAMING.replace("Verison", "Version")
      .replace("Identity", "Identiy")
      .replace("Type: string", "Tpye: string");

    expect(streaming(text.replace("visit.items", "visit.itms"))).toEqual([
      "a.yml:6:1: unknown attribute 'Identiy' (did you mean 'Identity'?)",
      "a.yml:15:26: unknown attribute 'Tpye' (did you mean 'Type'?)",
      "a.yml:22:52: 'visit' has no field 'itms' (did you mean 'items'?)",
    ]);
  });

  it("of a type, and not of what can't be known without it", () => {
    expect(streaming(but(STREAMING, "Name: items, Type: integer", "Name: items, Type: int"))).toEqual([
      "a.yml:22:30: expected integer, float, string, boolean, datetime, list, map or set, found 'int' (did you mean 'integer'?)",
    ]);
  });

  it("at its place in quotes, over several lines, and behind escapes", () => {
    const value = (written: string) => streaming(but(STREAMING, "Value: source.country }", `Value: ${written} }`));

    expect(value("'''a'' + nope'")).toEqual([expect.stringMatching(/^a\.yml:15:56: unknown name 'nope'/)]);
    expect(value('"\\"a\\" + n\\x6fpe"')).toEqual([expect.stringMatching(/^a\.yml:15:56: unknown name 'nope'/)]);
    const folded = but(
      STREAMING,
      "- { Name: country, Type: string, Value: source.country }",
      "- Name: country\n        Type: string\n        Value: >-\n          source.a +\n          nope\n",
    );
    expect(streaming(folded)).toEqual([expect.stringMatching(/^a\.yml:19:11: unknown name 'nope'/)]);
    const plain = but(
      STREAMING,
      "- { Name: country, Type: string, Value: source.country }",
      "- Name: country\n        Type: string\n        Value: source.a +\n            nope",
    );
    expect(streaming(plain)).toEqual([expect.stringMatching(/^a\.yml:18:13: unknown name 'nope'/)]);
  });

  it("of lines in the wrong column, and of all else in the same run", () => {
    const text = STREAMING.replace("    Store: memory\n    Fields", "   Store: memory\n     Fields").replace(
      "visit.items",
      "visit.itms",
    );

    expect(streaming(text)).toEqual([
      "a.yml:13:4: 'Store' stands in column 4: expected column 5, as 'Type' in line 11",
      "a.yml:14:6: 'Fields' stands in column 6: expected column 5, as 'Type' in line 11",
      "a.yml:22:52: 'visit' has no field 'itms' (did you mean 'items'?)",
    ]);
  });

  it("of a list that begins twice, and of what is in both", () => {
    const text = but(
      STREAMING,
      "  - Type: Blurr:Aggregate:Block",
      "    Fields:\n      - { Name: b, Type: string, Value: nope }\n  - Type: Blurr:Aggregate:Block",
    );

    expect(streaming(text)).toEqual([
      "a.yml:16:5: the key 'Fields' stands twice: expected one list, with these elements at its end",
      "a.yml:17:41: unknown name 'nope'",
    ]);
  });
});

describe("a window spec", () => {
  it("is held against its streaming spec", () => {
    const spec = windowOf(WINDOW);

    expect(spec).toMatchObject({ file: "w.yml", name: "rows", when: null, blocks: 1, anchor: { max: 2 } });
    expect(spec.anchor.condition.term).toMatchObject({
      kind: "compare",
      first: { kind: "field", whose: "stream", aggregate: 1, column: 3 },
    });
    expect(spec.aggregates).toMatchObject([
      {
        kind: "window",
        name: "last",
        window: "count",
        value: -1,
        source: 1,
        columns: [{ name: "_identity" }, { name: "items", type: "integer" }],
      },
    ]);
    expect(spec.aggregates[0]!.fields[0]!.value.term).toMatchObject({
      kind: "item",
      of: { kind: "series", column: 3 },
    });
  });

  it("lets a variable see the window above it, and the row's parts so far", () => {
    const text = `${WINDOW}  - Type: Blurr:Aggregate:Variable\n    Name: v\n    Fields:\n      - { Name: x, Type: float, Value: sum(source.items) + last.items + anchor.items }\n`;

    expect(windowOf(text).aggregates[1]).toMatchObject({ kind: "variable", name: "v" });
  });

  it.each([
    [
      "WindowType: count",
      "WindowType: cuont",
      "w.yml:10:17: expected day, hour or count, found 'cuont' (did you mean 'count'?)",
    ],
    ["WindowValue: -1", "WindowValue: 0", "w.yml:11:18: expected a number of blocks other than 0"],
    ["WindowValue: -1", "WindowValue: two", "w.yml:11:18: expected a number from -1000000 to 1000000, found 'two'"],
    [
      "WindowValue: -1",
      "WindowValue: '-1'",
      "w.yml:11:18: expected a number from -1000000 to 1000000, found '-1' (write it without quotes)",
    ],
    ["WindowValue: -1", "WindowValue: 1.5", "w.yml:11:18: expected a whole number of blocks, found the number 1.5"],
    ["Max: 2", "Max: 0", "w.yml:6:8: expected a whole number from 1 to 1000000, found the number 0"],
    ["Max: 2", "Max: one", "w.yml:6:8: expected a whole number from 1 to 1000000, found 'one'"],
    ["  Condition: shop.visit.items > 1\n", "", "w.yml:5:3: the anchor has no 'Condition': expected an expression"],
    [
      "Source: shop.visit",
      "Source: shop.vist",
      "w.yml:12:13: expected 'shop.visit', the aggregate whose blocks windows are made of; found 'shop.vist' (did you mean 'shop.visit'?)",
    ],
    [
      "Source: shop.visit",
      "Source: shop.person",
      "w.yml:12:13: expected 'shop.visit', the aggregate whose blocks windows are made of; 'shop.person' has no blocks",
    ],
    [
      "Source: shop.visit",
      "Source: other.visit",
      "w.yml:12:13: expected 'shop.visit', the aggregate whose blocks windows are made of; found 'other.visit'",
    ],
    ["source.items[0]", "source.itms[0]", "w.yml:14:54: 'visit' has no field 'itms' (did you mean 'items'?)"],
    ["Name: last", "Name: shop", "w.yml:9:11: 'shop' means something else in every expression: expected another name"],
    [
      "Aggregate:Window",
      "Aggregate:Block",
      "w.yml:8:11: 'Blurr:Aggregate:Block' stands in a streaming spec, not in a window spec: expected Blurr:Aggregate:Variable, Blurr:Aggregate:Window",
    ],
  ])("%j → %j: %s", (part, instead, expected) => {
    expect(window(but(WINDOW, part, instead))).toContain(expected);
  });

  it("says that a name is used before there is a value", () => {
    const early = but(
      WINDOW,
      "Aggregates:\n",
      "Aggregates:\n  - Type: Blurr:Aggregate:Variable\n    Name: v\n    Fields:\n      - { Name: x, Type: integer, Value: last.items }\n      - { Name: y, Type: list, Value: source.items }\n",
    );

    expect(window(early)).toEqual([
      expect.stringMatching(/^w\.yml:11:42: .*'last'/),
      expect.stringMatching(/^w\.yml:12:39: .*'source'/),
    ]);
  });

  it.each([
    ["no aggregate of blocks", STREAMING.slice(0, STREAMING.indexOf("  - Type: Blurr:Aggregate:Block"))],
    [
      "2 aggregates of blocks: 'visit', 'again'",
      STREAMING + STREAMING.slice(STREAMING.indexOf("  - Type: Blurr:Aggregate:Block")).replaceAll("visit", "again"),
    ],
  ])("refuses a streaming spec that has %s", (has, text) => {
    const { outline } = loadStreaming(text, "a.yml");

    expect(loadWindow(WINDOW, "w.yml", outline).mistakes.map(formatMistake)).toEqual([
      `w.yml:4:1: the streaming spec 'shop' has ${has}; expected one, a Block or an Activity, whose blocks are what windows and anchors are made of`,
    ]);
  });

  it("notes windows that are always empty, and a SourceBTS that is another", () => {
    const text = but(but(WINDOW, "count", "day"), "-1", "0").replace("Anchor:", "SourceBTS: other\nAnchor:");

    const { outline } = loadStreaming(STREAMING, "a.yml");
    const { spec, notes } = loadWindow(text, "w.yml", outline);

    expect(spec!.aggregates[0]).toMatchObject({ window: "day", value: 0 });
    expect(notes.map(formatMistake)).toEqual([
      "w.yml:4:12: says 'other', and the streaming spec is 'shop'",
      "w.yml:12:18: 0 days hold no block, so that no row is ever made",
    ]);
  });

  it("is checked by itself where its streaming spec is not known", () => {
    const { spec, mistakes } = loadWindow(but(WINDOW, "items > 1", "nope >"), "w.yml", null);

    expect(spec).toBeNull();
    expect(mistakes.map(formatMistake)).toEqual([
      expect.stringMatching(/^w\.yml:5:31: ends too early: expected a value$/),
    ]);
    expect(loadWindow(WINDOW, "w.yml", null)).toMatchObject({ spec: null, mistakes: [] });
  });

  it("is checked against a streaming spec that has mistakes", () => {
    const { spec, mistakes } = readTransform({
      streaming: { file: "a.yml", text: but(STREAMING, "Time: parse(", "Time: prase(") },
      window: { file: "w.yml", text: but(WINDOW, "source.items", "source.itms") },
    });

    expect(spec).toBeNull();
    expect(mistakes.map(formatMistake)).toEqual([
      "a.yml:7:7: unknown name 'prase' (did you mean 'parse'?)",
      "w.yml:14:54: 'visit' has no field 'itms' (did you mean 'items'?)",
    ]);
  });
});

describe("older dialects", () => {
  it("0.1: DataGroups, plain names of times, an implied parser, Split", () => {
    const spec = specOf(caseText("split_datagroups_v0_1_1/streaming.yml"));

    expect(spec.time.text).toBe("parser.parse(source.event_time)");
    expect(spec.aggregates.map(({ kind }) => kind)).toEqual(["variable", "identity", "split"]);
    expect(spec.aggregates[2]).toMatchObject({
      kind: "split",
      split: { text: "(time - session._end_time).seconds > 1800" },
    });
    expect(
      windowOf(caseText("split_datagroups_v0_1_1/window.yml"), caseText("split_datagroups_v0_1_1/streaming.yml"))
        .aggregates,
    ).toMatchObject([
      { window: "count", value: -1 },
      { window: "day", value: -1 },
    ]);
  });

  it.each(["split_extended_v0_2_0", "split_testsdata_v0_2_0", "split_testsdata_v0_3_0"])("%s", (name) => {
    const spec = specOf(caseText(`${name}/streaming.yml`));

    expect(spec.aggregates.find(({ kind }) => kind === "split")).toMatchObject({ split: expect.anything() });
  });

  it("0.2: a block without Split never ends, and a field without a type is text", () => {
    const text = but(
      but(STREAMING, "Aggregate:Block", "Aggregate:BlockAggregate"),
      "Type: integer, Value: visit.items + 1",
      "Value: source.a",
    );

    expect(specOf(text.replace(/ {4}Dimensions:\n.*\n/, "")).aggregates[1]).toMatchObject({
      kind: "split",
      split: null,
      fields: [{ type: "string" }],
    });
  });

  const draft = specOf(caseText("dtc_seed/sample_2018-03-09.yml"));

  it("the first draft: groups, a store with days, times by their plain names", () => {
    expect(draft).toMatchObject({ name: "Sessions", stores: [{ name: "dynamo", retentionMs: 180 * 86_400_000 }] });
    expect(draft.aggregates[0]).toMatchObject({
      kind: "split",
      name: "session",
      split: { text: "(time - session._end_time).seconds > 1800" },
    });
  });

  it("the first draft: a window in a map of its own", () => {
    const spec = windowOf(caseText("dtc_seed/anchor_aggregate_window.yml"), caseText("dtc_seed/sample_2018-03-09.yml"));

    expect(spec.aggregates).toMatchObject([
      { kind: "window", name: "last_session", window: "count", value: -1, source: 0 },
      { kind: "window", name: "last_day", window: "day", value: -1, source: 0 },
    ]);
  });

  it.each([
    [
      "Value: source.events[0]",
      "Value: source.evnts[0]",
      "w.yml:25:22: 'session' has no field 'evnts' (did you mean 'events'?)",
    ],
    [
      "Value: sum(source.events)",
      "Value: last_day.evnts",
      "w.yml:37:15: 'session' has no field 'evnts' (did you mean 'events'?)",
    ],
  ])("shows a mistake where it stands in the old text: %j → %j", (part, instead, expected) => {
    const text = but(caseText("dtc_seed/anchor_aggregate_window.yml"), part, instead);
    const { outline } = loadStreaming(caseText("dtc_seed/sample_2018-03-09.yml"), "a.yml");

    expect(loadWindow(text, "w.yml", outline).mistakes.map(formatMistake)).toEqual([expected]);
  });
});

describe("the first draft's own examples", () => {
  const seed = (name: string) => ({ file: name, text: caseText(`dtc_seed/${name}`) });

  it("are reported with every mistake that they contain", () => {
    const { spec, mistakes } = readTransform({
      streaming: seed("streaming_2018-03-12.yml"),
      window: seed("window_2018-03-12.yml"),
    });

    expect(spec).toBeNull();
    expect(mistakes.map(formatMistake)).toEqual([
      "streaming_2018-03-12.yml:17:32: '=' assigns, and an expression assigns nothing: to compare write '=='",
      "streaming_2018-03-12.yml:47:4: the key 'Fields' stands twice: expected one list, with these elements at its end",
      "streaming_2018-03-12.yml:51:5: 'Fields' stands in column 5: expected column 4, as 'Type' in line 38",
      "streaming_2018-03-12.yml:51:5: the key 'Fields' stands twice: expected one list, with these elements at its end",
      "streaming_2018-03-12.yml:66:32: unknown name 'session_id'",
      "window_2018-03-12.yml:23:14: 'any(offer_type) in' never worked: to ask whether anything was recorded write offer_ai_v1.game_stats.offer_type != ''",
      "window_2018-03-12.yml:41:2: 'Window' stands in column 2: expected column 4, as 'Type' in line 40",
      "window_2018-03-12.yml:59:2: 'Name' stands in column 2: expected column 4, as 'Type' in line 58",
    ]);
  });

  it("so the template, which has fewer", () => {
    expect(readTransform({ streaming: seed("template_2018-03-12.yml") }).mistakes.map(formatMistake)).toEqual([
      "template_2018-03-12.yml:17:32: '=' assigns, and an expression assigns nothing: to compare write '=='",
      "template_2018-03-12.yml:47:4: the key 'Fields' stands twice: expected one list, with these elements at its end",
      "template_2018-03-12.yml:61:32: unknown name 'session_id'",
    ]);
  });

  it("load where they are well-formed", () => {
    const { mistakes } = readTransform({
      streaming: seed("sample_2018-03-09.yml"),
      window: seed("anchor_aggregate_window.yml"),
    });

    expect(mistakes).toEqual([]);
  });
});

describe("compat", () => {
  const compat = { compat: true };

  it("ignores unknown attributes, and names that nobody defines end the run when they are reached", () => {
    const { spec } = loadStreaming(caseText("validation/unknown_attribute.yml"), "a.yml", compat);
    expect(spec).not.toBeNull();

    const text = but(STREAMING, "source.country }", "nosuch.v }");
    expect(specOf(text, compat).aggregates[0]!.fields[0]!.value.term).toMatchObject({
      kind: "abort",
      error: "NameError",
    });
  });

  it("takes the last of what has one name", () => {
    const spec = specOf(caseText("validation/duplicate_names.yml"), compat);

    expect(spec.aggregates.map(({ name, kind }) => [name, kind])).toEqual([["b", "block"]]);
    expect(specOf(STREAMING.replace("Name: shop", "Name: a\nName: b"), compat).name).toBe("b");
  });

  it("takes an unknown WindowType for something like a count", () => {
    const { outline } = loadStreaming(STREAMING, "a.yml");
    const { spec } = loadWindow(but(WINDOW, "WindowType: count", "WindowType: week"), "w.yml", outline, compat);

    expect(spec!.aggregates[0]).toMatchObject({ window: "unknown", value: -1 });
  });

  it.each([
    ["True", "True"],
    ["yes", "True"],
    ["5", "5"],
    ["010", "8"],
    ["1.50", "1.5"],
    ["1e3", "1e3"],
    ["1:30", "90"],
    ["[1,2]", "[1, 2]"],
    ["[source.a, 'b', ~]", "['source.a', 'b', None]"],
    ["{a: 1}", "{'a': 1}"],
    ["'1'", "1"],
  ])("compiles what Python's YAML reader makes of %s: %s", (written, expected) => {
    const text = but(STREAMING, "Value: source.country }", `Value: ${written} }`);

    expect(specOf(text, compat).aggregates[0]!.fields[0]!.value.text).toBe(expected);
  });

  it("takes what is false for no expression", () => {
    const zero = but(STREAMING, "Value: source.country }", "Value: 0 }");
    const when = but(STREAMING, "Value: source.country }", "Value: source.country, When: false }");

    expect(streaming(zero, compat)).toEqual([
      "a.yml:15:47: 'Value' is 0, which counts as no expression: the run ends here",
    ]);
    expect(specOf(when, compat).aggregates[0]!.fields[0]!.when).toBeNull();
  });

  it("does not go into layout that is no YAML", () => {
    expect(streaming(caseText("validation/invalid_yaml.yml"), compat)[0]).toMatch(/^a\.yml:1:7: /);
  });
});

describe("kindOfSpec", () => {
  it.each([
    [STREAMING, "streaming"],
    [WINDOW, "window"],
    ['{Type: "Blurr:Window"}', "window"],
    ["Type: 'productml:dtc:streaming' # old", "streaming"],
    ["Tyoe: x\nAnchor:\n", "window"],
    ["Type: Blurr:Transform:Steaming\nAggregates:\n", "streaming"],
    ["version: 1\nname: store\n", null],
    ["[", null],
    ["", null],
  ])("of %j: %s", (text, expected) => {
    expect(kindOfSpec(text)).toBe(expected);
  });
});

describe("an expression with brackets and without quotes, in a map on one line", () => {
  const spec = (value: string) =>
    [
      "Type: Blurr:Transform:Streaming",
      "Version: '2018-03-01'",
      "Name: s",
      "Identity: source.u",
      "Time: time_of",
      "Stores: [{ Type: Blurr:Store:Memory, Name: m }]",
      "Aggregates:",
      "  - Type: Blurr:Aggregate:Identity",
      "    Name: i",
      "    Store: m",
      "    Fields:",
      `      - { Name: n, Type: integer, Value: ${value}, When: source.k == 1 }`,
    ].join("\n");

  it.each([
    ["source.n[0]", 50, "found '[' in 'source.n[0]', which has no quotes: expected 'source.n[0]'"],
    ["len({1, 2})", 46, "found '{' in 'len({1, 2})', which has no quotes: expected 'len({1, 2})'"],
  ])("is told once, and the rest is read: %s", (value, column, message) => {
    const { mistakes } = loadStreaming(spec(value), "s.yml");

    expect(mistakes[0]).toMatchObject({ line: 5, message: expect.stringContaining("time_of") });
    expect(mistakes.slice(1)).toEqual([{ file: "s.yml", line: 12, column, message }]);
  });
});
