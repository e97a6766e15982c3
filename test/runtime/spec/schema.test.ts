import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseYaml } from "../../../runtime/data/yaml.ts";
import { kindOfSpec, loadStreaming, loadWindow } from "../../../runtime/spec/load.ts";
import { specJsonSchema, specSchema } from "../../../runtime/spec/schema.ts";
import { caseSpecs, caseText } from "../../support/specs.ts";

const SCHEMA = specSchema();

/** As JSON has it: a map with a prototype. */
function plainValue(text: string): unknown {
  return JSON.parse(JSON.stringify(parseYaml(text, "a.yml", [])!.value));
}

const fits = (text: string) => SCHEMA.safeParse(plainValue(text)).success;

describe("the schema of spec files", () => {
  it("takes every recorded spec that loads, but for the case of types", () => {
    const refused = caseSpecs().filter((text) => {
      const load = kindOfSpec(text) === "window" ? loadWindow(text, "a.yml", null) : loadStreaming(text, "a.yml");
      return load.mistakes.length === 0 && !fits(text);
    });

    expect(refused).toEqual([
      caseText("probe_type_names_case/streaming.yml"),
      caseText("validation/dimension_type_capital.yml"),
    ]);
  });

  it.each(["draft-streaming.yml", "draft-window.yml"])("takes the first draft: %s", (name) => {
    expect(fits(readFileSync(new URL(`../../fixtures/specs/${name}`, import.meta.url), "utf8"))).toBe(true);
  });

  it("takes the specs that ship, which name it for editors", () => {
    const folder = new URL("../../../deploy/sites/store/transforms/", import.meta.url);
    const specs = readdirSync(folder).map((name) => ({ name, text: readFileSync(new URL(name, folder), "utf8") }));

    expect(specs.length).toBeGreaterThan(0);
    for (const { name, text } of specs) {
      expect(fits(text)).toBe(true);
      const named = /^# yaml-language-server: \$schema=(\S+)/.exec(text)![1]!;
      expect(existsSync(new URL(named, new URL(name, folder)))).toBe(true);
    }
  });

  it.each([
    ["a slip in an attribute", "Version:", "Verison:"],
    ["a type that nobody knows", "Type: float", "Type: real"],
    ["a list for an expression", "Value: source.v", "Value: [source.v]"],
    ["a reserved name", "Name: b\n", "Name: _b\n"],
    ["a missing attribute", "Identity: source.u\n", ""],
    ["an aggregate of the other kind of spec", "Aggregate:Block", "Aggregate:Window"],
  ])("refuses %s", (_, part, instead) => {
    const text = caseText("validation/unknown_name_in_expression.yml").replace("nosuch.v", "source.v");
    expect(fits(text)).toBe(true);
    expect(text).toContain(part);

    expect(fits(text.replace(part, instead))).toBe(false);
  });

  it("is a JSON Schema with a sentence for every attribute", () => {
    const schema = specJsonSchema();
    const text = JSON.stringify(schema);

    expect(schema).toMatchObject({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      title: expect.any(String),
    });
    expect(text).toContain('"description":"A block ends when nothing happens for longer than this."');
    expect(text).toContain('"enum":["ProductML:DTC:DataGroup:SessionAggregate"]');
  });

  // Changed definitions: `npx vitest run test/runtime/spec/schema.test.ts -u` writes the file.
  it("is the one that ships, for editors", async () => {
    const text = `${JSON.stringify(specJsonSchema(), null, 2)}\n`;

    await expect(text).toMatchFileSnapshot("../../../deploy/transform.schema.json");
  });
});
