// Numbers of what expressions may call, as in `runtime/spec/builtins.ts`, which has the same names in the same order.

/** Functions. */
export namespace Func {
  export const LEN: u32 = 0;
  export const SUM: u32 = 1;
  export const FLOAT: u32 = 2;
  export const INT: u32 = 3;
  export const BOOL: u32 = 4;
  export const STR: u32 = 5;
  export const MAX: u32 = 6;
  export const MIN: u32 = 7;
  export const LIST: u32 = 8;
  export const SET: u32 = 9;
  export const TUPLE: u32 = 10;
  export const DICT: u32 = 11;
  export const ZIP: u32 = 12;
  export const ORD: u32 = 13;
  export const CHR: u32 = 14;
  export const ANY: u32 = 15;
  export const ALL: u32 = 16;
  export const ABS: u32 = 17;
  export const ROUND: u32 = 18;
  export const SORTED: u32 = 19;
  export const REVERSED: u32 = 20;
  export const RANGE: u32 = 21;
  export const ENUMERATE: u32 = 22;
  export const REPR: u32 = 23;
  export const PARSE: u32 = 24;
  export const DATETIME: u32 = 25;
  export const DATETIME_FROMTIMESTAMP: u32 = 26;
  export const DATETIME_UTCFROMTIMESTAMP: u32 = 27;
  export const DATETIME_STRPTIME: u32 = 28;
  export const DATETIME_FROMISOFORMAT: u32 = 29;
  export const DATE: u32 = 30;
  export const TIMEDELTA: u32 = 31;
  export const TIMEZONE: u32 = 32;
  export const TZUTC: u32 = 33;
}

/** Methods, of whatever kind of value. */
export namespace Method {
  export const SPLIT: u32 = 0;
  export const RSPLIT: u32 = 1;
  export const SPLITLINES: u32 = 2;
  export const STRIP: u32 = 3;
  export const LSTRIP: u32 = 4;
  export const RSTRIP: u32 = 5;
  export const LOWER: u32 = 6;
  export const UPPER: u32 = 7;
  export const TITLE: u32 = 8;
  export const CAPITALIZE: u32 = 9;
  export const STARTSWITH: u32 = 10;
  export const ENDSWITH: u32 = 11;
  export const REPLACE: u32 = 12;
  export const JOIN: u32 = 13;
  export const FIND: u32 = 14;
  export const RFIND: u32 = 15;
  export const INDEX: u32 = 16;
  export const COUNT: u32 = 17;
  export const ISDIGIT: u32 = 18;
  export const ISALPHA: u32 = 19;
  export const ISALNUM: u32 = 20;
  export const ISSPACE: u32 = 21;
  export const ISLOWER: u32 = 22;
  export const ISUPPER: u32 = 23;
  export const ZFILL: u32 = 24;
  export const ITEMS: u32 = 25;
  export const KEYS: u32 = 26;
  export const VALUES: u32 = 27;
  export const GET: u32 = 28;
  export const SET: u32 = 29;
  export const INCREMENT: u32 = 30;
  export const UPDATE: u32 = 31;
  export const SETDEFAULT: u32 = 32;
  export const APPEND: u32 = 33;
  export const INSERT: u32 = 34;
  export const EXTEND: u32 = 35;
  export const REMOVE: u32 = 36;
  export const SORT: u32 = 37;
  export const REVERSE: u32 = 38;
  export const POP: u32 = 39;
  export const CLEAR: u32 = 40;
  export const COPY: u32 = 41;
  export const ADD: u32 = 42;
  export const DISCARD: u32 = 43;
  export const UNION: u32 = 44;
  export const INTERSECTION: u32 = 45;
  export const DIFFERENCE: u32 = 46;
  export const SYMMETRIC_DIFFERENCE: u32 = 47;
  export const INTERSECTION_UPDATE: u32 = 48;
  export const DIFFERENCE_UPDATE: u32 = 49;
  export const SYMMETRIC_DIFFERENCE_UPDATE: u32 = 50;
  export const ISSUBSET: u32 = 51;
  export const ISSUPERSET: u32 = 52;
  export const ISDISJOINT: u32 = 53;
  export const DATE: u32 = 54;
  export const TIMESTAMP: u32 = 55;
  export const ISOFORMAT: u32 = 56;
  export const STRFTIME: u32 = 57;
  export const WEEKDAY: u32 = 58;
  export const ISOWEEKDAY: u32 = 59;
  export const TOORDINAL: u32 = 60;
  export const ASTIMEZONE: u32 = 61;
  export const UTCOFFSET: u32 = 62;
  export const TOTAL_SECONDS: u32 = 63;
}

/** Attributes that are no methods. */
export namespace Attribute {
  export const DAYS: u32 = 0;
  export const SECONDS: u32 = 1;
  export const MICROSECONDS: u32 = 2;
  export const YEAR: u32 = 3;
  export const MONTH: u32 = 4;
  export const DAY: u32 = 5;
  export const HOUR: u32 = 6;
  export const MINUTE: u32 = 7;
  export const SECOND: u32 = 8;
  export const MICROSECOND: u32 = 9;
  export const TZINFO: u32 = 10;
}
