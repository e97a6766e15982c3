// A checked spec as a program for the core: bytecode, constants, which fields of the event it reads, what its records hold.
import { type PathNode, pathTree } from "../core/paths.ts";
import { MUTATING } from "./builtins.ts";
import { Coder, cellAt, type Label, type Operand } from "./coder.ts";
import { TermCompiler } from "./compile-term.ts";
import { BASE, COMPARISONS, FIRST_TEMPORARY, IDENTITY, TIME } from "./opcode.ts";
import {
  type Aggregate,
  type Code,
  FIELD_TYPES,
  type Field,
  type StreamingSpec,
  type Transform,
  type WindowAggregate,
} from "./spec.ts";
import { type Known, mostCompared, specialise, visit } from "./specialise.ts";
import type { Literal, Term } from "./term.ts";

/** A place in the spec where something can fail, or that `explain` tells of. */
export interface Site {
  /** Name of the aggregate; null: the spec's header. */
  readonly aggregate: string | null;
  readonly field: string | null;
  readonly what: "identity" | "time" | "when" | "value" | "dimension" | "split" | "condition";
  readonly code: Code;
}

/** How the core sees an aggregate; see `assembly/machine/program.ts`. */
export interface Described {
  readonly name: string;
  readonly kind: "variable" | "identity" | "block" | "split" | "activity" | "window";
  readonly columns: readonly { readonly name: string; readonly type: number }[];
  /** The first column that is a dimension. */
  readonly dimensions: number;
  readonly retentionMs: number;
  readonly separateMs: number;
  readonly stored: boolean;
  /** Index into the stores; null: none. */
  readonly store: number | null;
  /** Of a window aggregate: where its code begins. */
  readonly entry: number;
  readonly source: number;
  /** µs or blocks. */
  readonly span: number;
  readonly unit: "time" | "count" | "none";
  readonly deferred: boolean;
}

/** A program for events. */
export interface StreamingCode {
  /** Offset of its first instruction, in bytes. */
  readonly entry: number;
  /** Aggregates that it may write to, a bit each; the last bit stands for all from 31 on. */
  readonly writes: number;
}

export interface Program {
  readonly compat: boolean;
  readonly transform: Transform;
  /** Four words per instruction. */
  readonly code: Uint32Array;
  readonly constants: readonly (Literal | undefined)[];
  readonly temporaries: number;
  /** The fields of the event that are read, with the cells of the row where they go; behind the last is the event's own. */
  readonly tree: PathNode;
  readonly identityEntry: number;
  readonly timeEntry: number;
  /** Cell of the field that is the identity, or that is parsed as the time; null: there is more to it. */
  readonly identityCell: number | null;
  readonly timeCell: number | null;
  /** The field whose text chooses the program; null: there is one program. */
  readonly dispatch: {
    readonly cell: number;
    readonly entries: readonly { readonly text: string; readonly code: StreamingCode }[];
  } | null;
  /** The program for all other events, and the one that presumes nothing. */
  readonly other: StreamingCode;
  readonly general: StreamingCode;
  /** Of the streaming spec, then of the window spec. */
  readonly aggregates: readonly Described[];
  /** `header`: with Blurr's compatibility, the window spec's `When`, which it asks after the windows' anchors. */
  readonly anchor: {
    readonly entry: number;
    readonly header: number | null;
    readonly blocks: number;
    readonly max: number;
  } | null;
  readonly sites: readonly Site[];
  /** Why a run ends; by number. */
  readonly aborts: readonly { readonly error: string; readonly message: string }[];
}

export interface CompileOptions {
  readonly compat?: boolean;
  /** Every value tells the host of itself. */
  readonly trace?: boolean;
}

export function compile(transform: Transform, options: CompileOptions = {}): Program {
  return new SpecCompiler(transform, options).program();
}

class SpecCompiler {
  readonly #transform: Transform;
  readonly #compat: boolean;
  readonly #trace: boolean;
  readonly #coder = new Coder();
  readonly #tree: PathNode;
  readonly #sites: Site[] = [];
  readonly #siteAt = new Map<Code, number>();
  readonly #aborts: { error: string; message: string }[] = [];
  readonly #terms: TermCompiler;
  /** What fails goes here: written behind the program that is under way. */
  #stubs: (() => void)[] = [];
  #known: Known | null = null;
  #writes = 0;
  #window = 0;

