// A second look at a spec that is no YAML because lines stand in the wrong column: which column they were meant for,
// by what may stand where. It is a guess, for messages only; what it mends is never run.
import type { Mistake } from "../errors.ts";
import { type AggregateNode, ATTRIBUTES, type NodeKind } from "./attributes.ts";
import { type Dialect, namesOf, VERSIONS } from "./dialect.ts";

export interface Mended {
  readonly text: string;
  /** Line by line, how far it was moved to the right. */
  readonly shifts: readonly number[];
  readonly mistakes: readonly Mistake[];
}

/** The text with its lines where they were meant to stand; null: no line is out of place. */
export function mendLayout(text: string, file: string): Mended | null {
  const layout = new Layout(file);
  const lines = text.split("\n").map((line, index) => layout.line(line, index + 1));
  if (layout.mistakes.length === 0) return null;
  return { text: lines.join("\n"), shifts: layout.shifts, mistakes: layout.mistakes };
}

/** What a map or a list in the file describes; null: nothing that is known. */
type Level = "header" | "aggregate" | NodeKind | null;

/** A map or a list that is open where the reader is. Columns from 0: as written, and as meant. */
interface Block {
  readonly is: "map" | "list";
  readonly level: Level;
  readonly written: number;
  readonly meant: number;
  readonly line: number;
  readonly keys: Map<string, number>;
}

/** A key whose value begins on a later line. */
interface Opened {
  readonly level: Level;
  readonly written: number;
  readonly meant: number;
}

const KEY_LINE = /^( *)(-(?: +|$))?(?:([A-Za-z_][A-Za-z0-9_]*) *:(?= |$)(.*))?$/;

class Layout {
  readonly mistakes: Mistake[] = [];
  readonly shifts: number[] = [];
  readonly #file: string;
  #blocks: Block[] = [];
  #opened: Opened | null = { level: "header", written: -1, meant: -1 };
  /** Lines deeper than this go on with a value that began above. */
  #valueIn: number | null = null;
  #shift = 0;

  constructor(file: string) {
    this.#file = file;
  }

  /** The line where it was meant to stand. */
  line(written: string, number: number): string {
    const line = written.trimEnd();
    const column = line.search(/[^ ]/);
    const shift = Math.max(this.#place(line, column, number), -Math.max(column, 0));
    this.shifts.push(shift);
    return shift > 0 ? " ".repeat(shift) + written : written.slice(-shift);
  }

  #place(line: string, column: number, number: number): number {
    if (column < 0 || line[column] === "#") return 0;
    if (this.#valueIn !== null && column > this.#valueIn) return this.#shift;
    const [, , dash = null, key = null, value = ""] = KEY_LINE.exec(line) ?? [];
    if (dash === null && key === null) return this.#shift;
    this.#valueIn = null;

    let at = column;
    this.#shift = 0;
    if (dash !== null) {
      const list = this.#listFor(column, number);
      if (list === null) return 0;
      this.#moved(list.meant - column, column, number, "this element of a list", list);
      at = column + Math.max(dash.length, 2);
      this.#blocks.push(block("map", list.level, at, list.meant + at - column, number));
      this.#opened = key === null ? { level: list.level, written: column, meant: list.meant } : null;
      if (key === null) this.#blocks.pop();
    }
    if (key !== null) this.#key(key, value, at, number, dash !== null);
    return this.#shift;
  }

  #listFor(column: number, number: number): Block | null {
    const opened = this.#opened;
    if (opened !== null && column >= opened.written && opened.written >= 0) {
      const meant = column >= opened.meant ? column : opened.meant + 2;
      const list = block("list", opened.level, column, meant, number);
      this.#blocks.push(list);
      return list;
    }
    return this.#backTo(
      nearest(
        this.#blocks.filter(({ is }) => is === "list"),
        column,
      ),
    );
  }

  #key(key: string, value: string, column: number, number: number, inElement: boolean): void {
    const map = inElement ? this.#blocks.at(-1)! : this.#mapFor(key, column, number);
    if (map === null) return;
    if (!inElement) this.#moved(map.meant - column, column, number, `'${key}'`, map);
    if (!map.keys.has(key)) map.keys.set(key, number);
    const rest = value.replace(/(^| )#.*$/, "").trim();
    this.#opened = rest === "" ? { level: below(map.level, key), written: column, meant: map.meant } : null;
    if (goesOn(rest)) this.#valueIn = column;
  }

  #mapFor(key: string, column: number, number: number): Block | null {
    const opened = this.#opened;
    if (opened !== null && column > opened.written) {
      const meant = column > opened.meant ? column : opened.meant + 2;
      const map = block("map", opened.level, column, meant, number);
      this.#blocks.push(map);
      return map;
    }
    const maps = this.#blocks.filter(({ is }) => is === "map");
    const here = maps.filter(({ written }) => written === column);
    const knowing = maps.filter(({ level }) => knows(level, key));
    const lacking = (blocks: readonly Block[]) => blocks.filter(({ keys }) => !keys.has(key));
    const both = here.filter((map) => knowing.includes(map));
    return this.#backTo(
      lacking(both).at(-1) ??
        (knowing.length === 0 ? here.at(-1) : undefined) ??
        both.at(-1) ??
        nearest(lacking(knowing), column) ??
        nearest(knowing, column) ??
        nearest(maps, column),
    );
  }

  /** Closes what is open within a block. */
  #backTo(block: Block | null | undefined): Block | null {
    if (block === null || block === undefined) return null;
    this.#blocks = this.#blocks.slice(0, this.#blocks.indexOf(block) + 1);
    return block;
  }

  #moved(shift: number, column: number, number: number, what: string, { written, meant, line, keys }: Block): void {
    this.#shift = shift;
    // What follows a line that was moved may have to go along, which is no mistake of its own.
    if (shift === 0 || written === column) return;
    const [first] = keys.keys();
    const like = first === undefined ? `the list of line ${line}` : `'${first}' in line ${keys.get(first)}`;
    const message = `${what} stands in column ${column + 1}: expected column ${meant + 1}, as ${like}`;
    this.mistakes.push({ file: this.#file, line: number, column: column + 1, message });
  }
}

