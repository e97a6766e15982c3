// Plain items as entries of the journal, byte for byte what `BlobWriter` writes (`runtime/journal/blob.ts`, where the
// layout is drawn).

import { xxh32 } from "./checksum";
import { HEADERS, HEADERS_COUNT, HEADERS_LENGTH, OWN, PRINCIPAL, PRINCIPAL_LENGTH, SUBJECT, SUBJECT_LENGTH } from "./envelope";
import { ENTRY_HEADER, ID_HEADER, ITEM, PLAIN, VERDICT } from "./gate";

/** Bit of an entry's flags: `PLAIN` in `runtime/journal/block.ts`. */
const FLAG_PLAIN: u16 = 1;

let next: i32 = 0;
let written: i32 = 0;

/** Behind the last item that `encode` looked at. */
export function encodedTo(): i32 {
  return next;
}

/** Entries that `encode` wrote. */
export function encodedCount(): i32 {
  return written;
}

/**
 * Writes the plain ones among items `from … to` one behind the other, as many as there is room for.
 *
 * @param seq         of the first
 * @param receivedAt  ms since epoch
 * @returns address behind the last entry
 */
export function encode(items: usize, verdicts: usize, from: i32, to: i32, seq: f64, receivedAt: f64, target: usize, room: u32): usize {
  const last = target + room;
  written = 0;
  for (next = from; next < to; next++) {
    const verdict = verdicts + <usize>next * VERDICT;
    if (load<u32>(verdict) < PLAIN) continue;
    const end = target + load<u32>(verdict, 4);
    if (end > last) break;
    entry(target, end, items + <usize>next * ITEM, verdict, seq, receivedAt);
    target = end;
    seq += 1;
    written++;
  }
  return target;
}

function entry(target: usize, end: usize, item: usize, verdict: usize, seq: f64, receivedAt: f64): void {
  const envelope = <usize>load<u32>(verdict, 16);
  const principalLength = load<u32>(envelope, PRINCIPAL_LENGTH);
  let subject = load<u32>(envelope, SUBJECT);
  let subjectLength = load<u32>(envelope, SUBJECT_LENGTH);
  if (subjectLength == OWN) {
    subject = load<u32>(item, 12);
    subjectLength = load<u32>(item, 16);
  }
  const headersLength = load<u32>(envelope, HEADERS_LENGTH);
  const payload = load<u32>(verdict, 8);
  const payloadLength = load<u32>(verdict, 12) - payload;
  const id = load<u32>(verdict, 20);
  const idLength = load<u32>(verdict, 24);

  store<u32>(target, <u32>(end - target), 4);
  store<f64>(target, seq, 8);
  store<f64>(target, receivedAt, 16);
  store<u8>(target, 0, 24); // an event
  store<u8>(target, load<u32>(envelope, HEADERS_COUNT) + u32(id != 0), 25);
  store<u16>(target, <u16>principalLength, 26);
  store<u16>(target, <u16>subjectLength, 28);
  store<u16>(target, FLAG_PLAIN, 30);
  store<u32>(target, payloadLength, 32);

  let at = target + ENTRY_HEADER;
  memory.copy(at, load<u32>(envelope, PRINCIPAL), principalLength);
  at += principalLength;
  memory.copy(at, subject, subjectLength);
  at += subjectLength;
  memory.copy(at, load<u32>(envelope, HEADERS), headersLength);
  at += headersLength;
  if (id != 0) {
    store<u16>(at, 2);
    store<u16>(at, <u16>idLength, 2);
    store<u16>(at, 0x6469, 4); // id
    memory.copy(at + ID_HEADER, id, idLength);
    at += ID_HEADER + idLength;
  }
  memory.copy(at, payload, payloadLength);
  store<u32>(target, xxh32(target + 4, end));
}
