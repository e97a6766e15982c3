// Calendar days as numbers: days since 1970-01-01, no zone yet.
import { startOfDay } from "./time.ts";

const DAY_MS = 86_400_000;
const ISO_DAY = /^(\d{4})-(\d{2})-(\d{2})$/;

/** "2025-11-14" → 20406; null for any other text, also for 31 February. */
export function parseDay(text: string): number | null {
  const match = ISO_DAY.exec(text);
  if (match === null) return null;
  const day = Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3])) / DAY_MS;
  return formatDay(day) === text ? day : null;
}

/** 20406 → "2025-11-14" */
export function formatDay(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

/** The instant at which a day begins in a zone, ms since epoch. */
export function dayStart(day: number, timeZone: string): number {
  const date = new Date(day * DAY_MS);
  return startOfDay(date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate(), timeZone);
}
