// The aggregates of a spec as their attributes tell, before any expression is looked at: names, columns, what they may
// be read as. Repeated names are told of here.
import type { AggregateKind, Dialect } from "./dialect.ts";
import { TIME_FIELDS } from "./dialect.ts";
import type { OlderWords } from "./older.ts";
import type { Report } from "./report.ts";
import { type Column, FIELD_TYPES, type FieldType } from "./spec.ts";
import type { Entry, Node } from "./tree.ts";

/** A column; the type is null where it is not known, which was told. */
export interface ColumnShape {
  readonly name: string;
  readonly type: FieldType | null;
}

/** An aggregate, or the draft of one: enough to resolve names by. */
export interface AggregateShape {
  readonly node: Node;
  readonly kind: AggregateKind | "split";
  readonly name: string;
  readonly columns: readonly ColumnShape[];
  readonly fields: readonly FieldShape[];
  readonly dimensions: readonly FieldShape[];
}

export interface FieldShape extends ColumnShape {
  readonly node: Node;
  /** Place in the aggregate's columns. */
  readonly column: number;
}

/** Nodes that have a name, each once: of a repeated name the first; with `compat` the last, in the place of the first. */
export function named(nodes: readonly Node[], what: string, report: Report, compat: boolean): Map<string, Node> {
  const byName = new Map<string, Node>();
  for (const node of nodes) {
    const entry = node.entries.get("Name");
    if (typeof entry?.value !== "string") continue;
    const before = byName.get(entry.value);
    if (before === undefined || compat) byName.set(entry.value, node);
    else {
      const { line } = report.placeOf(before.entries.get("Name")!.path);
      report.mistake(entry.path, `'${entry.value}' is the name of ${what} already, in line ${line}`);
    }
  }
  return byName;
}

export function shapesOf(nodes: readonly Node[], report: Report, compat: boolean): AggregateShape[] {
  return [...named(nodes, "an aggregate", report, compat)].map(([name, node]) => shapeOf(name, node, report, compat));
}

function shapeOf(name: string, node: Node, report: Report, compat: boolean): AggregateShape {
  const of = node.kind.slice(0, node.kind.indexOf(" ")) as AggregateKind;
  const kind = of === "block" && endsBySplit(node, compat) ? "split" : of;
  const inFields = nodesOf(node.entries.get("Fields"));
  const inDimensions = nodesOf(node.entries.get("Dimensions"));
  const members = named([...inFields, ...inDimensions], "a field", report, compat);
  const columns: ColumnShape[] = [{ name: "_identity", type: "string" }];
  if (hasTime(kind)) for (const time of Object.values(TIME_FIELDS)) columns.push({ name: time, type: "datetime" });

  const take = (from: readonly Node[]): FieldShape[] =>
    [...members].flatMap(([field, member]) => {
      if (!from.includes(member)) return [];
      const column = { name: field, type: typeOf(member) };
      columns.push(column);
      return [{ ...column, node: member, column: columns.length - 1 }];
    });
  const fields = take(inFields);
  const dimensions = take(inDimensions);
  return { node, kind, name, columns, fields, dimensions };
}

/** With `compat` a block of today's that has neither is one without dimensions: `Split` is no attribute of today's. */
function endsBySplit({ entries, dialect }: Node, compat: boolean): boolean {
  if (entries.has("Dimensions")) return false;
  return entries.has("Split") || dialect !== "today" || !compat;
}

export function hasTime(kind: AggregateShape["kind"]): boolean {
  return kind === "block" || kind === "split" || kind === "activity";
}

/** The maps in an attribute that may be missing. */
export function nodesOf(entry: Entry | undefined): readonly Node[] {
  return entry?.nodes ?? [];
}

/** Null: it is not known, which was told. Before types had to be given, a field without one was text. */
function typeOf({ entries, dialect }: Node): FieldType | null {
  const written = entries.get("Type")?.value;
  if (typeof written !== "string") return dialect === "today" ? null : "string";
  return FIELD_TYPES.find((type) => type === written.toLowerCase()) ?? null;
}

/** The columns of an aggregate in which nothing is wrong. */
export function columnsOf({ columns }: AggregateShape): Column[] {
  return columns.map(({ name, type }) => ({ name, type: type! }));
}

/** What the words of the file's dialect mean in one of its aggregates; in none where `own` is null. */
export function wordsOf(
  dialect: Dialect,
  shapes: readonly AggregateShape[],
  own: AggregateShape | null,
  inWindowSpec: boolean,
): OlderWords {
  const timed = shapes.filter(
    ({ kind, fields }) => hasTime(kind) && !fields.some(({ name }) => Object.hasOwn(TIME_FIELDS, name)),
  );
  return {
    dialect,
    own: own === null ? null : { name: own.name, fields: new Set(own.fields.map(({ name }) => name)) },
    groups: new Set(shapes.map(({ name }) => name)),
    timed: new Set(timed.map(({ name }) => name)),
    window: own?.kind === "window" ? windowOf(own) : null,
    inWindowSpec,
  };
}

function windowOf({ name, node }: AggregateShape): OlderWords["window"] {
  const called = node.entries.get("WindowName")?.value;
  const value = node.entries.get("WindowValue")?.value;
  const type = node.entries.get("WindowType")?.value;
  return {
    names: typeof called === "string" ? [called, name] : [name],
    one: Math.abs(Number(value)) === 1 && String(type).toLowerCase() === "count",
  };
}
