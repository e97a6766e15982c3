import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { formatMistake } from "../../../runtime/errors.ts";
import { readTransform } from "../../../runtime/spec/load.ts";
import { translate } from "../../../runtime/spec/translate.ts";
import { validateLikeBlurr } from "../../../runtime/spec/validator.ts";
import { caseSpecs, caseText } from "../../support/specs.ts";

const DRAFT = { streaming: fixture("draft-streaming.yml"), window: fixture("draft-window.yml") };

function fixture(name: string): string {
  return readFileSync(new URL(`../../fixtures/specs/${name}`, import.meta.url), "utf8");
}

/** All that a spec means, without the places where it is written. */
function meaning(streaming: string, window: string): unknown {
  const { spec, mistakes } = readTransform({
    streaming: { file: "a.yml", text: streaming },
    window: { file: "w.yml", text: window },
  });
  expect(mistakes.map(formatMistake)).toEqual([]);
  return JSON.parse(
    JSON.stringify(spec, (key, value) => {
      if (key === "at" || key === "start" || key === "end") return undefined;
      return typeof value === "bigint" ? `${value}` : value;
    }),
  );
}

function translated(text: string): string {
  const { text: out, changed, mistakes } = translate(text, "a.yml");
  expect(mistakes.map(formatMistake)).toEqual([]);
  expect(changed).toBe(true);
  return out!;
}

describe("the first draft in today's form", () => {
  const streaming = translated(DRAFT.streaming);
  const window = translated(DRAFT.window);

  it("means the same", () => {
    expect(meaning(streaming, window)).toEqual(meaning(DRAFT.streaming, DRAFT.window));
  });

  it("is what a person would write", () => {
    expect(streaming).toContain(`Type: Blurr:Transform:Streaming
Version: '2018-03-01'
Description: Level 1 transformation from streaming Raw Data
Import:
  - { Module: dateutil.parser, Identifiers: [ parse ] }
Name: offer_ai_v1

#The field in the raw data around which data is aggregated. This is usually a unique user id
Identity: source.customer_identifier
Time: parse(source.event_time)
`);
    expect(streaming).toContain(`Stores:
  - Type: Blurr:Store:Dynamo
    Name: dynamo
    #Days to retain data
    Retention: 180
    Table: ProductML_Test_Win_Ratios
`);
    expect(streaming).toContain(`  - Type: Blurr:Aggregate:Block
    Name: game_stats
    #We defined this store earlier
    Store: dynamo
    #Split defines when a new session is created when the boolean expression is TRUE
    Split: source.session_id != game_stats.session_id

    Fields:
      - Name: session_id
        Type: string
        Value: source.session_id

      - Name: games_played
        #String is the default type and is used if type is not defined
        Type: integer
        #Any valid Python expression can be used
        Value: game_stats.games_played + 1
        When: source.event_id == 'game_start'
`);
    expect(streaming).not.toMatch(/ProductML:|DataGroups|Filter|Atomic|parse_time/);
  });

  it("has windows as their aggregates say", () => {
    expect(window.slice(window.indexOf("Aggregates:"))).toBe(`Aggregates:

  - Type: Blurr:Aggregate:Window
    Name: prev_session
    #Defines a processing window for the rollup. Supported window types are Day, Hour and Count
    WindowType: count
    #Negative values are backward from the Anchor
    WindowValue: -1
    Source: offer_ai_v1.game_stats

    Fields:
      - Name: games_played_last_session
        Type: integer
        Value: source.games_played[0]

      - Name: win_ratio_last_session
        Type: float
        Value: source.win_ratio[0]

  - Type: Blurr:Aggregate:Window
    Name: prev_week
    WindowType: day
    WindowValue: -7
    Source: offer_ai_v1.game_stats

    Fields:
      - Name: purchases_prev_week_amount
        Type: float
        Value: sum(source.purchase_amount)
`);
    expect(window).toContain("SourceBTS: offer_ai_v1");
    expect(window).not.toMatch(/Stores?:/);
  });

  it("passes Blurr's own validator, but for Split, which Blurr dropped", () => {
    expect(validateLikeBlurr(window, "w.yml").errors).toEqual([]);
    expect(validateLikeBlurr(streaming, "a.yml").errors.map(({ path, attribute }) => [path, attribute])).toEqual([
      ["offer_ai_v1.game_stats", "Dimensions"],
    ]);
  });

  it("stays as it is when it is translated again", () => {
    expect(translate(streaming, "a.yml")).toEqual({ text: streaming, changed: false, mistakes: [] });
    expect(translate(window, "a.yml")).toEqual({ text: window, changed: false, mistakes: [] });
  });
});

