// A spec's YAML as a tree of nodes, each of a known kind, with today's attribute names whatever the dialect; held
// against `attributes.ts`. What is wrong is reported; a slip that is near to something is read as that.
import { found, shorten } from "../data/mistakes.ts";
import type { Path } from "../data/yaml.ts";
import { didYouMean, nearest } from "../errors.ts";
import { limits } from "../limits.ts";
import { AGGREGATES_OF, ATTRIBUTES, type Attribute, type Attributes, type NodeKind } from "./attributes.ts";
import {
  AGGREGATE_TYPES,
  type AggregateKind,
  type AggregateType,
  type Dialect,
  type HeaderType,
  LABEL_TYPES,
  modernName,
  namesOf,
  typeNamed,
} from "./dialect.ts";
import { expectation, formMistake } from "./forms.ts";
import type { Report } from "./report.ts";

/** One map of the file. */
export interface Node {
  readonly kind: NodeKind;
  readonly path: Path;
  /** The dialect that its attributes are of. */
  readonly dialect: Dialect;
  readonly entries: ReadonlyMap<string, Entry>;
}

/** One attribute of it. */
export interface Entry {
  readonly path: Path;
  readonly value: unknown;
  /** The maps in it, where it is a map or a list of maps. */
  readonly nodes: readonly Node[];
}

export interface TreeOptions {
  readonly header: HeaderType;
  /** As Blurr's `transform`, which checks next to nothing. */
  readonly compat: boolean;
}

/** The tree of a file that is a map, and whose header is of that type. */
export function readTree(report: Report, options: TreeOptions): Node {
  const { kind, dialect } = options.header;
  return new TreeReader(report, options).node(kind, [], report.yaml.value as YamlMap, dialect);
}

export type YamlMap = Readonly<Record<string, unknown>>;

export function isMap(value: unknown): value is YamlMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

class TreeReader {
  readonly #report: Report;
  readonly #header: HeaderType;
  readonly #compat: boolean;

  constructor(report: Report, { header, compat }: TreeOptions) {
    this.#report = report;
    this.#header = header;
    this.#compat = compat;
  }

  node(kind: NodeKind, path: Path, value: YamlMap, dialect: Dialect): Node {
    const attributes = this.#attributesOf(kind);
    const keys = this.#keys(kind, path, value, attributes);
    const entries = new Map<string, Entry>();
    for (const [name, key] of keys) {
      const entry = this.#entry([...path, key], value[key], attributes[name]!, dialect);
      if (entry !== null) entries.set(name, entry);
    }
    // The first draft's window stands in a map of its own.
    const span = entries.get("Window")?.nodes[0];
    if (span !== undefined) unfold(entries, span);
    const present = new Set([...keys.keys(), ...entries.keys()]);
    for (const [name, attribute] of Object.entries(attributes)) {
      this.#together(kind, path, name, attribute, present, dialect);
    }
    return { kind, path, dialect, entries };
  }

