// What came with an event beside its payload, encoded once as the journal writes it, and found again by the subject.
//
// Envelope, 40 bytes:
//   +0   principal        u32  address of its UTF-8
//   +4   principalLength  u32
//   +8   subject          u32  address; not used when the item brings its own
//   +12  subjectLength    u32  OWN = the item's
//   +16  headers          u32  address of { u16 name bytes, u16 value bytes, name, value } …
//   +20  headersLength    u32
//   +24  headersCount     u32
//   +28  told             u32  type that the URL or the subject names: index + 1, 0 = none, UNKNOWN = none of the site's
//   +32  asks             u32  1 = its events are always for the host
//
// A subject is `<base>.<kind>.<type>` or `<base>.<kind>.<type>.<identity>`. The second is looked up without its last
// part, and its envelope says OWN: identities have no envelopes of their own.

import { newWords, newWord, valueOfWord } from "./words";
import { reserve } from "../arena";

export const PRINCIPAL: usize = 0;
export const PRINCIPAL_LENGTH: usize = 4;
export const SUBJECT: usize = 8;
export const SUBJECT_LENGTH: usize = 12;
export const HEADERS: usize = 16;
export const HEADERS_LENGTH: usize = 20;
export const HEADERS_COUNT: usize = 24;
export const TOLD: usize = 28;
export const ASKS: usize = 32;
const ENVELOPE: usize = 40;

export const OWN: u32 = 0xffffffff;
export const UNKNOWN: u32 = 0xffffffff;

/** `Nats-Msg-Id:`, as two words of its bytes. */
const NATS_MSG: u64 = 0x67734d2d7374614e;
const ID_COLON: u32 = 0x3a64492d;

let envelopes: usize = 0;
let capacity: u32 = 0;
/** Exact subjects, and beginnings of those with an identity. */
let exact: usize = 0;
let beginnings: usize = 0;
/** Bytes of `<base>.<kind>.` in front of the type. */
let baseLength: u32 = 0;

/** @param max  envelopes that there may be; a power of two */
export function newEnvelopes(max: u32, base: u32): void {
  capacity = max;
  baseLength = base;
  envelopes = reserve(<usize>max * ENVELOPE);
  exact = newWords(max * 2, 0);
  beginnings = newWords(max * 2, 0);
}

/** Where the host writes an envelope. @param index  from 0, below what there may be */
export function envelopeAt(index: u32): usize {
  return envelopes + <usize>index * ENVELOPE;
}

/** From now on this subject leads to the envelope. @param begins  1: it is the part before an identity */
export function nameEnvelope(index: u32, at: usize, length: u32, begins: u32): void {
  newWord(begins != 0 ? beginnings : exact, at, length, index + 1);
}

/** The envelope of an item: of its index, or else of its subject; 0 when nobody has named that one. */
// @ts-ignore: decorator
@inline
export function envelopeOf(item: usize): usize {
  const index = load<u32>(item, 8);
  return index != 0 ? envelopeAt(index - 1) : envelopeOfSubject(load<u32>(item, 12), load<u32>(item, 16));
}

/** Of the last item that was looked up: events of one type come in rows, and from one address mostly. */
let lastLength: u32 = 0;
let lastEnvelope: usize = 0;
let lastSubject: usize = 0;

function envelopeOfSubject(at: usize, length: u32): usize {
  if (length == 0) return 0;
  if (length == lastLength && lastEnvelope != 0 && memory.compare(at, lastSubject, length) == 0) return lastEnvelope;
  let index = valueOfWord(exact, at, length);
  if (index != 0) {
    const found = envelopeAt(index - 1);
    lastEnvelope = found;
    lastLength = length;
    lastSubject = load<u32>(found, SUBJECT);
    return found;
  }
  let end = baseLength;
  while (end < length && load<u8>(at + end) != 0x2e) end++;
  if (end >= length) return 0;
  index = valueOfWord(beginnings, at, end);
  return index == 0 ? 0 : envelopeAt(index - 1);
}

/**
 * Do the headers of a NATS message matter? What begins as `content-type`, `ce-…`, `traceparent`, `test`,
 * `idempotency-key` or `Aisle-Ack` do is for the host, and so is `Nats-Msg-Id`, an id; others nobody here reads. Up to 12
 * bytes behind a line's first one are read: behind the headers they are payload, or readable all the same.
 */
export function headersMatter(at: usize, end: usize): bool {
  if (at == 0) return false;
  while (at < end && load<u8>(at) != 0x0a) at++;
  for (at++; at < end; at++) {
    const first = <u32>load<u8>(at) | 0x20;
    if (first == 0x63 || first == 0x74 || first == 0x69 || first == 0x61) return true; // c t i a
    if (load<u64>(at) == NATS_MSG && load<u32>(at, 8) == ID_COLON) return true;
    while (at < end && load<u8>(at) != 0x0a) at++;
  }
  return false;
}
