import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromSeconds, parseEpoch, parseIso, startOfDay } from "../../../runtime/data/time.ts";

const WARSAW = "Europe/Warsaw";
const HOUR = 3_600_000; // ms

const iso = (at: number | null) => (at === null ? null : new Date(at).toISOString());

/** What clocks of a zone show at an instant, "2026-03-29 03:00:00". */
function clocks(at: number, timeZone: string): string {
  return new Date(at).toLocaleString("sv-SE", { timeZone });
}

describe("parseIso", () => {
  it.each([
    ["2026-03-01T09:30:00Z", "2026-03-01T09:30:00.000Z"],
    ["2026-03-01T09:30:00.5Z", "2026-03-01T09:30:00.500Z"],
    ["2026-03-01T09:30:00,25Z", "2026-03-01T09:30:00.250Z"],
    ["2026-03-01T09:30:00.123456789Z", "2026-03-01T09:30:00.123Z"],
    ["2026-03-01T09:30Z", "2026-03-01T09:30:00.000Z"],
    ["2026-03-01 09:30:00+01:00", "2026-03-01T08:30:00.000Z"],
    ["2026-03-01t09:30:00z", "2026-03-01T09:30:00.000Z"],
    ["2026-03-01T09:30:00-0530", "2026-03-01T15:00:00.000Z"],
    ["2026-03-01T00:15:00+00:30", "2026-02-28T23:45:00.000Z"],
    ["2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"],
    ["2001-12-17T09:30:47.0", "2001-12-17T09:30:47.000Z"],
    ["2026-03-01", "2026-03-01T00:00:00.000Z"],
    ["1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"],
    ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000Z"],
  ])("reads %s", (text, expected) => {
    expect(iso(parseIso(text, "UTC"))).toBe(expected);
  });

  it.each([
    ["", "nothing"],
    ["soon", "a word"],
    ["2026-02-29", "a day that the year lacks"],
    ["2026-02-31T10:00:00Z", "31 February"],
    ["2026-13-01", "month 13"],
    ["2026-00-10", "month 0"],
    ["2026-01-00", "day 0"],
    ["2026-01-01T24:00:00Z", "hour 24"],
    ["2026-01-01T12:60:00Z", "minute 60"],
    ["2026-01-01T12:00:60Z", "second 60"],
    ["2026-01-01T12:00:00+24:00", "a zone a day away"],
    ["2026-01-01T12:00:00+01:60", "a zone with 60 minutes"],
    ["2026-01-01T12:00:00+1", "half a zone"],
    ["2026-1-1", "single digits"],
    ["26-01-01", "a short year"],
    ["0099-01-01", "a year that Date takes for 1999"],
    ["2026-01-01T12", "an hour alone"],
    [" 2026-01-01", "white space"],
    ["2026-01-01T12:00:00Z\n", "a line's end"],
    ["٢٠٢٦-01-01", "digits of another script"],
  ])("refuses '%s': %s", (text) => {
    expect(parseIso(text, "UTC")).toBe(null);
  });

  it("agrees with Date on every zoned time", () => {
    const offsets = fc.record({
      sign: fc.constantFrom("+", "-"),
      hours: fc.integer({ min: 0, max: 23 }),
      minutes: fc.integer({ min: 0, max: 59 }),
    });
    const two = (value: number) => String(value).padStart(2, "0");
    fc.assert(
      fc.property(
        fc.date({ min: new Date("0101-01-01"), max: new Date("9990-01-01"), noInvalidDate: true }),
        fc.option(offsets),
        (date, offset) => {
          const zone = offset === null ? "Z" : `${offset.sign}${two(offset.hours)}:${two(offset.minutes)}`;
          const text = date.toISOString().replace("Z", zone);

          expect(parseIso(text, WARSAW)).toBe(new Date(text).getTime());
        },
      ),
    );
  });

  it("never gives an instant for text that Date finds impossible", () => {
    const part = (max: number) => fc.integer({ min: 0, max }).map((value) => String(value).padStart(2, "0"));
    const texts = fc.tuple(part(20), part(40), part(30), part(70), part(70));
    fc.assert(
      fc.property(texts, ([month, day, hour, minute, second]) => {
        const text = `2026-${month}-${day}T${hour}:${minute}:${second}Z`;
        const date = new Date(text);
        const possible = !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text.slice(0, -1));

        expect(parseIso(text, "UTC")).toBe(possible ? date.getTime() : null);
      }),
    );
  });

  // Clocks in Warsaw go from 02:00 to 03:00 on 29 March 2026, and from 03:00 to 02:00 on 25 October 2026.
  it.each([
    ["in winter", "2026-01-15T12:00:00", "2026-01-15T11:00:00.000Z"],
    ["in summer", "2026-07-15T12:00:00", "2026-07-15T10:00:00.000Z"],
    ["a second before the gap", "2026-03-29T01:59:59", "2026-03-29T00:59:59.000Z"],
    ["at the begin of the gap, just after it", "2026-03-29T02:00:00", "2026-03-29T01:00:00.000Z"],
    ["within the gap, as far after it", "2026-03-29T02:30:00", "2026-03-29T01:30:00.000Z"],
    ["at the end of the gap", "2026-03-29T03:00:00", "2026-03-29T01:00:00.000Z"],
    ["before the hour that comes twice", "2026-10-25T01:59:59", "2026-10-24T23:59:59.000Z"],
    ["within the hour that comes twice, the first time", "2026-10-25T02:30:00", "2026-10-25T00:30:00.000Z"],
    ["after the hour that comes twice", "2026-10-25T03:00:00", "2026-10-25T02:00:00.000Z"],
    ["a calendar day", "2026-03-29", "2026-03-28T23:00:00.000Z"],
  ])("reads text without a zone as Warsaw's clocks: %s", (_, text, expected) => {
    expect(iso(parseIso(text, WARSAW))).toBe(expected);
  });

  it.each([
    ["the gap", "2026-03-08T02:30:00", "2026-03-08T07:30:00.000Z"],
    ["the hour that comes twice", "2026-11-01T01:30:00", "2026-11-01T05:30:00.000Z"],
  ])("treats %s alike west of Greenwich", (_, text, expected) => {
    expect(iso(parseIso(text, "America/New_York"))).toBe(expected);
  });

  it("is read back from clocks all over the world: the first instant that shows the time", () => {
    const zones = fc.constantFrom(
      WARSAW,
      "UTC",
      "America/New_York",
      "Australia/Lord_Howe",
      "Asia/Kathmandu",
      "Pacific/Apia",
      "America/Sao_Paulo",
      "Africa/Casablanca",
    );
    const minutes = fc.integer({ min: Date.UTC(2000, 0, 1) / 60_000, max: Date.UTC(2030, 0, 1) / 60_000 });
    fc.assert(
      fc.property(zones, minutes, (zone, minute) => {
        const at = minute * 60_000;
        const shown = clocks(at, zone);

        const back = parseIso(shown, zone)!;

        expect(clocks(back, zone)).toBe(shown);
        expect(back).toBeLessThanOrEqual(at);
      }),
      { numRuns: 500 },
    );
  });
});

