import type { Dice } from "./dice.ts";

// Constants as Python writes them, most of them at some edge.

const split = (text: string): string[] => text.split(" ");

const INTS = split(
  "0 1 2 3 5 7 10 12 100 255 1000 86400 1520462133 0x1f 1_000 9223372036854775807 9223372036854775806 " +
    "4611686018427387904 3037000500 9007199254740993 -1 -2 -7 -9223372036854775808 -9223372036854775807 -86400",
);
const FLOATS = split(
  "0.0 1.0 0.5 1.5 2.5 -0.0 -1.5 0.1 3.14159 1e3 1e-7 1e16 1e22 -2.75 1e308 -1e308 5e-324 2.2250738585072014e-308 " +
    "1e-310 9007199254740993.0 123456789.125 float('nan') float('inf') -float('inf') 9.223372036854775e18 1e300 0.045 2.675",
);
const TEXTS = [
  ...split(
    "'' 'a' 'b' 'abc' 'a,b,,c' '12' '1_000' '4.5' '1e3' 'äöü' 'ÄÖÜß' 'Straße' '日本語' 'a😀b' 'Привет' 'İı' '\"'",
  ),
  ...split("'\\\\' 'nan' '-inf' '0x1f' '٣' '²' 'A1' 'aaa' 'a-b-c' '\\u00a0nbsp\\u00a0' 'e\\u0301' '\\ufeffbom' 'True'"),
  ...[
    "'aBc Def'",
    "' x '",
    "' -3 '",
    "'naïve café'",
    "'Ωμέγα ΣΑΣ'",
    "'ĳ ǆ ﬁ'",
    "'x\\ty\\nz'",
    "'it\\'s'",
    "'hello world'",
  ],
  "'\\x1f \\x85\\u2028'",
];
const ISO = [
  ...split("'2018-03-07T22:35:31+00:00' '2018-03-07' '2018-12-31T23:59:59.999999Z' '1999-01-01T00:00:00-05:30'"),
  ...split("'0001-01-01' '9999-12-31T23:59:59' '2018-02-30' '2018-03-07T25:00:00'"),
  "'2016-02-29 12:00:00'",
];
/** Texts with what they are read by. */
const READ = [
  ["'07/Mar/2018:22:35:31 +0100'", "'%d/%b/%Y:%H:%M:%S %z'"],
  ["'2018-03-07 10:05 PM'", "'%Y-%m-%d %I:%M %p'"],
  ["'180307'", "'%y%m%d'"],
  ["'2018 066'", "'%Y %j'"],
  ["'March 7, 2018'", "'%B %d, %Y'"],
  ["'22:35:31.25'", "'%H:%M:%S.%f'"],
  ["'100%'", "'%H0%%'"],
  ["'2018-3-7'", "'%Y-%m-%d'"],
] as const;
const FORMATS = ["'%Y-%m-%d'", "'%H:%M:%S.%f'", "'%d %b %y %I%p'", "'%A %B %j %U %W %w'", "'%z|%Z|%%'", "'x'", "'%a'"];

const READABLE = ["'%Y-%m-%d'", "'%H:%M:%S.%f'", "'%d %b %y %I%p'", "'%A %B %j'", "'%z|%%'", "'%B%d%Y %H%M'", "'%j%Y'"];

/** First and last code points of what texts are made of: Latin, Greek, Cyrillic, Georgian, signs, wide and rare letters. */
const RANGES = [
  ...[0x20, 0x7e, 0xa0, 0x24f, 0x250, 0x2af, 0x300, 0x33f, 0x370, 0x3ff, 0x400, 0x52f, 0x531, 0x587, 0x10a0, 0x10ff],
  ...[0x13a0, 0x13ff, 0x1c80, 0x1cbf, 0x1e00, 0x1fff, 0x2000, 0x206f, 0x2150, 0x218f, 0x24b0, 0x24ea, 0x2c00, 0x2cff],
  ...[0x660, 0x669, 0x966, 0x96f, 0x3040, 0x30ff, 0x4e00, 0x4e20, 0xa640, 0xa7ff, 0xab30, 0xabbf, 0xfb00, 0xfb17],
  ...[0xff00, 0xff5e, 0x10400, 0x1044f, 0x118a0, 0x118df, 0x1d400, 0x1d7ff, 0x1e900, 0x1e943, 0x1f600, 0x1f64f],
];

export function int(dice: Dice): string {
  if (dice.chance(0.7)) return String(dice.below(12) - 1);
  if (dice.chance(0.7)) return dice.one(INTS);
  return String(BigInt.asIntN(1 + dice.below(64), bits(dice)));
}

export function float(dice: Dice): string {
  if (dice.chance(0.6)) return dice.one(FLOATS);
  if (dice.chance(0.5)) return (dice.random() * 200 - 100).toFixed(1 + dice.below(4));
  const value = new Float64Array(BigInt64Array.of(bits(dice)).buffer)[0]!;
  return Number.isFinite(value) ? value.toExponential() : "1.25";
}

function bits(dice: Dice): bigint {
  return BigInt.asIntN(64, (BigInt(dice.below(2 ** 32)) << 32n) | BigInt(dice.below(2 ** 32)));
}

export function text(dice: Dice): string {
  if (dice.chance(0.75)) return dice.one(TEXTS);
  return `'${dice.list(7, () => character(dice)).join("")}'`;
}

function character(dice: Dice): string {
  const range = 2 * dice.below(RANGES.length / 2);
  const point = RANGES[range]! + dice.below(RANGES[range + 1]! - RANGES[range]! + 1);
  return `\\U${point.toString(16).padStart(8, "0")}`;
}

/** A text with a date and, mostly, a time. */
export function iso(dice: Dice): string {
  return dice.one(ISO);
}

/** A text, and the format that it has. */
export function read(dice: Dice): readonly [text: string, format: string] {
  return dice.one(READ);
}

/** What `strftime` takes. */
export function format(dice: Dice): string {
  return dice.one(FORMATS);
}

/** What `strptime` takes too. */
export function readable(dice: Dice): string {
  return dice.one(READABLE);
}
