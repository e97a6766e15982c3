import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dayStart, formatDay, parseDay } from "../../../runtime/data/day.ts";

describe("days", () => {
  it("are read back as they were written", () => {
    fc.assert(fc.property(fc.integer({ min: -600_000, max: 2_900_000 }), (day) => parseDay(formatDay(day)) === day));
  });

  it.each(["2026-02-29", "2026-13-01", "2026-00-10", "2026-1-1", "01-01-2026", "2026-01-01T00:00", ""])(
    "'%s' is no day",
    (text) => {
      expect(parseDay(text)).toBeNull();
    },
  );

  it.each([
    ["2026-03-28", "2026-03-27T23:00:00.000Z"],
    ["2026-03-29", "2026-03-28T23:00:00.000Z"], // clocks go forward at 2:00
    ["2026-03-30", "2026-03-29T22:00:00.000Z"],
    ["2026-10-25", "2026-10-24T22:00:00.000Z"], // and back at 3:00
    ["2026-10-26", "2026-10-25T23:00:00.000Z"],
  ])("%s begins in Warsaw at %s", (day, instant) => {
    expect(new Date(dayStart(parseDay(day)!, "Europe/Warsaw")).toISOString()).toBe(instant);
  });

  it.each([
    ["America/Santiago", "2026-09-06", "2026-09-06T04:00:00.000Z"], // midnight itself is skipped
    ["Africa/Cairo", "2026-04-24", "2026-04-23T22:00:00.000Z"],
    ["Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00.000Z"], // the day before was left out
  ])("in %s, %s begins with its first instant", (zone, day, instant) => {
    expect(new Date(dayStart(parseDay(day)!, zone)).toISOString()).toBe(instant);
  });

  it("begin at midnight in UTC", () => {
    expect(dayStart(parseDay("2026-07-01")!, "UTC")).toBe(Date.UTC(2026, 6, 1));
  });
});