describe("startOfDay", () => {
  it("is midnight on clocks of the zone", () => {
    expect(iso(startOfDay(2026, 7, 1, WARSAW))).toBe("2026-06-30T22:00:00.000Z");
  });

  it("is an hour late where midnight is skipped", () => {
    const start = startOfDay(2018, 11, 4, "America/Sao_Paulo");

    expect(clocks(start, "America/Sao_Paulo")).toBe("2018-11-04 01:00:00");
    expect(clocks(start - 1, "America/Sao_Paulo")).toBe("2018-11-03 23:59:59");
  });

  it("is the first of two where midnight comes twice", () => {
    const start = startOfDay(2025, 11, 2, "America/Havana");

    expect(clocks(start, "America/Havana")).toBe("2025-11-02 00:00:00");
    expect(clocks(start + HOUR, "America/Havana")).toBe("2025-11-02 00:00:00");
  });

  it("rolls over days beyond the month", () => {
    expect(iso(startOfDay(2026, 2, 30, "UTC"))).toBe("2026-03-02T00:00:00.000Z");
  });
});

describe("parseEpoch", () => {
  it.each([
    [0, 0],
    [1, 1_000],
    [1.5, 1_500],
    [1.0015, 1_001],
    [1_700_000_000, 1_700_000_000_000],
    [1_700_000_000.25, 1_700_000_000_250],
    [1_700_000_000_123, 1_700_000_000_123],
    [1_700_000_000_123.9, 1_700_000_000_123],
    [99_999_999_999, 99_999_999_999_000],
    [100_000_000_000, 100_000_000_000],
    [-1, -1_000],
    [-99_999_999_999, -99_999_999_999_000],
    [-100_000_000_000, -100_000_000_000],
  ])("takes %d for %d ms", (value, expected) => {
    expect(parseEpoch(value)).toBe(expected);
  });
});

describe("fromSeconds", () => {
  it("gives every millisecond back that was written as seconds", () => {
    fc.assert(
      fc.property(fc.integer({ min: -4e12, max: 4e12 }), (ms) => {
        expect(fromSeconds(ms / 1_000)).toBe(ms);
      }),
      { numRuns: 1_000, examples: [[1_001], [1_700_000_000_999], [4_001], [-1_001]] },
    );
  });
});
