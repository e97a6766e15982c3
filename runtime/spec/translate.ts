// A spec in an older dialect → the same in today's form, comments kept.
import {
  type Document,
  isCollection,
  isMap,
  isScalar,
  LineCounter,
  type Pair,
  parseDocument,
  type Scalar,
  visit,
  type YAMLMap,
  YAMLSeq,
} from "yaml";
import { parseYaml } from "../data/yaml.ts";
import type { Mistake } from "../errors.ts";
import { AGGREGATE_TYPES, HEADER_TYPES, IMPLIED_IMPORTS, STORE_TYPES, typeNamed, VERSIONS } from "./dialect.ts";
import { kindOfSpec, loadStreaming, loadWindow } from "./load.ts";
import { modernise, type OlderWords } from "./older.ts";
import { parseExpression } from "./parse.ts";
import { Report } from "./report.ts";
import { type AggregateShape, nodesOf, shapesOf, wordsOf } from "./shapes.ts";
import { type Entry, type Node, readTree, type YamlMap } from "./tree.ts";
import { walk } from "./walk.ts";

export interface Translated {
  /** Null: there are mistakes, or it is no spec. */
  readonly text: string | null;
  /** False: it is in today's form already, and `text` is as it was. */
  readonly changed: boolean;
  readonly mistakes: readonly Mistake[];
}

/** Only what loads can be translated; a window spec's names are not checked, as they need its streaming spec. */
export function translate(text: string, file: string): Translated {
  const kind = kindOfSpec(text) ?? "streaming";
  const { mistakes } = kind === "streaming" ? loadStreaming(text, file) : loadWindow(text, file, null);
  if (mistakes.length > 0) return { text: null, changed: false, mistakes };

  const report = new Report(parseYaml(text, file, [])!);
  const header = typeNamed(HEADER_TYPES, (report.yaml.value as YamlMap).Type)!;
  const tree = readTree(report, { header, compat: false });
  const lines = new LineCounter();
  const document = parseDocument(text, { schema: "core", stringKeys: true, lineCounter: lines });
  const alias = firstAlias(document);
  if (alias !== null) {
    const { line, col } = lines.linePos(alias);
    const message = "what stands in several places by an alias ('*…') can't be translated: write it out";
    return { text: null, changed: false, mistakes: [{ file, line, column: col, message }] };
  }
  const translator = new Translator(document, tree, report);
  if (!translator.run()) return { text, changed: false, mistakes: [] };
  return { text: document.toString({ lineWidth: 0 }), changed: true, mistakes: [] };
}

/** Where an alias stands; null: nowhere. */
function firstAlias(document: Document): number | null {
  let at: number | null = null;
  visit(document, {
    Alias(_, { range }) {
      at = range?.[0] ?? 0;
      return visit.BREAK;
    },
  });
  return at;
}

class Translator {
  readonly #document: Document;
  readonly #tree: Node;
  readonly #shapes: readonly AggregateShape[];
  readonly #inWindowSpec: boolean;
  /** Names that expressions use. */
  readonly #used = new Set<string>();
  #changed = false;

  constructor(document: Document, tree: Node, report: Report) {
    this.#document = document;
    this.#tree = tree;
    this.#shapes = shapesOf(nodesOf(tree.entries.get("Aggregates")), report, false);
    this.#inWindowSpec = tree.kind === "window";
  }

