// The expression machine: runs the bytecode of `runtime/spec/opcode.ts` for one event, or for one row of features.
//
// Instruction, 16 bytes: +0 operation u16, +2 x u16, +4 a, +8 b, +12 c. A word that names a cell is base << 24 | offset.
// What goes wrong in an expression makes the machine go on where the last TRY says; beyond a limit, it ends.

import { assign, addMember, keep, mapGet, newList, newMap, newSet, pushItem, putEntry, itemsOf } from "../collections/collection";
import { callFunction, callMethod, member, readAttribute, wrap } from "./call";
import { castTo } from "../collections/convert";
import { isLogged, logCell, logShared, weighShared } from "../fold/history";
import { BORN, CELLS } from "../fold/record";
import { accept, discard, own, separate, split, switchTo } from "../fold/aggregate";
import { spend, temporaryUsed } from "./heap";
import { listChange, sliceList } from "../collections/list";
import { mapChange } from "../collections/map";
import { isHashable, sameText, truth } from "../collections/compare";
import { affirmed, compare, negated, operate } from "./operate";
import { resolveCell } from "../formats/parse-json";
import { BASES, FAULTS, counters } from "./program";
import { series, seriesFunction, seriesItem } from "../fold/series";
import { setChange } from "../collections/set";
import { textItem, textSlice } from "../text/string";
import {
  Fault,
  Tag,
  WRAPPED,
  addressOf,
  copyCell,
  floatOf,
  intOf,
  putBool,
  putCollection,
  putFloat,
  putInt,
  tagOf,
} from "./value";

/** In the order of `OPS` in `runtime/spec/opcode.ts`. */
namespace Op {
  export const END: u32 = 0;
  export const JUMP: u32 = 1;
  export const JUMP_IF: u32 = 2;
  export const JUMP_UNLESS: u32 = 3;
  export const TRY: u32 = 4;
  export const COUNT: u32 = 5;
  export const MOVE: u32 = 6;
  export const RESOLVE: u32 = 7;
  export const OBJECT: u32 = 8;
  export const BINARY: u32 = 9;
  export const COMPARE: u32 = 10;
  export const JUMP_COMPARE: u32 = 11;
  export const NOT: u32 = 12;
  export const NEGATE: u32 = 13;
  export const AFFIRM: u32 = 14;
  export const TRUTH: u32 = 15;
  export const CALL: u32 = 16;
  export const METHOD: u32 = 17;
  export const CHANGE: u32 = 18;
  export const ATTRIBUTE: u32 = 19;
  export const ITEM: u32 = 20;
  export const SLICE: u32 = 21;
  export const BUILD: u32 = 22;
  export const ITERATE: u32 = 23;
  export const NEXT: u32 = 24;
  export const UNPACK: u32 = 25;
  export const APPEND: u32 = 26;
  export const SERIES: u32 = 27;
  export const SERIES_ITEM: u32 = 28;
  export const SERIES_FUNCTION: u32 = 29;
  export const STORE: u32 = 30;
  export const OWN: u32 = 31;
  export const SWITCH: u32 = 32;
  export const SEPARATE: u32 = 33;
  export const SPLIT: u32 = 34;
  export const ACCEPT: u32 = 35;
  export const CAST: u32 = 36;
  export const ABORT: u32 = 37;
  export const TRACE: u32 = 38;
  export const DISCARD: u32 = 39;
}

/** What `run` gives besides the faults: the run is over, by ABORT. */
export const ABORTED: i32 = 100;

/** Temporary memory that one event may use, bytes. */
const TEMPORARY_MAX: usize = 64 << 20;

/** Types of fields whose values mostly need no cast; in the order of FIELD_TYPES. */
namespace Type {
  export const INTEGER: u32 = 0;
  export const FLOAT: u32 = 1;
  export const STRING: u32 = 2;
  export const BOOLEAN: u32 = 3;
}

/** A reason for ABORTED that is none of the program's; see `separate`. */
const EMPTY_SESSION: u32 = 0xffffffff;

