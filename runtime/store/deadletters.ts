// Events that could not be used, kept with the reason. In the journal's store, a table of its own.
//
// Key: id, 8 bytes big-endian. Value, little-endian:
//   +0  checksum  u32  CRC-32 of +4 … end
//   +4  about     u32  bytes
//   +8  about     JSON: all but id and payload
//   then the payload, as it came, cut to `limits.deadLetterBytes`
// Key 0: the highest id ever given, as a key, so that no id comes twice after all letters have gone.
//
// Payloads may be customers' data: they are stored and shown to who asks, never logged.
import type { Clock } from "../clock.ts";
import { crc32 } from "../crc32.ts";
import { AisleError } from "../errors.ts";
import { keyOf, seqOf } from "../key.ts";
import { limits } from "../limits.ts";
import type { Store, Write } from "./store.ts";

/** Where the event stood in what was received. */
export interface Where {
  /** "http", "nats", "player", "fold" … */
  readonly source: string;
  /** Place in its batch, from 0. */
  readonly index?: number;
  /** Byte in the payload, from 0. */
  readonly offset?: number;
  /** JSON pointer of the field meant. */
  readonly pointer?: string;
}

/** What is handed in. The payload is copied: its memory may be used again at once. */
export interface NewLetter {
  /** Stable, one word: "malformed", "no-type", "late" … */
  readonly code: string;
  /** For a person. Names fields and places, quotes no customer data. */
  readonly detail: string;
  readonly where: Where;
  /** Journal sequence, when it was journalled and failed afterwards. */
  readonly seq?: number;
  readonly principal: string;
  readonly subject: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: Uint8Array;
}

export interface DeadLetter extends NewLetter {
  /** From 1, ascending with time. */
  readonly id: number;
  /** ms since epoch */
  readonly at: number;
  /** Length before the payload was cut. */
  readonly payloadBytes: number;
  /** Sequence of the entry that it came back as. */
  readonly replayedAs?: number;
}

export interface ListOptions {
  /** Only ids below it; for the next page. */
  readonly before?: number;
  readonly limit: number;
  readonly code?: string;
}

/** A letter about an entry of the journal that is not on disk: it waits, or the disk has failed. */
export interface Unwritten {
  readonly source: string;
  readonly seq: number;
  readonly code: string;
}

export interface DeadLetterStats {
  readonly count: number;
  readonly waiting: number;
  /** Since the store was opened: taken, removed by the bound or by age, and not kept (queue full or disk failed). */
  readonly added: number;
  readonly evicted: number;
  readonly lost: number;
}

export interface DeadLetters {
  /** Takes a letter; on disk soon. Never throws, never waits: what can't be kept is counted as lost. */
  add(letter: NewLetter): void;
  /**
   * The same; resolves with the id once it is on disk.
   *
   * @throws AisleError `overloaded`, `unavailable`; `full`: it is written once there is room
   */
  addDurable(letter: NewLetter): Promise<number>;
  /** Resolves once nothing waits any more, or the disk is full; `stats` tells whether something waits or was lost. */
  flush(): Promise<void>;
  /** Newest first, of those on disk. */
  list(options: ListOptions): DeadLetter[];
  /** Null when it isn't there (any more). @throws AisleError `corrupt` */
  get(id: number): DeadLetter | null;
  /** Whether so many more find room in the queue. */
  hasRoom(letters: number): boolean;
  /**
   * Resolves once what was taken before is on disk.
   *
   * @throws AisleError `full`; `unavailable` when some of what was ever taken could not be written
   */
  secure(): Promise<void>;
  /** For a commit of the store: notes what a letter came back as. It has to be there; `replayed` once it is on disk. */
  replaying(id: number, seq: number): Write;
  replayed(id: number): Promise<void>;
  /** Removes letters older than `ageMs`; resolves with how many. */
  retain(ageMs: number): Promise<number>;
  count(): number;
  stats(): DeadLetterStats;
  /** Letters of a source whose entry somebody has to tell of again if the process ends now; as many as may wait. */
  unwritten(source: string): Unwritten[];
  isUnwritten(source: string, seq: number): boolean;
  /**
   * Writes what waits; what finds no room is lost, unless the journal's last commit waits for it (`secure`). The store
   * is closed by who opened it.
   */
  close(): Promise<void>;
}

