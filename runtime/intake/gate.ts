// The host's side of `assembly/ingest/`: items in, verdicts and journal entries out. The memory is laid out once and
// does not grow afterwards, so that addresses and views in it stay good.
import { DAY } from "../clock.ts";
import { instantiate } from "../core/core.ts";
import { offsetAt } from "../data/time.ts";
import { limits } from "../limits.ts";
import { type GateConfig, type GateCore, layOutGate, typesByName } from "./table.ts";

/** What an item is: index of an envelope + 1 at +8, and so on; drawn in `assembly/ingest/gate.ts`. Words. */
export const ITEM_WORDS = 8;
export const ITEM_BYTES = 4 * ITEM_WORDS;
const VERDICT_WORDS = 8;
const VERDICT_BYTES = 4 * VERDICT_WORDS;

/** Verdicts, as in `assembly/ingest/gate.ts`. */
export const ASK = 0;
export const UNNAMED = 1;
export const REPEAT = 2;
export const PLAIN = 3;

/** Readable behind the last payload. */
const SLACK = 64;
/** Of an envelope, in words: as drawn in `assembly/ingest/envelope.ts`. */
const OWN = 0xffff_ffff;
const UNKNOWN = 0xffff_ffff;
/** What all texts of one envelope may take, bytes. */
const ENVELOPE_BYTES = 8 * 1024;
/** Entries that are copied out at once, bytes; the largest one fits. */
const OUTPUT_BYTES = 256 * 1024;
/** For so long the offset of the site's zone is taken to be the same, ms. */
const ZONE_FOR_MS = 60_000;

/** The first envelopes are lent and written over, and what their texts may take, bytes. */
const LENT = 256;
const LENT_BYTES = 64 * 1024;

interface Encoded {
  /** Principal, subject, headers. */
  readonly texts: readonly [Buffer, Buffer, Buffer];
  readonly told: number;
  readonly headers: number;
}

/** What came with an event beside its payload. */
export interface Envelope {
  readonly principal: string;
  readonly subject: string;
  /** The type that the URL or the subject names. */
  readonly type: string | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** Headers that stay with a plain event, in the order in which they came. */
const PLAIN_HEADERS: ReadonlySet<string> = new Set(["content-type", "traceparent"]);
/** Headers that change how an event is read. */
const READ_HEADERS = /^(ce-.+|idempotency-key|Nats-Msg-Id|test)$/;

/** Where entries are written, and with which first sequence and receive time, ms. */
export interface EncodeTarget {
  readonly into: Buffer;
  readonly start: number;
  readonly seq: number;
  readonly at: number;
}

export interface GateOptions extends GateConfig {
  readonly timeZone: string;
  /** `<prefix>.<site>.<place>.events.`: what stands before the type in a subject. */
  readonly base: string;
}

export class Gate {
  readonly core: GateCore = instantiate<GateCore>();
  /** Names of the types, by index. */
  readonly types: readonly string[];
  /** Whether any event can be plain at all. */
  readonly admits: boolean;
  readonly #timeZone: string;
  readonly #base: string;
  readonly #typesByName: ReadonlyMap<string, string>;
  /** Address of the first verdict, of where entries are written, and of the envelopes' texts. */
  readonly #verdicts: number;
  readonly #output: number;
  readonly #texts: number;
  readonly #lentTexts: number;
  #textsUsed = 0;
  readonly #lent = new Map<string, number>();
  #lentUsed = 0;
  #envelopes = LENT;
  #bytes: Buffer;
  #words: Uint32Array;
  #zoneAt = Number.NEGATIVE_INFINITY;
  #zoneOffset = 0;

  constructor(options: GateOptions) {
    const { core } = this;
    this.#timeZone = options.timeZone;
    this.#base = options.base;
    this.types = layOutGate(core, options);
    this.#typesByName = typesByName(options.events);
    this.admits = this.types.some((name) => name !== "outcome" && !options.hears(name));
    core.newEnvelopes(limits.intakeEnvelopes, Buffer.byteLength(options.base));
    this.#verdicts = core.reserve(2 * limits.intakeItems * VERDICT_BYTES);
    this.#output = core.reserve(OUTPUT_BYTES);
    this.#texts = core.reserve(limits.intakeEnvelopeBytes + SLACK);
    this.#lentTexts = core.reserve(LENT_BYTES + SLACK);
    this.#bytes = Buffer.from(core.memory.buffer);
    this.#words = new Uint32Array(core.memory.buffer);
  }

  /** Room for items or bytes, for good, with 64 bytes to read behind it. Only while nothing is under way. */
  reserve(bytes: number): number {
    return this.core.reserve(bytes + SLACK);
  }

