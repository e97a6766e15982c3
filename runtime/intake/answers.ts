// Who is told what became of an event, and when.
import type { Receipt } from "../http/ports.ts";
import type { Taken } from "../ingest.ts";
import type { Ack } from "./ack.ts";

/** Called once. `error` is null exactly when there is a receipt; of a plain event it is one of the constants below. */
export type Answer = (receipt: Receipt | null, error: Error | null) => void;

/** An item whose sender waits. */
export interface Asked {
  /** Place in its batch. */
  readonly item: number;
  readonly answer: Answer;
  readonly ack: Ack;
}

/** Of each plain event; they say nothing of `seqs`, so that one will do for all. */
export const ONE_ACCEPTED: Receipt = Object.freeze({ accepted: 1, duplicate: 0, rejected: [], seqs: [] });
export const ONE_DUPLICATE: Receipt = Object.freeze({ accepted: 0, duplicate: 1, rejected: [], seqs: [] });

/** Resolves once the hub has the entry in its journal. */
export type Replicated = (seq: number) => Promise<void>;

/** What was reached instead of what was asked for, and why. */
export type Short = Required<Pick<Receipt, "level" | "detail">>;

/** What stands between an entry and its answer. */
export interface Reach {
  readonly replicated: Replicated | null;
  /** Settles as what is waited for, or sooner, with why that takes so long. Missing: as long as it takes. */
  readonly patient?: <T>(waited: Promise<T>) => Promise<T>;
  /** So many events failed whose senders heard that they were received. */
  readonly lost: (many: number, error: Error) => void;
}

/**
 * Resolves when what was asked for holds. With what does instead, when it is on disk and the hub doesn't have it in time:
 * it gets it later, and whoever heard of a failure would send it again.
 *
 * @param durable  settles when it is on disk, with the last sequence of it
 * @param many  events
 * @throws Error what kept it from that
 */
export async function reached(ack: Ack, durable: Promise<number>, reach: Reach, many: number): Promise<Short | null> {
  if (ack === "received") {
    // What has no room is refused within the turn: it was not received. What fails later was received all the same.
    let isReceived = false;
    durable.catch((error: Error) => {
      if (isReceived) reach.lost(many, error);
    });
    await Promise.race([durable, new Promise((turn) => setImmediate(turn))]);
    isReceived = true;
    return null;
  }
  const seq = await (reach.patient?.(durable) ?? durable);
  if (ack !== "replicated") return null;
  return reach.replicated!(seq).then(
    () => null,
    ({ message }: Error) => ({ level: "durable" as const, detail: message }),
  );
}

export function receiptAt(receipt: Receipt, short: Short | null): Receipt {
  return short === null ? receipt : { ...receipt, ...short };
}

/** Takes a request in, and answers when what it asks for holds. */
export async function acceptAt(ack: Ack, taken: Taken, reach: Reach, lastSeq: () => number): Promise<Receipt> {
  const { receipt } = taken;
  if (ack === "durable") return reach.patient?.(taken.durable) ?? taken.durable;
  let whole = receipt;
  const durable = taken.durable.then((known) => {
    whole = known;
    return known.seqs.at(-1) ?? lastSeq();
  });
  const isNothing = receipt.accepted + receipt.duplicate === 0;
  const short = await reached(isNothing ? "durable" : ack, durable, reach, receipt.accepted + receipt.duplicate);
  return receiptAt(whole, short);
}

/** Those who asked, taken in the order of their items. */
export class Askers {
  readonly #asked: readonly Asked[];
  #next = 0;

  constructor(asked: readonly Asked[]) {
    this.#asked = asked;
  }

  /** Those of items before `end` that were not taken yet. */
  until(end: number): readonly Asked[] {
    const from = this.#next;
    while (this.#next < this.#asked.length && this.#asked[this.#next]!.item < end) this.#next++;
    return from === 0 && this.#next === this.#asked.length ? this.#asked : this.#asked.slice(from, this.#next);
  }
}
