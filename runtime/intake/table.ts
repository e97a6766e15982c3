// A site's forms and types as tables in the core's memory, for the gate: see `assembly/ingest/gate.ts`.
import { layOut } from "../core/contexts.ts";
import { keysOf, pathTree } from "../core/paths.ts";
import type { ACTIONS } from "../events.ts";
import { limits } from "../limits.ts";
import type { EventsConfig, EventType, FieldType, Form, TimePath } from "../site.ts";

export type GateCore = {
  readonly memory: WebAssembly.Memory;
  reserve(bytes: number): number;
  newContext(from: number, to: number): number;
  newField(context: number, key: number, length: number, cell: number, child: number): void;
  newWords(slots: number, folds: number): number;
  newWord(words: number, at: number, length: number, value: number): void;
  newEnvelopes(max: number, base: number): void;
  envelopeAt(index: number): number;
  nameEnvelope(index: number, at: number, length: number, begins: number): void;
  setScan(context: number, cells: number, size: number, levels: number): void;
  setForms(table: number, count: number, whole: number): void;
  setNames(types: number, departments: number, actions: number, quiet: number): void;
  setBounds(token: number, payload: number): void;
  address(items: number, count: number, envelope: number): void;
  gate(items: number, verdicts: number, count: number, latest: number, latestLocal: number): number;
  gatedIds(): number;
  plainBytes(verdicts: number, count: number): number;
  plainCount(verdicts: number, count: number): number;
  encode(
    items: number,
    verdicts: number,
    from: number,
    to: number,
    seq: number,
    receivedAt: number,
    target: number,
    room: number,
  ): number;
  encodedTo(): number;
  encodedCount(): number;
  split(start: number, end: number, rows: number, size: number, capacity: number, depth: number): number;
  splitBroken(): number;
};

/** What the gate goes by. The same that `EventReader` is made of. */
export interface GateConfig {
  readonly events: EventsConfig;
  /** Department → its other names. */
  readonly departments: ReadonlyMap<string, readonly string[]>;
  /** What customers can do with an offer → other names. */
  readonly actions: typeof ACTIONS;
  /** Whether something on the board hears a type of event. */
  readonly hears: (type: string) => boolean;
}

// The row of a scan, as drawn in `assembly/scan/scan.ts`, in bytes
const ROW_HEAD = 16;
const CELL = 16;
/** The core reads up to 64 bytes behind a text; what it sees there it ignores. */
const SLACK = 64;
/** In the order of `Unit` in `assembly/ingest/instant.ts`. */
const UNITS: readonly TimePath["unit"][] = ["s", "ms", "epoch", "iso", "any"];
/** In the order of `FieldKind` in `assembly/ingest/gate.ts`. */
const FIELD_KINDS: readonly FieldType[] = ["number", "text", "department", "action"];

/**
 * Lays the tables out.
 *
 * @returns the names of the types, in the order of their index
 */
export function layOutGate(core: GateCore, { events, departments, actions, hears }: GateConfig): readonly string[] {
  const types = [...events.types.values()];
  const cells = layOutPaths(core, events.forms);
  const list = (paths: readonly string[]) => words(core, [paths.length, ...paths.map((path) => cells.get(path)!)]);
  const forms = events.forms.flatMap((form) => [
    form.when === null ? 0 : cells.get(form.when)!,
    ...[form.type, form.id, form.source, form.identity, form.time.paths].map(list),
    UNITS.indexOf(form.time.unit),
    words(
      core,
      types.map((type) => fieldsOf(core, type, form, list)),
    ),
  ]);
  core.setForms(words(core, forms), events.forms.length, events.identity === "integer" ? 1 : 0);
  core.setNames(
    namesOf(core, typeNames(types)),
    namesOf(core, vocabulary(departments)),
    namesOf(core, vocabulary(actions)),
    // What became of an offer is an entry of another kind.
    words(
      core,
      types.map(({ name }) => (name === "outcome" || hears(name) ? 0 : 1)),
    ),
  );
  core.setBounds(limits.tokenBytes, limits.eventBytes);
  return types.map(({ name }) => name);
}

/** @returns the offset of each path's cell within the row */
function layOutPaths(core: GateCore, forms: readonly Form[]): ReadonlyMap<string, number> {
  const paths = [...new Set(forms.flatMap(pathsOf))];
  const tree = pathTree(paths.map((path) => keysOf(path, limits.jsonDepth)));
  const size = ROW_HEAD + CELL * tree.cells.to;
  const cells = new Map<string, number>();
  const root = layOut(core, tree, (path, cell) => cells.set(paths[path]!, cell));
  core.setScan(root, core.reserve(size), size, limits.jsonDepth);
  return cells;
}

function pathsOf({ when, type, id, source, identity, time, fields }: Form): readonly string[] {
  const first = when === null ? [] : [when];
  return [...first, ...type, ...id, ...source, ...identity, ...time.paths, ...Object.values(fields).flat()];
}

function fieldsOf(core: GateCore, type: EventType, form: Form, list: (paths: readonly string[]) => number): number {
  const fields = Object.entries(type.fields);
  return words(core, [
    fields.length,
    ...fields.flatMap(([name, field]) => [
      FIELD_KINDS.indexOf(field.type),
      field.required ? 1 : 0,
      list(form.fields[name] ?? []),
    ]),
  ]);
}

/** Every name of every type → index + 1; of two types with one name the later counts, as for `EventReader`. */
function typeNames(types: readonly EventType[]): ReadonlyMap<string, number> {
  const names = new Map<string, number>();
  for (const [index, { name, aliases }] of types.entries())
    for (const each of [name, ...aliases]) names.set(each.toLowerCase(), index + 1);
  return names;
}

function vocabulary(known: ReadonlyMap<string, readonly string[]>): ReadonlyMap<string, number> {
  const names = [...known].flatMap(([word, aliases]) => [word, ...aliases]);
  return new Map(names.map((name) => [name.toLowerCase(), 1]));
}

/** Words that are not ASCII are left out: whoever writes them is asked about. */
function namesOf(core: GateCore, names: ReadonlyMap<string, number>): number {
  const ascii = [...names].filter(([name]) => /^[\x20-\x7e]+$/.test(name));
  const table = core.newWords(powerOfTwo(2 * ascii.length + 2), 1);
  for (const [name, value] of ascii) core.newWord(table, textAt(core, Buffer.from(name)), name.length, value);
  return table;
}

function textAt(core: GateCore, text: Uint8Array): number {
  const at = core.reserve(text.length + SLACK);
  new Uint8Array(core.memory.buffer).set(text, at);
  return at;
}

function words(core: GateCore, values: readonly number[]): number {
  const at = core.reserve(4 * Math.max(values.length, 1));
  new Uint32Array(core.memory.buffer).set(values, at >> 2);
  return at;
}

function powerOfTwo(atLeast: number): number {
  let size = 2;
  while (size < atLeast) size *= 2;
  return size;
}

/** Lower-case name or alias → name of the type, for what a subject or URL tells. */
export function typesByName({ types }: EventsConfig): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const { name, aliases } of types.values())
    for (const each of [name, ...aliases]) names.set(each.toLowerCase(), name);
  return names;
}
