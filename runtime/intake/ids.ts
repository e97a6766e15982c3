// Which of plain events came before: here, on their way to the disk, or on it.
import { type Dedupe, keyOf, type Print, printOf } from "../dedupe.ts";
import type { PendingIds } from "../ingest.ts";
import { ASK, type Gate, PLAIN, REPEAT } from "./gate.ts";

export interface IdsPorts {
  readonly gate: Gate;
  readonly dedupe: Dedupe;
  readonly pending: PendingIds;
  readonly now: () => number;
}

/** An id on its way to the disk. */
interface Own {
  readonly key: string;
  readonly print: Print;
}

interface Repeat {
  readonly type: string;
  /** What it repeats is on its way to the disk. */
  readonly wait: Promise<unknown> | undefined;
}

/** What is known of the ids of one run, by item. */
export class Ids {
  /** Where the run ends: at an id that comes with other bytes, which somebody has to look at. */
  readonly end: number;
  readonly repeats = new Map<number, Repeat>();
  readonly #ports: IdsPorts;
  /** Ids of this run, by `keyOf`. */
  readonly #here = new Map<string, Print>();
  readonly #own = new Map<number, Own>();

  /** Looks at the ids of plain items `from … to`, and marks repeats as such. */
  constructor(ports: IdsPorts, from: number, to: number) {
    this.#ports = ports;
    let item = from;
    while (item < to && this.#look(item)) item++;
    this.end = item;
  }

  /** How many of items `from … to` are repeats. */
  repeatsIn(from: number, to: number): readonly Repeat[] {
    return within(this.repeats, from, to);
  }

  /** Remembers those that are new: from now on as pending, as seen once they are on disk. */
  async remember(from: number, to: number, appended: Promise<unknown>): Promise<void> {
    const { dedupe, pending, now } = this.#ports;
    const own = within(this.#own, from, to);
    for (const { key, print } of own) pending.set(key, { print, done: appended });
    try {
      await appended;
      const at = now();
      for (const { print } of own) dedupe.add(print, at);
    } finally {
      for (const { key } of own) pending.delete(key);
    }
  }

  /** @returns false when the item is one to look at */
  #look(item: number): boolean {
    const { gate, dedupe, pending } = this.#ports;
    const id = gate.id(item);
    if (id === null) return true;
    const print = printOf("", id, gate.payload(item));
    const key = keyOf("", id);
    const on = pending.get(key);
    const known = this.#here.get(key) ?? on?.print;
    const isSame = known !== undefined && known[4] === print[4] && known[5] === print[5];
    const seen = known === undefined ? dedupe.seen(print) : isSame ? "same" : "other-payload";
    if (seen === "other-payload") {
      gate.setVerdict(item, ASK);
      return false;
    }
    if (seen === null) {
      this.#here.set(key, print);
      this.#own.set(item, { key, print });
    } else {
      this.repeats.set(item, { type: gate.types[gate.verdict(item) - PLAIN]!, wait: on?.done });
      gate.setVerdict(item, REPEAT);
    }
    return true;
  }
}

function within<T>(byItem: ReadonlyMap<number, T>, from: number, to: number): T[] {
  const found: T[] = [];
  for (const [item, each] of byItem) if (item >= from && item < to) found.push(each);
  return found;
}