export interface DeadLettersOptions {
  /** The journal's: `StoreJournal.store`. */
  readonly store: Store;
  readonly clock: Clock;
  readonly limits?: Partial<Record<"deadLetters" | "deadLetterBytes" | "deadLetterQueue", number>>;
}

interface Waiting {
  readonly id: number;
  /** In `#unwritten`; null: it is about no entry. */
  readonly name: string | null;
  readonly value: Buffer;
  lost: boolean;
}

/** Pause between commits, ms: a flood of bad events must not take the disk from the good ones. */
const COMMIT_EVERY_MS = 20;
/** Letters of one commit, and letters removed by one. */
const COMMIT_LETTERS = 500;
/** Letters looked at for one page of a filtered list. */
const LIST_SCANNED = 100_000;
const HEADER = 8;
const LAST_ID = keyOf(0);
const TABLE = "deadletters";
const DAMAGED = "it is damaged on disk: its checksum is wrong";

export function openDeadLetters(options: DeadLettersOptions): StoredDeadLetters {
  return new StoredDeadLetters(options);
}

export class StoredDeadLetters implements DeadLetters {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #limits: {
    readonly deadLetters: number;
    readonly deadLetterBytes: number;
    readonly deadLetterQueue: number;
    readonly deadLetterQueueBytes: number;
  };

  /** Ids on disk are firstId … lastId, without gaps; lastId < firstId: none. */
  #firstId = 1;
  #lastId = 0;
  #givenId = 0;
  #waiting: Waiting[] = [];
  /** By source and sequence. */
  readonly #unwritten = new Map<string, Unwritten>();
  #committing: Promise<void> | null = null;
  #cancelTimer: (() => void) | null = null;
  /** Why the last commit found no room: its letters wait. */
  #full: AisleError | null = null;
  /** Why some could not be written: what is on disk can't be known then. */
  #failure: unknown = null;
  /** Of the commit under way. */
  #underWay: readonly Waiting[] = [];
  #waitingBytes = 0;
  #isClosed = false;
  #added = 0;
  #evicted = 0;
  #lost = 0;

  constructor({ store, clock, limits: overrides }: DeadLettersOptions) {
    this.#store = store;
    this.#clock = clock;
    this.#limits = { ...limits, ...overrides };
    this.#findEnds();
    this.#givenId = this.#lastId;
  }

  add(letter: NewLetter): void {
    try {
      this.#take(letter);
      this.#schedule();
    } catch {
      this.#lost++;
    }
  }

  async addDurable(letter: NewLetter): Promise<number> {
    const taken = this.#take(letter);
    await this.flush();
    if (taken.lost) throw new AisleError("unavailable", "the dead letter could not be written");
    if (this.#waiting.includes(taken))
      throw new AisleError("full", "the journal's store has no room: the dead letter waits for some");
    return taken.id;
  }

  async flush(): Promise<void> {
    this.#full = null;
    while (this.#committing !== null || (this.#waiting.length > 0 && this.#full === null)) {
      await (this.#committing ?? this.#commit());
    }
  }

  hasRoom(letters: number): boolean {
    const { deadLetterQueue, deadLetterQueueBytes } = this.#limits;
    return this.#waiting.length + letters <= deadLetterQueue && this.#waitingBytes <= deadLetterQueueBytes;
  }

  async secure(): Promise<void> {
    const last = this.#givenId;
    const first = () => (this.#underWay[0] ?? this.#waiting[0])?.id ?? Number.POSITIVE_INFINITY;
    while (first() <= last) {
      if (this.#committing !== null) await this.#committing.catch(() => {});
      else await this.#commit();
      if (this.#full !== null) throw this.#full;
    }
    if (this.#failure !== null) throw this.#failure;
  }

  list({ before, limit, code }: ListOptions): DeadLetter[] {
    this.#refresh();
    const letters: DeadLetter[] = [];
    const start = keyOf(Math.max(Math.min(before ?? Number.POSITIVE_INFINITY, this.#lastId + 1) - 1, 0));
    for (const { key, value } of this.#store.range(TABLE, { start, reverse: true, limit: LIST_SCANNED })) {
      const id = seqOf(key);
      if (letters.length >= limit || id === 0) break;
      const letter = decode(id, value) ?? damaged(id);
      if (code === undefined || letter.code === code) letters.push(letter);
    }
    return letters;
  }

  get(id: number): DeadLetter | null {
    this.#refresh();
    if (!Number.isInteger(id) || id < this.#firstId || id > this.#lastId) return null;
    const value = this.#store.get(TABLE, keyOf(id));
    if (value === null) return null;
    const letter = decode(id, value);
    if (letter === null) throw new AisleError("corrupt", `dead letter ${id}: ${DAMAGED}`);
    return letter;
  }

  replaying(id: number, seq: number): Write {
    const letter = this.get(id);
    if (letter === null) throw new AisleError("not-found", `there is no dead letter ${id}`);
    return write(id, encode({ ...letter, replayedAs: seq }));
  }

  /** It may have been removed meanwhile, and the note has brought it back. */
  async replayed(id: number): Promise<void> {
    if (id < this.#firstId) await this.#inTurn(() => this.#store.commit([write(id, null)]));
  }

  async retain(ageMs: number): Promise<number> {
    this.#checkWritable();
    const before = this.#clock.now() - ageMs;
    const evicted = this.#evicted;
    let more = true;
    while (more) {
      if (this.#waiting.length > 0) await this.#commit(); // somebody may wait for them
      await this.#inTurn(async () => {
        const firstId = this.#firstSince(before);
        more = firstId > this.#firstId;
        if (more) await this.#evictBelow(firstId, []);
      });
    }
    return this.#evicted - evicted;
  }

  count(): number {
    this.#refresh();
    return this.#lastId - this.#firstId + 1;
  }

  stats(): DeadLetterStats {
    const waiting = this.#waiting.length;
    return { count: this.count(), waiting, added: this.#added, evicted: this.#evicted, lost: this.#lost };
  }

  unwritten(source: string): Unwritten[] {
    return [...this.#unwritten.values()].filter((letter) => letter.source === source);
  }

  isUnwritten(source: string, seq: number): boolean {
    return this.#unwritten.has(nameOf(source, seq));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelTimer?.();
    await this.flush();
    this.#lose(this.#waiting);
  }

  #checkWritable(): void {
    if (this.#store.readOnly) throw new AisleError("unavailable", "the dead letters are open for reading only");
  }

  #take(letter: NewLetter): Waiting {
    this.#checkWritable();
    const { deadLetterBytes, deadLetterQueue } = this.#limits;
    if (this.#waiting.length >= deadLetterQueue) {
      throw new AisleError("overloaded", `${deadLetterQueue} dead letters wait for the disk`);
    }
    const id = this.#givenId + 1;
    const payload = letter.payload.subarray(0, deadLetterBytes);
    const payloadBytes = letter.payload.byteLength;
    const value = encode({ ...letter, id, at: this.#clock.now(), payload, payloadBytes });
    const { code, seq, where } = letter;
    const name = seq === undefined ? null : nameOf(where.source, seq);
    const taken = { id, name, value, lost: false };
    this.#waiting.push(taken);
    this.#waitingBytes += value.length;
    if (name !== null && this.#unwritten.size < deadLetterQueue)
      this.#unwritten.set(name, { source: where.source, seq: seq!, code });
    this.#givenId = id;
    this.#added++;
    return taken;
  }

  #schedule(): void {
    if (this.#isClosed || this.#committing !== null || this.#cancelTimer !== null || this.#waiting.length === 0) return;
    this.#cancelTimer = this.#clock.after(this.#full !== null ? limits.journalRetryMs : COMMIT_EVERY_MS, () => {
      this.#cancelTimer = null;
      if (this.#waiting.length > 0) void this.#commit();
    });
  }

  /** Runs a write when no other is under way. */
  async #inTurn(write: () => Promise<void>): Promise<void> {
    // Whether the one before succeeded is its own caller's to know.
    while (this.#committing !== null) await this.#committing.catch(() => {});
    this.#committing = write().finally(() => {
      this.#committing = null;
      this.#schedule();
    });
    await this.#committing;
  }

  /** One commit: the letters that wait, and the removal of as many of the oldest as are too many. */
  #commit(): Promise<void> {
    return this.#inTurn(async () => {
      const letters = this.#waiting.splice(0, COMMIT_LETTERS);
      this.#underWay = letters;
      const lastId = letters.at(-1)?.id ?? this.#lastId;
      try {
        await this.#evictBelow(lastId - this.#limits.deadLetters + 1, letters);
        this.#full = null;
        for (const { name, value } of letters) {
          this.#waitingBytes -= value.length;
          if (name !== null) this.#unwritten.delete(name);
        }
      } catch (error) {
        this.#full = error instanceof AisleError && error.code === "full" ? error : null;
        if (this.#full !== null) this.#waiting.unshift(...letters);
        else this.#fail(error, [...letters, ...this.#waiting.splice(0)]);
      } finally {
        this.#underWay = [];
      }
    });
  }

  async #evictBelow(firstId: number, letters: readonly Waiting[]): Promise<void> {
    const lastId = letters.at(-1)?.id ?? this.#lastId;
    const from = this.#firstId;
    const to = Math.max(from, firstId);
    const writes = letters.map(({ id, value }) => write(id, value));
    for (let id = from; id < to; id++) writes.push(write(id, null));
    if (to > from) writes.push({ table: TABLE, key: LAST_ID, value: keyOf(lastId) });
    await this.#store.commit(writes);
    this.#firstId = to;
    this.#lastId = lastId;
    this.#evicted += to - from;
  }

  #fail(error: unknown, letters: readonly Waiting[]): void {
    this.#failure = error;
    this.#waitingBytes = 0;
    this.#givenId = this.#lastId;
    this.#lose(letters);
  }

  #lose(letters: readonly Waiting[]): void {
    for (const letter of letters) letter.lost = true;
    this.#lost += letters.length;
  }

  /** The first letter that isn't older than `before`, looking at as many as one commit removes. */
  #firstSince(before: number): number {
    const range = { start: keyOf(this.#firstId), limit: COMMIT_LETTERS };
    let firstId = this.#firstId;
    for (const { key, value } of this.#store.range(TABLE, range)) {
      const at = aboutOf(value)?.fields.at ?? Number.NEGATIVE_INFINITY; // damaged: nobody can read it any more
      if (at >= before) break;
      firstId = seqOf(key) + 1;
    }
    return firstId;
  }

  #refresh(): void {
    if (this.#store.readOnly) this.#findEnds();
  }

  #findEnds(): void {
    const given = this.#store.get(TABLE, LAST_ID);
    this.#lastId = given === null ? 0 : seqOf(given);
    for (const { key } of this.#store.range(TABLE, { start: keyOf(2 ** 53), reverse: true, limit: 1 })) {
      this.#lastId = Math.max(this.#lastId, seqOf(key));
    }
    this.#firstId = this.#lastId + 1;
    for (const { key } of this.#store.range(TABLE, { start: keyOf(1), limit: 1 })) this.#firstId = seqOf(key);
  }
}

function nameOf(source: string, seq: number): string {
  return `${source} ${seq}`;
}

function write(id: number, value: Buffer | null): Write {
  return { table: TABLE, key: keyOf(id), value };
}

function encode({ id: _, payload, ...about }: DeadLetter): Buffer {
  const text = Buffer.from(JSON.stringify(about), "utf8");
  const value = Buffer.allocUnsafeSlow(HEADER + text.length + payload.byteLength);
  value.writeUInt32LE(text.length, 4);
  text.copy(value, HEADER);
  value.set(payload, HEADER + text.length);
  value.writeUInt32LE(crc32(value, 4, value.length), 0);
  return value;
}

/** Null when it is damaged. */
function decode(id: number, value: Buffer): DeadLetter | null {
  const about = aboutOf(value);
  return about === null ? null : { id, ...about.fields, payload: value.subarray(about.end) };
}

/** Stands in a list for a letter that can't be read. */
function damaged(id: number): DeadLetter {
  const nothing = { principal: "", subject: "", headers: {}, payload: Buffer.alloc(0), payloadBytes: 0 };
  return { id, at: 0, code: "corrupt", detail: DAMAGED, where: { source: "deadletters" }, ...nothing };
}

function aboutOf(value: Buffer): { fields: Omit<DeadLetter, "id" | "payload">; end: number } | null {
  if (value.length < HEADER || crc32(value, 4, value.length) !== value.readUInt32LE(0)) return null;
  const end = HEADER + value.readUInt32LE(4);
  return { fields: JSON.parse(value.toString("utf8", HEADER, end)), end };
}