let reason: u32 = 0;
let origin: usize = 0;

/** Where all code of the program begins. */
export function setOrigin(code: usize): void {
  origin = code;
}

/** Number of the reason of the last ABORT. */
export function abortReason(): u32 {
  return reason;
}

// @ts-ignore: decorator
@external("env", "trace")
declare function trace(what: u32, cell: usize, fault: i32): void;

// @ts-ignore: decorator
@inline
function at(operand: u32): usize {
  return <usize>load<u32>(BASES + (<usize>(operand >> 24) << 2)) + <usize>(operand & 0xffffff);
}

// @ts-ignore: decorator
@inline
function cellOf(base: u32, offset: u32): usize {
  return <usize>load<u32>(BASES + (<usize>base << 2)) + offset;
}

/**
 * Runs until END.
 *
 * @param entry  offset of the first instruction in the code
 *
 * @returns 0; or the fault that nothing caught (LIMIT always is one), or ABORTED
 */
export function run(entry: usize): i32 {
  let pc = origin + entry;
  let handler: usize = 0;
  let last: i32 = 0;
  while (true) {
    let fault = 0;
    const word = load<u32>(pc);
    const x = word >> 16;
    const a = load<u32>(pc, 4);
    const b = load<u32>(pc, 8);
    const c = load<u32>(pc, 12);
    pc += 16;
    switch (word & 0xffff) {
      case Op.END:
        return spend(0) ? Fault.LIMIT : 0;
      case Op.JUMP:
        pc = origin + c;
        continue;
      case Op.JUMP_IF:
        if (isTrue(at(a))) pc = origin + c;
        continue;
      case Op.JUMP_UNLESS:
        if (!isTrue(at(a))) pc = origin + c;
        continue;
      case Op.TRY:
        handler = c == 0 ? 0 : origin + c;
        continue;
      case Op.COUNT: {
        count(c, last);
        continue;
      }
      case Op.MOVE:
        v128.store(at(a), v128.load(at(b)));
        continue;
      case Op.RESOLVE: {
        const cell = at(a);
        if (tagOf(cell) >= Tag.NONE) continue;
        fault = resolveCell(cell);
        break;
      }
      case Op.OBJECT: {
        const tag = tagOf(at(a));
        if (tag == OBJECT || tag == Tag.MAP) continue;
        fault = x == 1 ? Fault.TYPE : Fault.ATTRIBUTE;
        break;
      }
      case Op.BINARY: {
        const left = at(b);
        const right = at(c);
        if (tagOf(left) == Tag.INT && tagOf(right) == Tag.INT) {
          const p = intOf(left);
          const q = intOf(right);
          if (x == 0) {
            const sum = p + q;
            if (((p ^ sum) & (q ^ sum)) >= 0) {
              putInt(at(a), sum);
              continue;
            }
          } else if (x == 1) {
            const difference = p - q;
            if (((p ^ q) & (p ^ difference)) >= 0) {
              putInt(at(a), difference);
              continue;
            }
          } else if (x == 3 && q != 0 && isExact(p) && isExact(q)) {
            putFloat(at(a), <f64>p / <f64>q);
            continue;
          }
        } else if (tagOf(left) == Tag.FLOAT && tagOf(right) == Tag.FLOAT && x < 3) {
          const p = floatOf(left);
          const q = floatOf(right);
          putFloat(at(a), x == 0 ? p + q : x == 1 ? p - q : p * q);
          continue;
        }
        fault = operate(x, at(a), left, right);
        break;
      }
      case Op.COMPARE: {
        const answer = compared(x, at(b), at(c));
        if (answer >= 0) {
          putBool(at(a), answer != 0);
          continue;
        }
        fault = -answer;
        break;
      }
      case Op.JUMP_COMPARE: {
        const answer = compared(x & 0xff, at(a), at(b));
        if (answer >= 0) {
          if (<u32>answer == x >> 8) pc = origin + c;
          continue;
        }
        fault = -answer;
        break;
      }
      case Op.NOT:
        putBool(at(a), !isTrue(at(b)));
        continue;
      case Op.NEGATE:
        fault = negated(at(a), at(b));
        break;
      case Op.AFFIRM:
        fault = affirmed(at(a), at(b));
        break;
      case Op.TRUTH:
        putBool(at(a), isTrue(at(b)));
        continue;
      case Op.CALL:
        fault = callFunction(x, at(a), at(b), c);
        break;
      case Op.METHOD:
        fault = callMethod(x, at(a), at(b), cellOf(1, c & 0xffffff), c >> 24);
        break;
      case Op.CHANGE:
        fault = change(x, a, cellOf(1, c & 0xffffff), c >> 24);
        break;
      case Op.ATTRIBUTE:
        fault = readAttribute(<i32>x - 1, at(a), at(b), at(c));
        break;
      case Op.ITEM:
        fault = item(at(a), at(b), at(c));
        break;
      case Op.SLICE:
        fault = slice(at(a), at(b), at(c));
        break;
      case Op.BUILD:
        fault = build(x, at(a), at(b), c);
        break;
      case Op.ITERATE: {
        const iteration = at(a);
        fault = itemsOf(iteration, at(b));
        if (fault == 0) putInt(iteration + 16, 0);
        break;
      }
      case Op.NEXT: {
        const iteration = at(a);
        const block = addressOf(iteration);
        const place = load<u32>(iteration, 24);
        if (place >= load<u32>(block)) {
          pc = origin + c;
          continue;
        }
        copyCell(at(b), block + 16 + (<usize>place << 4));
        store<u32>(iteration, place + 1, 24);
        if (spend(1)) fault = Fault.LIMIT;
        break;
      }
      case Op.UNPACK:
        fault = unpack(at(a), at(b), c);
        break;
      case Op.APPEND: {
        const collection = at(a);
        const tag = tagOf(collection);
        if (tag == Tag.MAP) fault = putEntry(collection, at(b), at(c));
        else if (tag == Tag.SET) fault = addMember(collection, at(b));
        else fault = pushItem(collection, at(b));
        break;
      }
      case Op.SERIES:
        fault = series(at(a), x, c);
        break;
      case Op.SERIES_ITEM:
        fault = seriesItem(at(a), x, at(b), c);
        break;
      case Op.SERIES_FUNCTION:
        fault = seriesFunction(at(a), x, b, c);
        break;
      case Op.STORE:
        fault = put(x, a, at(b));
        break;
      case Op.OWN:
        own(x);
        continue;
      case Op.SWITCH:
        fault = switchTo(x, at(b), c);
        break;
      case Op.SEPARATE:
        if (separate(x)) continue;
        reason = EMPTY_SESSION;
        return ABORTED;
      case Op.SPLIT: {
        const answer = at(a);
        split(x, tagOf(answer) == Tag.BOOL && intOf(answer) != 0);
        continue;
      }
      case Op.ACCEPT:
        accept(x);
        continue;
      case Op.DISCARD:
        discard(x);
        continue;
      case Op.CAST: {
        const value = at(b);
        if (x == Type.STRING && tagOf(value) == Tag.TEXT) {
          copyCell(at(a), value);
          continue;
        }
        fault = castTo(x, at(a), value);
        break;
      }
      case Op.ABORT:
        reason = c;
        return ABORTED;
      case Op.TRACE:
        trace(c, a == 0 ? 0 : at(a), last);
        last = 0;
        continue;
      default:
        unreachable();
    }
    if (fault == 0) continue;
    if (fault == Fault.LIMIT || handler == 0 || temporaryUsed() > TEMPORARY_MAX) {
      if (handler != 0) told(handler, fault);
      return fault;
    }
    last = fault;
    pc = handler;
  }
}

