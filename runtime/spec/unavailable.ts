// What people write that expressions lack, and what to write instead.

/** Other languages' names, and old habits. */
const OTHER_WORDS: ReadonlyMap<string, string> = new Map([
  ["null", "None"],
  ["NULL", "None"],
  ["nil", "None"],
  ["undefined", "None"],
  ["none", "None"],
  ["true", "True"],
  ["TRUE", "True"],
  ["false", "False"],
  ["FALSE", "False"],
  ["nan", "float('nan')"],
  ["NaN", "float('nan')"],
  ["inf", "float('inf')"],
  ["Infinity", "float('inf')"],
  ["count", "len"],
  ["length", "len"],
  ["size", "len"],
  ["now", "time"],
  ["today", "time"],
  ["timestamp", "time"],
  ["event", "source"],
  ["row", "source"],
  ["parse_time", "parse"],
]);

/** Python's functions that are not here; what to write, where there is something. */
const FUNCTIONS: ReadonlyMap<string, string> = new Map([
  ["pow", "write a ** b"],
  ["divmod", "write a // b and a % b"],
  ["map", "write a comprehension, as in [str(x) for x in source.list]"],
  ["filter", "write a comprehension, as in [x for x in source.list if x > 0]"],
  ["frozenset", "write set(…)"],
  ["type", "a cast that fails leaves the field as it was"],
  ["isinstance", "a cast that fails leaves the field as it was"],
  ["format", "write str(…)"],
  ["getattr", "write source['key']"],
  ...(
    "aiter anext ascii bin breakpoint bytearray bytes callable classmethod compile complex delattr dir eval exec exit " +
    "globals hasattr hash help hex id input issubclass iter locals memoryview next object oct open print property quit " +
    "setattr slice staticmethod super vars __import__"
  )
    .split(" ")
    .map((name): [string, string] => [name, ""]),
]);

/** Methods that Python has on kinds of values that are here, and that are not. */
const METHODS: ReadonlySet<string> = new Set(
  (
    "as_integer_ratio bit_count bit_length casefold center conjugate ctime dst encode expandtabs format format_map " +
    "fromkeys hex is_integer isascii isdecimal isidentifier isnumeric isocalendar isprintable istitle ljust partition " +
    "popitem removeprefix removesuffix rindex rjust rpartition swapcase time timetuple timetz to_bytes translate tzname " +
    "utctimetuple"
  ).split(" "),
);

/** Methods of a Python dict: of an object of the event they hide the key of the same name. */
export const DICT_METHODS: ReadonlySet<string> = new Set(
  "clear copy fromkeys get items keys pop popitem setdefault update values".split(" "),
);

/** What another language's name is here; or null. */
export function meantBy(name: string): string | null {
  return OTHER_WORDS.get(name) ?? null;
}

/** Why one of Python's functions can't be called, or null if Python has none of that name. */
export function missingFunction(name: string): string | null {
  const instead = FUNCTIONS.get(name);
  if (instead === undefined) return null;
  return `Python's '${name}' is not available${instead === "" ? "" : `: ${instead}`}`;
}

export function isMissingMethod(name: string): boolean {
  return METHODS.has(name);
}
