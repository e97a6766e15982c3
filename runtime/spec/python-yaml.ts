// What Python's YAML reader makes of a value, and how Python writes that: Blurr compiles this text. Only for `compat`;
// the reader follows YAML 1.1, where `yes` is true, `010` is eight and `2018-03-01` is a date.
import type { Path, YamlFile } from "../data/yaml.ts";

export interface PythonValue {
  readonly type: "NoneType" | "bool" | "int" | "float" | "str" | "date" | "list" | "dict";
  /** `str(value)` */
  readonly text: string;
  /** `repr(value)` */
  readonly repr: string;
  /** `bool(value)` */
  readonly truth: boolean;
}

const TRUE = /^(?:yes|Yes|YES|true|True|TRUE|on|On|ON)$/;
const FALSE = /^(?:no|No|NO|false|False|FALSE|off|Off|OFF)$/;
const NONE = /^(?:~|null|Null|NULL|)$/;
const INT = /^[-+]?(?:0b_*[01][01_]*|0[0-7_]+|0|[1-9][0-9_]*|0x_*[0-9a-fA-F][0-9a-fA-F_]*)$/;
const FLOAT = /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?)$/;
const INFINITE = /^[-+]?\.(?:inf|Inf|INF)$/;
const NAN = /^\.(?:nan|NaN|NAN)$/;
const SIXTIES = /^[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+$/;
const DATE = /^(\d{4})-(\d\d)-(\d\d)$/;

export function pythonValue(yaml: YamlFile, path: Path, value: unknown): PythonValue {
  if (Array.isArray(value)) {
    const items = value.map((item, index) => pythonValue(yaml, [...path, index], item).repr);
    return whole("list", `[${items.join(", ")}]`, items.length > 0);
  }
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).map(
      ([key, item]) => `${plain(key, key).repr}: ${pythonValue(yaml, [...path, key], item).repr}`,
    );
    return whole("dict", `{${entries.join(", ")}}`, entries.length > 0);
  }
  const written = yaml.written(path);
  if (written === null) return NOTHING;
  return written.style === "plain" ? plain(written.text, value) : str(String(value ?? ""));
}

const NOTHING: PythonValue = whole("NoneType", "None", false);

/** A scalar without quotes, by its looks; `value` is what it is as text, over as many lines as it may be written. */
function plain(source: string, value: unknown): PythonValue {
  const digits = source.replaceAll("_", "");
  if (NONE.test(source)) return NOTHING;
  if (TRUE.test(source)) return whole("bool", "True", true);
  if (FALSE.test(source)) return whole("bool", "False", false);
  if (INT.test(source)) return int(integerOf(digits));
  if (SIXTIES.test(source)) return int(sixtiesOf(digits));
  if (FLOAT.test(source)) return float(Number(digits));
  if (INFINITE.test(source)) return float(source.startsWith("-") ? -Infinity : Infinity);
  if (NAN.test(source)) return float(Number.NaN);
  const date = DATE.exec(source);
  if (date !== null) {
    const [year, month, day] = date.slice(1).map(Number);
    return { type: "date", text: source, repr: `datetime.date(${year}, ${month}, ${day})`, truth: true };
  }
  return str(typeof value === "string" ? value : source);
}

function whole(type: PythonValue["type"], text: string, truth: boolean): PythonValue {
  return { type, text, repr: text, truth };
}

function int(value: bigint): PythonValue {
  return whole("int", String(value), value !== 0n);
}

function float(value: number): PythonValue {
  return whole("float", pythonFloat(value), value !== 0);
}

function str(text: string): PythonValue {
  return { type: "str", text, repr: pythonText(text), truth: text !== "" };
}

function integerOf(digits: string): bigint {
  const [, sign, rest] = /^([-+]?)(.*)$/.exec(digits)!;
  const octal = /^0[0-7]+$/.test(rest!);
  const value = BigInt(octal ? `0o${rest!.slice(1)}` : rest!);
  return sign === "-" ? -value : value;
}

/** `1:30` is ninety. */
function sixtiesOf(digits: string): bigint {
  const parts = digits.replace(/^[-+]/, "").split(":");
  const value = parts.reduce((sum, part) => sum * 60n + BigInt(part), 0n);
  return digits.startsWith("-") ? -value : value;
}

/** `repr` of a float: `1.0`, `1e+16`, `1e-05`. */
function pythonFloat(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
  if (Object.is(value, -0)) return "-0.0";
  const size = Math.abs(value);
  const scientific = size !== 0 && (size < 1e-4 || size >= 1e16);
  const text = scientific ? value.toExponential() : String(value);
  if (scientific) return text.replace(/e([-+])(\d)$/, "e$10$2");
  return text.includes(".") ? text : `${text}.0`;
}

/** `repr` of a text: in single quotes unless only double ones spare escapes. */
export function pythonText(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let out = quote;
  for (const char of text) {
    const code = char.codePointAt(0)!;
    if (char === quote || char === "\\") out += `\\${char}`;
    else if (char === "\n") out += "\\n";
    else if (char === "\r") out += "\\r";
    else if (char === "\t") out += "\\t";
    else if (code < 0x20 || (code >= 0x7f && code < 0xa0)) out += `\\x${code.toString(16).padStart(2, "0")}`;
    else out += char;
  }
  return out + quote;
}
