// Instants and calendar days. Zone-less text is read in the site's time zone; `Intl` knows the zones.

const ISO = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?(Z|[+-]\d{2}:?\d{2})?$/i;

/** Below, a number of an `epoch` is seconds: 1e11 s is the year 5138, 1e11 ms is March 1973. */
const SECONDS_BELOW = 1e11;

/**
 * Reads ISO 8601 as publishers write it: date, or date and time, with or without a zone.
 *
 * @param timeZone  IANA name, for text without a zone
 * @returns ms since epoch, finer digits cut; null when it is no such time, or before the year 100
 */
export function parseIso(text: string, timeZone: string): number | null {
  const match = ISO.exec(text);
  if (match === null) return null;
  const [, year, month, day, hour = "0", minute = "0", second = "0", fraction = "", zone] = match;
  const local = Date.UTC(+year!, +month! - 1, +day!, +hour, +minute, +second, +fraction.padEnd(3, "0").slice(0, 3));
  const back = new Date(local);
  // 31 February and 25:00 roll over in Date.UTC, and the year 99 is 1999: what does not come back was no such time.
  if (back.getUTCFullYear() !== +year! || back.getUTCMonth() !== +month! - 1 || back.getUTCDate() !== +day!)
    return null;
  if (+hour > 23 || +minute > 59 || +second > 59) return null;
  if (zone === undefined) return fromLocal(local, timeZone);
  if (zone.toUpperCase() === "Z") return local;
  const [hours, minutes] = [+zone.slice(1, 3), +zone.slice(-2)];
  if (hours > 23 || minutes > 59) return null;
  return local - Number(`${zone[0]}1`) * (hours * 60 + minutes) * 60_000;
}

/** Seconds or milliseconds since epoch, told apart by size; a fraction of a second counts, one of a ms is cut. */
export function parseEpoch(value: number): number {
  return Math.abs(value) < SECONDS_BELOW ? fromSeconds(value) : Math.trunc(value);
}

/** Seconds → ms, finer digits cut. By way of µs, since 1.001 s is 1000.9999999999999 ms in binary. */
export function fromSeconds(seconds: number): number {
  return Math.trunc(Math.round(seconds * 1e6) / 1e3);
}

/** The first instant of a calendar day in a zone, ms since epoch. `month` from 1; days beyond the month roll over. */
export function startOfDay(year: number, month: number, day: number, timeZone: string): number {
  return fromLocal(Date.UTC(year, month - 1, day), timeZone);
}

/**
 * The instant at which clocks of the zone show `local` (written as if it were UTC). What they show twice means the
 * first time; what they skip is read with the offset before, which lies after the gap.
 */
function fromLocal(local: number, timeZone: string): number {
  if (timeZone === "UTC") return local;
  // No zone is a day away from UTC, and none changes twice within two days.
  const before = offsetAt(local - DAY, timeZone);
  const after = offsetAt(local + DAY, timeZone);
  if (before === after) return local - before;
  const late = local - after;
  const first = local - before;
  return offsetAt(first, timeZone) !== before && offsetAt(late, timeZone) === after ? late : first;
}

const DAY = 86_400_000; // ms

const formats = new Map<string, Intl.DateTimeFormat>();

/** What clocks of the zone are ahead of UTC at `at`, ms. */
export function offsetAt(at: number, timeZone: string): number {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    formats.set(timeZone, format);
  }
  const parts: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(at)) parts[type] = Number(value);
  const shown = Date.UTC(parts.year!, parts.month! - 1, parts.day!, parts.hour!, parts.minute!, parts.second!);
  return shown - Math.floor(at / 1000) * 1000;
}
