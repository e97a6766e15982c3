// Bodies of which everything is plain, gathered for one block: their items lie in the core's memory, already judged.
import type { Receipt } from "../http/ports.ts";
import { crowded } from "../ingest.ts";
import { limits } from "../limits.ts";
import type { Ack } from "./ack.ts";
import { type Reach, reached, receiptAt } from "./answers.ts";
import { type Envelope, ITEM_BYTES } from "./gate.ts";
import { Ids, type IdsPorts } from "./ids.ts";
import type { SorterPorts } from "./sorter.ts";

/** Verdicts before these are of the items that are taken at once. */
const FIRST = limits.intakeItems;
/** Fewer bytes than this no event has that is plain; with less room than that for items, a body waits for the next block. */
const ITEM_BYTES_MIN = 16;

export interface BodiesPorts extends IdsPorts, Reach, Pick<SorterPorts, "journal" | "blocks" | "count" | "backlog"> {}

/** A promise that is settled when the block of now is on disk: with its last sequence. */
interface Durable {
  readonly promise: Promise<number>;
  readonly resolve: (appended: Promise<number>) => void;
}

export class PlainBodies {
  readonly #ports: BodiesPorts;
  /** As if item 0 stood here: the first of a body is `FIRST`. */
  readonly #items: number;
  readonly #input: number;
  #used = 0;
  #next: number = FIRST;
  #durable = newDurable();
  #repeats: string[] = [];

  constructor(ports: BodiesPorts) {
    this.#ports = ports;
    this.#items = ports.gate.reserve(limits.intakeItems * ITEM_BYTES) - FIRST * ITEM_BYTES;
    this.#input = ports.gate.reserve(limits.intakeBytes);
  }

  get count(): number {
    return this.#next - FIRST;
  }

  get bytes(): number {
    return this.#used;
  }

  /** Whether there is room for a body; if not, what was gathered has to go first. */
  fits(bytes: number): boolean {
    const itemsMax = Math.min(limits.bodyEvents, Math.ceil(bytes / ITEM_BYTES_MIN));
    const hasRoom = this.#used + bytes < limits.intakeBytes && this.count + itemsMax <= limits.intakeItems;
    return hasRoom && this.#ports.gate.canLend;
  }

  /**
   * @returns null when it has to be looked at: then nothing was taken
   * @throws AisleError `overloaded` when too much waits for decisions
   */
  add(chunks: readonly Uint8Array[], bytes: number, envelope: Envelope, ack: Ack): Promise<Receipt> | null {
    const { gate, backlog } = this.#ports;
    if (backlog() >= limits.runs) throw crowded();
    const told = this.#take(chunks, bytes, envelope, ack);
    // Its envelope may have been lent all the same, and a flush ends loans only when something is held.
    if (told === null && this.count === 0) gate.endLoans();
    return told;
  }

  #take(chunks: readonly Uint8Array[], bytes: number, envelope: Envelope, ack: Ack): Promise<Receipt> | null {
    const { gate, now } = this.#ports;
    const from = this.#next;
    const room = FIRST + limits.intakeItems - from;
    const rows = this.#items + from * ITEM_BYTES;
    const named = gate.lendEnvelope(envelope) + 1;
    if (named === 0) return null;
    const count = gate.split(chunks, bytes, named, this.#input + this.#used, rows, room);
    if (count === 0 || gate.judge(this.#items, count, now(), from) > 0) return null;
    const to = from + count;
    const ids = gate.ids > 0 ? new Ids(this.#ports, from, to) : null;
    if (ids !== null && ids.end < to) return null;

    this.#next = to;
    this.#used += bytes + 1;
    const duplicate = ids === null ? 0 : this.#knowIds(ids);
    const waits = ids === null ? [] : [...ids.repeats.values()].map(({ wait }) => wait);
    const durable = Promise.all([this.#durable.promise, ...waits]).then(([seq]) => seq);
    const receipt = { accepted: count - duplicate, duplicate, rejected: [], seqs: [] };
    return reached(ack, durable, this.#ports, count).then((short) => receiptAt(receipt, short));
  }

  /** Hands what was gathered to the journal. @returns when it is on disk */
  flush(): Promise<number> {
    const { gate, blocks, journal, count } = this.#ports;
    const { promise, resolve } = this.#durable;
    const from: number = FIRST;
    const to = this.#next;
    const types = gate.typesIn(from, to);
    const repeats = this.#repeats;
    const appended: Promise<number>[] = [];
    for (let start = from; start < to; ) {
      const end = gate.blockEnd(start, to);
      const fresh = gate.plainCount(start, end);
      const block = { items: this.#items, from: start, to: end, count: fresh };
      if (fresh > 0) appended.push(blocks.append(block).then(({ lastSeq }) => lastSeq));
      start = end;
    }
    gate.endLoans();
    this.#used = 0;
    this.#next = FIRST;
    this.#durable = newDurable();
    this.#repeats = [];
    resolve(
      Promise.all(appended).then((seqs) => {
        for (const [type, many] of types) count("accepted", type, many);
        for (const type of repeats) count("duplicate", type);
        return seqs.at(-1) ?? journal.lastSeq;
      }),
    );
    return promise;
  }

  /** @returns how many are repeats */
  #knowIds(ids: Ids): number {
    ids.remember(FIRST, this.#next, this.#durable.promise).catch(() => {}); // whoever waits is told
    for (const { type } of ids.repeats.values()) this.#repeats.push(type);
    return ids.repeats.size;
  }
}

function newDurable(): Durable {
  let resolve: Durable["resolve"] = () => {};
  const promise = new Promise<number>((settle) => {
    resolve = settle;
  });
  promise.catch(() => {}); // whoever waits is told
  return { promise, resolve };
}
