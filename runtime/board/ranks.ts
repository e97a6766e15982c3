// Which goals of which records go first, from the plan pages. A rank permits nothing: every guard still applies.
import { shorten } from "../data/mistakes.ts";
import { didYouMean } from "../errors.ts";
import { limits } from "../limits.ts";
import type { PlannedActor } from "../site.ts";
import { type Board, type BoardRecord, keyOf, keysOf, type Page, textAt } from "./board.ts";
import { readInstant, readWeight } from "./check.ts";

/** A row that ranks nothing, and why. */
export interface Unranked {
  /** The plan page. */
  readonly page: string;
  readonly key: string;
  readonly detail: string;
}

interface Weight {
  readonly weight: number;
  /** ms since epoch; Infinity: never. */
  readonly expires: number;
}

/** Weights by what they are for, then by row: a record may be written in more ways than one. */
type Weights = Map<string, Map<string, Weight>>;

/** The weights of all plan pages. */
export class Ranks {
  readonly #board: Board;
  readonly #byPage = new Map<string, Weights>();

  constructor(board: Board) {
    this.#board = board;
  }

  /** Nothing has a weight of its own. */
  get isEmpty(): boolean {
    return this.#byPage.size === 0;
  }

  /**
   * The weight of a goal of a record: of its own row or, without one, of the record's; plan pages add up. Default 0.
   *
   * @param now  ms since epoch: a row that has expired counts no more
   */
  rank({ page, goal }: Pick<PlannedActor, "page" | "goal">, { key }: BoardRecord, now: number): number {
    let rank = 0;
    for (const weights of this.#byPage.values()) {
      const own = heaviest(weights.get(nameOf(page, key, goal)), now);
      rank += own ?? heaviest(weights.get(nameOf(page, key, "")), now) ?? 0;
    }
    return rank;
  }

  /**
   * Whether a row of a plan page is for a goal of a record, or for all its goals.
   *
   * @param now  as in `rank`; without it rows count that have expired too
   */
  points(
    planPage: string,
    { page, goal }: Pick<PlannedActor, "page" | "goal">,
    { key }: BoardRecord,
    now = Number.NEGATIVE_INFINITY,
  ): boolean {
    const weights = this.#byPage.get(planPage);
    return ["", goal].some((each) => heaviest(weights?.get(nameOf(page, key, each)), now) !== null);
  }

  /**
   * A row of a plan page is new, or has changed, or is taken off; other records are none of its business.
   *
   * @returns the record that is ranked: what of it waits for a place is to be asked for again; null: there is none
   */
  changed(row: BoardRecord): BoardRecord | null {
    const { page } = row;
    if (!page.config.ranks) return null;
    const meant = meantBy(row);
    const gone = page.find(row.key) !== row || row.complete;
    this.#keep(page.name, meant, row.key, gone ? null : weightOf(row));
    return this.#board.find(meant.page)?.find(meant.key) ?? null;
  }

  /** Takes in what the plan pages say: after the journal was read, and when the plan has changed. */
  reset(): void {
    this.#byPage.clear();
    for (const page of planPages(this.#board)) for (const row of page.records()) this.changed(row);
  }

  /** All rows of the plan pages. */
  *rows(): Generator<BoardRecord> {
    for (const page of planPages(this.#board)) yield* page.records();
  }

  /** Rows that rank nothing, as what they name is not there or what they say can't be read: a bounded number. */
  unknown(most: number = limits.unranked): Unranked[] {
    const unranked: Unranked[] = [];
    for (const page of planPages(this.#board)) {
      for (const row of page.records()) {
        if (unranked.length >= most) return unranked;
        const detail = whyUnranked(row, this.#board);
        if (detail !== null) unranked.push({ page: page.name, key: row.key, detail });
      }
    }
    return unranked;
  }

  #keep(planPage: string, { page, key, goal }: Meant, row: string, weight: Weight | null): void {
    const weights = this.#byPage.get(planPage) ?? new Map<string, Map<string, Weight>>();
    const name = nameOf(page, key, goal);
    const rows = weights.get(name) ?? new Map<string, Weight>();
    if (weight === null) rows.delete(row);
    else rows.set(row, weight);
    if (rows.size === 0) weights.delete(name);
    else weights.set(name, rows);
    if (weights.size === 0) this.#byPage.delete(planPage);
    else this.#byPage.set(planPage, weights);
  }
}

/** What a row ranks. */
interface Meant {
  readonly page: string;
  readonly key: string;
  /** "": all goals of the record. */
  readonly goal: string;
}

function meantBy(row: BoardRecord): Meant {
  return { page: textOf(row, "page"), key: canonical(textOf(row, "record")), goal: textOf(row, "goal") };
}

/** A key as the board writes it; what is no key stays as it is, and is no record's. */
function canonical(key: string): string {
  try {
    return keyOf(keysOf(key));
  } catch {
    return key;
  }
}

/** When a row of a plan page counts no more, ms since epoch; Infinity: never does it end. */
export function endOf(row: BoardRecord): number {
  return weightOf(row)?.expires ?? Number.POSITIVE_INFINITY;
}

/** Null: it can't be read. */
function weightOf(row: BoardRecord): Weight | null {
  const weight = readWeight(textOf(row, "weight"));
  const expires = readInstant(textOf(row, "expires"));
  return weight === null || expires === null ? null : { weight, expires };
}

function heaviest(rows: ReadonlyMap<string, Weight> | undefined, now: number): number | null {
  let most: number | null = null;
  for (const { weight, expires } of rows?.values() ?? []) {
    if (now < expires && (most === null || weight > most)) most = weight;
  }
  return most;
}

function whyUnranked(row: BoardRecord, board: Board): string | null {
  const { page: name, key, goal } = meantBy(row);
  const page = board.find(name);
  if (page === undefined) {
    const pages = [...board.pages].map((each) => each.name);
    return `there is no page '${shorten(name)}'${didYouMean(name, pages)}`;
  }
  if (page.find(key) === undefined) return `page '${name}' has no record '${shorten(textOf(row, "record"))}'`;
  if (goal !== "" && !page.config.goals.includes(goal))
    return `page '${name}' has no goal '${shorten(goal)}'${didYouMean(goal, page.config.goals)}`;
  if (weightOf(row) !== null) return null;
  return readWeight(textOf(row, "weight")) === null
    ? `its weight '${shorten(textOf(row, "weight"))}' is no number`
    : `it expires at '${shorten(textOf(row, "expires"))}', which is no time such as 2026-03-01T12:00:00Z`;
}

function planPages(board: Board): Page[] {
  return [...board.pages].filter(({ config }) => config.ranks);
}

function textOf(row: BoardRecord, name: string): string {
  const column = row.page.column(name);
  return column === undefined ? "" : textAt(row, column);
}

/** Neither a page nor a key nor a goal has a line break in it. */
function nameOf(page: string, key: string, goal: string): string {
  return `${page}\n${key}\n${goal}`;
}
