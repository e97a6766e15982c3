// YAML with positions: every value knows where it stands, so that a schema's complaint names file, line and column.
import {
  Composer,
  type CST,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type ParsedNode,
  Parser,
  Scalar,
  stringify,
} from "yaml";
import type { z } from "zod";
import { didYouMean, type Mistake } from "../errors.ts";
import { limits } from "../limits.ts";
import { shorten } from "./mistakes.ts";
import type { Substituted } from "./substitute.ts";
import { offsetOf, type Style, type Written } from "./yaml-scalar.ts";

export type Path = readonly (string | number)[];

/** Where a value begins, and its key if it has one: offsets into the text. */
interface Placed {
  readonly at: number;
  readonly keyAt: number;
  readonly children: ReadonlyMap<string | number, Placed>;
  /** Up to where; of a scalar also how it is written. */
  readonly end?: number;
  readonly style?: Style;
}

const NO_CHILDREN: ReadonlyMap<string | number, Placed> = new Map();

/** One parsed file: plain values (maps have no prototype), and the place of each. */
export class YamlFile {
  readonly file: string;
  readonly value: unknown;
  readonly #text: string;
  readonly #lines: LineCounter;
  readonly #root: Placed;

  constructor(file: string, text: string, lines: LineCounter, value: unknown, root: Placed) {
    this.file = file;
    this.value = value;
    this.#text = text;
    this.#lines = lines;
    this.#root = root;
  }

  /** A mistake about the value at `path`, or about its key; what isn't there is placed where it should be. */
  mistake(path: Path, message: string, about: "value" | "key" = "value"): Mistake {
    const { placed, whole } = this.#find(path);
    return mistakeAt(this.file, this.#text, this.#lines, about === "key" && whole ? placed.keyAt : placed.at, message);
  }

  /** A mistake about one character of the text at `path`: `index` counts UTF-16 units of the value. */
  mistakeIn(path: Path, value: string, index: number, message: string): Mistake {
    const written = this.written(path);
    const offset = written === null ? this.#find(path).placed.at : offsetOf(written, value, index);
    return mistakeAt(this.file, this.#text, this.#lines, offset, message);
  }

  /** How the scalar at `path` is written; null: there is none. */
  written(path: Path): Written | null {
    const { placed, whole } = this.#find(path);
    const { at, end, style } = placed;
    if (!whole || end === undefined || style === undefined) return null;
    return { text: this.#text.slice(at, end), start: at, style };
  }

  /** The text of what stands at `path`, as it is written; null: nothing does. */
  sourceOf(path: Path): string | null {
    const { placed, whole } = this.#find(path);
    return whole && placed.end !== undefined ? this.#text.slice(placed.at, placed.end) : null;
  }

  /** What stands at `path`, or the last that is there on the way to it. */
  #find(path: Path): { placed: Placed; whole: boolean } {
    let placed = this.#root;
    for (const step of path) {
      const child = placed.children.get(step);
      if (child === undefined) return { placed, whole: false };
      placed = child;
    }
    return { placed, whole: true };
  }
}

/** The parser's own count misses lines within what it can't read. */
function linesOf(text: string): LineCounter {
  const lines = new LineCounter();
  lines.addNewLine(0);
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines.addNewLine(at + 1);
  return lines;
}

function mistakeAt(file: string, text: string, lines: LineCounter, offset: number, message: string): Mistake {
  const { line, col } = lines.linePos(Math.min(offset, text.length));
  if (line === 0) return { file, line: 1, column: 1, message };
  // In code points, as editors count: linePos counts UTF-16 units.
  const start = lines.lineStarts[line - 1]!;
  return { file, line, column: [...text.slice(start, start + col - 1)].length + 1, message };
}

/**
 * What becomes of a key that stands twice: `refuse` the file; `join` its lists, say so and read on, so that the rest
 * can be checked too; `last` wins in silence, as with most readers of YAML.
 */
export type Repeated = "refuse" | "join" | "last";

/**
 * Parses one YAML 1.2 document. What is wrong is added to `mistakes`; null when there is nothing to work with.
 * Duplicate keys, tabs as indentation, tags, several documents, and more nesting or aliases than
 * `limits.yamlDepth` and `limits.yamlNodes` allow are mistakes.
 *
 * @param fill  puts `${…}` into text values; its result is text, or null when an unquoted value came out empty
 */
export function parseYaml(
  text: string,
  file: string,
  mistakes: Mistake[],
  fill: (text: string) => Substituted = (same) => ({ text: same }),
  repeated: Repeated = "refuse",
): YamlFile | null {
  const lines = linesOf(text);
  const say = (offset: number, message: string) => mistakes.push(mistakeAt(file, text, lines, offset, message));
  if (text.length > limits.yamlBytes) {
    say(0, `is ${text.length} characters long, at most ${limits.yamlBytes} are read`);
    return null;
  }

  // The composer is recursive, so nesting is measured first, on the flat walk of the parser.
  const tokens = [...new Parser().parse(text)];
  const deep = tooDeep(tokens);
  if (deep !== null) {
    say(deep, `is nested deeper than ${limits.yamlDepth} levels`);
    return null;
  }
  const options = { schema: "core", uniqueKeys: false, stringKeys: true, prettyErrors: false } as const;
  const documents = [...new Composer(options).compose(tokens, true, text.length)];
  const errors = documents.flatMap((document) => [...document.errors, ...document.warnings]);
  for (const { code, message, pos } of errors.slice(0, limits.mistakesPerFile))
    say(pos[0], SAYINGS[code] ?? lower(message));
  if (errors.length > 0) return null;
  if (documents.length > 1) {
    say(documents[1]!.range[0], "a second document begins here: a file holds one");
    return null;
  }
  const contents = documents[0]!.contents as ParsedNode | null;
  if (contents === null || (isScalar(contents) && contents.value === null)) {
    mistakes.push({ file, line: 1, column: 1, message: "is empty" });
    return null;
  }

  const before = mistakes.length;
  const reader = new Reader(say, fill, repeated);
  const { value, placed } = reader.read(contents);
  if (mistakes.length > before + reader.joined) return null;
  return new YamlFile(file, text, lines, value, placed);
}

const SAYINGS: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: "a tab is used for indentation: use spaces",
  NON_STRING_KEY: "a key must be plain text",
  TAG_RESOLVE_FAILED: "tags ('!…') are not used here",
};

function lower(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1, 200);
}

