// Durations and sizes as people write them: `30s`, `7d`, `64MiB`.

const DURATION = /^(\d{1,15}(?:\.\d{1,3})?)(ms|s|m|h|d|w)$/;
const SIZE = /^(\d{1,15}(?:\.\d{1,3})?)(B|KiB|MiB|GiB|TiB)$/;

const MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 } as const;
const BYTES = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const;

/** The same grammars for JSON Schemas. */
export const DURATION_PATTERN = DURATION.source;
export const SIZE_PATTERN = SIZE.source;

/** "1.5h" → 5,400,000 ms; null when it is no duration, or no whole number of ms. */
export function parseDuration(text: string): number | null {
  const match = DURATION.exec(text);
  return match === null ? null : whole(Number(match[1]) * MS[match[2] as keyof typeof MS]);
}

/** "64MiB" → 67,108,864 bytes; null when it is no size, or no whole number of bytes. */
export function parseSize(text: string): number | null {
  const match = SIZE.exec(text);
  return match === null ? null : whole(Number(match[1]) * BYTES[match[2] as keyof typeof BYTES]);
}

/** 5,400,000 → "90m": the largest unit that leaves no fraction. `parseDuration` reads it back. */
export function formatDuration(ms: number): string {
  return format(ms, MS, "ms");
}

/** 67,108,864 → "64MiB": the largest unit that leaves no fraction. `parseSize` reads it back. */
export function formatSize(bytes: number): string {
  return format(bytes, BYTES, "B");
}

function whole(value: number): number | null {
  // 1.005s is 1004.9999999999999 ms in binary: what is that near to a whole number was meant as one.
  const rounded = Math.round(value);
  return Math.abs(value - rounded) < 1e-6 && Number.isSafeInteger(rounded) ? rounded : null;
}

function format(value: number, units: Readonly<Record<string, number>>, smallest: string): string {
  let best = smallest;
  for (const [unit, factor] of Object.entries(units)) {
    if (value !== 0 && value % factor === 0 && factor > units[best]!) best = unit;
  }
  return `${value / units[best]!}${best}`;
}
