// Lays a compiled program out in the core's memory.
import type { Described, Program } from "../spec/compile.ts";
import type { Literal } from "../spec/term.ts";
import { type ContextCore, layOut } from "./contexts.ts";

/** Kinds of aggregates, in the order of `Kind` in `assembly/machine/program.ts`. */
const KINDS = ["variable", "identity", "block", "split", "activity", "window"] as const;
const UNITS = ["time", "count", "none"] as const;

/** Tags of constants, as in `assembly/machine/value.ts`. */
const TAG = { none: 16, bool: 17, int: 18, float: 19, text: 21 } as const;

const CELL = 16;
const AGGREGATE_SIZE = 80;
const ROW_HEAD = 16;
/** The core reads up to 64 bytes behind a text; what it sees there it ignores. */
const SLACK = 64;

export type ImageCore = ContextCore & {
  newTemplate(types: number, columns: number): number;
  newProgram(
    constants: number,
    temporaries: number,
    table: number,
    streams: number,
    windows: number,
    sites: number,
    compat: number,
  ): void;
  setOrigin(code: number): void;
  setCode(identity: number, time: number, table: number, count: number, cell: number, event: number): void;
  setPlain(identity: number, time: number): void;
  setAnchor(condition: number, aggregate: number, max: number, collects: number): void;
};

export interface Image {
  /** Context of the scanner for whole events. */
  readonly root: number;
  /** Bytes of a row. */
  readonly rowSize: number;
}

const UTF8 = new TextEncoder();

/** @param collects  whether anchors leave rows */
export function loadImage(core: ImageCore, program: Program, collects: boolean): Image {
  const { aggregates, tree, transform } = program;
  const root = layOut(core, tree, () => {});
  const constants = loadConstants(core, program.constants);
  const temporaries = core.reserve(program.temporaries * CELL);
  const code = core.reserve(program.code.byteLength);
  new Uint32Array(core.memory.buffer, code, program.code.length).set(program.code);
  const table = core.reserve(aggregates.length * AGGREGATE_SIZE);
  const streams = transform.streaming.aggregates.length;
  for (const [i, aggregate] of aggregates.entries())
    describe(core, table + i * AGGREGATE_SIZE, aggregate, i >= streams);
  core.newProgram(
    constants,
    temporaries,
    table,
    streams,
    aggregates.length - streams,
    program.sites.length,
    Number(program.compat),
  );
  core.setOrigin(code);
  const event = ROW_HEAD + tree.cells.to * CELL;
  loadDispatch(core, program, event);
  const offset = (cell: number | null) => (cell === null ? 0 : ROW_HEAD + cell * CELL);
  core.setPlain(offset(program.identityCell), offset(program.timeCell));
  if (program.anchor !== null) {
    const { entry, blocks, max } = program.anchor;
    core.setAnchor(entry, blocks, max, Number(collects));
  }
  return { root, rowSize: event + CELL };
}

function loadConstants(core: ImageCore, constants: readonly (Literal | undefined)[]): number {
  const texts = constants.map((value) => (typeof value === "string" ? loadText(core, value) : null));
  const cells = core.reserve(Math.max(constants.length, 1) * CELL);
  const view = new DataView(core.memory.buffer);
  for (const [i, value] of constants.entries()) {
    const at = cells + i * CELL;
    if (value === null) view.setUint32(at, TAG.none, true);
    else if (typeof value === "boolean") {
      view.setUint32(at, TAG.bool, true);
      view.setBigInt64(at + 8, value ? 1n : 0n, true);
    } else if (typeof value === "bigint") {
      view.setUint32(at, TAG.int, true);
      view.setBigInt64(at + 8, value, true);
    } else if (typeof value === "number") {
      view.setUint32(at, TAG.float, true);
      view.setFloat64(at + 8, value, true);
    } else if (typeof value === "string") {
      const text = texts[i]!;
      view.setUint32(at, TAG.text, true);
      view.setUint32(at + 4, text.length, true);
      view.setUint32(at + 8, text.at, true);
    }
  }
  return cells;
}

function loadText(core: ImageCore, text: string): { at: number; length: number } {
  const bytes = UTF8.encode(text);
  const at = core.reserve(bytes.length + SLACK);
  new Uint8Array(core.memory.buffer).set(bytes, at);
  return { at, length: bytes.length };
}

function describe(core: ImageCore, at: number, aggregate: Described, isWindow: boolean): void {
  const { columns } = aggregate;
  const types = core.reserve(columns.length);
  new Uint8Array(core.memory.buffer).set(
    columns.map(({ type }) => type),
    types,
  );
  const template = core.newTemplate(types, columns.length);
  const names = core.reserve(columns.length * 16);
  for (const [i, { name }] of columns.entries()) {
    const key = loadText(core, `${jsonText(isWindow ? `${aggregate.name}.${name}` : name)}: `);
    const alone = loadText(core, name);
    new Uint32Array(core.memory.buffer).set([key.at, key.length, alone.at, alone.length], (names >> 2) + i * 4);
  }
  const name = loadText(core, aggregate.name);
  const view = new DataView(core.memory.buffer, at, AGGREGATE_SIZE);
  view.setUint32(0, KINDS.indexOf(aggregate.kind), true);
  view.setUint32(4, columns.length, true);
  view.setUint32(8, template, true);
  view.setUint32(12, aggregate.dimensions, true);
  view.setBigInt64(16, BigInt(Math.round(aggregate.retentionMs * 1000)), true);
  view.setBigInt64(24, BigInt(Math.round(aggregate.separateMs * 1000)), true);
  view.setUint32(32, types, true);
  view.setUint32(36, names, true);
  view.setUint32(40, aggregate.entry, true);
  view.setUint32(44, aggregate.source, true);
  view.setBigInt64(48, BigInt(Math.round(aggregate.span)), true);
  view.setUint32(56, UNITS.indexOf(aggregate.unit), true);
  view.setUint32(60, Number(aggregate.deferred), true);
  view.setUint32(64, name.at, true);
  view.setUint32(68, name.length, true);
  view.setUint32(72, Number(aggregate.stored), true);
}

/** A text as JSON, only ASCII. */
function jsonText(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function loadDispatch(core: ImageCore, program: Program, event: number): void {
  const { dispatch, identityEntry, timeEntry, other, general } = program;
  const entries = dispatch?.entries ?? [];
  const texts = entries.map(({ text }) => loadText(core, text));
  const table = core.reserve(entries.length * 16 + 16);
  const words = new Uint32Array(core.memory.buffer, table, entries.length * 4 + 4);
  for (const [i, { code }] of entries.entries())
    words.set([texts[i]!.at, texts[i]!.length, code.entry, code.writes], i * 4);
  words.set([other.entry, other.writes, general.entry, general.writes], entries.length * 4);
  const cell = dispatch === null ? 0 : ROW_HEAD + dispatch.cell * CELL;
  core.setCode(identityEntry, timeEntry, table, entries.length, cell, event);
}
