// A disk that fails on purpose, behind the port of `runtime/store/store.ts`. What was synced outlasts a crash, and of
// what was not a beginning; commits are whole. The disk may be slow, full, broken, turn bits over,
// or lose a row.
import { AisleError } from "../../runtime/errors.ts";
import type { RangeOptions, Row, Store, Write } from "../../runtime/store/store.ts";
import type { Dice } from "./dice.ts";

/** A table, ordered by the bytes of its keys. */
class Table {
  /** Keys as text with a character for each byte, ascending: their order is that of the bytes. */
  readonly keys: string[] = [];
  readonly values = new Map<string, Buffer>();
  bytes = 0;

  put(key: string, value: Buffer | null): void {
    const before = this.values.get(key);
    if (before !== undefined) this.bytes -= key.length + before.length;
    else if (value !== null) this.keys.splice(this.from(key), 0, key);
    if (value === null) {
      if (before === undefined) return;
      this.keys.splice(this.from(key), 1);
      this.values.delete(key);
    } else {
      this.values.set(key, value);
      this.bytes += key.length + value.length;
    }
  }

  /** Index of the first key that is not before this one. */
  from(key: string): number {
    let low = 0;
    let high = this.keys.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.keys[middle]! < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  copy(): Table {
    const copy = new Table();
    copy.keys.push(...this.keys);
    for (const [key, value] of this.values) copy.values.set(key, value);
    copy.bytes = this.bytes;
    return copy;
  }
}

/** "well"; "slow": nothing is synced until it is well again; "full": refuses; "broken": the next commit ends the store. */
export type Health = "well" | "slow" | "full" | "broken";

/** What lies on the platters: outlasts the store that is open on it. */
export class FaultyDisk {
  readonly tables = new Map<string, Table>();
  health: Health = "well";
  /** Event loop turns that a sync takes at most. */
  syncTurns = 3;
  /** Called when something of a kept table is removed, or written anew with other bytes. */
  changed: () => void = () => {};
  /** Tables of which everything is kept as it was written first, whatever is removed or written anew since. */
  readonly #kept = new Map<string, Table>();
  /** Those of them that were changed. */
  readonly #changed = new Set<string>();

  /** @param keeps  names of such tables */
  constructor(keeps: readonly string[] = []) {
    for (const name of keeps) this.#kept.set(name, new Table());
  }

  table(name: string): Table {
    let table = this.tables.get(name);
    if (table === undefined) {
      table = new Table();
      this.tables.set(name, table);
    }
    return table;
  }

  /** Another disk with the same on it. @param whole  with all that the kept tables ever had */
  copy(whole = false): FaultyDisk {
    const copy = new FaultyDisk();
    for (const [name, table] of this.tables) copy.tables.set(name, table.copy());
    if (whole) for (const [name, table] of this.#kept) copy.tables.set(name, table.copy());
    return copy;
  }

  /** Of a kept table nothing was ever removed, or written anew with other bytes. */
  isWhole(name: string): boolean {
    return !this.#changed.has(name);
  }

  /** All of it or nothing; the bytes are taken now, as a sync would. */
  write(writes: readonly Write[]): void {
    for (const { table, key, value } of writes) {
      const [name, taken] = [textOf(key), value === null ? null : Buffer.from(value)];
      this.table(table).put(name, taken);
      const kept = this.#kept.get(table);
      if (kept === undefined) continue;
      const first = kept.values.get(name);
      if (first === undefined) kept.put(name, taken);
      else if (taken === null || !taken.equals(first)) this.#change(table);
    }
  }

  #change(table: string): void {
    this.#changed.add(table);
    this.changed();
  }

  /** Turns one bit of a value over; the returned function turns it back, if it still stands there. Null: it is empty. */
  flipBit(name: string, dice: Dice): (() => void) | null {
    const table = this.table(name);
    if (table.keys.length === 0) return null;
    const key = dice.one(table.keys);
    const value = table.values.get(key)!;
    if (value.length === 0) return null;
    const spoilt = Buffer.from(value);
    spoilt[dice.below(spoilt.length)]! ^= 1 << dice.below(8);
    table.values.set(key, spoilt);
    return () => {
      if (table.values.get(key) === spoilt) table.values.set(key, value);
    };
  }

