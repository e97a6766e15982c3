// Calls of functions, methods and attributes: who answers for which.

import { roundTo, toFloat, toInt } from "../numbers/arithmetic";
import { Func, Method } from "./builtins";
import { mapGet } from "../collections/collection";
import { truth } from "../collections/compare";
import { collectionFunction } from "../collections/convert";
import {
  dateOf,
  datetimeAttribute,
  datetimeMethod,
  datetimeOf,
  fromIso,
  fromTimestamp,
  parseTime,
  strptime,
  timedeltaOf,
  utcFromTimestamp,
  zoneOf,
} from "../time/datetime";
import { listMethod } from "../collections/list";
import { mapMethod } from "../collections/map";
import { magnitude } from "./operate";
import { reprOf, strOf } from "../formats/print";
import { setMethod } from "../collections/set";
import { chrOf, ordOf, textMethod } from "../text/string";
import { Fault, Tag, WRAPPED, addressOf, copyCell, putBool, putNone, putTagged, putText, tagOf } from "./value";

/** @param args  address of the first of `count` neighbouring cells */
export function callFunction(func: u32, result: usize, args: usize, count: i32): i32 {
  switch (func) {
    case Func.FLOAT:
      return toFloat(result, args, count);
    case Func.INT:
      return toInt(result, args, count);
    case Func.BOOL:
      putBool(result, count > 0 && truth(args));
      return 0;
    case Func.STR:
      if (count > 0) return strOf(result, args);
      putText(result, 0, 0);
      return 0;
    case Func.REPR:
      return reprOf(result, args);
    case Func.ORD:
      return ordOf(result, args);
    case Func.CHR:
      return chrOf(result, args);
    case Func.ABS:
      return magnitude(result, args);
    case Func.ROUND:
      return roundTo(result, args, count > 1 ? args + 16 : 0);
    case Func.PARSE:
      return parseTime(result, args);
    case Func.DATETIME:
      return datetimeOf(result, args, count);
    case Func.DATETIME_FROMTIMESTAMP:
      return fromTimestamp(result, args, count);
    case Func.DATETIME_UTCFROMTIMESTAMP:
      return utcFromTimestamp(result, args);
    case Func.DATETIME_STRPTIME:
      return strptime(result, args, args + 16);
    case Func.DATETIME_FROMISOFORMAT:
      return fromIso(result, args);
    case Func.DATE:
      return dateOf(result, args, count);
    case Func.TIMEDELTA:
      return timedeltaOf(result, args, count);
    case Func.TIMEZONE:
      return zoneOf(result, args);
    case Func.TZUTC:
      putTagged(result, Tag.ZONE, 0);
      return 0;
    default:
      return collectionFunction(func, result, args, count);
  }
}

export function callMethod(method: u32, result: usize, receiver: usize, args: usize, count: i32): i32 {
  switch (tagOf(receiver)) {
    case Tag.TEXT:
      return textMethod(method, result, receiver, args, count);
    case Tag.LIST:
    case Tag.TUPLE:
      return listMethod(method, result, receiver, args, count);
    case Tag.MAP: {
      const wrapped = load<u32>(receiver) & WRAPPED;
      const fault = mapMethod(method, result, receiver, args, count);
      if (fault == 0 && wrapped != 0 && method == Method.GET) wrap(result);
      return fault;
    }
    case Tag.SET:
      return setMethod(method, result, receiver, args, count);
    case Tag.DATETIME:
    case Tag.DATE:
    case Tag.TIMEDELTA:
    case Tag.ZONE:
      return datetimeMethod(method, result, receiver, args, count);
    default:
      return Fault.ATTRIBUTE;
  }
}

/**
 * A member of an object of the event by its name, None when it is missing; or one of `ATTRIBUTES`.
 *
 * @param attribute  number in `ATTRIBUTES`, or below 0
 * @param name       its name, a TEXT
 */
export function readAttribute(attribute: i32, result: usize, receiver: usize, name: usize): i32 {
  const tag = tagOf(receiver);
  if (tag == Tag.MAP && (load<u32>(receiver) & WRAPPED) != 0) {
    member(result, receiver, name);
    return 0;
  }
  if (attribute < 0 || tag < Tag.DATETIME || tag > Tag.ZONE) return Fault.ATTRIBUTE;
  return datetimeAttribute(attribute, result, receiver);
}

/** A member of an object of the event, or None. */
export function member(result: usize, map: usize, key: usize): void {
  const found = mapGet(addressOf(map), key);
  if (found == 0) {
    putNone(result);
  } else {
    copyCell(result, found);
    wrap(result);
  }
}

/** What stands in a part of the event stands in the event. */
export function wrap(cell: usize): void {
  const tag = tagOf(cell);
  if (tag == Tag.MAP || tag == Tag.LIST) store<u32>(cell, load<u32>(cell) | WRAPPED);
}