/** Is it a block of text, or are there quotes or brackets that do not end in this line? */
function goesOn(value: string): boolean {
  const closing = { "'": "'", '"': '"', "[": "]", "{": "}", "|": "|", ">": ">" }[value[0] ?? ""];
  if (closing === undefined) return false;
  return value.length === 1 || value[0] === "|" || value[0] === ">" || !value.endsWith(closing);
}

function block(is: "map" | "list", level: Level, written: number, meant: number, line: number): Block {
  return { is, level, written, meant, line, keys: new Map() };
}

/** The one whose column is nearest; of two, the inner one. */
function nearest(blocks: readonly Block[], column: number): Block | null {
  let best: Block | null = null;
  for (const block of blocks) {
    if (best === null || Math.abs(block.written - column) <= Math.abs(best.written - column)) best = block;
  }
  return best;
}

const AGGREGATES = Object.keys(ATTRIBUTES).filter((kind): kind is AggregateNode => kind.endsWith(" aggregate"));
const DIALECTS = Object.keys(VERSIONS) as Dialect[];

/** By level, what may stand in its maps under any name of any dialect, and the level below that. */
const KNOWN = new Map<Level, ReadonlyMap<string, Level>>();
for (const kind of Object.keys(ATTRIBUTES) as NodeKind[]) KNOWN.set(kind, known(kind));
KNOWN.set("header", new Map([...KNOWN.get("window")!, ...KNOWN.get("streaming")!]));
KNOWN.set("aggregate", new Map(AGGREGATES.flatMap((kind) => [...KNOWN.get(kind)!])));

function known(kind: NodeKind): ReadonlyMap<string, Level> {
  return new Map(
    Object.entries(ATTRIBUTES[kind]).flatMap(([name, { form, alias }]) => {
      const level = form.is === "list" || form.is === "map" ? form.of : null;
      const names = DIALECTS.flatMap((dialect) => namesOf(name, dialect));
      return [...names, alias ?? name].map((written): [string, Level] => [written, level]);
    }),
  );
}

function knows(level: Level, key: string): boolean {
  return KNOWN.get(level)?.has(key) === true;
}

function below(level: Level, key: string): Level {
  return KNOWN.get(level)?.get(key) ?? null;
}
