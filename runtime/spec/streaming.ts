// A streaming spec from its tree.
import { shorten } from "../data/mistakes.ts";
import { parseDuration } from "../data/units.ts";
import { didYouMean } from "../errors.ts";
import { IMPLIED_IMPORTS } from "./dialect.ts";
import { Expressions } from "./expressions.ts";
import { IDENTIFIER, retentionMs } from "./forms.ts";
import { type Import, type Imports, resolveImports } from "./imports.ts";
import type { Report } from "./report.ts";
import type { Scope } from "./scope.ts";
import { type AggregateShape, columnsOf, type FieldShape, named, nodesOf, shapesOf, wordsOf } from "./shapes.ts";
import type { Aggregate, Code, Field, Store, StreamingSpec } from "./spec.ts";
import type { Entry, Node, TreeOptions } from "./tree.ts";

/** What a window spec needs to know of its streaming spec; a `StreamingSpec` is one. */
export interface Outline {
  readonly name: string;
  readonly aggregates: readonly Pick<AggregateShape, "name" | "kind" | "columns">[];
}

const LATENESS_MS = 3_600_000;

/** The spec of a tree, and its outline even where the rest of it is wrong. Null: a mistake was told. */
export function streamingOf(
  tree: Node,
  report: Report,
  options: TreeOptions,
): { spec: StreamingSpec | null; outline: Outline | null } {
  return new StreamingReader(tree, report, options).read();
}

class StreamingReader {
  readonly #tree: Node;
  readonly #report: Report;
  readonly #options: TreeOptions;
  readonly #expressions: Expressions;

  constructor(tree: Node, report: Report, options: TreeOptions) {
    this.#tree = tree;
    this.#report = report;
    this.#options = options;
    this.#expressions = new Expressions(report, options.compat);
  }

