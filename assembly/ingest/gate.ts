// The gate: sorts plain events from those that JavaScript must look at. Plain is what `EventReader` would surely take
// (`runtime/events.ts`), of a type that nothing on the board hears; all else is ASK. So it may say ASK of an event that
// is fine, and never PLAIN of one that isn't.
//
// Item, 32 bytes, written by the host, by `split`, or by who reads the socket:
//   +0   start          u32  of the payload
//   +4   end            u32  a byte there is writable, and 64 behind it readable
//   +8   envelope       u32  index + 1; 0 = by the subject
//   +12  subject        u32
//   +16  subjectLength  u32
//   +20  reply          u32
//   +24  replyLength    u32
//   +28  headers        u32  a NATS header block that ends at `start`; 0 = none
//
// Verdict, 32 bytes, one per item, written here:
//   +0   verdict   u32  ASK, UNNAMED, REPEAT (the host's word), or PLAIN + index of the type
//   +4   size      u32  bytes of the entry that it becomes
//   +8   start     u32  payload without the white space round it
//   +12  end       u32
//   +16  envelope  u32  address
//   +20  id        u32  address of its text, 0 = it has none
//   +24  idLength  u32
//
// Form, 32 bytes, one per form of the site, in order:
//   +0 when (offset of a cell, 0 = applies always), +4 type, +8 id, +12 source, +16 identity, +20 time (each a list),
//   +24 unit of the time, +28 fields: a u32 per type, the address of its fields
// List: u32 count, then u32 offsets of cells: the first that is there and not null counts.
// Fields: u32 count, then 12 bytes each: +0 kind, +4 required, +8 list

import { scan } from "../scan/scan";
import { numberValue } from "../scan/number";
import { ESCAPED, NON_ASCII } from "../scan/text";
import { isSpace, space } from "../scan/json";
import { ASKS, HEADERS_LENGTH, OWN, PRINCIPAL_LENGTH, SUBJECT_LENGTH, TOLD, UNKNOWN, envelopeOf, headersMatter } from "./envelope";
import { isTimely, setLatest } from "./instant";
import { valueOfWord } from "./words";

export const ASK: u32 = 0;
/** Nobody has named this item's subject yet. */
export const UNNAMED: u32 = 1;
export const PLAIN: u32 = 3;

export const ITEM: usize = 32;
export const VERDICT: usize = 32;
const FORM: usize = 32;
const FIELD: usize = 12;
/** Of an entry, before its texts: `ENTRY_HEADER` in `runtime/journal/blob.ts`. */
export const ENTRY_HEADER: u32 = 36;
/** { u16, u16, "id" } before an id in the headers. */
export const ID_HEADER: u32 = 6;

const NUMBER: u32 = 4;
const STRING: u32 = 5;
const NULL: u32 = 1;
/** Bytes of a subject that is not looked at by the host. */
const SUBJECT_MAX: u32 = 3072;
/** Digits of whole numbers that a double surely holds. */
const WHOLE_DIGITS: u32 = 15;
/** Digits that, whatever they are, make no infinity. */
const FINITE_DIGITS: u32 = 300;

namespace FieldKind {
  export const NUMBER: u32 = 0;
  export const TEXT: u32 = 1;
}

let root: usize = 0;
let row: usize = 0;
let rowSize: i32 = 0;
let depth: i32 = 0;

let forms: usize = 0;
let formsCount: u32 = 0;
let types: usize = 0;
/** Per type a u32: 1 = nothing on the board hears it. */
let quiet: usize = 0;
/** Words of departments and of actions, by kind of field less 2. */
let departments: usize = 0;
let actions: usize = 0;
let isWhole: bool = false;
let tokenMax: u32 = 0;
let payloadMax: u32 = 0;

/** Of the plain ones of the last `gate`: those that bring an id. */
let ids: i32 = 0;

/** What the scan finds: the context of all paths, one row for it, levels of nesting allowed. */
export function setScan(context: usize, cells: usize, size: i32, levels: i32): void {
  root = context;
  row = cells;
  rowSize = size;
  depth = levels;
}

/** @param whole  1: identities are whole numbers, 0: texts */
export function setForms(table: usize, count: u32, whole: u32): void {
  forms = table;
  formsCount = count;
  isWhole = whole != 0;
}

