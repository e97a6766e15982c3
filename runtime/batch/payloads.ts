// The events of a run, in the order of the input: their bytes in a few large buffers, with no object for each.

/** Of one buffer; an event that is longer has one of its own. */
const BUFFER_BYTES = 16 * 1024 * 1024;
/** Words of an entry: buffer, offset, bytes, line. */
const ENTRY = 4;

export class Payloads {
  /** How many there are. */
  count = 0;
  /** All their bytes. */
  bytes = 0;
  readonly #buffers: Uint8Array[] = [];
  #used = 0;
  #entries = new Uint32Array(ENTRY * 1024);

  /** Takes a copy of an event. @param line  where it stands in its file, from 1 */
  add(payload: Uint8Array, line: number): void {
    if (this.#buffers.length === 0 || this.#used + payload.length > BUFFER_BYTES) {
      this.#buffers.push(new Uint8Array(Math.max(BUFFER_BYTES, payload.length)));
      this.#used = 0;
    }
    this.#buffers.at(-1)!.set(payload, this.#used);
    const at = this.count * ENTRY;
    if (at === this.#entries.length) this.#grow();
    this.#entries[at] = this.#buffers.length - 1;
    this.#entries[at + 1] = this.#used;
    this.#entries[at + 2] = payload.length;
    this.#entries[at + 3] = line;
    this.#used += payload.length;
    this.bytes += payload.length;
    this.count++;
  }

  /** The bytes of an event: a view. */
  at(index: number): Uint8Array {
    const entry = index * ENTRY;
    const offset = this.#entries[entry + 1]!;
    return this.#buffers[this.#entries[entry]!]!.subarray(offset, offset + this.#entries[entry + 2]!);
  }

  bytesOf(index: number): number {
    return this.#entries[index * ENTRY + 2]!;
  }

  lineOf(index: number): number {
    return this.#entries[index * ENTRY + 3]!;
  }

  #grow(): void {
    const larger = new Uint32Array(this.#entries.length * 2);
    larger.set(this.#entries);
    this.#entries = larger;
  }
}
