// A batch of items at once: judged, told apart, and handed to the journal in order. Everything has its place there
// when a call returns; the memory of the items is free again.
import { AisleError } from "../errors.ts";
import type { Inbound } from "../http/ports.ts";
import { crowded, type EventIngest, type Taken } from "../ingest.ts";
import type { AppendOptions, Journal, Position } from "../journal/journal.ts";
import { limits } from "../limits.ts";
import type { Ack } from "./ack.ts";
import {
  type Asked,
  Askers,
  ONE_ACCEPTED,
  ONE_DUPLICATE,
  type Reach,
  reached,
  receiptAt,
  type Short,
} from "./answers.ts";
import type { Blocks } from "./blocks.ts";
import type { Envelopes } from "./envelopes.ts";
import { ITEM_BYTES, ITEM_WORDS, PLAIN, UNNAMED } from "./gate.ts";
import { Ids, type IdsPorts } from "./ids.ts";
import { natsHeaders } from "./nats-headers.ts";

export interface Batch {
  /** Address of the first item. */
  readonly items: number;
  /** At most `limits.intakeItems`. */
  readonly count: number;
  /** Ascending by item. */
  readonly asked: readonly Asked[];
  /** Items that are to be looked at, and what they are. */
  readonly inbounds: ReadonlyMap<number, Inbound> | null;
  /** How far the source is consumed with an item, for what reaches the disk in one piece with it as the last. */
  readonly positionOf: ((item: number) => Position) | null;
}

export interface SorterPorts extends IdsPorts, Reach {
  readonly envelopes: Envelopes;
  readonly blocks: Blocks;
  readonly ingest: Pick<EventIngest, "take" | "refused">;
  readonly letters: { hasRoom(letters: number): boolean };
  readonly journal: Pick<Journal, "append" | "appendBlock" | "lastSeq">;
  readonly backlog: () => number;
  readonly count: (outcome: "accepted" | "duplicate" | "rejected", type: string, many?: number) => void;
  /** So many events whose sender does not wait, or waits no more, could not be taken. */
  readonly lost: (many: number, error: Error) => void;
}

/** Items that have their place in the journal. */
interface Placed {
  /** How many are new. */
  readonly accepted: number;
  readonly duplicate: number;
  /** Settles when they are on disk, with the last sequence. */
  readonly durable: Promise<number>;
}

type Settled = Promise<Error | null>;

export class Sorter {
  readonly #ports: SorterPorts;

  constructor(ports: SorterPorts) {
    this.#ports = ports;
  }