/** Words for types (index + 1), departments and actions; `quietTypes` has a u32 for each type. */
export function setNames(typeWords: usize, departmentWords: usize, actionWords: usize, quietTypes: usize): void {
  types = typeWords;
  departments = departmentWords;
  actions = actionWords;
  quiet = quietTypes;
}

/** @param token  bytes of an id or identity @param payload  bytes of an event */
export function setBounds(token: u32, payload: u32): void {
  tokenMax = token;
  payloadMax = payload;
}

/**
 * Writes a verdict for each item. The byte behind a payload is the same afterwards.
 *
 * @param latest       the latest instant that is not ahead, ms since epoch
 * @param latestLocal  for times without a zone: the latest that is not ahead, as clocks of the site show it
 * @returns how many are not plain
 */
export function gate(items: usize, verdicts: usize, count: i32, latest: f64, latestLocal: f64): i32 {
  setLatest(latest, latestLocal);
  ids = 0;
  let others = 0;
  for (let i = 0; i < count; i++, items += ITEM, verdicts += VERDICT) {
    const verdict = judge(items, verdicts);
    store<u32>(verdicts, verdict);
    if (verdict < PLAIN) others++;
    else ids += i32(load<u32>(verdicts, 20) != 0);
  }
  return others;
}

/** How many plain ones of the last `gate` bring an id. */
export function gatedIds(): i32 {
  return ids;
}

/** Bytes of the entries that the plain ones become. */
export function plainBytes(verdicts: usize, count: i32): u32 {
  let bytes: u32 = 0;
  for (; count > 0; count--, verdicts += VERDICT) if (load<u32>(verdicts) >= PLAIN) bytes += load<u32>(verdicts, 4);
  return bytes;
}

/** How many are plain. */
export function plainCount(verdicts: usize, count: i32): i32 {
  let plain = 0;
  for (; count > 0; count--, verdicts += VERDICT) plain += i32(load<u32>(verdicts) >= PLAIN);
  return plain;
}

/** The same envelope for items whose start and end `split` wrote. @param envelope  index + 1 */
export function address(items: usize, count: i32, envelope: u32): void {
  for (; count > 0; count--, items += ITEM) {
    store<u32>(items, envelope, 8);
    store<u32>(items, 0, 12);
    store<v128>(items, i64x2.splat(0), 16);
  }
}

function judge(item: usize, verdict: usize): u32 {
  const start = space(load<u32>(item));
  let end = <usize>load<u32>(item, 4);
  if (start >= end) return ASK;
  while (isSpace(load<u8>(end - 1))) end--;
  const size = <u32>(end - start);
  if (size > payloadMax || headersMatter(load<u32>(item, 28), load<u32>(item))) return ASK;
  const envelope = envelopeOf(item);
  if (envelope == 0) return UNNAMED;
  if (load<u32>(envelope, ASKS) != 0 || !isSubjectPlain(item, envelope)) return ASK;

  store<u32>(row, start);
  store<u32>(row, end, 4);
  const behind = load<u8>(end);
  const malformed = scan(root, row, rowSize, 1, depth);
  store<u8>(end, behind);
  if (malformed != 0) return ASK;

  const form = formOf();
  const type = typeOf(form, load<u32>(envelope, TOLD));
  if (type == 0 || load<u32>(quiet + (<usize>(type - 1) << 2)) == 0) return ASK;
  if (!hasFields(load<u32>(<usize>load<u32>(form, 28) + (<usize>(type - 1) << 2)))) return ASK;
  if (!isIdentity(found(load<u32>(form, 16)))) return ASK;
  const time = found(load<u32>(form, 20));
  if (time != 0 && !isTime(time, load<u32>(form, 24))) return ASK;
  const id = found(load<u32>(form, 8));
  if (id != 0 && !isToken(id)) return ASK;
  if (found(load<u32>(form, 12)) != 0) return ASK;

  const idLength = id == 0 ? 0 : load<u32>(id, 8);
  const subjectLength = load<u32>(envelope, SUBJECT_LENGTH);
  const texts =
    load<u32>(envelope, PRINCIPAL_LENGTH) +
    (subjectLength == OWN ? load<u32>(item, 16) : subjectLength) +
    load<u32>(envelope, HEADERS_LENGTH);
  store<u32>(verdict, ENTRY_HEADER + texts + (id == 0 ? 0 : ID_HEADER + idLength) + size, 4);
  store<u32>(verdict, <u32>start, 8);
  store<u32>(verdict, <u32>end, 12);
  store<u32>(verdict, <u32>envelope, 16);
  store<u32>(verdict, id == 0 ? 0 : load<u32>(id, 4), 20);
  store<u32>(verdict, idLength, 24);
  return PLAIN + type - 1;
}