/** The offset of the first token beyond the bound; null: there is none. */
function tooDeep(tokens: readonly CST.Token[]): number | null {
  const open: { token: CST.Token; depth: number }[] = tokens.map((token) => ({ token, depth: -1 }));
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { token, depth } = next;
    if (depth > limits.yamlDepth) return token.offset;
    if ("value" in token && token.value) open.push({ token: token.value, depth: depth + 1 });
    if (!("items" in token)) continue;
    for (const { key, value } of token.items) {
      if (key) open.push({ token: key, depth: depth + 1 });
      if (value) open.push({ token: value, depth: depth + 1 });
    }
  }
  return null;
}

const STYLES: Readonly<Record<string, Style>> = {
  [Scalar.QUOTE_SINGLE]: "single",
  [Scalar.QUOTE_DOUBLE]: "double",
  [Scalar.BLOCK_FOLDED]: "block",
  [Scalar.BLOCK_LITERAL]: "block",
};

/** The elements of two lists as those of one. */
function joinedChildren(first: Placed, second: Placed): Map<number, Placed> {
  return new Map([...first.children.values(), ...second.children.values()].map((child, index) => [index, child]));
}

/** Turns nodes into plain values and their places, following aliases within bounds. */
class Reader {
  readonly #say: (offset: number, message: string) => void;
  readonly #fill: (text: string) => Substituted;
  readonly #repeated: Repeated;
  /** In document order, so that an alias means the last anchor before it. */
  readonly #anchors = new Map<string, ParsedNode>();
  #nodes = 0;
  /** Repeated keys that were told of and read nevertheless. */
  joined = 0;

  constructor(say: (offset: number, message: string) => void, fill: (text: string) => Substituted, repeated: Repeated) {
    this.#say = say;
    this.#fill = fill;
    this.#repeated = repeated;
  }

