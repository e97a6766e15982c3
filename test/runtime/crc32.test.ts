import * as zlib from "node:zlib";
import { describe, expect, it } from "vitest";
import { crc32, crc32ByTable } from "../../runtime/crc32.ts";

describe("crc32", () => {
  const bytes = Uint8Array.from({ length: 700 }, (_, i) => (i * 7919) >>> 3);

  it("gives the check value of the standard", () => {
    expect(crc32(Buffer.from("123456789"), 0, 9)).toBe(0xcbf43926);
  });

  it("is that of zlib for every length, by table and by native code", () => {
    for (let end = 0; end <= bytes.length; end++) {
      const expected = zlib.crc32(bytes.subarray(3, Math.max(3, end)));
      expect(crc32(bytes, 3, Math.max(3, end))).toBe(expected);
      expect(crc32ByTable(bytes, 3, Math.max(3, end))).toBe(expected);
    }
  });
});
