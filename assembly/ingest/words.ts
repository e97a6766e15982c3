// Words that a site knows (types of events, departments, subjects), found by their bytes. Open addressing, at most
// half full; the host says how many slots, and never puts more in.
//
// Words
//   +0   mask   u32  slots - 1
//   +4   folds  u32  1 = upper and lower case ASCII letters are the same; the words themselves are lower case then
//   +8   longest u32 bytes of the longest word
//   +16  slots, 16 bytes each:
//        +0 address u32, +4 length u32, +8 value u32 (0 = empty)

import { reserve } from "../arena";
import { hashOf as hashOfBytes, sameBytes } from "../text/bytes";

const FOLDS: usize = 4;
const LONGEST: usize = 8;
const SLOTS: usize = 16;
const SLOT: usize = 16;

/** @param slots  a power of two, at least twice the words @param folds  1: case does not count */
export function newWords(slots: u32, folds: u32): usize {
  const words = reserve(SLOTS + <usize>slots * SLOT);
  store<u32>(words, slots - 1);
  store<u32>(words, folds, FOLDS);
  return words;
}

/** A word whose bytes stay where they are; what was there before stays. @param value  not 0 */
export function newWord(words: usize, at: usize, length: u32, value: u32): void {
  const slot = slotOf(words, at, length, load<u32>(words, FOLDS) != 0);
  if (load<u32>(slot, 8) != 0) return;
  store<u32>(slot, <u32>at);
  store<u32>(slot, length, 4);
  store<u32>(slot, value, 8);
  if (length > load<u32>(words, LONGEST)) store<u32>(words, length, LONGEST);
}

/** @returns the word's value; 0 when there is no such word */
export function valueOfWord(words: usize, at: usize, length: u32): u32 {
  if (length > load<u32>(words, LONGEST)) return 0;
  return load<u32>(slotOf(words, at, length, load<u32>(words, FOLDS) != 0), 8);
}

/** Where the word stands, or would stand. */
function slotOf(words: usize, at: usize, length: u32, folds: bool): usize {
  const mask = load<u32>(words);
  let index = hashOf(at, length, folds) & mask;
  while (true) {
    const slot = words + SLOTS + <usize>index * SLOT;
    if (load<u32>(slot, 8) == 0 || isWord(slot, at, length, folds)) return slot;
    index = (index + 1) & mask;
  }
}

function isWord(slot: usize, at: usize, length: u32, folds: bool): bool {
  if (load<u32>(slot, 4) != length) return false;
  const word = <usize>load<u32>(slot);
  if (!folds) return sameBytes(word, at, length);
  for (let i: u32 = 0; i < length; i++) {
    if (folded(<u32>load<u8>(at + i)) != <u32>load<u8>(word + i)) return false;
  }
  return true;
}

function hashOf(at: usize, length: u32, folds: bool): u32 {
  if (!folds) return hashOfBytes(at, length);
  let hash: u32 = 0x811c9dc5; // FNV-1a: words with folded case are the site's own, and few
  for (let i: u32 = 0; i < length; i++) hash = (hash ^ folded(<u32>load<u8>(at + i))) * 0x01000193;
  return hash ^ (hash >> 15);
}

// @ts-ignore: decorator
@inline
function folded(byte: u32): u32 {
  return byte - 0x41 < 26 ? byte | 0x20 : byte;
}