/** A subject that the item brings goes into the entry as it is: it must be ASCII, as all subjects of Aisle are. */
function isSubjectPlain(item: usize, envelope: usize): bool {
  if (load<u32>(envelope, SUBJECT_LENGTH) != OWN) return true;
  const at = <usize>load<u32>(item, 12);
  const length = load<u32>(item, 16);
  if (length > SUBJECT_MAX) return false;
  for (let i: u32 = 0; i < length; i++) if (load<i8>(at + i) <= 0x20) return false;
  return true;
}

function formOf(): usize {
  let form = forms;
  for (let left = formsCount; left > 1; left--, form += FORM) {
    const when = load<u32>(form);
    if (when == 0 || load<u32>(row + when) != 0) return form;
  }
  return form;
}

/** The first cell of a list that is there and not null; 0: none. */
// @ts-ignore: decorator
@inline
function found(list: usize): usize {
  for (let left = load<u32>(list); left > 0; left--) {
    list += 4;
    const cell = row + load<u32>(list);
    if (load<u32>(cell) > NULL) return cell;
  }
  return 0;
}

/** Index + 1 of the type that the payload names, else of the one that it came as; 0: not sure. */
function typeOf(form: usize, told: u32): u32 {
  const cell = found(load<u32>(form, 4));
  if (cell == 0) return told == UNKNOWN ? 0 : told;
  if (load<u32>(cell) != STRING) return 0;
  return valueOfWord(types, load<u32>(cell, 4), load<u32>(cell, 8));
}

function hasFields(fields: usize): bool {
  let left = load<u32>(fields);
  for (fields += 4; left > 0; left--, fields += FIELD) {
    const cell = found(load<u32>(fields, 8));
    if (cell == 0) {
      if (load<u32>(fields, 4) != 0) return false;
    } else if (!isField(cell, load<u32>(fields))) {
      return false;
    }
  }
  return true;
}

function isField(cell: usize, kind: u32): bool {
  if (kind == FieldKind.NUMBER) return load<u32>(cell) == NUMBER && isFinite(load<u32>(cell, 4), load<u32>(cell, 8));
  if (!isToken(cell)) return false;
  if (kind == FieldKind.TEXT) return true;
  // Case is folded here for ASCII alone.
  if ((load<u32>(cell) & NON_ASCII) != 0) return false;
  return valueOfWord(kind == 2 ? departments : actions, load<u32>(cell, 4), load<u32>(cell, 8)) != 0;
}

/** Text of 1 to `tokenMax` bytes, or a number, which is read as it is written. */
function isToken(cell: usize): bool {
  const kind = load<u32>(cell);
  const isText = (kind & 0xff) == STRING && (kind & ESCAPED) == 0;
  const length = load<u32>(cell, 8);
  return (isText || kind == NUMBER) && length - 1 < tokenMax;
}

/** `numberValue` would take a moment for what nearly always has a few digits. */
function isFinite(at: usize, length: u32): bool {
  let i: u32 = 0;
  while (i < length && (<u32>load<u8>(at + i) | 0x20) != 0x65) i++;
  if (i == length && length <= FINITE_DIGITS) return true;
  return Math.abs(numberValue(at, length)) < Infinity;
}

function isIdentity(cell: usize): bool {
  if (cell == 0) return false;
  if (!isWhole) return isToken(cell);
  const kind = load<u32>(cell);
  const length = load<u32>(cell, 8);
  if ((kind != NUMBER && kind != STRING) || length - 1 >= WHOLE_DIGITS) return false;
  const at = <usize>load<u32>(cell, 4);
  for (let i: u32 = 0; i < length; i++) if (<u32>load<u8>(at + i) - 0x30 > 9) return false;
  return true;
}

function isTime(cell: usize, unit: u32): bool {
  const kind = load<u32>(cell);
  if (kind != NUMBER && kind != STRING) return false;
  return isTimely(load<u32>(cell, 4), load<u32>(cell, 8), kind == STRING, unit);
}
