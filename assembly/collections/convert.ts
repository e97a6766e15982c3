// Values as another type: what fields take (`castTo`), and the functions that make collections. The other functions on
// collections are in `reduce.ts` and `sequence.ts`.

import { toFloat, toInt } from "../numbers/arithmetic";
import { ENTRIES, Shift, countOf, entriesOf, newBlock, putPlain } from "./block";
import { Func } from "../machine/builtins";
import { itemsOf, newMap, newSet } from "./collection";
import { truth } from "./compare";
import { spend, temporary } from "../machine/heap";
import { mergeMaps, toMap } from "./map";
import { strOf } from "../formats/print";
import { all, any, extreme, lengthOfAny, sum } from "./reduce";
import { enumerate, range, reversed, sorted, zip } from "./sequence";
import { toSet } from "./set";
import { TOO_LARGE, sizeOf } from "./size";
import { Fault, NAIVE, Tag, copyCell, intOf, lengthOf, putBool, putCollection, putDatetime, tagOf } from "../machine/value";

export { toMap as toDict } from "./map";
export { toSet } from "./set";

/** Types of fields, in the order of FIELD_TYPES in `runtime/spec/spec.ts`. */
export namespace Type {
  export const INTEGER: u32 = 0;
  export const FLOAT: u32 = 1;
  export const STRING: u32 = 2;
  export const BOOLEAN: u32 = 3;
  export const DATETIME: u32 = 4;
  export const LIST: u32 = 5;
  export const MAP: u32 = 6;
  export const SET: u32 = 7;
}

/** `cell` as a field of `type` keeps it. CAST when that can't be, as for None; LIMIT when it is too large to keep. */
export function castTo(type: u32, result: usize, cell: usize): i32 {
  if (tagOf(cell) == Tag.NONE) return Fault.CAST;
  const fault = cast(type, result, cell);
  return fault == 0 || fault == Fault.LIMIT ? fault : Fault.CAST;
}

function cast(type: u32, result: usize, cell: usize): i32 {
  const tag = tagOf(cell);
  switch (type) {
    case Type.INTEGER:
      return tag == Tag.INT || tag == Tag.BOOL ? same(result, cell) : toInt(result, cell, 1);
    case Type.FLOAT:
      return tag == Tag.FLOAT ? same(result, cell) : toFloat(result, cell, 1);
    case Type.STRING:
      return tag == Tag.TEXT ? same(result, cell) : strOf(result, cell);
    case Type.BOOLEAN:
      putBool(result, truth(cell));
      return 0;
    case Type.DATETIME:
      if (tag != Tag.DATETIME) return Fault.CAST;
      putDatetime(result, intOf(cell), lengthOf(cell) == NAIVE ? 0 : lengthOf(cell));
      return 0;
    default:
      return castCollection(type, result, cell);
  }
}

function castCollection(type: u32, result: usize, cell: usize): i32 {
  const made = temporary(16);
  const fault = type == Type.LIST ? toList(made, cell) : type == Type.MAP ? toMap(made, cell) : toSet(made, cell);
  if (fault != 0) return fault;
  if (sizeOf(made) == TOO_LARGE) return Fault.LIMIT;
  return same(result, made);
}

// @ts-ignore: decorator
@inline
function same(result: usize, cell: usize): i32 {
  copyCell(result, cell);
  return 0;
}

/** `list(cell)`. A list, or a tuple, is a value: it needs no copy. */
export function toList(result: usize, cell: usize): i32 {
  return toItems(Tag.LIST, result, cell);
}

/** `tuple(cell)` */
export function toTuple(result: usize, cell: usize): i32 {
  return toItems(Tag.TUPLE, result, cell);
}

function toItems(tag: u32, result: usize, cell: usize): i32 {
  const items = temporary(16);
  const fault = itemsOf(items, cell);
  if (fault != 0) return fault;
  if (tagOf(cell) == Tag.SET) {
    // its block has more to it than a list's
    const count = countOf(items);
    if (spend(count)) return Fault.LIMIT;
    const block = newBlock(Shift.ITEM, count, false);
    memory.copy(block + ENTRIES, entriesOf(items), <usize>count << 4);
    store<i32>(block, count);
    putCollection(items, tag, block);
  }
  putPlain(result, items);
  store<u8>(result, <u8>tag);
  return 0;
}

/** Calls one of the functions that make collections or take them. */
export function collectionFunction(func: u32, result: usize, args: usize, count: i32): i32 {
  switch (func) {
    case Func.LEN:
      return lengthOfAny(result, args);
    case Func.SUM:
      return sum(result, args, count);
    case Func.MAX:
      return extreme(result, args, count, true);
    case Func.MIN:
      return extreme(result, args, count, false);
    case Func.ANY:
      return any(result, args);
    case Func.ALL:
      return all(result, args);
    case Func.ZIP:
      return zip(result, args, count);
    case Func.SORTED:
      return sorted(result, args, count);
    case Func.REVERSED:
      return reversed(result, args);
    case Func.RANGE:
      return range(result, args, count);
    case Func.ENUMERATE:
      return enumerate(result, args, count);
    case Func.LIST:
      return count == 0 ? empty(result, Tag.LIST, newBlock(Shift.ITEM, 0, false)) : toList(result, args);
    case Func.TUPLE:
      return count == 0 ? empty(result, Tag.TUPLE, newBlock(Shift.ITEM, 0, false)) : toTuple(result, args);
    case Func.SET:
      return count == 0 ? empty(result, Tag.SET, newSet()) : toSet(result, args);
    case Func.DICT:
      return count == 0 ? empty(result, Tag.MAP, newMap()) : count == 1 ? toMap(result, args) : withNamed(result, args);
    default:
      return Fault.TYPE;
  }
}

/** `dict(cell, a=1)`: the second argument is a map of what is named. */
function withNamed(result: usize, args: usize): i32 {
  const map = temporary(16);
  const fault = toMap(map, args);
  return fault == 0 ? mergeMaps(result, map, args + 16) : fault;
}

function empty(result: usize, tag: u32, block: usize): i32 {
  putCollection(result, tag, block);
  return 0;
}