  /** @returns whether anything changed */
  run(): boolean {
    const { dialect, entries } = this.#tree;
    const words = wordsOf(dialect, this.#shapes, null, this.#inWindowSpec);
    this.#retype(
      entries.get("Type"),
      HEADER_TYPES.find(({ name, kind }) => kind === this.#tree.kind && name.startsWith("Blurr:Transform:"))!.name,
    );
    if (entries.get("Version")?.value !== VERSIONS.today[0]) this.#set(entries.get("Version"), VERSIONS.today[0]!);
    for (const name of ["Identity", "Time", "When"]) this.#code(entries.get(name), words);
    this.#code(entries.get("Anchor")?.nodes[0]?.entries.get("Condition"), words);
    for (const shape of this.#shapes) this.#aggregate(shape);
    for (const store of nodesOf(entries.get("Stores"))) this.#store(store);
    this.#renamed(this.#tree);
    this.#headerLists();
    this.#imports();
    return this.#changed;
  }

  #aggregate(shape: AggregateShape): void {
    const { node, kind, fields, dimensions } = shape;
    const words = wordsOf(this.#tree.dialect, this.#shapes, shape, this.#inWindowSpec);
    this.#retype(
      node.entries.get("Type"),
      AGGREGATE_TYPES.find((type) => type.dialect === "today" && type.kind === (kind === "split" ? "block" : kind))!
        .name,
    );
    for (const name of ["When", "Split"]) this.#code(node.entries.get(name), words);
    for (const { node: field } of [...fields, ...dimensions]) this.#field(field, words);
    this.#renamed(node);
    const map = this.#map(node);
    if (map.has("Window")) this.#unfoldWindow(node, map);
    const store = nodesOf(this.#tree.entries.get("Stores"))[0]?.entries.get("Name")?.value;
    if (!this.#inWindowSpec && kind !== "variable" && !map.has("Store") && store !== undefined)
      this.#insert(map, "Name", "Store", store);
    // A block that never ends was one that said nothing.
    if (kind === "split" && !map.has("Split")) this.#insert(map, map.has("Store") ? "Store" : "Name", "Split", false);
    if (this.#inWindowSpec) this.#drop(map, "Store");
  }

  #field(node: Node, words: OlderWords): void {
    for (const name of ["Value", "When"]) this.#code(node.entries.get(name), words);
    this.#renamed(node);
    const map = this.#map(node);
    if (!map.has("Type")) this.#insert(map, "Name", "Type", "string");
    if (this.#tree.dialect !== "today") this.#drop(map, "Atomic");
  }

  /** Window: {Type, Value, Source, Name} → WindowType, WindowValue, Source. */
  #unfoldWindow({ entries }: Node, map: YAMLMap): void {
    const at = map.items.findIndex((pair) => keyOf(pair) === "Window");
    const window = map.items[at]!;
    const inner = isMap(window.value) ? window.value : ((window.value as unknown as YAMLSeq).items[0] as YAMLMap);
    const today: Readonly<Record<string, string>> = {
      Type: "WindowType",
      Value: "WindowValue",
      Values: "WindowValue",
      Source: "Source",
    };
    const pairs = inner.items.filter((pair) => Object.hasOwn(today, keyOf(pair)));
    for (const pair of pairs) (pair.key as Scalar).value = today[keyOf(pair)]!;
    const [first] = pairs;
    // What was said above the window is said above what it became.
    if (first !== undefined) {
      const comments = [
        (window.key as Scalar).commentBefore,
        (first.key as Scalar).commentBefore ?? inner.commentBefore,
      ];
      const comment = comments.filter((text) => typeof text === "string").join("\n");
      if (comment !== "") (first.key as Scalar).commentBefore = comment;
      if ((window.key as Scalar).spaceBefore === true) (first.key as Scalar).spaceBefore = true;
    }
    map.items.splice(at, 1, ...pairs);
    if (!map.has("Name")) this.#insert(map, "Type", "Name", entries.get("Name")!.value);
    this.#changed = true;
  }

  #store(node: Node): void {
    const map = this.#map(node);
    const type = typeNamed(STORE_TYPES, node.entries.get("Type")?.value)!;
    const kept = type.name.endsWith("DynamoDB") && map.has("Table");
    this.#retype(
      node.entries.get("Type"),
      type.dialect === "today" ? type.name : kept ? "Blurr:Store:Dynamo" : "Blurr:Store:Memory",
    );
    const units = map.get("ReadWriteUnits");
    if (units !== undefined) {
      this.#insert(map, "ReadWriteUnits", "WriteCapacityUnits", units);
      this.#insert(map, "ReadWriteUnits", "ReadCapacityUnits", units);
      this.#drop(map, "ReadWriteUnits");
    }
    this.#renamed(node);
  }

  /** A single store becomes a list; what a window spec says of stores has no effect, and S3 is no type any more. */
  #headerLists(): void {
    const map = this.#map(this.#tree);
    if (this.#inWindowSpec) {
      if (this.#tree.dialect === "draft") for (const name of ["Stores", "Time"]) this.#drop(map, name);
      return;
    }
    const pair = map.items.find((item) => keyOf(item) === "Stores");
    if (pair === undefined || !isMap(pair.value)) return;
    const list = new YAMLSeq();
    list.items.push(pair.value);
    pair.value = list;
    this.#changed = true;
  }

  /** What older dialects had without an import. */
  #imports(): void {
    const implied = IMPLIED_IMPORTS[this.#tree.dialect] ?? [];
    const missing = implied.filter(({ identifiers }) => identifiers!.some((name) => this.#used.has(name)));
    const map = this.#map(this.#tree);
    if (missing.length === 0 || map.has("Import")) return;
    const list = this.#document.createNode(
      missing.map(({ module, identifiers }) => ({ Module: module, Identifiers: identifiers })),
    ) as YAMLSeq;
    for (const item of list.items) if (isCollection(item)) item.flow = true;
    this.#insert(map, map.has("Description") ? "Description" : "Name", "Import", list);
  }

  /** Today's names for the attributes of a node. */
  #renamed(node: Node): void {
    const map = this.#map(node);
    for (const [name, { path }] of node.entries) {
      const written = path.at(-1);
      if (written === name || path.length !== node.path.length + 1) continue;
      const pair = map.items.find((item) => keyOf(item) === written);
      if (pair === undefined) continue;
      (pair.key as Scalar).value = name;
      this.#changed = true;
    }
  }

  #code(entry: Entry | undefined, words: OlderWords): void {
    if (typeof entry?.value !== "string") return;
    const { text } = modernise(entry.value, words);
    const { expr } = parseExpression(text);
    if (expr !== null) {
      walk(expr, (part, bound) => {
        if (part.kind === "name" && !bound.has(part.name)) this.#used.add(part.name);
        return false;
      });
    }
    if (text !== entry.value) this.#set(entry, text);
  }

  /** Another type, where the dialect has another name for it; another case stays. */
  #retype(entry: Entry | undefined, name: string): void {
    if (typeof entry?.value === "string" && entry.value.toLowerCase() !== name.toLowerCase()) this.#set(entry, name);
  }

  #set(entry: Entry | undefined, value: string): void {
    const node = entry === undefined ? undefined : this.#document.getIn(entry.path, true);
    if (!isScalar(node)) return;
    node.value = value;
    this.#changed = true;
  }

  #insert(map: YAMLMap, behind: string, key: string, value: unknown): void {
    const at = map.items.findIndex((pair) => keyOf(pair) === behind);
    map.items.splice(at + 1, 0, this.#document.createPair(key, value) as Pair<Scalar, never>);
    this.#changed = true;
  }

  #drop(map: YAMLMap, key: string): void {
    if (map.delete(key)) this.#changed = true;
  }

  #map({ path }: Node): YAMLMap {
    return (path.length === 0 ? this.#document.contents : this.#document.getIn(path, true)) as YAMLMap;
  }
}

function keyOf(pair: Pair<unknown, unknown>): string {
  return String((pair.key as Scalar).value);
}