let isCounting: bool = true;

/** Whether faults are counted: those of an event that is folded again were. */
export function countFaults(counts: bool): void {
  isCounting = counts;
}

function count(site: u32, fault: i32): void {
  if (!isCounting) return;
  const counter = counters + (<usize>site * FAULTS + <usize>fault) * 4;
  store<u32>(counter, load<u32>(counter) + 1);
}

/** What ends the event is counted where it would have gone on, and told of if that is asked for. */
function told(handler: usize, fault: i32): void {
  if (load<u16>(handler) != Op.COUNT) return;
  const site = load<u32>(handler, 12);
  count(site, fault);
  if (load<u16>(handler, 16) == Op.TRACE) trace(site, 0, fault);
}

/** Does a double hold it exactly? Then so does the quotient of two, as far as a double can. */
// @ts-ignore: decorator
@inline
function isExact(value: i64): bool {
  return value + (<i64>1 << 53) >= 0 && value <= (<i64>1 << 53);
}

/** Kind of an object as the scanner left it. */
const OBJECT: u32 = 6;

// @ts-ignore: decorator
@inline
function isTrue(cell: usize): bool {
  const tag = tagOf(cell);
  if (tag == Tag.BOOL || tag == Tag.INT) return load<i64>(cell, 8) != 0;
  if (tag == Tag.NONE) return false;
  return truth(cell);
}