  /** What of a kind's attributes the dialect of the file has. */
  #attributesOf(kind: NodeKind): Attributes {
    const { dialect } = this.#header;
    return Object.fromEntries(
      Object.entries(ATTRIBUTES[kind]).filter(([, { only }]) => only === undefined || only.includes(dialect)),
    );
  }

  /** By attribute, the key that it stands under. */
  #keys(kind: NodeKind, path: Path, value: YamlMap, attributes: Attributes): Map<string, string> {
    const known = new Map(
      Object.entries(attributes).flatMap(([name, { alias }]) =>
        [...namesOf(name, this.#header.dialect), ...(alias === undefined ? [] : [alias])].map((key) => [key, name]),
      ),
    );
    const keys = new Map<string, string>();
    const strangers: string[] = [];
    for (const key of Object.keys(value)) {
      const name = known.get(key);
      if (name === undefined) strangers.push(key);
      else if (!keys.has(name)) keys.set(name, key);
      else this.#report.mistake([...path, key], `'${key}' says again what '${keys.get(name)}' says`, "key");
    }
    if (this.#compat) return keys;

    for (const key of strangers) {
      const open = [...known.keys()].filter((written) => !keys.has(known.get(written)!));
      const modern = modernName(key);
      const meant = modern !== null && open.includes(modern) ? modern : key.length > 64 ? null : nearest(key, open);
      const hint =
        meant === null
          ? `: ${nameOf(kind)} has ${open.join(", ") || "all that it can have"}`
          : ` (did you mean '${meant}'?)`;
      this.#report.mistake([...path, key], `unknown attribute '${shorten(key)}'${hint}`, "key");
      if (meant !== null) keys.set(known.get(meant)!, key);
    }
    return keys;
  }

  /** Null: it is not what it should be, which was said. */
  #entry(path: Path, value: unknown, attribute: Attribute, dialect: Dialect): Entry | null {
    const { form } = attribute;
    if (attribute.idle === "told") this.#report.note(path, `'${path.at(-1)}' has no effect here`, "key");
    if (form.is === "list") return this.#list(path, value, form.of, attribute, dialect);
    if (form.is === "map") {
      const inner = Array.isArray(value) && value.length === 1 && form.of === "span" ? [...path, 0] : path;
      const map = inner === path ? value : (value as unknown[])[0];
      if (isMap(map)) return { path, value, nodes: [this.node(form.of, inner, map, dialect)] };
    }
    const mistake =
      form.is === "map"
        ? `expected ${expectation(form, dialect)}, found ${found(value)}`
        : formMistake(form, value, { dialect: this.#header.dialect, compat: this.#compat });
    if (mistake === null) return { path, value, nodes: [] };
    this.#report.mistake(path, mistake);
    return null;
  }

  #list(path: Path, value: unknown, of: NodeKind | "aggregate", attribute: Attribute, dialect: Dialect): Entry | null {
    // The first draft's grammar has one store, its examples a list.
    if (of === "store" && dialect === "draft" && isMap(value))
      return { path, value, nodes: [this.node("store", path, value, dialect)] };
    if (!Array.isArray(value) || (value.length === 0 && attribute.required === true)) {
      const what = `expected ${expectation(attribute.form, dialect)}`;
      this.#report.mistake(path, `${what}, found ${Array.isArray(value) ? "an empty one" : found(value)}`);
      return null;
    }
    const most = of === "aggregate" ? limits.specAggregates : limits.specItems;
    if (value.length > most) {
      this.#report.mistake(path, `has ${value.length} elements: at most ${most} are read`);
      return null;
    }
    const nodes = value.flatMap((item, index) => {
      const here = [...path, index];
      if (isMap(item)) return [of === "aggregate" ? this.#aggregate(here, item) : this.node(of, here, item, dialect)];
      this.#report.mistake(here, `expected a map that describes one ${of}, found ${found(item)}`);
      return [];
    });
    return { path, value, nodes };
  }

  #aggregate(path: Path, value: YamlMap): Node {
    const key = Object.hasOwn(value, "Type")
      ? "Type"
      : nearest(
          "Type",
          Object.keys(value).filter((key) => key.length < 8),
        );
    const written = key === null ? undefined : value[key];
    const type = key === null ? null : this.#aggregateType([...path, key], written);
    const kind = type?.kind ?? likelyKind(value, this.#header.kind);
    return this.node(`${kind} aggregate`, path, value, type?.dialect ?? this.#header.dialect);
  }

  #aggregateType(path: Path, written: unknown): AggregateType | null {
    const { kind, dialect } = this.#header;
    const fitting = AGGREGATE_TYPES.filter((type) => AGGREGATES_OF[kind].includes(type.kind));
    const type = typeNamed(AGGREGATE_TYPES, written);
    if (type !== null && fitting.includes(type)) return type;

    const names = fitting.filter((one) => one.dialect === dialect).map(({ name }) => name);
    const what = typeof written === "string" ? written : "";
    if (LABEL_TYPES.some((label) => label.toLowerCase() === what.toLowerCase())) {
      this.#report.mistake(path, `'${what}' was never made: expected ${BLOCK}, with Dimensions for the labels`);
      return typeNamed(AGGREGATE_TYPES, BLOCK);
    }
    if (type !== null) {
      const where =
        kind === "streaming" ? "a window spec, not in a streaming spec" : "a streaming spec, not in a window spec";
      this.#report.mistake(path, `'${shorten(what)}' stands in ${where}: expected ${names.join(", ")}`);
      return null;
    }
    const near =
      what.length > 64
        ? null
        : nearest(
            what,
            fitting.map(({ name }) => name),
          );
    const hint = near === null ? "" : didYouMean(what, [near]);
    this.#report.mistake(path, `expected ${names.join(", ")}, found ${found(written)}${hint}`);
    return typeNamed(AGGREGATE_TYPES, near);
  }

  /** What must stand, and what must not stand together. */
  #together(
    kind: NodeKind,
    path: Path,
    name: string,
    { required, optionalIn, lax, orElse, form }: Attribute,
    present: ReadonlySet<string>,
    dialect: Dialect,
  ): void {
    const other = orElse !== undefined && present.has(orElse) ? orElse : null;
    if (present.has(name)) {
      if (other !== null && !this.#compat)
        this.#report.mistake(path, `has both ${name} and ${other}: expected one of them`);
      return;
    }
    if (required !== true || other !== null || optionalIn?.includes(dialect) === true) return;
    if (lax === true && this.#compat) return;
    const written = namesOf(name, this.#header.dialect).at(-1);
    const instead = orElse === undefined ? "" : `, or ${orElse} instead`;
    const expected = `expected ${expectation(form, this.#header.dialect)}${instead}`;
    this.#report.mistake(path, `${nameOf(kind)} has no '${written}': ${expected}`);
  }
}

const BLOCK = "Blurr:Aggregate:Block";

/** What an aggregate without a type that is known may be meant as, by what else it says. */
function likelyKind(value: YamlMap, spec: "streaming" | "window"): AggregateKind {
  const has = (...keys: string[]) => keys.some((key) => Object.hasOwn(value, key));
  if (spec === "window") return has("WindowType", "WindowValue", "Source", "Window") ? "window" : "variable";
  if (has("SeparateByInactiveSeconds")) return "activity";
  if (has("Split", "Dimensions")) return "block";
  return has("Store") ? "identity" : "variable";
}

function unfold(entries: Map<string, Entry>, span: Node): void {
  const take = (from: string, to: string) => {
    const entry = span.entries.get(from);
    if (entry !== undefined && !entries.has(to)) entries.set(to, entry);
  };
  take("Type", "WindowType");
  take("Value", "WindowValue");
  take("Source", "Source");
  take("Name", "Name");
  take("Name", "WindowName");
  entries.delete("Window");
}

/** "the anchor", "the streaming spec": as messages call a node. */
function nameOf(kind: NodeKind): string {
  if (kind === "streaming" || kind === "window") return `the ${kind} spec`;
  return kind === "span" ? "the window" : `the ${kind}`;
}