  constructor(transform: Transform, { compat = false, trace = false }: CompileOptions) {
    this.#transform = transform;
    this.#compat = compat;
    this.#trace = trace;
    this.#tree = treeOf(transform);
    const compiler = this;
    this.#terms = new TermCompiler(this.#coder, {
      source: (path) => cellAt(BASE.event, 1 + this.#cell(path)),
      field: ({ whose, aggregate, column }) => this.#field(whose, aggregate, column),
      get window() {
        return compiler.#window;
      },
      abort: ({ error, message }) => this.#aborts.push({ error, message }) - 1,
    });
  }

  program(): Program {
    const { streaming, window } = this.#transform;
    const identityEntry = this.#single(streaming.identity, "identity", IDENTITY);
    const timeEntry = this.#single(streaming.time, "time", TIME);
    const compared = mostCompared(streaming);
    const general = this.#streaming(null);
    const texts = compared?.texts ?? [];
    const knownOf = (text: string | null): Known | null => compared && { ...compared, text };
    const entries = texts.map((text) => ({ text, code: this.#streaming(knownOf(text)) }));
    const other = compared === null ? general : this.#streaming(knownOf(null));
    const condition =
      window === null ? 0 : this.#single(window.anchor.condition, "condition", FIRST_TEMPORARY, window.when);
    const when = this.#compat && window !== null ? window.when : null;
    const header = when === null ? null : this.#single(when, "when", FIRST_TEMPORARY);
    const windows = window === null ? [] : this.#windows(window.aggregates);
    return {
      compat: this.#compat,
      transform: this.#transform,
      code: Uint32Array.from(this.#coder.words),
      constants: this.#coder.constants,
      temporaries: this.#coder.temporariesMax,
      tree: this.#tree,
      identityEntry,
      timeEntry,
      identityCell: this.#trace ? null : this.#cellOf(streaming.identity.term),
      timeCell: this.#trace ? null : this.#cellOf(parsed(streaming.time.term)),
      dispatch: compared === null ? null : { cell: this.#cell(compared.path), entries },
      other,
      general,
      aggregates: [...streaming.aggregates.map((each) => this.#described(each)), ...windows],
      anchor: window === null ? null : { entry: condition, header, blocks: window.blocks, max: window.anchor.max ?? 0 },
      sites: this.#sites,
      aborts: this.#aborts,
    };
  }

  /**
   * A program of one expression, into a temporary; None where `guard` is not true, and where it fails: but a time that
   * fails is False, as None says that there is none.
   */
  #single(code: Code, what: Site["what"], temporary: number, guard: Code | null = null): number {
    const coder = this.#coder;
    const entry = this.#begin();
    const target = cellAt(BASE.temporaries, temporary);
    const site = this.#site(null, null, what, code);
    coder.emit("MOVE", { a: target, b: coder.constant(what === "time" ? false : null) });
    const end = coder.label();
    this.#try(site, end);
    if (guard !== null && !this.#compat) this.#terms.unless(guard.term, end);
    coder.scoped(() => coder.emit("MOVE", { a: target, b: this.#terms.value(code.term) }));
    this.#traced(site, target);
    coder.place(end);
    this.#end();
    return entry;
  }

  #begin(): number {
    this.#terms.restart();
    return this.#coder.here;
  }

  #end(): void {
    this.#coder.emit("END");
    for (const stub of this.#stubs) stub();
    this.#stubs = [];
  }

  // Streaming

  #streaming(known: Known | null): StreamingCode {
    const coder = this.#coder;
    const { streaming } = this.#transform;
    this.#known = known;
    this.#writes = 0;
    const entry = this.#begin();
    const end = coder.label();
    const isOpen = streaming.when === null || this.#guard(streaming.when, null, null, end);
    for (const [index, aggregate] of (isOpen ? streaming.aggregates : []).entries()) {
      this.#terms.branch(() => coder.scoped(() => this.#aggregate(index, aggregate)));
    }
    coder.place(end);
    this.#end();
    this.#known = null;
    return { entry, writes: this.#writes >>> 0 };
  }

  #aggregate(index: number, aggregate: Aggregate): void {
    const coder = this.#coder;
    const next = coder.label();
    const before = this.#writes;
    this.#writes |= 1 << Math.min(index, 31);
    switch (aggregate.kind) {
      case "variable":
        if (!this.#accepts(aggregate, next)) {
          this.#writes = before;
          break;
        }
        coder.emit("OWN", { x: index });
        coder.emit("ACCEPT", { x: index });
        this.#fields(aggregate, index);
        break;
      case "identity":
      case "block":
        if (!this.#switching(index, aggregate, next)) this.#writes = before;
        break;
      case "split":
        this.#splitting(index, aggregate);
        if (!this.#accepts(aggregate, next)) break;
        coder.emit("OWN", { x: index });
        coder.emit("ACCEPT", { x: index });
        this.#fields(aggregate, index);
        break;
      case "activity":
        coder.emit("SEPARATE", { x: index });
        if (!this.#accepts(aggregate, next)) break;
        coder.emit("OWN", { x: index });
        coder.emit("ACCEPT", { x: index });
        this.#fields(aggregate, index);
        break;
    }
    coder.place(next);
  }

  /** The aggregate's `When`. @returns whether anything can follow */
  #accepts({ name, when }: Aggregate, next: Label): boolean {
    return when === null || this.#guard(when, name, null, next);
  }

  /** @returns whether the aggregate can take an event at all */
  #switching(index: number, aggregate: Extract<Aggregate, { kind: "identity" | "block" }>, next: Label): boolean {
    const coder = this.#coder;
    const { name, when, dimensions } = aggregate;
    if (!this.#accepts(aggregate, next)) return false;
    const first = coder.temporaries(Math.max(dimensions.length, 1));
    for (const [i, dimension] of dimensions.entries()) this.#dimension(name, dimension, first + i * 16, next);
    coder.emit("SWITCH", { x: index, b: first, c: dimensions.length });
    if (when !== null && reads(when.term, index)) {
      const stay = coder.label();
      const discard = coder.label();
      this.#terms.branch(() => this.#guard(when, name, null, discard));
      coder.jump("JUMP", stay);
      coder.place(discard);
      if (!this.#compat) coder.emit("DISCARD", { x: index });
      coder.jump("JUMP", next);
      coder.place(stay);
    }
    coder.emit("ACCEPT", { x: index });
    this.#fields(aggregate, index);
    for (const [i, { column, type }] of dimensions.entries()) {
      coder.emit("STORE", {
        x: FIELD_TYPES.indexOf(type),
        a: cellAt(BASE.firstRecord + index, column),
        b: first + i * 16,
      });
    }
    return true;
  }

  #dimension(aggregate: string, { name, type, value, when }: Field, target: Operand, next: Label): void {
    const coder = this.#coder;
    if (when !== null && !this.#guard(when, aggregate, name, next)) {
      coder.jump("JUMP", next);
      return;
    }
    const site = this.#site(aggregate, name, "dimension", value);
    this.#try(site, next);
    coder.scoped(() => {
      const cell = this.#terms.value(this.#term(value));
      this.#traced(site, cell);
      const isNone = COMPARISONS.indexOf("is") | 256;
      coder.jump("JUMP_COMPARE", next, { x: isNone, a: cell, b: coder.constant(null) });
      coder.emit("CAST", { x: FIELD_TYPES.indexOf(type), a: target, b: cell });
    });
  }

  #splitting(index: number, { name, split, columns }: Extract<Aggregate, { kind: "split" }>): void {
    if (split === null) return;
    const coder = this.#coder;
    const none = coder.label();
    const end = cellAt(
      BASE.firstRecord + index,
      columns.findIndex((column) => column.name === "_end_time"),
    );
    const isNone = COMPARISONS.indexOf("is") | 256;
    coder.jump("JUMP_COMPARE", none, { x: isNone, a: end, b: coder.constant(null) });
    const site = this.#site(name, null, "split", split);
    this.#terms.branch(() => {
      this.#try(site, none);
      coder.scoped(() => {
        const answer = this.#terms.value(this.#term(split));
        this.#traced(site, answer);
        coder.emit("SPLIT", { x: index, a: answer });
      });
    });
    coder.place(none);
    coder.emit("TRY");
  }

  #fields(aggregate: Aggregate | WindowAggregate, index: number): void {
    for (const field of aggregate.fields) {
      this.#terms.branch(() => this.#coder.scoped(() => this.#assignment(aggregate.name, index, field)));
    }
    this.#coder.emit("TRY");
  }

  #assignment(aggregate: string, index: number, { name, type, column, value, when }: Field): void {
    const coder = this.#coder;
    const end = coder.label();
    const target = cellAt(BASE.firstRecord + index, column);
    if (when === null || this.#guard(when, aggregate, name, end)) {
      const site = this.#site(aggregate, name, "value", value);
      this.#try(site, end);
      const term = this.#term(value);
      if (term.kind === "method" && MUTATING.has(term.name) && isField(term.of, index, column) && !this.#trace) {
        this.#terms.change(target, term);
      } else {
        const cell = this.#terms.value(term);
        this.#traced(site, cell);
        coder.emit("STORE", { x: FIELD_TYPES.indexOf(type), a: target, b: cell });
      }
    }
    coder.place(end);
  }

  // Conditions

  /** Goes on at `otherwise` when the condition is not true, or fails. @returns false when it never is: then nothing is written */
  #guard(code: Code, aggregate: string | null, field: string | null, otherwise: Label): boolean {
    const coder = this.#coder;
    const term = this.#term(code);
    const site = this.#site(aggregate, field, "when", code);
    if (this.#trace) {
      this.#try(site, otherwise);
      coder.scoped(() => {
        const cell = this.#terms.value(term);
        this.#traced(site, cell);
        coder.jump("JUMP_UNLESS", otherwise, { a: cell });
      });
      return true;
    }
    if (term.kind === "constant") return Boolean(term.value);
    this.#try(site, otherwise);
    this.#terms.unless(term, otherwise);
    return true;
  }

  /** From here on what fails is counted, and goes on at the label. */
  #try(site: number, label: Label): void {
    const coder = this.#coder;
    const stub = coder.label();
    coder.jump("TRY", stub);
    this.#stubs.push(() => {
      coder.place(stub);
      coder.emit("COUNT", { c: site });
      if (this.#trace) coder.emit("TRACE", { c: site });
      coder.jump("JUMP", label);
    });
  }

  #traced(site: number, cell: Operand): void {
    if (this.#trace) this.#coder.emit("TRACE", { a: cell, c: site });
  }

  #term(code: Code): Term {
    return this.#known === null ? code.term : specialise(code.term, this.#known);
  }

  #site(aggregate: string | null, field: string | null, what: Site["what"], code: Code): number {
    let site = this.#siteAt.get(code);
    if (site === undefined) {
      site = this.#sites.push({ aggregate, field, what, code }) - 1;
      this.#siteAt.set(code, site);
    }
    return site;
  }

  // Windows

  #windows(aggregates: readonly WindowAggregate[]): Described[] {
    const streams = this.#transform.streaming.aggregates.length;
    const deferred: boolean[] = [];
    let window = 0;
    return aggregates.map((aggregate, i) => {
      const index = streams + i;
      if (aggregate.kind === "window") window = index;
      this.#window = window;
      const looksAhead =
        aggregate.kind === "window"
          ? aggregate.value > 0
          : usesSeries(aggregate) && deferred[window - streams] === true;
      deferred[i] = looksAhead || reachesDeferred(aggregate, deferred);
      return { ...this.#described(aggregate), entry: this.#windowAggregate(index, aggregate), deferred: deferred[i] };
    });
  }

  #windowAggregate(index: number, aggregate: WindowAggregate): number {
    const coder = this.#coder;
    const entry = this.#begin();
    const end = coder.label();
    const refused = coder.label();
    const isOpen = aggregate.when === null || this.#guard(aggregate.when, aggregate.name, null, refused);
    if (isOpen) {
      coder.emit("TRY");
      this.#fields(aggregate, index);
      coder.jump("JUMP", end);
    }
    coder.place(refused);
    coder.emit("TRY");
    const text = FIELD_TYPES.indexOf("string");
    coder.emit("STORE", { x: text, a: cellAt(BASE.firstRecord + index, 0), b: coder.constant("") });
    coder.place(end);
    this.#end();
    return entry;
  }

  // What records hold

  #described(aggregate: Aggregate | WindowAggregate): Described {
    const { name, kind, columns } = aggregate;
    const dimensions = "dimensions" in aggregate ? aggregate.dimensions.length : 0;
    const store = "store" in aggregate ? aggregate.store : null;
    const isWindow = kind === "window";
    const unit = !isWindow ? "none" : aggregate.window === "day" || aggregate.window === "hour" ? "time" : "count";
    return {
      name,
      kind,
      columns: columns.map((column) => ({ name: column.name, type: FIELD_TYPES.indexOf(column.type) })),
      dimensions: columns.length - dimensions,
      retentionMs: store === null || this.#compat ? 0 : (this.#transform.streaming.stores[store]?.retentionMs ?? 0),
      separateMs: kind === "activity" ? aggregate.separateAfterMs : 0,
      stored: store !== null,
      store,
      entry: 0,
      source: isWindow ? aggregate.source : 0,
      span: isWindow ? spanOf(aggregate) : 0,
      unit,
      deferred: false,
    };
  }

  #field(whose: "stream" | "anchor" | "window", aggregate: number, column: number): Operand {
    if (whose === "anchor") return cellAt(BASE.anchor, column);
    const first = whose === "window" ? this.#transform.streaming.aggregates.length : 0;
    return cellAt(BASE.firstRecord + first + aggregate, column);
  }

  #cellOf(term: Term | null): number | null {
    return term?.kind === "source" && term.path.length > 0 ? this.#cell(term.path) : null;
  }

  #cell(path: readonly string[]): number {
    let node = this.#tree;
    for (const key of path) node = node.children.get(key)!;
    return node === this.#tree ? this.#tree.cells.to : node.cell;
  }
}

