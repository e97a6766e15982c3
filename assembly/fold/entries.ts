// Entries of the journal, as they stand in a block, made events of a batch: nothing is copied, nothing is an object.
//
// Entry, as `runtime/journal/blob.ts` writes it, little-endian; of it is read:
//   +4   length      u32  of the entry
//   +8   seq         f64
//   +16  receivedAt  f64  ms
//   +25  headers     u8   how many
//   +26  principal   u16  bytes
//   +28  subject     u16  bytes
//   +32  payload     u32  bytes, the last of the entry
//   +36  principal, subject, per header { u16 name bytes, u16 value bytes, name, value }, payload
//
// The byte behind a payload is the first of the next entry's checksum, which nobody reads here: the sentinel of the
// scanner may take it once all entries of a batch were walked through. So the bytes are a copy, and one byte longer.

import { EVENT_SIZE, ID, setEvent } from "./fold";

const LENGTH: usize = 4;
const SEQ: usize = 8;
const RECEIVED: usize = 16;
const HEADERS: usize = 25;
const PRINCIPAL: usize = 26;
const SUBJECT: usize = 28;
const PAYLOAD: usize = 32;
const HEAD: usize = 36;

/** "id", little-endian. */
const ID_NAME: u32 = 0x6469;

/**
 * Writes a row and an event for each entry.
 *
 * @param at      the first entry; they are whole, as their checksums were looked at
 * @param source  whose events they all are, below SOURCES
 * @returns address behind the last
 */
export function readEntries(at: usize, count: i32, rows: usize, rowSize: i32, events: usize, source: u32): usize {
  let row = rows;
  let event = events;
  for (; count > 0; count--, row += rowSize, event += EVENT_SIZE) {
    const end = at + load<u32>(at, LENGTH);
    store<u32>(row, <u32>end - load<u32>(at, PAYLOAD));
    store<u32>(row, <u32>end, 4);
    setEvent(event, load<f64>(at, SEQ), load<f64>(at, RECEIVED) * 1000, source, row);
    readId(at, event);
    at = end;
  }
  return at;
}

/** Where the entry's header `id` stands. */
function readId(entry: usize, event: usize): void {
  let at = entry + HEAD + load<u16>(entry, PRINCIPAL) + load<u16>(entry, SUBJECT);
  for (let left = load<u8>(entry, HEADERS); left > 0; left--) {
    const name = load<u16>(at);
    const value = load<u16>(at, 2);
    at += 4;
    if (name == 2 && load<u16>(at) == ID_NAME) {
      store<u64>(event, <u64>(at + 2) | (<u64>value << 32), ID);
      return;
    }
    at += <usize>name + value;
  }
  store<u64>(event, 0, ID);
}
