import { describe, expect, it } from "vitest";
import { Page } from "../../../runtime/board/board.ts";
import { limits } from "../../../runtime/limits.ts";
import { readFields } from "../../../runtime/runs/fields.ts";
import type { PageConfig } from "../../../runtime/site.ts";
import { pageConfig } from "../../support/plans.ts";

const pageWith = (more: Partial<PageConfig> = {}) => new Page(pageConfig("jobs", { goals: ["a", "b"], ...more }));

describe("fields that an actor returns", () => {
  it.each([
    ["a text", "cloudy", "cloudy"],
    ["an empty text", "", ""],
    ["a number", 0.1, "0.1"],
    ["a large number", 12345678901234567890n, "12345678901234567890"],
    ["true", true, "true"],
    ["null", null, ""],
    ["undefined", undefined, ""],
    ["a list", [1, "x", null], '[1,"x",null]'],
    ["an object", { x: { y: 1 } }, '{"x":{"y":1}}'],
    ["a time", new Date(0), '"1970-01-01T00:00:00.000Z"'],
    ["what JSON leaves out", { toJSON: () => undefined }, ""],
  ])("are written as JSON would, texts as they are: %s", (_, value, text) => {
    expect(readFields({ note: value }, pageWith())).toEqual({ fields: { note: text }, problem: undefined });
  });

  it.each([[undefined], [{}], [{ id: "9", ready: "1", complete: "1", a: "1", b: "F" }]])(
    "are none where there is no data: %j",
    (written) => {
      expect(readFields(written, pageWith())).toEqual({ fields: null, problem: undefined });
    },
  );

  it("are only those of data: keys, goals, ready and complete are passed over", () => {
    const { fields, problem } = readFields({ id: "9", a: "1", note: "n", complete: "1" }, pageWith({ data: ["note"] }));

    expect([fields, problem]).toEqual([{ note: "n" }, undefined]);
  });

  it("make columns of an open page", () => {
    const page = pageWith();

    expect(readFields({ metric: 1, "ü b": 2 }, page).fields).toEqual({ metric: "1", "ü b": "2" });
    // That is for the entry to do.
    expect(page.column("metric")).toBe(undefined);
  });

  it("that a closed page does not know are rejected, with a suggestion, and the others are written", () => {
    expect(readFields({ metrics: 1, metric: 2, zz: 3 }, pageWith({ data: ["metric"] }))).toEqual({
      fields: { metric: "2" },
      problem:
        "fields not written: page 'jobs' has no column 'metrics' (did you mean 'metric'?); " +
        "page 'jobs' has no column 'zz': it has id, ready, a, b, metric, complete",
    });
  });

  it.each([
    ["", "''"],
    [" x", "' x'"],
    ["x\n", "'x"],
    ["__proto__", "'__proto__'"],
    ["x".repeat(10_000), "'xxx"],
  ])("with a name that no column can have are rejected: %j", (name, shown) => {
    const { fields, problem } = readFields(JSON.parse(`{${JSON.stringify(name)}: "1", "note": "n"}`), pageWith());

    expect(Object.entries(fields!)).toEqual([["note", "n"]]);
    expect(problem!.startsWith(`fields not written: ${shown}`)).toBe(true);
    expect(problem!.length).toBeLessThan(1_000);
  });

  it("that JSON has no text for are rejected", () => {
    const ring: unknown[] = [];
    ring.push(ring);

    expect(readFields({ ring, deep: [1n], note: "n" }, pageWith())).toEqual({
      fields: { note: "n" },
      problem: "fields not written: 'ring' can't be written as JSON; 'deep' can't be written as JSON",
    });
  });

  it("may be as long as a cell, in bytes, and no longer", () => {
    const most = limits.cellBytes;
    const { fields, problem } = readFields({ fits: "x".repeat(most), over: `${"x".repeat(most - 1)}ü` }, pageWith());

    expect(Object.keys(fields!)).toEqual(["fits"]);
    expect(problem).toBe(`fields not written: the text for 'over' has ${most + 1} bytes: a cell holds ${most}`);
  });

  it("make no more columns than a page may have", () => {
    const page = pageWith();
    const room = limits.pageColumns - page.header.length;
    const written = Object.fromEntries(Array.from({ length: room + 2 }, (_, i) => [`f${i}`, i]));
    const { fields, problem } = readFields(written, page);

    expect(Object.keys(fields!).length).toBe(room);
    expect(problem).toBe(
      `fields not written: 'f${room}': the page has 500 columns already; 'f${room + 1}': the page has 500 columns already`,
    );
  });

  it("go on being written into columns that a full page has", () => {
    const page = pageWith();
    for (let i = page.header.length; i < limits.pageColumns; i++) page.ensure(`f${i}`);

    expect(readFields({ f400: "x", more: "y" }, page)).toMatchObject({ fields: { f400: "x" } });
  });

  it("that are rejected are told of, the first few of many", () => {
    const written = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`zz${i}`, i]));

    expect(readFields(written, pageWith({ data: [] })).problem).toMatch(/'zz4'[^']*; and 3 more$/);
  });
});