/** All paths that the spec reads, and those on the way: a member is only there in an object. */
function treeOf({ streaming }: Transform): PathNode {
  const paths = new Map<string, readonly string[]>();
  for (const { term } of streamingCodes(streaming)) {
    visit(term, (each) => {
      if (each.kind !== "source") return;
      for (let keys = 1; keys <= each.path.length; keys++) {
        const path = each.path.slice(0, keys);
        paths.set(JSON.stringify(path), path);
      }
    });
  }
  return pathTree([...paths.values()]);
}

function streamingCodes({ identity, time, when, aggregates }: StreamingSpec): Code[] {
  const codes = aggregates.flatMap((aggregate) => {
    const dimensions = "dimensions" in aggregate ? aggregate.dimensions : [];
    const fields = [...aggregate.fields, ...dimensions].flatMap((field) => [field.value, field.when]);
    return [...fields, aggregate.when, aggregate.kind === "split" ? aggregate.split : null];
  });
  return [identity, time, when, ...codes].filter((code) => code !== null);
}

const HOUR_MICROS = 3_600_000_000;

function spanOf({ window, value }: Extract<WindowAggregate, { kind: "window" }>): number {
  if (window === "day") return Math.round(value * 24 * HOUR_MICROS);
  if (window === "hour") return Math.round(value * HOUR_MICROS);
  return value;
}

