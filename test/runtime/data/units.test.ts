import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatDuration, formatSize, parseDuration, parseSize } from "../../../runtime/data/units.ts";

describe("durations", () => {
  it.each([
    ["500ms", 500],
    ["30s", 30_000],
    ["1.5h", 5_400_000],
    ["0.001s", 1],
    ["1.005s", 1_005],
    ["10m", 600_000],
    ["7d", 604_800_000],
    ["2w", 1_209_600_000],
    ["0s", 0],
  ])("%s is %d ms", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(["", "30", "s", "-1s", "30 s", "30S", "1h30m", "0.5ms", "1e3s", "999999999999999d", "1.2345s"])(
    "'%s' is no duration",
    (text) => {
      expect(parseDuration(text)).toBeNull();
    },
  );

  it("are written with the largest unit that leaves no fraction", () => {
    expect([0, 999, 90_000, 3_600_000, 604_800_000].map(formatDuration)).toEqual(["0ms", "999ms", "90s", "1h", "1w"]);
  });

  it("are read back as they were written", () => {
    fc.assert(fc.property(fc.nat(1e9), (ms) => parseDuration(formatDuration(ms)) === ms));
  });
});

describe("sizes", () => {
  it.each([
    ["0B", 0],
    ["512KiB", 524_288],
    ["64MiB", 67_108_864],
    ["1.5GiB", 1_610_612_736],
    ["2TiB", 2_199_023_255_552],
  ])("%s is %d bytes", (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each(["64", "64MB", "64mib", "64 MiB", "-1B", "0.5B"])("'%s' is no size", (text) => {
    expect(parseSize(text)).toBeNull();
  });

  it("are read back as they were written", () => {
    fc.assert(fc.property(fc.nat(1e9), (bytes) => parseSize(formatSize(bytes)) === bytes));
  });
});
