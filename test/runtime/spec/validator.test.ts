import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type ValidationError, validateLikeBlurr } from "../../../runtime/spec/validator.ts";

const FOLDER = new URL("../../cases/blurr/validation/", import.meta.url);

interface Case {
  readonly file: string;
  readonly valid: boolean;
  readonly errors?: readonly ValidationError[];
}

const cases = JSON.parse(readFileSync(new URL("cases.json", FOLDER), "utf8")) as Case[];

const keys = (errors: readonly ValidationError[]) =>
  errors.map(({ kind, path, attribute, reason }) => JSON.stringify([kind, path, attribute, reason])).sort();

describe("the verdicts of Blurr's validator", () => {
  it.each(cases.map((one) => [one.file, one] as const))("%s", (file, { valid, errors = [] }) => {
    const verdict = validateLikeBlurr(readFileSync(new URL(file, FOLDER), "utf8"), file);

    expect(verdict.valid).toBe(valid);
    expect(keys(verdict.errors)).toEqual(keys(errors));
    expect(verdict.unreadable === null).toBe(valid || errors.length > 0);
  });

  it("are in the words of Blurr, but for what Python says itself", () => {
    for (const { file, errors = [] } of cases) {
      const verdict = validateLikeBlurr(readFileSync(new URL(file, FOLDER), "utf8"), file);
      const words = errors.filter(({ kind }) => kind !== "InvalidTypeError" && kind !== "InvalidExpressionError");
      expect(verdict.errors.map(({ message }) => message)).toEqual(
        expect.arrayContaining(words.map(({ message }) => message)),
      );
    }
  });
});

const HEAD = "Type: Blurr:Transform:Streaming\nVersion: '2018-03-01'\nName: S\nIdentity: a\nTime: b\n";

describe("what else Blurr's validator finds", () => {
  it.each([
    [`${HEAD}Stores: []\nAggregates: []\n`, ["EmptyAttributeError S Stores", "EmptyAttributeError S Aggregates"]],
    [
      `${HEAD}When: no\nStores: [{Type: Blurr:Store:Memory, Name: m}]\nAggregates: [{Type: string, Name: x, Value: 1}]\n`,
      ["EmptyAttributeError S When"],
    ],
    [
      `${HEAD}Stores: [{Type: Blurr:Store:Dynamo, Name: m}]\nAggregates: []\n`,
      ["EmptyAttributeError S Aggregates", "RequiredAttributeError S.m Table"],
    ],
  ])("of %j", (text, expected) => {
    const { errors } = validateLikeBlurr(text, "a.yml");

    expect(errors.map(({ kind, path, attribute }) => `${kind} ${path} ${attribute}`)).toEqual(expected);
  });

  it.each([
    ["a list without names", `${HEAD}Stores: [{Type: Blurr:Store:Memory}]\nAggregates: []\n`],
    ["a name that is a number", `${HEAD.replace("Name: S", "Name: 7")}`],
    ["a list that is text", `${HEAD}Stores: some\nAggregates: []\n`],
  ])("gives up on %s", (_, text) => {
    expect(validateLikeBlurr(text, "a.yml").unreadable).toMatch(/^There was an error parsing the document/);
  });
});