/** `x` of `parse(x)`. */
function parsed(term: Term): Term | null {
  return term.kind === "function" && term.name === "parse" ? (term.args[0] ?? null) : null;
}

function isField(term: Term, aggregate: number, column: number): boolean {
  return term.kind === "field" && term.whose === "stream" && term.aggregate === aggregate && term.column === column;
}

/** Does the term read the aggregate's own fields? */
function reads(term: Term, aggregate: number): boolean {
  let found = false;
  visit(term, (each) => {
    if (each.kind === "field" && each.whose === "stream" && each.aggregate === aggregate) found = true;
  });
  return found;
}

function codesOf({ fields, when }: WindowAggregate): Code[] {
  const codes = fields.flatMap((field) => (field.when === null ? [field.value] : [field.value, field.when]));
  return when === null ? codes : [...codes, when];
}

function usesSeries(aggregate: WindowAggregate): boolean {
  return someTerm(aggregate, (term) => term.kind === "series");
}

function reachesDeferred(aggregate: WindowAggregate, deferred: readonly boolean[]): boolean {
  return someTerm(
    aggregate,
    (term) => term.kind === "field" && term.whose === "window" && deferred[term.aggregate] === true,
  );
}

function someTerm(aggregate: WindowAggregate, test: (term: Term) => boolean): boolean {
  let found = false;
  for (const { term } of codesOf(aggregate)) visit(term, (each) => (found ||= test(each)));
  return found;
}