  /** Loses a row that is not the last; the returned function brings it back. Null: there is none. */
  loseRow(name: string, dice: Dice): (() => void) | null {
    const table = this.table(name);
    if (table.keys.length < 2) return null;
    const key = dice.one(table.keys.slice(0, -1));
    const value = table.values.get(key)!;
    table.put(key, null);
    return () => {
      if (!table.values.has(key)) table.put(key, value);
    };
  }
}

/** A commit that is on its way to the disk. */
interface Pending {
  readonly writes: readonly Write[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class FaultyStore implements Store {
  readonly readOnly: boolean;
  readonly #disk: FaultyDisk;
  readonly #dice: Dice;
  #pending: Pending[] = [];
  #syncing = false;
  #failure: AisleError | null = null;
  /** The process is gone: nothing more is heard of what it asked for. */
  #crashed = false;
  #closed: Promise<void> | null = null;
  /** It was closed, and all is written. */
  isClosed = false;
  #idle: (() => void)[] = [];

  constructor(disk: FaultyDisk, dice: Dice, readOnly = false) {
    this.#disk = disk;
    this.#dice = dice;
    this.readOnly = readOnly;
  }

  get(table: string, key: Buffer): Buffer | null {
    const value = this.#disk.table(table).values.get(textOf(key));
    return value === undefined ? null : Buffer.from(value);
  }

  *range(name: string, options: RangeOptions = {}): Generator<Row> {
    const { values } = this.#disk.table(name);
    for (const key of this.keys(name, options)) {
      const value = values.get(textOf(key));
      if (value !== undefined) yield { key, value: Buffer.from(value) };
    }
  }

  *keys(name: string, { start, end, reverse = false, limit = Number.POSITIVE_INFINITY }: RangeOptions = {}) {
    const table = this.#disk.table(name);
    const [low, high] = reverse ? [end, start] : [start, end];
    let from = low === undefined ? 0 : table.from(textOf(low));
    let to = high === undefined ? table.keys.length : table.from(textOf(high));
    if (reverse) {
      // `start` belongs to it, `end` does not.
      if (high !== undefined && table.keys[to] === textOf(high)) to++;
      if (low !== undefined && table.keys[from] === textOf(low)) from++;
    }
    const keys = table.keys.slice(from, Math.max(from, to));
    if (reverse) keys.reverse();
    for (const key of keys.slice(0, limit)) yield Buffer.from(key, "latin1");
  }

  commit(writes: readonly Write[]): Promise<void> {
    if (this.#crashed) return new Promise(() => {});
    if (this.readOnly || this.#closed !== null)
      return Promise.reject(new AisleError("unavailable", "the store is closed, or open for reading only"));
    if (this.#failure !== null) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#pending.push({ writes, resolve, reject });
      this.#begin();
    });
  }

  bytes(table: string): number {
    return this.#disk.table(table).bytes;
  }

  async copyTo(): Promise<void> {
    throw new AisleError("unsupported", "this store can't be copied");
  }

  async hold(): Promise<() => void> {
    throw new AisleError("unsupported", "nobody looks into this store from outside");
  }

  close(): Promise<void> {
    this.#closed ??= this.#crashed ? new Promise(() => {}) : this.#allWritten();
    return this.#closed;
  }

  /** The disk is well again: what waits goes on. */
  goOn(): void {
    this.#begin();
  }

  /** The process ends at once, or the power goes: of what is not synced, a beginning may have reached the disk. */
  crash(): void {
    if (this.#crashed) return;
    this.#crashed = true;
    const kept = this.#dice.below(this.#pending.length + 1);
    for (const { writes } of this.#pending.slice(0, kept)) this.#disk.write(writes);
    this.#pending = [];
  }

  #begin(): void {
    if (this.#syncing || this.#crashed || this.#pending.length === 0 || this.#disk.health === "slow") return;
    this.#syncing = true;
    this.#afterTurns(this.#dice.below(this.#disk.syncTurns + 1));
  }

  #afterTurns(turns: number): void {
    setImmediate(() => {
      if (this.#crashed) return;
      if (turns > 0) return this.#afterTurns(turns - 1);
      this.#syncing = false;
      if (this.#disk.health === "slow") return;
      this.#sync();
      this.#begin();
    });
  }

  #sync(): void {
    const { writes, resolve, reject } = this.#pending.shift()!;
    switch (this.#disk.health) {
      case "full":
        reject(new AisleError("full", "no space is left on the disk"));
        break;
      case "broken":
        this.#break(writes, reject);
        break;
      default:
        this.#disk.write(writes);
        resolve();
    }
    if (this.#pending.length > 0) return;
    for (const idle of this.#idle.splice(0)) idle();
  }

  /** Nobody knows what of it is on disk; nothing after it is. */
  #break(writes: readonly Write[], reject: Pending["reject"]): void {
    if (this.#dice.chance(0.5)) this.#disk.write(writes);
    const failure = new AisleError("unavailable", "the disk reports an error");
    this.#failure = failure;
    reject(failure);
    for (const pending of this.#pending.splice(0)) pending.reject(failure);
  }

  async #allWritten(): Promise<void> {
    if (this.#pending.length > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    this.isClosed = true;
  }
}

function textOf(key: Buffer): string {
  return key.toString("latin1");
}