  /** The core's memory. Good until the next `reserve`: views of a memory that has grown are empty. */
  get bytes(): Buffer {
    if (this.#bytes.length === 0) this.#bytes = Buffer.from(this.core.memory.buffer);
    return this.#bytes;
  }

  get words(): Uint32Array {
    if (this.#words.length === 0) this.#words = new Uint32Array(this.core.memory.buffer);
    return this.#words;
  }

  /**
   * Writes an envelope down, so that items may name it.
   *
   * @param ownSubject  its items bring their subject, which goes on with an identity; `subject` is what comes before
   * @returns its index; -1: its events are always for the host, or there is no room for more
   */
  addEnvelope(envelope: Envelope, ownSubject = false): number {
    const encoded = this.#encoded(envelope);
    if (encoded === null || this.#envelopes === limits.intakeEnvelopes) return -1;
    const room = encoded.texts.reduce((sum, text) => sum + text.length, 0);
    if (this.#textsUsed + room > limits.intakeEnvelopeBytes) return -1;
    this.#write(this.#envelopes, encoded, this.#texts + this.#textsUsed, ownSubject);
    this.#textsUsed += room;
    return this.#envelopes++;
  }

  /** The same for one that counts until `endLoans`. @returns -1 also when no more can be lent */
  lendEnvelope(envelope: Envelope): number {
    const { principal, subject, type, headers } = envelope;
    const key = JSON.stringify([principal, subject, type, headers["content-type"], headers.traceparent]);
    const known = this.#lent.get(key);
    if (known !== undefined) return known;
    const encoded = this.canLend ? this.#encoded(envelope) : null;
    if (encoded === null) return -1;
    const index = this.#lent.size;
    this.#write(index, encoded, this.#lentTexts + this.#lentUsed, false);
    this.#lentUsed += encoded.texts.reduce((sum, text) => sum + text.length, 0);
    this.#lent.set(key, index);
    return index;
  }

  /** Whether any envelope can still be lent. */
  get canLend(): boolean {
    return this.#lent.size < LENT && this.#lentUsed + ENVELOPE_BYTES <= LENT_BYTES;
  }

  endLoans(): void {
    this.#lent.clear();
    this.#lentUsed = 0;
  }

  /** Null: its events are always for the host. */
  #encoded({ principal, subject, type, headers }: Envelope): Encoded | null {
    const names = Object.keys(headers);
    if (names.some((name) => READ_HEADERS.test(name))) return null;
    const told = type === null ? 0 : this.#told(type);
    const kept = names.filter((name) => PLAIN_HEADERS.has(name)).map((name) => [name, headers[name]!] as const);
    if (type !== null) kept.push(["type", type]);
    const texts = [Buffer.from(principal), Buffer.from(subject), encodedHeaders(kept)] as const;
    const isLong = texts.reduce((sum, text) => sum + text.length, 0) > ENVELOPE_BYTES;
    return isLong ? null : { texts, told, headers: kept.length };
  }

  #write(index: number, { texts, told, headers }: Encoded, from: number, ownSubject: boolean): void {
    const at = this.core.envelopeAt(index) >> 2;
    let text = from;
    for (const [i, each] of texts.entries()) {
      this.bytes.set(each, text);
      this.words[at + 2 * i] = text;
      this.words[at + 2 * i + 1] = each.length;
      text += each.length;
    }
    if (ownSubject) this.words[at + 3] = OWN;
    this.words.set([headers, told, 0], at + 6);
  }

  /** From now on items that name no envelope, but this subject, have this one. */
  nameEnvelope(index: number, subject: string, begins: boolean): void {
    const bytes = Buffer.from(subject);
    if (this.#textsUsed + bytes.length > limits.intakeEnvelopeBytes) return;
    this.core.nameEnvelope(index, this.#text(bytes), bytes.length, begins ? 1 : 0);
  }

  /** `<base><type>` of a subject that goes on with an identity; null: it doesn't. */
  beginningOf(subject: string): string | null {
    const end = subject.indexOf(".", this.#base.length);
    return subject.startsWith(this.#base) && end >= 0 ? subject.slice(0, end) : null;
  }

  knowsType(name: string): boolean {
    return this.#typesByName.has(name.toLowerCase());
  }

  /** Judges items, from one on. @returns how many are not plain */
  judge(items: number, count: number, now: number, from = 0): number {
    const latest = now + limits.eventAheadMs;
    const verdicts = this.#verdicts + from * VERDICT_BYTES;
    return this.core.gate(items + from * ITEM_BYTES, verdicts, count, latest, latest + this.#localOffset(now));
  }

  /**
   * Copies a body and finds its items; all have one envelope.
   *
   * @returns how many; 0: it breaks off, or has none, or too many
   */
  split(
    chunks: readonly Uint8Array[],
    bytes: number,
    envelope: number,
    input: number,
    items: number,
    room: number,
  ): number {
    let at = input;
    for (const chunk of chunks) {
      this.bytes.set(chunk, at);
      at += chunk.length;
    }
    this.bytes[at] = 0;
    const most = Math.min(room, limits.bodyEvents);
    const count = this.core.split(input, input + bytes, items, ITEM_BYTES, most, limits.jsonDepth);
    if (this.core.splitBroken() !== 0) return 0;
    this.core.address(items, count, envelope);
    return count;
  }

  verdict(item: number): number {
    return this.words[(this.#verdicts >> 2) + item * VERDICT_WORDS]!;
  }

  /** The host found it to be a repeat, or something to look at. */
  setVerdict(item: number, verdict: number): void {
    this.words[(this.#verdicts >> 2) + item * VERDICT_WORDS] = verdict;
  }

  /** How many of the plain ones bring an id. */
  get ids(): number {
    return this.core.gatedIds();
  }

  /** The id of a plain item; null: it has none. */
  id(item: number): string | null {
    const at = (this.#verdicts >> 2) + item * VERDICT_WORDS;
    const start = this.words[at + 5]!;
    return start === 0 ? null : this.bytes.toString("utf8", start, start + this.words[at + 6]!);
  }

  /** A view of the payload of a plain item. */
  payload(item: number): Buffer {
    const at = (this.#verdicts >> 2) + item * VERDICT_WORDS;
    return this.bytes.subarray(this.words[at + 2]!, this.words[at + 3]!);
  }

  /** How many of each type are plain among items `from … to`; those with none are left out. */
  typesIn(from: number, to: number): readonly (readonly [type: string, many: number])[] {
    const many = new Uint32Array(this.types.length);
    const { words } = this;
    const end = (this.#verdicts >> 2) + to * VERDICT_WORDS;
    for (let at = (this.#verdicts >> 2) + from * VERDICT_WORDS; at < end; at += VERDICT_WORDS) {
      if (words[at]! >= PLAIN) many[words[at]! - PLAIN]!++;
    }
    return this.types.map((type, index) => [type, many[index]!] as const).filter(([, each]) => each > 0);
  }

  /** Bytes that the plain ones among items `from … to` take as entries. */
  plainBytes(from: number, to: number): number {
    return this.core.plainBytes(this.#verdicts + from * VERDICT_BYTES, to - from);
  }

  /** How many of items `from … to` are plain. */
  plainCount(from: number, to: number): number {
    return this.core.plainCount(this.#verdicts + from * VERDICT_BYTES, to - from);
  }

  /** Where a block ends that begins at an item: as far as the bounds allow. */
  blockEnd(from: number, to: number): number {
    let end = Math.min(to, from + limits.blockEntries);
    while (this.plainBytes(from, end) > limits.blockBytes) end = from + Math.ceil((end - from) / 2);
    return end;
  }

  /** Writes the plain ones among items `from … to` as journal entries: so many bytes as `plainBytes` says. */
  encode(items: number, from: number, to: number, { into, start, seq, at }: EncodeTarget): void {
    const { core, bytes } = this;
    let target = start;
    let next = seq;
    for (let item = from; item < to && target < into.length; item = core.encodedTo()) {
      const end = core.encode(items, this.#verdicts, item, to, next, at, this.#output, OUTPUT_BYTES);
      bytes.copy(into, target, this.#output, end);
      target += end - this.#output;
      next += core.encodedCount();
    }
  }

  #told(type: string): number {
    const name = this.#typesByName.get(type.toLowerCase());
    return name === undefined ? UNKNOWN : this.types.indexOf(name) + 1;
  }

  #text(text: Buffer): number {
    const at = this.#texts + this.#textsUsed;
    this.bytes.set(text, at);
    this.#textsUsed += text.length;
    return at;
  }

  /**
   * What clocks of the site's zone are ahead of UTC, ms; the less when that changes within a day. A time without a
   * zone that is not later than that is not ahead, whichever of its two readings counts.
   */
  #localOffset(now: number): number {
    if (this.#timeZone === "UTC") return 0;
    if (Math.abs(now - this.#zoneAt) >= ZONE_FOR_MS) {
      this.#zoneAt = now;
      this.#zoneOffset = Math.min(offsetAt(now - DAY, this.#timeZone), offsetAt(now + DAY, this.#timeZone));
    }
    return this.#zoneOffset;
  }
}

/** As `runtime/journal/blob.ts` writes them: { u16 name bytes, u16 value bytes, name, value } each. */
function encodedHeaders(headers: readonly (readonly [name: string, value: string])[]): Buffer {
  return Buffer.concat(
    headers.map(([name, value]) => {
      const text = [Buffer.from(name), Buffer.from(value)] as const;
      const head = Buffer.alloc(4);
      head.writeUInt16LE(text[0].length, 0);
      head.writeUInt16LE(text[1].length & 0xffff, 2);
      return Buffer.concat([head, ...text]);
    }),
  );
}
