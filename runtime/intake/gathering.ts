// What was added one by one since the last batch: payloads one behind the other in the core's memory, and their items.
import type { Inbound } from "../http/ports.ts";
import { limits } from "../limits.ts";
import type { Ack } from "./ack.ts";
import type { Answer, Asked } from "./answers.ts";
import { type Gate, ITEM_BYTES, ITEM_WORDS } from "./gate.ts";
import type { Batch } from "./sorter.ts";

export class Gathering {
  readonly #gate: Gate;
  readonly #items: number;
  readonly #input: number;
  #used = 0;
  #count = 0;
  /** What the bound counts: bodies that wait outside of the memory too. */
  #bytes = 0;
  #asked: Asked[] = [];
  #inbounds: Map<number, Inbound> | null = null;

  constructor(gate: Gate) {
    this.#gate = gate;
    this.#items = gate.reserve(limits.intakeItems * ITEM_BYTES);
    this.#input = gate.reserve(limits.intakeBytes);
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether an item of so many bytes can be added; a byte for its sentinel is counted in. */
  fits(bytes: number): boolean {
    return this.#used + bytes < limits.intakeBytes && this.#count < limits.intakeItems;
  }

  add(payload: Uint8Array, envelope: number, subject: Uint8Array | null, answer: Answer | null, ack: Ack): void {
    const { bytes, words } = this.#gate;
    const start = this.#input + this.#used;
    const end = start + payload.length;
    bytes.set(payload, start);
    this.#used += payload.length + 1;
    const at = (this.#items >> 2) + this.#count * ITEM_WORDS;
    words[at] = start;
    words[at + 1] = end;
    words[at + 2] = envelope;
    words[at + 4] = 0;
    words[at + 7] = 0;
    if (subject !== null) this.#addSubject(subject, at);
    this.#took(payload.length, answer, ack);
  }

  addInbound(inbound: Inbound, answer: Answer | null, ack: Ack): void {
    this.#inbounds ??= new Map();
    this.#inbounds.set(this.#count, inbound);
    const at = (this.#items >> 2) + this.#count * ITEM_WORDS;
    const nothing = this.#input + this.#used; // an item without bytes is never plain
    this.#gate.words.set([nothing, nothing, 0, 0, 0, 0, 0, 0], at);
    this.#took(inbound.body.length, answer, ack);
  }

  /** What was gathered; from now on the next. Its memory is used again at the next `add`. */
  end(): Batch {
    const batch: Batch = {
      items: this.#items,
      count: this.#count,
      asked: this.#asked,
      inbounds: this.#inbounds,
      positionOf: null,
    };
    this.#used = 0;
    this.#count = 0;
    this.#bytes = 0;
    this.#asked = [];
    this.#inbounds = null;
    return batch;
  }

  #addSubject(subject: Uint8Array, at: number): void {
    const { bytes, words } = this.#gate;
    const start = this.#input + this.#used;
    bytes.set(subject, start);
    this.#used += subject.length;
    words[at + 3] = start;
    words[at + 4] = subject.length;
  }

  #took(bytes: number, answer: Answer | null, ack: Ack): void {
    if (answer !== null) this.#asked.push({ item: this.#count, answer, ack });
    this.#count++;
    this.#bytes += bytes;
  }
}
