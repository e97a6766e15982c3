// The pages of a plan: what kind each is, which columns its records have, how the runtime has it.
import type { KeyField, PageConfig } from "../site.ts";
import type { PlanFile, WrittenPage } from "./file.ts";
import { keysOf } from "./keys.ts";

/**
 * Where the records of a page come from: from events, from what happens within such a record, from people and files;
 * or they rank the records of others.
 */
export type PageKind = "events" | "within" | "records" | "ranks";

/** The columns of a plan page. */
const RANK_KEYS: readonly KeyField[] = [
  { name: "page", required: true },
  { name: "record", required: true },
  { name: "goal", required: false },
];
const RANK_DATA = ["weight", "expires", "author", "note"];

export class Pages {
  readonly #written: ReadonlyMap<string, WrittenPage>;

  constructor(written: PlanFile["pages"]) {
    this.#written = new Map(Object.entries(written));
  }

  get names(): readonly string[] {
    return [...this.#written.keys()];
  }

  has(name: string): boolean {
    return this.#written.has(name);
  }

  kindOf(name: string): PageKind {
    const { ranks, opens, parent } = this.#written.get(name)!;
    if (ranks !== undefined) return "ranks";
    return opens.length > 0 ? "events" : parent !== null ? "within" : "records";
  }

  /** Whether events, in the end, make its records. */
  isFed(name: string): boolean {
    return ["events", "within"].includes(this.kindOf(name));
  }

  /** Whether all its columns are known: nobody writes into others. */
  isClosed(name: string): boolean {
    return this.isFed(name) || this.dataOf(name) !== null;
  }

  keysOf(name: string): readonly KeyField[] {
    const kind = this.kindOf(name);
    if (kind === "ranks") return RANK_KEYS;
    if (kind !== "records") return [{ name: kind === "events" ? "customer" : "focus", required: true }];
    return keysOf(this.#written.get(name)!.keys);
  }

  /** Null: any name makes a column. */
  dataOf(name: string): readonly string[] | null {
    return this.kindOf(name) === "ranks" ? RANK_DATA : (this.#written.get(name)!.data ?? null);
  }

  /** The page and its ancestors; null when they go in a circle. */
  lineage(name: string): string[] | null {
    const lineage: string[] = [];
    for (let at: string | null = name; at !== null; at = this.#written.get(at)?.parent ?? null) {
      if (lineage.includes(at)) return null;
      lineage.push(at);
    }
    return lineage;
  }

  /** As `lineage`, of pages that there are: those whose columns a record can read. */
  reach(name: string): string[] {
    return (this.lineage(name) ?? [name]).filter((each) => this.has(each));
  }

  /** Columns that the pages within reach have besides goals. */
  fieldsOf(name: string): string[] {
    return this.reach(name).flatMap((page) => [
      ...this.keysOf(page).map(({ name: key }) => key),
      ...(this.dataOf(page) ?? []),
    ]);
  }

  /** A page as the runtime has it. @param goals  in the order of the plan */
  config(name: string, goals: readonly string[]): PageConfig {
    const written = this.#written.get(name)!;
    const { parent, opens, closes, ready, complete, truth, shared, records } = written;
    const kind = this.kindOf(name);
    const keys = this.keysOf(name);
    return {
      name,
      parent: kind === "ranks" ? null : parent,
      opens,
      closes,
      timeToLiveMs: this.isFed(name) ? (this.timeToLiveOf(name) ?? 0) : Number.POSITIVE_INFINITY,
      keys,
      goals,
      data: this.dataOf(name),
      ready: kind === "ranks" || (ready ?? false),
      completes: complete === "all-goals",
      lenient: truth === "lenient",
      shared: shared ?? !this.isFed(name),
      ranks: kind === "ranks",
      records: (records ?? []).map((row) => keys.map((_, rank) => row[rank] ?? "")),
    };
  }

  /** How it is written. */
  writtenOf(name: string): WrittenPage {
    return this.#written.get(name)!;
  }

  /** Of the page or the nearest of its ancestors that says it; undefined: none does. */
  timeToLiveOf(name: string): number | undefined {
    const lineage = this.lineage(name) ?? [name];
    return lineage.map((page) => this.#written.get(page)?.timeToLive).find((ms) => ms !== undefined);
  }
}