  /**
   * Resolves when all of it is on disk, or with the first reason why some is not.
   *
   * @param others  how many are not plain, where that has just been judged; null: it was not
   */
  async sort(batch: Batch, others: number | null = null): Settled {
    const settled = await Promise.all(this.#sort(batch, others));
    return settled.find((error) => error !== null) ?? null;
  }

  /**
   * The same for a source that counts: nothing is taken behind an item that was refused, or its position would say that
   * it was consumed. So this goes on only when the journal has taken what stands before; the memory is in use until
   * `placed` resolves.
   *
   * @returns `placed`: the first reason why something was not taken; `durable`: as `sort`
   */
  inOrder(batch: Batch): { readonly placed: Settled; readonly durable: () => Settled } {
    const settled: Settled[] = [];
    const durable = async () => (await Promise.all(settled)).find((error) => error !== null) ?? null;
    const place = async () => {
      for (let from = 0; from < batch.count; ) {
        const to = this.#unitEnd(batch, from);
        const isPlain = this.#ports.gate.verdict(0) >= PLAIN;
        const unit = this.sort(partOf(batch, from, to), isPlain ? 0 : 1);
        settled.push(unit);
        // What the journal refuses it refuses within the turn.
        const error = await Promise.race([unit, new Promise<null>((turn) => setImmediate(turn, null))]);
        if (error !== null) return error;
        from = to;
      }
      return null;
    };
    return { placed: place(), durable };
  }

  /** Behind what goes to the journal in one piece, from an item on. */
  #unitEnd(batch: Batch, from: number): number {
    const { gate } = this.#ports;
    if (!gate.admits) return from + 1;
    const rest = partOf(batch, from, Math.min(batch.count, from + limits.blockEntries));
    this.#judge(rest);
    if (gate.verdict(0) < PLAIN) return from + 1;
    return from + gate.blockEnd(0, this.#runEnd(0, rest.count));
  }

  #sort(batch: Batch, judged: number | null): readonly Settled[] {
    const { gate, backlog } = this.#ports;
    const { asked, count } = batch;
    if (backlog() >= limits.runs) return [this.#refuse(asked, count, crowded(), batch.positionOf !== null)];
    const askers = new Askers(asked);
    const isJudged = gate.admits;
    const others = isJudged ? (judged ?? this.#judge(batch)) : count;
    const hasIds = isJudged && gate.ids > 0;
    const settled: Settled[] = [];
    for (let item = 0; item < count; ) {
      if (!isJudged || gate.verdict(item) < PLAIN) {
        settled.push(this.#look(batch, item, askers.until(++item)));
        continue;
      }
      const end = others === 0 ? count : this.#runEnd(item, count);
      // Only now: what stands before may have brought the same ids.
      const ids = hasIds ? new Ids(this.#ports, item, end) : null;
      const to = ids?.end ?? end;
      if (to === item) continue; // it is to be looked at, as it turned out
      this.#run(batch, item, to, ids, askers, settled);
      item = to;
    }
    return settled;
  }

  /** Subjects that the gate has not met are named, and what came on them is judged again. @returns how many are not plain */
  #judge({ items, count }: Batch): number {
    const { gate, envelopes, now } = this.#ports;
    const others = gate.judge(items, count, now());
    let isNamed = false;
    for (let item = 0, left = others; item < count && left > 0; item++) {
      const verdict = gate.verdict(item);
      if (verdict < PLAIN) left--;
      if (verdict === UNNAMED) isNamed = envelopes.name(this.#subject(items, item) ?? "") || isNamed;
    }
    return isNamed ? gate.judge(items, count, now()) : others;
  }

  #runEnd(item: number, count: number): number {
    let end = item + 1;
    while (end < count && this.#ports.gate.verdict(end) >= PLAIN) end++;
    return end;
  }

  // ---- plain ones

  #run(batch: Batch, from: number, to: number, ids: Ids | null, askers: Askers, settled: Settled[]): void {
    let start = from;
    for (const block of this.#blocks(batch, from, to, ids)) {
      const end = start + block.accepted + block.duplicate;
      settled.push(this.#tell(askers.until(end), block, ids, batch.positionOf !== null));
      start = end;
    }
  }

  /** As few blocks as the bounds allow. */
  #blocks(batch: Batch, from: number, to: number, ids: Ids | null): readonly Placed[] {
    const { gate } = this.#ports;
    const blocks: Placed[] = [];
    for (let start = from; start < to; ) {
      const end = gate.blockEnd(start, to);
      blocks.push(this.#block(batch, start, end, ids));
      start = end;
    }
    return blocks;
  }

  #block({ items, positionOf }: Batch, from: number, to: number, ids: Ids | null): Placed {
    const { gate, blocks, journal, count } = this.#ports;
    const repeats = ids?.repeatsIn(from, to) ?? [];
    const accepted = to - from - repeats.length;
    const types = gate.typesIn(from, to);
    const option: AppendOptions = positionOf === null ? {} : { position: positionOf(to - 1) };
    const appended =
      accepted > 0 ? blocks.append({ items, from, to, count: accepted }, option) : journal.append([], option);
    const remembered = ids?.remember(from, to, appended);
    const waits = repeats.map(({ wait }) => wait);
    const durable = Promise.all([appended, remembered, ...waits]).then(([{ lastSeq }]) => {
      for (const [type, many] of types) count("accepted", type, many);
      for (const { type } of repeats) count("duplicate", type);
      // Which entry a repeat repeats is not known: one that is on disk by now.
      return waits.length === 0 ? lastSeq : Math.max(lastSeq, journal.lastSeq);
    });
    return { accepted, duplicate: repeats.length, durable };
  }

  /** One wait for each level that was asked for, not for each who asked. */
  async #tell(
    asked: readonly Asked[],
    { accepted, duplicate, durable }: Placed,
    ids: Ids | null,
    isKept: boolean,
  ): Settled {
    const tell = (level: Ack, error: Error | null, short: Short | null = null) => {
      for (const { item, answer, ack } of asked) {
        if (ack !== level) continue;
        if (error !== null) answer(null, error);
        else answer(receiptAt(ids?.repeats.has(item) === true ? ONE_DUPLICATE : ONE_ACCEPTED, short), null);
      }
    };
    const levels = new Set(asked.map(({ ack }) => ack));
    for (const level of levels) {
      const many = asked.reduce((sum, { ack }) => (ack === level ? sum + 1 : sum), 0);
      reached(level, durable, this.#ports, many).then(
        (short) => tell(level, null, short),
        (error: Error) => tell(level, error),
      );
    }
    return this.#settled(durable, isKept ? 0 : accepted + duplicate - asked.length);
  }

  // ---- others

  /** Hands one item to whoever looks at it, as bytes of its own. */
  #look(batch: Batch, item: number, asked: readonly Asked[]): Settled {
    const { ingest, journal } = this.#ports;
    const inbound = batch.inbounds?.get(item) ?? this.#inbound(batch.items, item);
    if (batch.positionOf !== null) return this.#consume(inbound, batch.positionOf(item));
    let taken: Taken;
    try {
      taken = ingest.take(inbound);
    } catch (error) {
      return this.#refuse(asked, 1, error as Error);
    }
    const durable = taken.durable.then(({ seqs }) => seqs.at(-1) ?? journal.lastSeq);
    for (const { answer, ack } of asked) {
      const isNothing = taken.receipt.accepted + taken.receipt.duplicate === 0;
      reached(isNothing && ack === "replicated" ? "durable" : ack, durable, this.#ports, 1).then(
        (short) => answer(receiptAt(taken.receipt, short), null),
        (error: Error) => answer(null, error),
      );
    }
    return this.#settled(durable, 1 - asked.length);
  }

  /**
   * The same for a source that keeps it, and hands it in again when it was not taken. What can never be one commit would
   * hold up all that follows: it becomes dead letters, and counts as consumed.
   */
  async #consume(inbound: Inbound, position: Position): Settled {
    const { ingest, journal, letters } = this.#ports;
    if (!letters.hasRoom(lettersMax(inbound.body)))
      return new AisleError("overloaded", "dead letters wait for the disk");
    try {
      await ingest.take(inbound, { position }).durable;
      return null;
    } catch (error) {
      if (!(error instanceof AisleError && error.code === "too-large")) return error as Error;
      ingest.refused(inbound, error.code, error.message);
    }
    return journal.append([], { position }).then(
      () => null,
      (error: Error) => error,
    );
  }

