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

/**
 * Resolves when what was asked for holds.
 *
 * @param durable  settles when it is on disk, with the last sequence of it
 * @throws Error what kept it from that
 */
export async function reached(ack: Ack, durable: Promise<number>, replicated: Replicated | null): Promise<void> {
  if (ack === "received") {
    // What has no room is refused within the turn: it was not received.
    durable.catch(() => {}); // what fails later was received all the same
    await Promise.race([durable, new Promise((turn) => setImmediate(turn))]);
    return;
  }
  const seq = await durable;
  if (ack === "replicated") await replicated!(seq);
}

/** Takes a request in, and answers when what it asks for holds. */
export async function acceptAt(
  ack: Ack,
  taken: Taken,
  replicated: Replicated | null,
  lastSeq: () => number,
): Promise<Receipt> {
  if (ack === "durable") return taken.durable;
  const { receipt } = taken;
  let whole = receipt;
  const durable = taken.durable.then((known) => {
    whole = known;
    return known.seqs.at(-1) ?? lastSeq();
  });
  const isNothing = receipt.accepted + receipt.duplicate === 0;
  await reached(isNothing ? "durable" : ack, durable, replicated);
  return whole;
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
