// Is an event's time one beyond doubt, and not ahead? Only the ways in which publishers write it nearly always are
// known here; every other way is for the host (`#time` in `runtime/events.ts`). What is found is an upper bound, at
// most a second too late: enough to say that an event is not ahead.

import { dayOf, isDate } from "../time/calendar";

/** How numbers are read. The host has the names, in the same order (`runtime/intake/table.ts`). */
namespace Unit {
  export const S: u32 = 0;
  export const MS: u32 = 1;
  export const EPOCH: u32 = 2;
  export const ISO: u32 = 3;
  export const ANY: u32 = 4;
}

/** Below, a number of an `epoch` is seconds. */
const SECONDS_BELOW: u64 = 100_000_000_000;
const DIGITS_MAX: u32 = 15;
const DAY_MS: f64 = 86_400_000;

/** The latest instant that is not ahead, ms since epoch; and the latest time that clocks of the site's zone show then. */
let latest: f64 = 0;
let latestLocal: f64 = 0;

export function setLatest(instant: f64, local: f64): void {
  latest = instant;
  latestLocal = local;
}

/** Is this text, a number's or a plain string's, surely a time, and surely not ahead? */
export function isTimely(at: usize, length: u32, isText: bool, unit: u32): bool {
  if (isText && length >= 10 && load<u8>(at + 4) == 0x2d) {
    return (unit == Unit.ISO || unit == Unit.ANY) && isTimelyText(at, length);
  }
  return unit != Unit.ISO && isTimelyNumber(at, length, unit);
}

/** Digits, perhaps with a fraction. */
function isTimelyNumber(at: usize, length: u32, unit: u32): bool {
  let value: u64 = 0;
  let i: u32 = 0;
  for (; i < length; i++) {
    const digit = <u32>load<u8>(at + i) - 0x30;
    if (digit > 9) break;
    value = value * 10 + digit;
    if (i == DIGITS_MAX) return false;
  }
  if (i == 0) return false;
  if (i < length) {
    if (load<u8>(at + i) != 0x2e || i + 1 == length || length > 32) return false;
    for (let digit = i + 1; digit < length; digit++) if (<u32>load<u8>(at + digit) - 0x30 > 9) return false;
    value++;
  }
  const isSeconds = unit == Unit.S || (unit != Unit.MS && value <= SECONDS_BELOW);
  return (isSeconds ? <f64>value * 1000 : <f64>value) <= latest;
}

/** 2026-03-01, 2026-03-01T09:30:00, the same with a fraction and with Z or +01:00; a blank may stand for the T. */
function isTimelyText(at: usize, length: u32): bool {
  const year = number2(at) * 100 + number2(at + 2);
  const month = number2(at + 5);
  const day = number2(at + 8);
  if (year < 1000 || month < 0 || day < 0 || load<u8>(at + 7) != 0x2d || !isDate(year, month, day)) return false;
  let local = <f64>dayOf(year, month, day) * DAY_MS;
  if (length == 10) return local <= latestLocal;

  const separator = load<u8>(at + 10);
  if (length < 19 || (separator != 0x54 && separator != 0x20)) return false;
  const hour = number2(at + 11);
  const minute = number2(at + 14);
  const second = number2(at + 17);
  if (load<u8>(at + 13) != 0x3a || load<u8>(at + 16) != 0x3a) return false;
  if (<u32>hour > 23 || <u32>minute > 59 || <u32>second > 59) return false;
  local += <f64>((hour * 60 + minute) * 60 + second) * 1000;

  let i: u32 = 19;
  if (i < length && load<u8>(at + i) == 0x2e) {
    const first = ++i;
    while (i < length && <u32>load<u8>(at + i) - 0x30 < 10) i++;
    if (i == first || i - first > 9) return false;
    local += 1000;
  }
  if (i == length) return local <= latestLocal;
  return isTimelyZone(at + i, length - i, local);
}

function isTimelyZone(at: usize, length: u32, local: f64): bool {
  const sign = load<u8>(at);
  if (sign == 0x5a) return length == 1 && local <= latest; // Z
  if (length != 6 || (sign != 0x2b && sign != 0x2d) || load<u8>(at + 3) != 0x3a) return false;
  const hours = number2(at + 1);
  const minutes = number2(at + 4);
  if (<u32>hours > 23 || <u32>minutes > 59) return false;
  const offset = <f64>((hours * 60 + minutes) * 60_000);
  return (sign == 0x2b ? local - offset : local + offset) <= latest;
}

/** Two digits; far below 0 when they are none. */
function number2(at: usize): i32 {
  const tens = <u32>load<u8>(at) - 0x30;
  const ones = <u32>load<u8>(at, 1) - 0x30;
  return tens > 9 || ones > 9 ? -100_000 : <i32>(tens * 10 + ones);
}
