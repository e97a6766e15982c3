// The calendar: days and the dates that name them. Gregorian throughout, years 1 to 9999, days counted from 1970.
//
// A date is packed: year << 9 | month << 5 | day, month and day from 1.

export const YEAR_MAX: i32 = 9999;

/** 0001-01-01. */
export const FIRST_DAY: i32 = -719162;
/** 9999-12-31. */
export const LAST_DAY: i32 = 2932896;

/** Days from 0000-03-01, where the arithmetic below begins its years, to 1970. */
const MARCH_OF_ZERO: i32 = 719468;

// @ts-ignore: decorator
@inline
export function yearOf(date: u32): i32 {
  return date >> 9;
}

// @ts-ignore: decorator
@inline
export function monthOf(date: u32): i32 {
  return (date >> 5) & 15;
}

// @ts-ignore: decorator
@inline
export function dateOfMonth(date: u32): i32 {
  return date & 31;
}

function isLeap(year: i32): bool {
  return (year & 3) == 0 && (year % 100 != 0 || year % 400 == 0);
}

// @ts-ignore: decorator
@inline
function daysIn(year: i32, month: i32): i32 {
  if (month == 2) return isLeap(year) ? 29 : 28;
  return 30 | (month ^ (month >> 3));
}

/** Is there such a date, in a year that counts? */
export function isDate(year: i32, month: i32, day: i32): bool {
  return <u32>(year - 1) < <u32>YEAR_MAX && <u32>(month - 1) < 12 && <u32>(day - 1) < <u32>daysIn(year, month);
}

/** The day of a date that `isDate`. */
export function dayOf(year: i32, month: i32, day: i32): i32 {
  const before: u32 = month < 3 ? 1 : 0;
  const y = <u32>year - before;
  const m = <u32>month + 12 * before; // March is the third month, February the fourteenth
  const century = y / 100;
  return <i32>(((1461 * y) >> 2) - century + (century >> 2) + ((979 * m - 2919) >> 5) + <u32>day - 1) - MARCH_OF_ZERO;
}

/**
 * The date of a day, packed.
 * Euclidean affine functions: Neri, Schneider, "Euclidean affine functions and their application to calendar
 * algorithms", 2022.
 *
 * @param day  FIRST_DAY to LAST_DAY
 */
export function dateOfDay(day: i32): u32 {
  const n1 = ((day + MARCH_OF_ZERO) << 2) | 3;
  const century = <u32>n1 / 146097;
  const n2 = (<u32>n1 % 146097) | 3;
  const p2 = <u64>2939745 * n2;
  const year = 100 * century + <u32>(p2 >> 32);
  const dayOfYear = (<u32>p2 / 2939745) >> 2;
  const n3 = 2141 * dayOfYear + 197913;
  const month = n3 >> 16;
  const isNext = dayOfYear >= 306; // January and February count to the year before
  return ((isNext ? year + 1 : year) << 9) | ((isNext ? month - 12 : month) << 5) | ((n3 & 0xffff) / 2141 + 1);
}

/** 0 is Monday. */
export function weekdayOf(day: i32): i32 {
  return <i32>(<u32>(day - FIRST_DAY) % 7); // 0001-01-01 is a Monday
}

/** From 1. */
export function dayOfYear(day: i32, year: i32): i32 {
  return day - dayOf(year, 1, 1) + 1;
}
