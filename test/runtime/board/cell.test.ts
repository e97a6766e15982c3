import { describe, expect, it } from "vitest";
import { cell, isTrue, readGoalText, textOf } from "../../../runtime/board/cell.ts";

describe("the text of a goal's cell", () => {
  it("is empty where nobody has begun", () => {
    expect(textOf(undefined)).toBe("");
  });

  it.each([
    ["running", "n1", "r:n1"],
    ["done", "n1", "1"],
    ["failed", "n1", "F:n1"],
    ["failed", "", "F"],
    ["waiting", "n1", ""],
  ] as const)("that is %s by '%s' is '%s'", (state, host, text) => {
    expect(textOf(cell({ state, host }))).toBe(text);
  });
});

describe("what a person writes into a goal's cell", () => {
  it.each([
    ["", { state: "empty" }],
    ["1", { state: "done" }],
    ["1:by hand", { state: "done" }],
    ["F", { state: "failed", host: "" }],
    ["F:n1", { state: "failed", host: "n1" }],
    ["F:a:b", { state: "failed", host: "a:b" }],
  ])("'%s' is read", (text, written) => {
    expect(readGoalText(text)).toEqual(written);
  });

  it.each(["r", "r:n1", "0", "f", "done", " 1", "11", ":1"])("'%s' is no value", (text) => {
    expect(readGoalText(text)).toBe(null);
  });
});

describe("what counts as true", () => {
  it.each(["1", "1.0", "true", "TRUE", "yes", "y", "x", "ok", "on", " Yes "])("'%s' does in a lenient page", (text) => {
    expect(isTrue(text, true)).toBe(true);
  });

  it.each(["", "0", "no", "false", "r:n1", "F:n1", "2"])("'%s' does in no page", (text) => {
    expect([isTrue(text, true), isTrue(text, false)]).toEqual([false, false]);
  });

  it.each(["1.0", "true", "yes", "x", " 1"])("'%s' does not in a strict one", (text) => {
    expect(isTrue(text, false)).toBe(false);
  });

  it("is 1 in a strict one", () => {
    expect(isTrue("1", false)).toBe(true);
  });
});
