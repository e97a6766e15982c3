// What Blurr's own `validate` says of a spec, for `--compat blurr`: the same verdict, error kinds and paths. It looks at
// one file, in two passes: names and types first, and only when those are right at everything else. What it does not
// find is in `load.ts`.
import { type Path, parseYaml, type YamlFile } from "../data/yaml.ts";
import type { Mistake } from "../errors.ts";
import { IDENTIFIER } from "./forms.ts";
import { parseExpression } from "./parse.ts";
import { type PythonValue, pythonValue } from "./python-yaml.ts";
import { isMap, type YamlMap } from "./tree.ts";

export interface Verdict {
  readonly valid: boolean;
  readonly errors: readonly ValidationError[];
  /** Was the second pass reached? Blurr prints the list of its errors then, be it empty. */
  readonly listed: boolean;
  /** Why the file could not even be looked at; else null. */
  readonly unreadable: string | null;
}

export interface ValidationError {
  readonly kind:
    | "RequiredAttributeError"
    | "EmptyAttributeError"
    | "InvalidIdentifierError"
    | "InvalidNumberError"
    | "InvalidValueError"
    | "InvalidTypeError"
    | "InvalidExpressionError"
    | "SpecNotFoundError";
  /** Names from the spec's down, with dots. */
  readonly path: string;
  readonly attribute: string | null;
  readonly reason: string | null;
  readonly message: string;
}

const FIELD_TYPES = ["string", "integer", "boolean", "datetime", "float", "map", "list", "set"];
const STORE_TYPES = ["blurr:store:memory", "blurr:store:dynamo"];
/** Types that have a class; what a spec of them must have, besides a name. */
const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  "blurr:transform:streaming": ["Version", "Aggregates", "Identity", "Time", "Stores"],
  "blurr:transform:window": ["Version", "Aggregates", "Anchor"],
  "blurr:aggregate:identity": ["Fields", "Store"],
  "blurr:aggregate:block": ["Fields", "Store", "Dimensions"],
  "blurr:aggregate:activity": ["Fields", "SeparateByInactiveSeconds"],
  "blurr:aggregate:variable": ["Fields"],
  "blurr:aggregate:window": ["Fields", "WindowType", "WindowValue", "Source"],
  "blurr:store:memory": [],
  "blurr:store:dynamo": ["Table"],
  ...Object.fromEntries(FIELD_TYPES.map((type) => [type, ["Value"]])),
};
/** Types that have a name only. */
const NAMED_ONLY = ["blurr:aggregate:label", "anchor", "day", "hour", "count", "bloomfilter"];

export function validateLikeBlurr(text: string, file: string): Verdict {
  const mistakes: Mistake[] = [];
  const yaml = parseYaml(text, file, mistakes, undefined, "last");
  if (yaml === null)
    return { valid: false, errors: [], listed: false, unreadable: `Invalid yaml\n${mistakes[0]?.message ?? ""}` };
  try {
    const validator = new Validator(yaml);
    const errors = validator.validate();
    return { valid: errors.length === 0, errors, listed: validator.listed, unreadable: null };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return {
      valid: false,
      errors: [],
      listed: false,
      unreadable: `There was an error parsing the document. Error:\n${error.message}`,
    };
  }
}

/** Where Blurr would end with an exception of Python. */
class Unreadable extends Error {}

interface Spec {
  readonly name: string;
  readonly at: Path;
  readonly map: YamlMap;
}

class Validator {
  readonly #yaml: YamlFile;
  readonly #specs = new Map<string, Spec>();
  /** Those looked at in the second pass. */
  readonly #seen = new Set<string>();
  readonly #errors = new Map<string, ValidationError>();
  listed = false;

  constructor(yaml: YamlFile) {
    this.#yaml = yaml;
  }