/** @returns 0 or 1, or a fault below 0 */
// @ts-ignore: decorator
@inline
function compared(comparison: u32, a: usize, b: usize): i32 {
  const tag = tagOf(a);
  if (tag == tagOf(b)) {
    if (tag == Tag.INT) {
      const p = intOf(a);
      const q = intOf(b);
      if (comparison < 6) return i32(ordered(comparison, p < q, p == q));
    } else if (tag == Tag.TEXT) {
      if (comparison < 2) return i32(sameText(a, b) == (comparison == 0));
    } else if (tag == Tag.BOOL) {
      if (comparison < 2) return i32((intOf(a) == intOf(b)) == (comparison == 0));
    }
  }
  return compare(comparison, a, b);
}

// @ts-ignore: decorator
@inline
function ordered(comparison: u32, isLess: bool, isSame: bool): bool {
  switch (comparison) {
    case 0:
      return isSame;
    case 1:
      return !isSame;
    case 2:
      return isLess;
    case 3:
      return isLess || isSame;
    case 4:
      return !isLess && !isSame;
    default:
      return !isLess;
  }
}

/** Writes `value` as a field's `type` into the field, or leaves it as it was. */
function put(type: u32, operand: u32, value: usize): i32 {
  const field = at(operand);
  const born = bornOf(operand);
  const tag = tagOf(value);
  switch (type) {
    case Type.INTEGER:
      if (tag == Tag.INT || tag == Tag.BOOL) {
        if (isLogged(born)) logCell(field);
        store<u64>(field, <u64>tag);
        store<i64>(field, intOf(value), 8);
        return 0;
      }
      break;
    case Type.FLOAT:
      if (tag == Tag.FLOAT || tag == Tag.INT) {
        if (isLogged(born)) logCell(field);
        putFloat(field, tag == Tag.FLOAT ? floatOf(value) : <f64>intOf(value));
        return 0;
      }
      break;
    case Type.STRING:
      if (tag == Tag.TEXT) {
        if (!sameText(field, value)) replace(field, value, born);
        return 0;
      }
      break;
    case Type.BOOLEAN:
      if (tag == Tag.BOOL) {
        if (isLogged(born)) logCell(field);
        putBool(field, intOf(value) != 0);
        return 0;
      }
      break;
  }
  if (tag == Tag.NONE) return NOTHING;
  const fault = castTo(type, CAST, value);
  if (fault != 0) return fault;
  replace(field, CAST, born);
  return 0;
}

/** Writes a value that may have to be held. */
function replace(field: usize, value: usize, born: u32): void {
  if (isLogged(born)) {
    logCell(field);
    keep(field, value);
  } else {
    assign(field, value);
  }
}

/** Number of the event that made the record of a field. */
// @ts-ignore: decorator
@inline
function bornOf(operand: u32): u32 {
  return load<u32>(<usize>load<u32>(BASES + (<usize>(operand >> 24) << 2)) + BORN - CELLS);
}

