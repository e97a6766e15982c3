import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checksum, viewOf } from "../../../runtime/journal/checksum.ts";

const sumOf = (bytes: Uint8Array): number => checksum(viewOf(bytes), 0, bytes.length);

describe("checksum", () => {
  // from the reference implementation of xxHash, seed 0
  it.each([
    ["", 0x02cc5d05],
    ["a", 0x550d7456],
    ["abc", 0x32d153ff],
    ["Nobody inspects the spammish repetition", 0xe2293b2f],
  ])("of %j is that of XXH32", (text, expected) => {
    expect(sumOf(Buffer.from(text))).toBe(expected);
  });

  it("is of the stretch alone, wherever it lies", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.uint8Array({ maxLength: 9 }), (bytes, before) => {
        const within = Uint8Array.of(...before, ...bytes, 1, 2, 3);

        expect(checksum(viewOf(within), before.length, before.length + bytes.length)).toBe(sumOf(bytes));
      }),
    );
  });

  it("changes with any change within a word, at every length", () => {
    for (let length = 1; length <= 40; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => i * 37);
      const sum = sumOf(bytes);
      for (let at = 0; at < length; at++) {
        for (let change = 1; change < 256; change++) {
          bytes[at]! ^= change;
          expect(sumOf(bytes)).not.toBe(sum);
          bytes[at]! ^= change;
        }
      }
    }
  });
});