  validate(): ValidationError[] {
    const root = this.#yaml.value;
    if (!isMap(root) || !Object.hasOwn(root, "Name")) throw new Unreadable("expected a map with a Name");
    const name = this.#add(root, [], null)!;
    this.listed = this.#errors.size === 0;
    if (this.listed) this.#visit(name);
    return [...this.#errors.values()];
  }

  /** First pass: every map that has a name. */
  #add(map: YamlMap, at: Path, parent: string | null): string | null {
    if (!Object.hasOwn(map, "Name")) return null;
    const own = this.#python(map, at, "Name");
    if (own.type !== "str") throw new Unreadable(`a name is text, not ${own.text}`);
    const name = parent === null ? own.text : `${parent}.${own.text}`;
    this.#required(name, map, ["Type"]);
    if (Object.hasOwn(map, "Type")) {
      const type = this.#python(map, at, "Type");
      const lower = type.text.toLowerCase();
      if (type.type !== "str" || (!Object.hasOwn(REQUIRED, lower) && !NAMED_ONLY.includes(lower)))
        this.#error("InvalidTypeError", name, "Type", `no type is called ${type.text}`, "TYPE_NOT_DEFINED");
    }
    this.#specs.set(name, { name, at, map });
    for (const [key, value] of Object.entries(map)) {
      if (isMap(value)) this.#add(value, [...at, key], name);
      if (!Array.isArray(value)) continue;
      value.forEach((item, index) => {
        if (isMap(item)) this.#add(item, [...at, key, index], name);
      });
    }
    return name;
  }

  /** Second pass: a spec, and what it leads to. */
  #visit(name: string): void {
    if (this.#seen.has(name)) return;
    this.#seen.add(name);
    const spec = this.#specs.get(name);
    if (spec === undefined) {
      this.#error("SpecNotFoundError", name, null, "");
      return;
    }
    const { map, at } = spec;
    const type = this.#python(map, at, "Type").text.toLowerCase();
    if (!Object.hasOwn(REQUIRED, type)) {
      this.#error("InvalidTypeError", name, "Type", `nothing is made of ${type}`, "TYPE_NOT_LOADED");
      return;
    }
    const before = this.#errors.size;
    this.#empty(spec);
    this.#identifier(spec);
    this.#required(name, map, REQUIRED[type]!);
    for (const attribute of ["When", "Value", "Identity", "Time"]) this.#expression(spec, attribute);
    if (type.startsWith("blurr:transform:")) this.#header(spec, type, this.#errors.size === before);
    if (type.startsWith("blurr:aggregate:")) this.#aggregate(spec, type);
  }

