import type { Dice } from "./dice.ts";

// Ways to spoil what is well-formed.

const PIECES = [
  ..."( ) [ ] { } , : . + - * / // % ** | & ^ == != < <= > >= ' \" # \\ 0 1 9 _ . source x None True []".split(" "),
  ..." and | or | not | in | is | if | else | for x in |.get(|.split(|[0]|[-1:]|(1,)|{1: 2}|{1, 2}|1e400|0x".split("|"),
  ...["'é😀'", "9223372036854775807", "int(", "len(", "str(", "timedelta(days=", "datetime(2018, 1, 2)", "source.l"],
];

/** An expression with one or two things changed. */
export function spoiledExpression(text: string, dice: Dice): string {
  let out = text;
  for (let times = dice.chance(0.7) ? 1 : 2; times > 0; times--) {
    const at = dice.below(out.length + 1);
    const end = at + dice.below(6);
    const instead = dice.one([
      dice.one(PIECES),
      "",
      out.slice(at, end).repeat(2),
      out.slice(dice.below(out.length + 1)),
    ]);
    out = `${out.slice(0, at)}${instead}${out.slice(end)}`.slice(0, 400);
  }
  return out;
}

const BYTES = Buffer.from('{}[]",:\\ \n\t0129.eE+-truefalsn\0\u007f').values();
const SPOILERS = [...BYTES, 0x80, 0xbf, 0xc0, 0xc3, 0xe2, 0xed, 0xa0, 0xf0, 0xf4, 0x90, 0xff];

/** JSON with bytes changed, put in, left out, or with its end missing. */
export function spoiledJson(bytes: Buffer, dice: Dice): Buffer {
  let out = bytes;
  for (let times = 1 + dice.below(3); times > 0; times--) {
    const at = dice.below(out.length + 1);
    const [before, after] = [out.subarray(0, at), out.subarray(at)];
    const stray = Buffer.of(dice.one(SPOILERS));
    out = Buffer.concat(
      dice.one([
        [before, stray, after.subarray(1)],
        [before, stray, after],
        [before, after.subarray(1 + dice.below(3))],
        [before],
        [before, Buffer.from(dice.one(ODDITIES)), after.subarray(dice.below(2))],
      ]),
    );
  }
  return out;
}

/** Values that are well-formed, but for some; what is around them mostly is not. */
const ODDITIES = [
  `${"[".repeat(63)}${"]".repeat(63)}`,
  `${"[".repeat(64)}${"]".repeat(64)}`,
  `${'{"a":'.repeat(70)}1${"}".repeat(70)}`,
  "9".repeat(400),
  `0.${"0".repeat(400)}1`,
  "1e999999999999",
  "-1E-999999999999",
  "01",
  "+1",
  "1.",
  ".5",
  "NaN",
  "Infinity",
  '"\\ud800"',
  '"\\u12"',
  '"\\x"',
  '"\t"',
  '"x":1,"x":2,',
  '"id":"id1",',
  "null",
  "tru",
  "\ufeff",
];