  /** @param isKept  their source has them still */
  async #refuse(asked: readonly Asked[], count: number, error: Error, isKept = false): Settled {
    for (const { answer } of asked) answer(null, error);
    if (count > asked.length && !isKept) this.#ports.lost(count - asked.length, error);
    return error;
  }

  /** @param unasked  how many of these events nobody waits for, and no source keeps */
  async #settled(durable: Promise<unknown>, unasked: number): Settled {
    try {
      await durable;
      return null;
    } catch (error) {
      if (unasked > 0) this.#ports.lost(unasked, error as Error);
      return error as Error;
    }
  }

  /** The subject that an item brings; null: its envelope's. */
  #subject(items: number, item: number): string | null {
    const { words, bytes } = this.#ports.gate;
    const at = (items >> 2) + item * ITEM_WORDS;
    const length = words[at + 4]!;
    return length === 0 ? null : bytes.toString("utf8", words[at + 3]!, words[at + 3]! + length);
  }

  #inbound(items: number, item: number): Inbound {
    const { gate, envelopes } = this.#ports;
    const at = (items >> 2) + item * ITEM_WORDS;
    const [start, end, envelope] = [gate.words[at]!, gate.words[at + 1]!, gate.words[at + 2]!];
    const headersAt = gate.words[at + 7]!;
    const headers = headersAt === 0 ? {} : natsHeaders(gate.bytes.toString("latin1", headersAt, start));
    const body = Buffer.from(gate.bytes.subarray(start, end)); // a copy: the memory is used again
    return envelopes.inbound(envelope, this.#subject(items, item), headers, body);
  }
}

/** Dead letters that a body may bring: one for each item, and those of what is behind the last, in pieces. */
function lettersMax({ length }: Uint8Array): number {
  return Math.min(length, limits.bodyEvents) + Math.ceil(length / limits.deadLetterBytes) + 1;
}

/** Items `from … to` as a batch of their own. */
function partOf(batch: Batch, from: number, to: number): Batch {
  const { items, asked, inbounds, positionOf } = batch;
  return {
    items: items + from * ITEM_BYTES,
    count: to - from,
    asked: asked.filter(({ item }) => item >= from && item < to).map((each) => ({ ...each, item: each.item - from })),
    inbounds: inbounds === null ? null : new Map([...inbounds].map(([item, inbound]) => [item - from, inbound])),
    positionOf: positionOf === null ? null : (item) => positionOf(from + item),
  };
}
