// A window spec from its tree, held against the outline of its streaming spec.
import { found, shorten } from "../data/mistakes.ts";
import { didYouMean } from "../errors.ts";
import { Expressions } from "./expressions.ts";
import type { Imports } from "./imports.ts";
import type { Report } from "./report.ts";
import type { Scope } from "./scope.ts";
import { type AggregateShape, columnsOf, hasTime, nodesOf, shapesOf, wordsOf } from "./shapes.ts";
import type { Code, Field, WindowAggregate, WindowSpec } from "./spec.ts";
import { checkNames, importsOf, type Outline, readField, WINDOW_WORDS } from "./streaming.ts";
import type { Entry, Node, TreeOptions } from "./tree.ts";

/**
 * @param outline  null: the streaming spec is not known, so that only what stands in this file is checked
 * @returns null where the outline is, or a mistake was told
 */
export function windowOf(tree: Node, outline: Outline | null, report: Report, options: TreeOptions): WindowSpec | null {
  return new WindowReader(tree, outline, report, options).read();
}

class WindowReader {
  readonly #tree: Node;
  readonly #outline: Outline | null;
  readonly #report: Report;
  readonly #options: TreeOptions;
  readonly #expressions: Expressions;
  readonly #shapes: readonly AggregateShape[];
  readonly #imports: Imports;
  /** Index of the streaming spec's one aggregate with time; null: it is not known, or there is not one. */
  readonly #blocks: number | null;

  constructor(tree: Node, outline: Outline | null, report: Report, options: TreeOptions) {
    this.#tree = tree;
    this.#outline = outline;
    this.#report = report;
    this.#options = options;
    this.#expressions = new Expressions(report, options.compat);
    this.#shapes = shapesOf(nodesOf(tree.entries.get("Aggregates")), report, options.compat);
    this.#imports = importsOf(tree, report, options);
    this.#blocks = outline === null ? null : this.#blocksOf(outline);
  }

  read(): WindowSpec | null {
    const { entries } = this.#tree;
    const { compat, header } = this.#options;
    const taken = this.#outline === null ? WINDOW_WORDS : [...WINDOW_WORDS, this.#outline.name];
    if (!compat) checkNames(this.#shapes, taken, this.#report);
    this.#sourceOfSpec(entries.get("SourceBTS"));

    const words = wordsOf(header.dialect, this.#shapes, null, true);
    const scope = this.#scope("absent", this.#shapes.length);
    const anchor = entries.get("Anchor")?.nodes[0]?.entries;
    const ofAnchor = scope === null ? null : { ...scope, anchor: null };
    const condition = this.#expressions.code(anchor?.get("Condition"), ofAnchor, words);
    const when = this.#expressions.code(entries.get("When"), scope, words, true);

    // A variable sees the window above it.
    let source: Scope["source"] = "early";
    const aggregates = this.#shapes.map((shape, index) => {
      if (shape.kind === "window" && this.#blocks !== null) source = this.#outline!.aggregates[this.#blocks]!;
      return this.#aggregate(shape, this.#scope(source, index + 1, index));
    });

    if (this.#outline === null || this.#blocks === null || this.#report.mistakes.length > 0) return null;
    return {
      file: this.#report.yaml.file,
      name: entries.get("Name")!.value as string,
      when,
      anchor: { condition: condition!, max: numberOf(anchor?.get("Max")) },
      blocks: this.#blocks,
      aggregates: aggregates as WindowAggregate[],
    };
  }

  /** Null: names can't be resolved, as it is not known what the streaming spec has. */
  #scope(source: Scope["source"], defined: number, own: number | null = null): Scope | null {
    if (this.#outline === null || this.#blocks === null) return null;
    return {
      source,
      time: false,
      identity: true,
      aggregates: this.#shapes,
      whose: "window",
      defined,
      stream: this.#outline,
      anchor: this.#blocks,
      bareFields: this.#options.header.dialect === "draft" ? own : null,
      imports: this.#imports,
      compat: this.#options.compat,
    };
  }

  #blocksOf({ name, aggregates }: Outline): number | null {
    const timed = aggregates.flatMap(({ kind }, index) => (hasTime(kind) ? [index] : []));
    if (timed.length === 1) return timed[0]!;
    const names = timed.map((index) => `'${aggregates[index]!.name}'`).join(", ");
    const has =
      timed.length === 0 ? "has no aggregate of blocks" : `has ${timed.length} aggregates of blocks: ${names}`;
    const expected = "expected one, a Block or an Activity, whose blocks are what windows and anchors are made of";
    this.#report.mistake(
      this.#tree.entries.get("Anchor")?.path ?? [],
      `the streaming spec '${name}' ${has}; ${expected}`,
      "key",
    );
    return null;
  }

