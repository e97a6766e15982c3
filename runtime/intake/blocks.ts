// Plain items as blocks of the journal.
import { BLOB_HEADER } from "../journal/blob.ts";
import type { Appended, AppendOptions, Journal } from "../journal/journal.ts";
import { BlockRoom, type Lent } from "./block-room.ts";
import type { Gate } from "./gate.ts";

export class Blocks {
  readonly #gate: Gate;
  readonly #journal: Pick<Journal, "appendBlock">;
  readonly #room = new BlockRoom();

  constructor(gate: Gate, journal: Pick<Journal, "appendBlock">) {
    this.#gate = gate;
    this.#journal = journal;
  }

  /**
   * The plain ones among items `from … to`, within the bounds of one block.
   *
   * @param items  address of item 0
   * @param count  how many are plain, at least one
   */
  append(
    {
      items,
      from,
      to,
      count,
    }: { readonly items: number; readonly from: number; readonly to: number; readonly count: number },
    options: AppendOptions = {},
  ): Promise<Appended> {
    const bytes = this.#gate.plainBytes(from, to);
    let lent: Lent | null = null;
    const encode = (seq: number, at: number): Buffer => {
      lent = this.#room.lend(bytes);
      this.#gate.encode(items, from, to, { into: lent.bytes, start: BLOB_HEADER, seq, at });
      return lent.bytes;
    };
    const appended = this.#journal.appendBlock({ count, bytesMax: bytes, encode, ...options });
    const free = () => {
      if (lent !== null) this.#room.giveBack(lent);
    };
    appended.then(free, free);
    return appended;
  }
}
