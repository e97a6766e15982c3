// Names of months and weekdays, English as in RFC 2822 and as Python without a locale has them.
//
// Name, 10 bytes: length u8, letters.

const NAME: usize = 10;

/** January is 0. */
export const MONTHS: usize = memory.data<u8>([
  7, 74, 97, 110, 117, 97, 114, 121, 0, 0, // January
  8, 70, 101, 98, 114, 117, 97, 114, 121, 0, // February
  5, 77, 97, 114, 99, 104, 0, 0, 0, 0, // March
  5, 65, 112, 114, 105, 108, 0, 0, 0, 0, // April
  3, 77, 97, 121, 0, 0, 0, 0, 0, 0, // May
  4, 74, 117, 110, 101, 0, 0, 0, 0, 0, // June
  4, 74, 117, 108, 121, 0, 0, 0, 0, 0, // July
  6, 65, 117, 103, 117, 115, 116, 0, 0, 0, // August
  9, 83, 101, 112, 116, 101, 109, 98, 101, 114, // September
  7, 79, 99, 116, 111, 98, 101, 114, 0, 0, // October
  8, 78, 111, 118, 101, 109, 98, 101, 114, 0, // November
  8, 68, 101, 99, 101, 109, 98, 101, 114, 0, // December
]);
export const MONTHS_COUNT: i32 = 12;

/** Monday is 0. */
export const WEEKDAYS: usize = memory.data<u8>([
  6, 77, 111, 110, 100, 97, 121, 0, 0, 0, // Monday
  7, 84, 117, 101, 115, 100, 97, 121, 0, 0, // Tuesday
  9, 87, 101, 100, 110, 101, 115, 100, 97, 121, // Wednesday
  8, 84, 104, 117, 114, 115, 100, 97, 121, 0, // Thursday
  6, 70, 114, 105, 100, 97, 121, 0, 0, 0, // Friday
  8, 83, 97, 116, 117, 114, 100, 97, 121, 0, // Saturday
  6, 83, 117, 110, 100, 97, 121, 0, 0, 0, // Sunday
]);
export const WEEKDAYS_COUNT: i32 = 7;

/** Letters of a short name, and of a whole one at most. */
export const SHORT: i32 = 3;
export const LONG: i32 = 9;

/** Writes a name, or what it begins with. @param most  letters @returns address behind it */
export function putName(at: usize, names: usize, index: i32, most: i32): usize {
  const name = names + <usize>index * NAME;
  const length = <usize>min<i32>(load<u8>(name), most);
  memory.copy(at, name + 1, length);
  return at + length;
}

/**
 * Which of `count` names stands at `at`, in letters of either case; -1: none.
 *
 * @param most  letters by which a name is known; more may follow in the text
 */
export function nameAt(at: usize, end: usize, names: usize, count: i32, most: i32): i32 {
  for (let index = 0; index < count; index++) {
    const length = nameLength(names, index, most);
    if (at + <usize>length > end) continue;
    const name = names + <usize>index * NAME + 1;
    let same = 0;
    while (same < length && ((load<u8>(at + <usize>same) ^ load<u8>(name + <usize>same)) & 0xdf) == 0) same++;
    if (same == length) return index;
  }
  return -1;
}

/** Letters that `nameAt` compared. */
export function nameLength(names: usize, index: i32, most: i32): i32 {
  return min<i32>(load<u8>(names + <usize>index * NAME), most);
}
