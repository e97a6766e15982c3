import { describe, expect, it } from "vitest";
import { parseYaml } from "../../../runtime/data/yaml.ts";
import { formatMistake } from "../../../runtime/errors.ts";
import { mendLayout } from "../../../runtime/spec/layout.ts";
import { caseSpecs, caseText } from "../../support/specs.ts";

describe("lines in the wrong column", () => {
  it("are put where they were meant to stand", () => {
    const { text, mistakes } = mendLayout(caseText("validation/invalid_yaml.yml"), "a.yml")!;

    expect(text).toBe(`Type: Blurr:Transform:Streaming


Description: Example
Name: example_name
Identity: source.user_id
When: source.package_version == '1.0'
Store:
            Type: Blurr:Storage:DynamoDB
            Name: offer_ai_dynamo
            RetentionDays: 180
            ReadWriteUnits: 5
            Table: ProductML_Test_Win_Ratios
Aggregates:
- Type: Blurr:Aggregate:Identity
  Name: user
  Store: offer_ai_dynamo
  Fields:
     - Name: user_id
       Value: source.customer_identifier
`);
    expect(mistakes.map(formatMistake)).toEqual([
      "a.yml:4:7: 'Description' stands in column 7: expected column 1, as 'Type' in line 1",
      "a.yml:10:4: 'Name' stands in column 4: expected column 13, as 'Type' in line 9",
      "a.yml:11:4: 'RetentionDays' stands in column 4: expected column 13, as 'Type' in line 9",
      "a.yml:12:4: 'ReadWriteUnits' stands in column 4: expected column 13, as 'Type' in line 9",
      "a.yml:13:4: 'Table' stands in column 4: expected column 13, as 'Type' in line 9",
      "a.yml:16:4: 'Name' stands in column 4: expected column 3, as 'Type' in line 15",
      "a.yml:17:2: 'Store' stands in column 2: expected column 3, as 'Type' in line 15",
      "a.yml:18:4: 'Fields' stands in column 4: expected column 3, as 'Type' in line 15",
    ]);
  });

  it("take along what hangs on them", () => {
    const { text, shifts } = mendLayout(
      "Aggregates:\n  - Type: x\n Fields:\n   - Name: a\n     Value: |\n       one\n     Type: y\n",
      "a.yml",
    )!;

    expect(text).toBe(
      "Aggregates:\n  - Type: x\n    Fields:\n      - Name: a\n        Value: |\n          one\n        Type: y\n",
    );
    expect(shifts).toEqual([0, 0, 3, 3, 3, 3, 3, 0]);
  });

  it("are told of when they begin an element", () => {
    const { mistakes } = mendLayout("Stores:\n  - Type: x\n    Name: a\n   - Type: y\n", "a.yml")!;

    expect(mistakes.map(formatMistake)).toEqual([
      "a.yml:4:4: this element of a list stands in column 4: expected column 3, as the list of line 2",
    ]);
  });

  it("leave text, lists and maps that go over several lines alone", () => {
    const text =
      "Name: a\nDescription: |\n    Type: no key\n  Name: text\nImport: [\n  {Module: x}\n]\nTime: 'a\n  Value: b'\nIdentity: x\n";

    expect(mendLayout(text, "a.yml")).toBeNull();
  });

  it("are none in what is well-formed", () => {
    for (const text of caseSpecs())
      if (parseYaml(text, "a.yml", []) !== null) expect(mendLayout(text, "a.yml")).toBeNull();
  });
});
