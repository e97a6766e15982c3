// What is on disk of how far somebody outside has what the journal holds: small commits of their own, now and then.
import type { Clock } from "../clock.ts";
import { AisleError } from "../errors.ts";
import type { Store, Write } from "../store/store.ts";

export const NOTES = "outbox";

/** The journal, which takes to the disk what must not come there after it. */
export interface Carrier {
  /** Asked at each commit what goes with it; null: nothing. */
  alongside(write: () => Write | null): void;
}

export interface NoteOptions<T> {
  readonly journal: Carrier;
  /** The journal's. */
  readonly store: Pick<Store, "get" | "commit">;
  readonly clock: Clock;
  /** Of the record in the table `outbox`. */
  readonly name: string;
  /** What to write. */
  readonly read: () => T;
  readonly everyMs: number;
  readonly fault: (what: string, error: unknown) => void;
}

/** One record, written at most so often. After a crash it is older than what it tells of, and nothing is missing. */
export class Note<T> {
  readonly #options: NoteOptions<T>;
  readonly #key: Buffer;
  #stopTimer: (() => void) | null = null;
  #writing: Promise<void> | null = null;
  #isDue = false;
  /** Times that `ahead` was called, and how many of them what is on disk knows of. */
  #aheads = 0;
  #aheadsOnDisk = 0;

  constructor(options: NoteOptions<T>) {
    this.#options = options;
    this.#key = Buffer.from(options.name);
    options.journal.alongside(() => (this.#aheads > this.#aheadsOnDisk ? this.#record() : null));
  }

  /** Null: it was never written. */
  load(): T | null {
    const value = this.#options.store.get(NOTES, this.#key);
    return value === null ? null : (JSON.parse(value.toString()) as T);
  }

  /** Writes soon. */
  soon(): void {
    this.#isDue = true;
    const { clock, everyMs } = this.#options;
    this.#stopTimer ??= clock.after(everyMs, () => {
      this.#stopTimer = null;
      void this.#write().then(() => this.#isDue && this.soon());
    });
  }

  /** Writes now. Where that finds no room, the next commit of the journal takes it along: no entry is there before it. */
  ahead(): void {
    this.#aheads++;
    void this.#write();
  }

  /** Writes what is due; nothing more after it. */
  async close(): Promise<void> {
    this.#stopTimer?.();
    this.#stopTimer = () => {};
    if (this.#isDue) await this.#write();
    await this.#writing;
  }

  /** One after the other; never rejects: what could not be written is written with the next. */
  async #write(): Promise<void> {
    while (this.#writing !== null) await this.#writing;
    this.#isDue = false;
    this.#writing = this.#commit();
    await this.#writing;
    this.#writing = null;
  }

  async #commit(): Promise<void> {
    const { store, name, fault } = this.#options;
    const aheads = this.#aheads;
    try {
      await store.commit([this.#record()]);
      this.#aheadsOnDisk = aheads;
    } catch (error) {
      if (error instanceof AisleError && error.code === "full") this.soon();
      else fault(`how far '${name}' is can't be noted: after a restart more is sent again than needs be`, error);
    }
  }

  #record(): Write {
    return { table: NOTES, key: this.#key, value: Buffer.from(JSON.stringify(this.#options.read())) };
  }
}