  #header({ name, map, at }: Spec, type: string, sound: boolean): void {
    this.#oneOf({ name, map, at }, "Version", ["2018-03-01"]);
    if (type === "blurr:transform:window" && sound) this.#anchor(`${name}.anchor`, map.Anchor, [...at, "Anchor"]);
    if (type === "blurr:transform:streaming") this.#nested(name, map, "Stores");
    this.#nested(name, map, "Aggregates");
  }

  #anchor(name: string, map: unknown, at: Path): void {
    if (!isMap(map)) throw new Unreadable("Anchor is no map");
    this.#required(name, map, ["Condition"]);
    this.#number({ name, map, at }, "Max", 1);
    this.#expression({ name, map, at }, "Condition");
  }

  #aggregate({ name, map, at }: Spec, type: string): void {
    if (type === "blurr:aggregate:activity") this.#number({ name, map, at }, "SeparateByInactiveSeconds", 1);
    if (type === "blurr:aggregate:window") this.#number({ name, map, at }, "WindowValue", null);
    if (type === "blurr:aggregate:identity" || type === "blurr:aggregate:block") {
      for (const nested of this.#nested(name, map, "Dimensions"))
        this.#oneOf(this.#specs.get(nested)!, "Type", ["integer", "string"]);
    }
    this.#nested(name, map, "Fields");
    const store = Object.hasOwn(map, "Store") ? this.#python(map, at, "Store") : null;
    if (store === null || !store.truth) return;
    const [transform] = name.split(".");
    const path = `${transform}.${store.text}`;
    this.#visit(path);
    const found = this.#specs.get(path);
    if (found === undefined) return;
    const storeType = this.#python(found.map, found.at, "Type").text.toLowerCase();
    if (!STORE_TYPES.includes(storeType))
      this.#error("InvalidTypeError", path, "Type", `${storeType} is no store`, "INCORRECT_BASE");
  }

  /** The paths of the specs in a list. */
  #nested(name: string, map: YamlMap, attribute: string): string[] {
    if (!Object.hasOwn(map, attribute)) return [];
    const list = map[attribute];
    if (!Array.isArray(list)) {
      if (typeof list === "string" && list === "") return [];
      throw new Unreadable(`${attribute} is no list`);
    }
    const paths = list.map((item) => {
      if (!isMap(item) || typeof item.Name !== "string") throw new Unreadable(`an element of ${attribute} has no Name`);
      return `${name}.${item.Name}`;
    });
    for (const path of paths) this.#visit(path);
    return paths;
  }

  #required(name: string, map: YamlMap, attributes: readonly string[]): void {
    for (const attribute of attributes) {
      if (Object.hasOwn(map, attribute)) continue;
      const message = `Attribute \`${attribute}\` must be present under \`${name}\`.`;
      this.#error("RequiredAttributeError", name, attribute, message);
    }
  }

  #empty({ name, map, at }: Spec): void {
    for (const attribute of Object.keys(map)) {
      if (this.#python(map, at, attribute).truth) continue;
      const message = `Attribute \`${attribute}\` under \`${name}\` cannot be left empty.`;
      this.#error("EmptyAttributeError", name, attribute, message);
    }
  }

  #identifier({ name, map, at }: Spec): void {
    const own = this.#python(map, at, "Name").text;
    const wrong = own.startsWith("_")
      ? ["STARTS_WITH_UNDERSCORE", "Identifiers starting with underscore `_` are reserved."]
      : own.startsWith("run_")
        ? ["STARTS_WITH_RUN", "Identifiers starting with `run_` are reserved."]
        : IDENTIFIER.test(own)
          ? null
          : ["INVALID_PYTHON_IDENTIFIER", "Identifiers must be valid Python identifiers."];
    if (wrong === null) return;
    const [reason, why] = wrong as [string, string];
    this.#error(
      "InvalidIdentifierError",
      name,
      "Name",
      `\`Name: ${own}\` in section \`${name}\` is invalid. ${why}`,
      reason,
    );
  }

  #expression({ name, map, at }: Spec, attribute: string): void {
    if (!Object.hasOwn(map, attribute)) return;
    const code = this.#python(map, at, attribute);
    if (!code.truth || code.text.trim() === "") return;
    const [problem] = parseExpression(code.text, { compat: true }).problems;
    if (problem === undefined) return;
    const message = `\`${attribute}: ${code.text}\` in section \`${name}\` is invalid Python expression. Compilation error: \n${problem.message}`;
    this.#error("InvalidExpressionError", name, attribute, message);
  }

  #number({ name, map, at }: Spec, attribute: string, min: number | null): void {
    if (!Object.hasOwn(map, attribute)) return;
    const value = integerOf(this.#python(map, at, attribute));
    if (value !== null && (min === null || value >= min)) return;
    const bound = min === null ? "" : `Must be greater than ${min}`;
    this.#error(
      "InvalidNumberError",
      name,
      attribute,
      `Attribute \`${attribute}\` under \`${name}\` must be of type \`int\`.  ${bound}`,
    );
  }

  #oneOf({ name, map, at }: Spec, attribute: string, values: readonly string[]): void {
    if (!Object.hasOwn(map, attribute)) return;
    const value = this.#python(map, at, attribute);
    if (value.type === "str" && values.includes(value.text)) return;
    const message = `Attribute \`${attribute}\` under \`${name}\` must have one of the following values: ${values.join(" | ")}`;
    this.#error("InvalidValueError", name, attribute, message);
  }

  #error(
    kind: ValidationError["kind"],
    path: string,
    attribute: string | null,
    message: string,
    reason: string | null = null,
  ): void {
    this.#errors.set(JSON.stringify([kind, path, attribute]), { kind, path, attribute, reason, message });
  }

  #python(map: YamlMap, at: Path, attribute: string): PythonValue {
    return pythonValue(this.#yaml, [...at, attribute], map[attribute]);
  }
}

/** `int(value)`; null: it raises. */
function integerOf({ type, text, truth }: PythonValue): number | null {
  if (type === "bool") return truth ? 1 : 0;
  if (type === "int") return Number(text);
  if (type === "float") return Number.isFinite(Number(text)) ? Math.trunc(Number(text)) : null;
  if (type !== "str" || !/^\s*[-+]?\d+(?:_\d+)*\s*$/.test(text)) return null;
  return Number(text.replaceAll("_", ""));
}