  read(): { spec: StreamingSpec | null; outline: Outline | null } {
    const { entries } = this.#tree;
    const { compat, header } = this.#options;
    const stores = this.#stores();
    const shapes = shapesOf(nodesOf(entries.get("Aggregates")), this.#report, compat);
    if (!compat) checkNames(shapes, STREAMING_WORDS, this.#report);
    const imports = importsOf(this.#tree, this.#report, this.#options);

    const words = wordsOf(header.dialect, shapes, null, false);
    const first: Scope = {
      source: "event",
      time: false,
      identity: false,
      aggregates: [],
      whose: "stream",
      defined: 0,
      stream: null,
      anchor: null,
      bareFields: null,
      imports,
      compat,
    };
    const scope: Scope = { ...first, time: true, identity: true, aggregates: shapes, defined: shapes.length };
    const identity = this.#expressions.code(entries.get("Identity"), first, words);
    const time = this.#expressions.code(entries.get("Time"), first, words);
    const when = this.#expressions.code(entries.get("When"), scope, words, true);
    const aggregates = shapes.map((shape, index) => this.#aggregate(shape, index, shapes, scope, stores));

    const name = entries.get("Name")?.value;
    const outline = typeof name === "string" ? { name, aggregates: shapes } : null;
    const lateness = entries.get("Lateness")?.value;
    if (this.#report.mistakes.length > 0) return { spec: null, outline };
    const spec: StreamingSpec = {
      file: this.#report.yaml.file,
      name: outline!.name,
      identity: identity!,
      time: time!,
      when,
      latenessMs: typeof lateness === "string" ? parseDuration(lateness)! : LATENESS_MS,
      stores,
      aggregates: aggregates as Aggregate[],
    };
    return { spec, outline };
  }

  #stores(): Store[] {
    const byName = named(nodesOf(this.#tree.entries.get("Stores")), "a store", this.#report, this.#options.compat);
    return [...byName].map(([name, { entries, path }]) => {
      const retention = entries.get("Retention")?.value;
      const dynamo = String(entries.get("Type")?.value).toLowerCase() === "blurr:store:dynamo";
      if (dynamo && !entries.has("Table") && !this.#options.compat)
        this.#report.mistake(path, "the store has no 'Table', which Blurr:Store:Dynamo needs: expected a name");
      return { name, retentionMs: retention === undefined ? null : retentionMs(retention) };
    });
  }

  /** Null: something is wrong with it, which was told. */
  #aggregate(
    shape: AggregateShape,
    index: number,
    shapes: readonly AggregateShape[],
    everywhere: Scope,
    stores: readonly Store[],
  ): Aggregate | null {
    const { node, name } = shape;
    const { dialect } = this.#options.header;
    const words = wordsOf(dialect, shapes, shape, false);
    const scope = dialect === "draft" ? { ...everywhere, bareFields: index } : everywhere;
    const code = (entry: Entry | undefined, optional = false): Code | null =>
      this.#expressions.code(entry, scope, words, optional);
    const fieldOf = (field: FieldShape): Field | null => readField(field, code, this.#report);

    const store = this.#storeOf(node, shape.kind, stores);
    const when = code(node.entries.get("When"), true);
    const split = shape.kind === "split" ? code(node.entries.get("Split"), true) : null;
    const dimensions = shape.dimensions.map(fieldOf);
    const fields = shape.fields.map(fieldOf);
    if (this.#report.mistakes.length > 0) return null;

    const common = {
      name,
      when,
      fields: fields as Field[],
      columns: columnsOf(shape),
      at: this.#report.placeOf(node.path),
      store,
    };
    switch (shape.kind) {
      case "identity":
      case "block":
        return { ...common, kind: shape.kind, dimensions: dimensions as Field[] };
      case "split":
        return { ...common, kind: "split", split };
      case "activity": {
        const seconds = Number(node.entries.get("SeparateByInactiveSeconds")?.value ?? 0);
        return { ...common, kind: "activity", separateAfterMs: Math.max(0, seconds) * 1000 };
      }
      default:
        return { ...common, kind: "variable" };
    }
  }

  /** Index of the aggregate's store; in the first draft the only one need not be named. */
  #storeOf({ entries }: Node, kind: AggregateShape["kind"], stores: readonly Store[]): number | null {
    const entry = entries.get("Store");
    if (entry === undefined) return kind === "variable" || stores.length === 0 ? null : 0;
    const index = stores.findIndex(({ name }) => name === entry.value);
    if (index >= 0) return index;
    const names = stores.map(({ name }) => name);
    const near = didYouMean(String(entry.value).slice(0, 64), names);
    const known = names.length === 0 ? "the spec defines none" : `expected ${names.slice(0, 10).join(", ")}`;
    this.#report.mistake(entry.path, `no store is called '${shorten(String(entry.value))}'${near || `: ${known}`}`);
    return null;
  }
}

/** The names that a spec's `Import` brings, and those that older dialects had without one. */
export function importsOf({ entries }: Node, report: Report, { header, compat }: TreeOptions): Imports {
  const nodes = nodesOf(entries.get("Import")).filter(
    ({ entries }) => typeof entries.get("Module")?.value === "string",
  );
  const written = nodes.map(
    ({ entries }): Import => ({
      module: entries.get("Module")!.value as string,
      identifiers: (entries.get("Identifiers")?.value as string[] | undefined) ?? null,
    }),
  );
  const { imports, problems } = resolveImports(written, { compat });
  for (const { entry, identifier, message } of problems) {
    const { entries } = nodes[entry]!;
    const path = identifier === null ? entries.get("Module")!.path : [...entries.get("Identifiers")!.path, identifier];
    report.mistake(path, message);
  }
  const implied = resolveImports(IMPLIED_IMPORTS[header.dialect] ?? []).imports;
  return new Map([...implied, ...imports]);
}

const STREAMING_WORDS = ["source", "time", "identity"] as const;
export const WINDOW_WORDS = ["source", "anchor", "identity"] as const;

/** Aggregates that no expression could reach, and fields that only `['…']` reaches. */
export function checkNames(shapes: readonly AggregateShape[], taken: readonly string[], report: Report): void {
  for (const { name, node, fields, dimensions } of shapes) {
    if (taken.includes(name)) {
      const message = `'${name}' means something else in every expression: expected another name`;
      report.mistake(node.entries.get("Name")!.path, message);
    }
    for (const { name: field, node } of [...fields, ...dimensions]) {
      if (IDENTIFIER.test(field)) continue;
      report.note(node.entries.get("Name")!.path, `'${field}' is read as ${name}['${field}'] only`);
    }
  }
}

/** Null: something is wrong with it, which was told. */
export function readField(
  { name, type, column, node }: FieldShape,
  code: (entry: Entry | undefined, optional?: boolean) => Code | null,
  report: Report,
): Field | null {
  const value = code(node.entries.get("Value"));
  const when = code(node.entries.get("When"), true);
  return value === null || type === null ? null : { name, type, column, value, when, at: report.placeOf(node.path) };
}