describe("0.1 and 0.2 in today's form", () => {
  it.each([
    ["split_datagroups_v0_1_1/streaming.yml", "split_datagroups_v0_1_1/window.yml"],
    ["dtc_seed/sample_2018-03-09.yml", "dtc_seed/anchor_aggregate_window.yml"],
  ])("%s means the same", (streaming, window) => {
    const [a, w] = [caseText(streaming), caseText(window)];

    expect(meaning(translated(a), translated(w))).toEqual(meaning(a, w));
  });

  it.each(["split_extended_v0_2_0", "split_testsdata_v0_2_0"])("%s has today's type names", (name) => {
    expect(translated(caseText(`${name}/streaming.yml`))).not.toMatch(/Aggregate'?\n|MemoryStore/);
  });
});

describe("translating", () => {
  it("says of a block that never ends that it never does", () => {
    const text = caseText("split_probe_bare_name/streaming.yml").replace(/ {4}Split:.*\n/, "");

    expect(translated(text)).toContain("Store: m\n    Split: false\n");
  });

  it("leaves what is in today's form as it is, to the byte", () => {
    let unchanged = 0;
    for (const text of caseSpecs()) {
      const { text: out, changed, mistakes } = translate(text, "a.yml");
      if (mistakes.length > 0 || changed) continue;
      expect(out).toBe(text);
      unchanged++;
    }
    expect(unchanged).toBeGreaterThan(50);
  });

  it.each([
    [
      "a session that stores no store's name",
      (text: string) => text.replace("   Store: dynamo\n   #Split", "   #Split"),
      /Name: game_stats\n {4}Store: dynamo/,
    ],
    [
      "a single store in a map",
      (text: string) =>
        text
          .replace("   - Type: ProductML:DTC:Storage:DynamoDB", "   Type: ProductML:DTC:Storage:DynamoDB")
          .replaceAll(/^ {5}(Name: dynamo|#Days|Retention|Table)/gm, "   $1"),
      /Stores:\n {2}- Type: Blurr:Store:Dynamo\n {4}Name: dynamo/,
    ],
    [
      "capacity units",
      (text: string) => text.replace("Table: ProductML_Test_Win_Ratios", "ReadWriteUnits: 5"),
      /Type: Blurr:Store:Memory\n(?:.*\n){3} {4}ReadCapacityUnits: 5\n {4}WriteCapacityUnits: 5/,
    ],
    [
      "a parser that needed no import",
      (text: string) =>
        text.replace("parse_time(source.event_time, 'YYYY/mm/dd HH:MM:SS')", "parser.parse(source.event_time)"),
      /Import:\n {2}- \{ Module: dateutil, Identifiers: \[ parser \] \}/,
    ],
  ])("says %s", (_, change, expected) => {
    expect(translated(change(DRAFT.streaming))).toMatch(expected);
  });

  it.each([
    ["sum(prev_week.purchase_amount)", "sum(source.purchase_amount)"],
    ["prev_week.purchase_amount[0]", "source.purchase_amount[0]"],
    ["max([x for x in prev_week.purchase_amount])", "max([x for x in source.purchase_amount])"],
    ["len(prev_week.start_time)", "len(source._start_time)"],
    ["prev_week.purchase_amount / 7", "sum(source.purchase_amount) / 7"],
  ])("reads %s as %s", (old, today) => {
    expect(translated(DRAFT.window.replace("prev_week.purchase_amount", old))).toContain(`Value: ${today}\n`);
  });

  it.each([
    ["sum([games_played for games_played in source.list])", "sum([games_played for games_played in source.list])"],
    ["source.games_played + games_played", "source.games_played + game_stats.games_played"],
    ["(time - start_time).seconds", "(time - game_stats._start_time).seconds"],
  ])("reads %s as %s where it may stand alone", (old, today) => {
    expect(translated(DRAFT.streaming.replace("games_played + 1", old))).toContain(`Value: ${today}\n`);
  });

  it.each([
    [
      "a time in another format",
      DRAFT.streaming.replace("YYYY/mm/dd", "dd/mm/YYYY"),
      "a.yml:14:37: 'dd/mm/YYYY HH:MM:SS' can't be translated: expected 'YYYY/mm/dd HH:MM:SS' or 'YYYY-mm-dd HH:MM:SS'; for others use datetime.strptime",
    ],
    [
      "what stands there by an alias",
      DRAFT.streaming
        .replace("Value: source.country", "Value: &v source.country")
        .replace("Value: source.customer_identifier", "Value: *v"),
      "a.yml:42:15: no anchor '&v' stands before this alias",
    ],
    [
      "what loads no alias but by one",
      DRAFT.streaming
        .replace("Value: source.customer_identifier", "Value: &v source.customer_identifier")
        .replace("Value: source.country", "Value: *v"),
      "a.yml:45:15: what stands in several places by an alias ('*…') can't be translated: write it out",
    ],
  ])("refuses %s", (_, text, expected) => {
    const { text: out, mistakes } = translate(text, "a.yml");

    expect(out).toBeNull();
    expect(mistakes.map(formatMistake)).toEqual([expected]);
  });

  it("refuses what does not load, and says everything", () => {
    const { text, mistakes } = translate(caseText("dtc_seed/streaming_2018-03-12.yml"), "a.yml");

    expect(text).toBeNull();
    expect(mistakes).toHaveLength(5);
  });
});