  /** The header's own word on the streaming spec, which nothing follows. */
  #sourceOfSpec(entry: Entry | undefined): void {
    if (entry === undefined || this.#outline === null || entry.value === this.#outline.name) return;
    this.#report.note(
      entry.path,
      `says '${shorten(String(entry.value))}', and the streaming spec is '${this.#outline.name}'`,
    );
  }

  /** Null: something is wrong with it, which was told. */
  #aggregate(shape: AggregateShape, scope: Scope | null): WindowAggregate | null {
    const { node, name } = shape;
    const words = wordsOf(this.#options.header.dialect, this.#shapes, shape, true);
    const code = (entry: Entry | undefined, optional = false): Code | null =>
      this.#expressions.code(entry, scope, words, optional);

    const kind = shape.kind === "window" ? "window" : "variable";
    const source = kind === "window" ? this.#sourceOf(node.entries.get("Source")) : null;
    const window = kind === "window" ? this.#windowOf(node) : null;
    const when = code(node.entries.get("When"), true);
    const fields = shape.fields.map((field) => readField(field, code, this.#report));
    if (scope === null || this.#report.mistakes.length > 0) return null;

    const common = {
      name,
      when,
      fields: fields as Field[],
      columns: columnsOf(shape),
      at: this.#report.placeOf(node.path),
    };
    if (kind === "variable") return { ...common, kind };
    return { ...common, kind, ...window!, source: source! };
  }

  /** Index of the aggregate that blocks are taken of. */
  #sourceOf(entry: Entry | undefined): number | null {
    if (entry === undefined || this.#outline === null || this.#blocks === null) return null;
    const { name, aggregates } = this.#outline;
    const only = `${name}.${aggregates[this.#blocks]!.name}`;
    if (entry.value === only) return this.#blocks;
    const written = String(entry.value).trim();
    const [spec, aggregate] = written.split(".");
    const near = didYouMean(written.slice(0, 64), [only]);
    const known = aggregates.some((one) => one.name === aggregate);
    const what = spec === name && known ? `'${shorten(written)}' has no blocks` : `found ${found(written)}`;
    this.#report.mistake(
      entry.path,
      `expected '${only}', the aggregate whose blocks windows are made of; ${what}${near}`,
    );
    return null;
  }

  #windowOf({ entries }: Node): { window: "day" | "hour" | "count" | "unknown"; value: number } | null {
    const type = entries.get("WindowType");
    const value = entries.get("WindowValue");
    if (typeof value?.value !== "number") return null;
    const word = String(type?.value).toLowerCase();
    const window = word === "day" || word === "hour" || word === "count" ? word : "unknown";
    if (window === "count" || window === "unknown") {
      if (value.value === 0) this.#report.mistake(value.path, "expected a number of blocks other than 0");
      else if (!Number.isInteger(value.value) && type !== undefined)
        this.#report.mistake(value.path, `expected a whole number of blocks, found ${found(value.value)}`);
    } else if (value.value === 0) {
      this.#report.note(value.path, `0 ${window}s hold no block, so that no row is ever made`);
    }
    return { window, value: value.value };
  }
}

function numberOf(entry: Entry | undefined): number | null {
  return entry === undefined ? null : Number(entry.value);
}