/** None is no value to store, and no mistake either: goes to the handler, uncounted. */
const NOTHING: i32 = 0;

const CAST: usize = memory.data(16, 16);

function change(method: u32, operand: u32, args: usize, count: i32): i32 {
  const field = at(operand);
  if (!isLogged(bornOf(operand))) return changeField(method, field, args, count);
  logShared(field);
  const fault = changeField(method, field, args, count);
  weighShared(field, args, count);
  return fault;
}

function changeField(method: u32, field: usize, args: usize, count: i32): i32 {
  switch (tagOf(field)) {
    case Tag.LIST:
      return listChange(method, field, args, count);
    case Tag.MAP:
      return mapChange(method, field, args, count);
    case Tag.SET:
      return setChange(method, field, args, count);
    default:
      return Fault.ATTRIBUTE;
  }
}

function item(result: usize, whole: usize, index: usize): i32 {
  const tag = tagOf(whole);
  if (tag == Tag.MAP) {
    if (!isHashable(index)) return Fault.TYPE;
    const wrapped = load<u32>(whole) & WRAPPED;
    if (wrapped != 0) {
      member(result, whole, index);
      return 0;
    }
    const found = mapGet(addressOf(whole), index);
    if (found == 0) return Fault.KEY;
    copyCell(result, found);
    return 0;
  }
  const kind = tagOf(index);
  if (tag == Tag.TEXT) return kind == Tag.INT || kind == Tag.BOOL ? textItem(result, whole, intOf(index)) : Fault.TYPE;
  if (tag != Tag.LIST && tag != Tag.TUPLE) return Fault.TYPE;
  if (kind != Tag.INT && kind != Tag.BOOL) return Fault.TYPE;
  const block = addressOf(whole);
  const count = <i64>load<u32>(block);
  let place = intOf(index);
  if (place < 0) place += count;
  if (place < 0 || place >= count) return Fault.INDEX;
  const wrapped = load<u32>(whole) & WRAPPED;
  copyCell(result, block + 16 + (<usize>place << 4));
  if (wrapped != 0) wrap(result);
  return 0;
}

function slice(result: usize, whole: usize, bounds: usize): i32 {
  const tag = tagOf(whole);
  if (tag == Tag.TEXT) return textSlice(result, whole, bounds, bounds + 16, bounds + 32);
  if (tag != Tag.LIST && tag != Tag.TUPLE) return Fault.TYPE;
  const wrapped = load<u32>(whole) & WRAPPED;
  const fault = sliceList(result, whole, bounds, bounds + 16, bounds + 32);
  // a part of a list of the event is one still
  if (fault == 0) store<u32>(result, load<u32>(result) | wrapped);
  return fault;
}

function build(tag: u32, result: usize, cells: usize, count: i32): i32 {
  let fault = 0;
  if (tag == Tag.MAP) {
    putCollection(BUILT, Tag.MAP, newMap());
    for (let i = 0; i < count && fault == 0; i++) fault = putEntry(BUILT, cells + (<usize>i << 5), cells + (<usize>i << 5) + 16);
  } else if (tag == Tag.SET) {
    putCollection(BUILT, Tag.SET, newSet());
    for (let i = 0; i < count && fault == 0; i++) fault = addMember(BUILT, cells + (<usize>i << 4));
  } else {
    putCollection(BUILT, tag, newList(tag, count));
    for (let i = 0; i < count && fault == 0; i++) fault = pushItem(BUILT, cells + (<usize>i << 4));
  }
  if (fault == 0) copyCell(result, BUILT);
  return fault;
}

const BUILT: usize = memory.data(16, 16);

/** `a, b = value`: TypeError for what can't be iterated, ValueError for another number of elements. */
function unpack(value: usize, cells: usize, count: u32): i32 {
  const fault = itemsOf(BUILT, value);
  if (fault != 0) return fault;
  const block = addressOf(BUILT);
  if (load<u32>(block) != count) return Fault.VALUE;
  memory.copy(cells, block + 16, <usize>count << 4);
  return 0;
}
