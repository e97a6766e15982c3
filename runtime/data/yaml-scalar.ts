// Where a character of a scalar's value stands in the file: quotes, escapes, folding and indentation lie between.

export type Style = "plain" | "single" | "double" | "block";

/** A scalar as it is written. `text` begins at `start` in the file, and holds its quotes or the header of its block. */
export interface Written {
  readonly text: string;
  readonly start: number;
  readonly style: Style;
}

/**
 * The offset in the file of the value's character at `index` (UTF-16); at the end or on a blank, what follows the
 * character before it.
 *
 * Whatever the style, the characters that are not blank stand in the file in the order of the value; so it is enough
 * to count them.
 */
export function offsetOf({ text, start, style }: Written, value: string, index: number): number {
  const places = inked(text, style);
  const before = countInked(value.slice(0, index));
  if (places.length !== countInked(value)) return start;
  if (index < value.length && isInked(value[index]!)) return start + places[before]!;
  return before === 0 ? start : start + places[before - 1]! + 1;
}

/** The offsets within `text` of all that is not blank in the value that it writes. */
function inked(text: string, style: Style): number[] {
  const places: number[] = [];
  let at = 0;
  let end = text.length;
  if (style === "block") at = Math.max(0, text.indexOf("\n"));
  if (style === "single" || style === "double") {
    at = 1;
    end--;
  }
  while (at < end) {
    const char = text[at]!;
    if (style === "double" && char === "\\") {
      const { length, units } = escaped(text, at);
      for (let unit = 0; unit < units; unit++) places.push(at);
      at += length;
    } else {
      if (isInked(char)) places.push(at);
      at += style === "single" && char === "'" ? 2 : 1;
    }
  }
  return places;
}

const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

/** How long an escape is, and how many units that are not blank it writes. */
function escaped(text: string, at: number): { length: number; units: number } {
  const mark = text[at + 1] ?? "";
  const digits = HEX_DIGITS[mark];
  if (digits === undefined) return { length: 2, units: /[\sntvfr_LP]/.test(mark) ? 0 : 1 };
  const code = Number.parseInt(text.slice(at + 2, at + 2 + digits), 16);
  const char = code <= 0x10ffff ? String.fromCodePoint(code) : "?";
  return { length: 2 + digits, units: isInked(char) ? char.length : 0 };
}

function isInked(char: string): boolean {
  return !/^\s$/.test(char);
}

function countInked(text: string): number {
  return text.length - (text.match(/\s/g)?.length ?? 0);
}
