// The changes of the board as they come to the disk, for those who follow a page.
import { limits } from "../limits.ts";
import type { BoardMessage } from "./message.ts";

/** Changes were missed that are no longer at hand: the page has to be read again. */
export interface Reset {
  readonly do: "reset";
  /** Everything up to here is in what is read now. */
  readonly seq: number;
  readonly page: string;
}

type Listener = (message: BoardMessage) => void;

interface FollowedPage {
  readonly listeners: Set<Listener>;
  /** The youngest messages, oldest first. */
  readonly recent: BoardMessage[];
  /** Messages up to here are not at hand. */
  floor: number;
}

export interface FeedLimits {
  /** Messages of one page that are kept for who comes back. */
  readonly boardRecent: number;
}

/**
 * Hands changes to those who follow a page, and keeps the youngest for those who come back. A page that nobody has
 * ever followed costs nothing.
 */
export class BoardFeed {
  readonly #bounds: FeedLimits;
  readonly #pages = new Map<string, FollowedPage>();
  #seq: number;

  /** @param seq  what the board shows from the start */
  constructor(seq = 0, bounds: FeedLimits = limits) {
    this.#seq = seq;
    this.#bounds = bounds;
  }

  /** All changes up to here were told. */
  get seq(): number {
    return this.#seq;
  }

  /** What the journal held when the board was rebuilt: nobody is told of it. */
  begin(seq: number): void {
    this.#seq = Math.max(this.#seq, seq);
  }

  /** Whether anybody would hear of changes of the page. */
  follows(page: string): boolean {
    return this.#pages.has(page);
  }

  /** A change is on disk. In the order of the journal. */
  tell(message: BoardMessage): void {
    this.#seq = Math.max(this.#seq, message.seq);
    const page = this.#pages.get(message.page);
    if (page === undefined) return;
    page.recent.push(message);
    if (page.recent.length > this.#bounds.boardRecent) page.floor = page.recent.shift()!.seq;
    for (const listener of [...page.listeners]) listener(message);
  }

  /** The returned function ends it. */
  follow(name: string, listener: Listener): () => void {
    const page = this.#followed(name);
    page.listeners.add(listener);
    return () => void page.listeners.delete(listener);
  }

  /** Messages after a sequence, oldest first; a reset when some of them are gone. Empty: there are none. */
  since(name: string, seq: number): readonly (BoardMessage | Reset)[] {
    const { recent, floor } = this.#followed(name);
    if (seq < floor) return [{ do: "reset", seq: this.#seq, page: name }];
    return recent.filter((message) => message.seq > seq);
  }

  #followed(name: string): FollowedPage {
    let page = this.#pages.get(name);
    if (page === undefined) {
      page = { listeners: new Set(), recent: [], floor: this.#seq };
      this.#pages.set(name, page);
    }
    return page;
  }
}
