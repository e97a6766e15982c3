// Records of a page, some at a time: where a reader has come to is kept for a while, so that going on costs nothing.
import { AisleError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { BoardRecord, Page } from "./board.ts";

export interface ListOptions {
  /** Key of the last record that was seen; null: from the start. */
  readonly after: string | null;
  readonly limit: number;
  readonly matches: (record: BoardRecord) => boolean;
}

export interface Listed {
  readonly records: readonly BoardRecord[];
  /** The `after` that goes on; null: there are no more. There may be no records and a `next`: few match. */
  readonly next: string | null;
}

export interface ListingLimits {
  /** Records that one request looks at. */
  readonly listingScan: number;
  /** Readers whose place is kept. */
  readonly listingCursors: number;
}

/** Records that are still to come; the first of them was looked at already. */
class Ahead {
  readonly #source: Iterator<BoardRecord>;
  #head: BoardRecord | null = null;

  constructor(source: Iterator<BoardRecord>) {
    this.#source = source;
  }

  /** Null: there are no more. */
  next(): BoardRecord | null {
    const head = this.#head;
    this.#head = null;
    // It may have been taken off its page since.
    if (head !== null && head.page.find(head.key) === head) return head;
    const { done, value } = this.#source.next();
    return done === true ? null : value;
  }

  get more(): boolean {
    this.#head = this.next();
    return this.#head !== null;
  }
}

/** Goes through pages in the order of the board: least recently touched first. What is touched meanwhile may come twice. */
export class Listing {
  readonly #bounds: ListingLimits;
  /** By page and key of the last record given, the oldest first. What is there is live: it sees later changes. */
  readonly #cursors = new Map<string, Ahead>();

  constructor(bounds: ListingLimits = limits) {
    this.#bounds = bounds;
  }

  /** @throws AisleError `invalid`: the record named by `after` is not on the page (any more) */
  async list(page: Page, { after, limit, matches }: ListOptions): Promise<Listed> {
    const ahead = after === null ? new Ahead(page.records()) : await this.#resume(page, after);
    const records: BoardRecord[] = [];
    for (let looked = 0; ; ) {
      const record = ahead.next();
      if (record === null) return { records, next: null };
      if (matches(record)) records.push(record);
      if (records.length < limit && ++looked < this.#bounds.listingScan) continue;
      if (!ahead.more) return { records, next: null };
      this.#keep(`${page.name}\n${record.key}`, ahead);
      return { records, next: record.key };
    }
  }

  /** Where the reader was; looked for from the start when that is no longer known, in slices. */
  async #resume(page: Page, after: string): Promise<Ahead> {
    const name = `${page.name}\n${after}`;
    const known = this.#cursors.get(name);
    if (known !== undefined) {
      this.#cursors.delete(name); // nobody else may go on with it
      return known;
    }
    if (page.find(after) === undefined) throw gone(page, after);
    const records = page.records();
    for (let looked = 1; ; looked++) {
      const { done, value } = records.next();
      if (done === true) throw gone(page, after);
      if (value.key === after) return new Ahead(records);
      if (looked % this.#bounds.listingScan === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #keep(name: string, ahead: Ahead): void {
    this.#cursors.delete(name);
    this.#cursors.set(name, ahead);
    if (this.#cursors.size > this.#bounds.listingCursors) this.#cursors.delete(this.#cursors.keys().next().value!);
  }
}

function gone({ name }: Page, after: string): AisleError {
  return new AisleError(
    "invalid",
    `no record '${after.slice(0, 200)}' is on page '${name}' (any more): begin without 'after'`,
  );
}