  read(node: ParsedNode | null, keyAt = node?.range[0] ?? 0, depth = 0): { value: unknown; placed: Placed } {
    const at = node?.range[0] ?? keyAt;
    const leaf = { at, keyAt, children: NO_CHILDREN };
    if (++this.#nodes > limits.yamlNodes || depth > limits.yamlDepth) {
      if (this.#nodes === limits.yamlNodes + 1) this.#say(at, `more than ${limits.yamlNodes} values, aliases followed`);
      else if (depth > limits.yamlDepth)
        this.#say(at, `is nested deeper than ${limits.yamlDepth} levels, aliases followed`);
      this.#nodes = Math.max(this.#nodes, limits.yamlNodes + 1); // One complaint is enough: read nothing more.
      return { value: null, placed: leaf };
    }
    if (node === null) return { value: null, placed: leaf };
    if (isAlias(node)) {
      const target = this.#anchors.get(node.source);
      if (target !== undefined) return { ...this.read(target, keyAt, depth + 1) };
      this.#say(at, `no anchor '&${shorten(node.source)}' stands before this alias`);
      return { value: null, placed: leaf };
    }
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    if (isMap(node)) return this.#map(node, keyAt, depth);
    if (isSeq(node)) {
      const children = new Map<number, Placed>();
      const value = node.items.map((item, index) => {
        const read = this.read(item as ParsedNode | null, (item as ParsedNode | null)?.range[0] ?? at, depth + 1);
        children.set(index, read.placed);
        return read.value;
      });
      return { value, placed: { at, keyAt, children, end: node.range[1] } };
    }
    const style = STYLES[node.type ?? Scalar.PLAIN] ?? "plain";
    return { value: this.#scalar(node), placed: { ...leaf, end: node.range[1], style } };
  }

  #map(node: ParsedNode & { items: unknown[] }, keyAt: number, depth: number): { value: unknown; placed: Placed } {
    const children = new Map<string, Placed>();
    const value: Record<string, unknown> = Object.create(null);
    for (const pair of node.items as { key: ParsedNode; value: ParsedNode | null }[]) {
      const key = isScalar(pair.key) ? String(pair.key.value) : "";
      const read = this.read(pair.value, pair.key.range[0], depth + 1);
      const before = children.get(key);
      if (key === "__proto__") this.#say(pair.key.range[0], "no key may be called '__proto__'");
      else if (before === undefined || this.#repeated === "last") {
        children.set(key, read.placed);
        value[key] = read.value;
      } else {
        const lists = this.#repeated === "join" && Array.isArray(value[key]) && Array.isArray(read.value);
        const hint = lists ? ": expected one list, with these elements at its end" : "";
        this.#say(pair.key.range[0], `the key '${shorten(key)}' stands twice${hint}`);
        if (this.#repeated === "refuse" || this.joined === limits.mistakesPerFile) continue;
        this.joined++;
        if (!lists) continue;
        children.set(key, { ...before, children: joinedChildren(before, read.placed) });
        value[key] = [...(value[key] as unknown[]), ...(read.value as unknown[])];
      }
    }
    return { value, placed: { at: node.range[0], keyAt, children, end: node.range[1] } };
  }

  #scalar(node: Scalar.Parsed): unknown {
    const { value } = node;
    if (typeof value !== "string" || !value.includes("${")) return value;
    const filled = this.#fill(value);
    if ("text" in filled) return filled.text === "" && node.type === Scalar.PLAIN ? null : filled.text;
    this.#say(node.range[0], filled.mistake);
    return value;
  }
}

/**
 * Holds a file against its schema. Each issue becomes a mistake at the place it is about; unknown keys are
 * compared with those that the schema has there.
 *
 * @returns null when there were mistakes
 */
export function check<S extends z.ZodType>(yaml: YamlFile, schema: S, mistakes: Mistake[]): z.output<S> | null {
  const result = schema.safeParse(yaml.value);
  if (result.success) return result.data;
  const issues = result.error.issues.slice(0, limits.mistakesPerFile * 5).flatMap(ofForm);
  for (const issue of issues) {
    const path = issue.path as Path;
    if (issue.code === "unrecognized_keys") {
      const known = keysAt(schema, path);
      for (const key of issue.keys.slice(0, limits.mistakesPerFile * 5)) {
        mistakes.push(yaml.mistake([...path, key], unknownKey(key, known), "key"));
      }
    } else mistakes.push(yaml.mistake(path, issue.message));
  }
  return null;
}

/** Of a value that may have several forms: what is wrong with the one that it has, if that can be told. */
function ofForm(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== "invalid_union") return [issue];
  const meant = issue.errors.filter(
    (form) => !form.some(({ code, path }) => code === "invalid_type" && path.length === 0),
  );
  if (meant.length !== 1) return [issue];
  return meant[0]!.flatMap((inner) => ofForm({ ...inner, path: [...issue.path, ...inner.path] }));
}

/** "unknown key 'plcae' (did you mean 'place'?)", or the keys there are when none is near. */
function unknownKey(key: string, known: readonly string[]): string {
  const near = key.length <= 64 ? didYouMean(key, known) : "";
  return `unknown key '${shorten(key)}'${near || (known.length === 0 ? "" : `: expected ${known.join(", ")}`)}`;
}

/** The keys that a schema knows at a path. */
function keysAt(schema: z.ZodType, path: Path): string[] {
  let nodes = formsOf(schema as unknown as AnySchema);
  for (const step of path) {
    const below = nodes.flatMap(({ def }) => def.shape?.[step] ?? def.valueType ?? def.element ?? []);
    nodes = below.flatMap(formsOf);
  }
  return nodes.flatMap(({ def }) => Object.keys(def.shape ?? {}));
}

/** As much of Zod's definitions as a walk down a path needs. */
interface AnySchema {
  readonly def: {
    readonly type: string;
    readonly shape?: Readonly<Record<string, AnySchema>>;
    readonly valueType?: AnySchema;
    readonly element?: AnySchema;
    readonly innerType?: AnySchema;
    readonly in?: AnySchema;
    readonly out?: AnySchema;
    readonly options?: readonly AnySchema[];
  };
}

/** The schema; of one with several forms, each of them. */
function formsOf(schema: AnySchema): AnySchema[] {
  const node = unwrap(schema);
  return node.def.options?.flatMap(formsOf) ?? [node];
}

function unwrap(schema: AnySchema): AnySchema {
  const { innerType, in: before, out: after } = schema.def;
  if (innerType !== undefined) return unwrap(innerType);
  if (before !== undefined && after !== undefined) return unwrap(before.def.type === "transform" ? after : before);
  return schema;
}

/** Plain data as YAML, for `aisle config`. */
export function printYaml(value: unknown): string {
  return stringify(value, { lineWidth: 120, aliasDuplicateObjects: false });
}
