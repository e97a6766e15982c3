// The door: a body of bytes becomes journal entries, or a rejection and a dead letter. Nothing falls between.
import type { Clock } from "./clock.ts";
import { type Dedupe, keyOf, type Print, printOf } from "./dedupe.ts";
import { AisleError } from "./errors.ts";
import { type EventIn, type EventReader, isProblem, type Problem } from "./events.ts";
import type { Inbound, Ingest, Receipt, Rejection } from "./http/ports.ts";
import type { AppendOptions, Draft, Journal } from "./journal/journal.ts";
import { limits } from "./limits.ts";

/** Headers that stay with an entry: what a replay needs to read the payload again, and what traces it. */
const KEPT = /^(content-type|traceparent|ce-.+)$/;
/** Those of them that an event is read by. */
const READ = /^(content-type|ce-(specversion|type|id|source|time|subject))$/;
/** Headers that give ids to events that have none. */
const IDS = /^(idempotency-key|Nats-Msg-Id)$/;

/** What could not be used, for the dead letters. */
export interface Refused {
  readonly code: string;
  readonly detail: string;
  readonly where: {
    readonly source: string;
    readonly index?: number;
    readonly offset?: number;
    readonly pointer?: string;
  };
  readonly principal: string;
  readonly subject: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: Uint8Array;
  readonly seq?: number;
}

export interface IngestPorts {
  readonly journal: Pick<Journal, "append">;
  readonly clock: Clock;
  readonly reader: EventReader;
  readonly dedupe: Dedupe;
  readonly refuse: (refused: Refused) => void;
  /** Focuses accepted and not yet decided; past `limits.runs` nothing more is taken. */
  readonly backlog: () => number;
  readonly count: (outcome: "accepted" | "duplicate" | "rejected", type: string, many?: number) => void;
  /** Ids on their way to the disk, shared with whoever else takes events in. */
  readonly pending?: PendingIds;
}

/**
 * Ids whose commit is under way, by `keyOf`: a repeat of one is answered when it is on disk.
 */
export type PendingIds = Map<string, { readonly print: Print; readonly done: Promise<unknown> }>;

/** What has its place in the journal, and is not yet on disk. */
export interface Taken {
  /** What becomes of the items, if the disk takes them. It has no `seqs`. */
  readonly receipt: Receipt;
  /** Settles when it is on disk. */
  readonly durable: Promise<Receipt>;
}

/** A dead letter that is taken in again. */
interface Replay extends Pick<AppendOptions, "beside"> {
  readonly letter: number;
  /** Of the entry that it is of; null: it never became one. */
  readonly seq: number | null;
}

/** An item on its way into the journal. */
interface Ready {
  readonly draft: Draft;
  readonly print: Print | null;
  readonly key: string | null;
  readonly type: string;
}

export class EventIngest implements Ingest {
  readonly #ports: IngestPorts;
  readonly #pending: PendingIds;

  constructor(ports: IngestPorts) {
    this.#ports = ports;
    this.#pending = ports.pending ?? new Map();
  }

  async accept(inbound: Inbound): Promise<Receipt> {
    return this.#take(inbound, null).durable;
  }

  /**
   * The same, told at once what becomes of the items. They have their places in the journal when this returns.
   *
   * @param options  how far the source of these events is consumed with them
   * @throws AisleError `overloaded` when too many focuses wait for their decision
   */
  take(inbound: Inbound, options: Pick<AppendOptions, "position"> = {}): Taken {
    return this.#take(inbound, null, options);
  }

  /** Takes a dead letter in again: past the dedupe, as a new entry that says so. */
  async replay(inbound: Inbound, replay: Replay): Promise<Receipt> {
    const { beside } = replay;
    const options = beside === undefined ? {} : { beside };
    return this.#take({ ...inbound, test: inbound.headers.test !== undefined }, replay, options).durable;
  }

  refused(inbound: Inbound, code: string, detail: string): void {
    this.#ports.count("rejected", code);
    this.#refuse(inbound, { code, detail, pointer: "" }, 0, inbound.body, true);
  }

  #take(inbound: Inbound, replay: Replay | null, options: AppendOptions = {}): Taken {
    const { reader, backlog } = this.#ports;
    if (backlog() >= limits.runs) throw crowded();
    const { items, broken, results } = reader.readBody(inbound.body, inbound);
    const rejected: Rejection[] = [];
    const reject = (problem: Problem, index: number, payload: Uint8Array) => {
      rejected.push({ index, pointer: problem.pointer, code: problem.code, detail: problem.detail });
      this.#refuse(inbound, problem, index, payload, options.position !== undefined);
    };
    const payloads = items.map(({ start, end }) => inbound.body.subarray(start, end));
    const batch = this.#sort(inbound, results, payloads, replay, reject);
    this.#rest(inbound, items, broken, reject);

    rejected.sort((a, b) => a.index - b.index);
    const { ready, duplicates } = batch;
    const receipt = { accepted: ready.length, duplicate: duplicates.length, rejected, seqs: [] };
    const durable = this.#commit(batch, options).then((seqs) => {
      for (const { type } of ready) this.#ports.count("accepted", type);
      for (const type of duplicates) this.#ports.count("duplicate", type);
      for (const { code } of rejected) this.#ports.count("rejected", code);
      return { ...receipt, seqs };
    });
    return { receipt, durable };
  }

  /** Events that are new, those seen before, and the commits that a repeat has to wait for. */
  #sort(
    inbound: Inbound,
    results: readonly (EventIn | Problem)[],
    payloads: readonly Uint8Array[],
    replay: Replay | null,
    reject: (problem: Problem, index: number, payload: Uint8Array) => void,
  ) {
    const ready: Ready[] = [];
    const duplicates: string[] = [];
    const waits: Promise<unknown>[] = [];
    const here = new Map<string, Print>();
    const unkept = headersProblem(inbound.headers);
    for (const [index, event] of results.entries()) {
      const payload = payloads[index]!;
      const problem = isProblem(event) ? event : (unkept ?? this.#refusal(event, payload));
      if (problem !== null) {
        reject(problem, index, payload);
        continue;
      }
      const { id, source, type } = event as EventIn;
      const own = id ?? idempotent(inbound, index);
      const print = own === null ? null : printOf(source, own, payload);
      // A dead letter passes, whether its id was seen or not; from then on it counts as seen.
      const key = own === null || replay !== null ? null : keyOf(source, own);
      const seen = key === null ? null : this.#seen(key, print!, here, waits);
      if (seen === "same") duplicates.push(type);
      else if (seen === "other-payload") reject(reused(own!), index, payload);
      else {
        if (key !== null) here.set(key, print!);
        ready.push({ draft: draftOf(inbound, event as EventIn, payload, own, replay), print, key, type });
      }
    }
    return { ready, duplicates, waits };
  }

  #seen(
    key: string,
    print: Print,
    here: ReadonlyMap<string, Print>,
    waits: Promise<unknown>[],
  ): "same" | "other-payload" | null {
    const pending = this.#pending.get(key);
    if (pending !== undefined) waits.push(pending.done);
    const known = here.get(key) ?? pending?.print;
    if (known === undefined) return this.#ports.dedupe.seen(print);
    return known[4] === print[4] && known[5] === print[5] ? "same" : "other-payload";
  }

  /** What the reader can't know: the size, and the time on the host's clock. */
  #refusal({ at }: EventIn, payload: Uint8Array): Problem | null {
    if (payload.length > limits.eventBytes) {
      return {
        code: "too-large",
        pointer: "",
        detail: `the event has ${payload.length} bytes: expected at most ${limits.eventBytes}`,
      };
    }
    const ahead = (at ?? 0) - this.#ports.clock.now();
    if (ahead > limits.eventAheadMs) {
      return {
        code: "ahead-of-time",
        pointer: "",
        detail: `the event is ${Math.round(ahead / 1000)} s ahead of this place's clock: expected at most ${limits.eventAheadMs / 1000} s`,
      };
    }
    return null;
  }

  /** What stands behind the byte at which the body breaks. */
  #rest(
    inbound: Inbound,
    items: readonly { end: number }[],
    broken: { offset: number; expected: string } | null,
    reject: (problem: Problem, index: number, payload: Uint8Array) => void,
  ): void {
    if (inbound.body.length === 0) {
      reject(
        { code: "malformed", pointer: "", offset: 0, detail: "the body is empty: an event is a JSON object" },
        0,
        inbound.body,
      );
      return;
    }
    if (broken === null) return;
    const { offset, expected } = broken;
    const detail = `byte ${offset} of the body: expected ${expected}; nothing after it was read`;
    reject(
      { code: "malformed", pointer: "", offset, detail },
      items.length,
      inbound.body.subarray(items.at(-1)?.end ?? 0),
    );
  }

  /** @returns the journal sequences of what was new, once it and what it repeats are on disk */
  async #commit(
    { ready, waits }: { readonly ready: readonly Ready[]; readonly waits: readonly Promise<unknown>[] },
    options: AppendOptions,
  ): Promise<number[]> {
    const done =
      ready.length === 0 && options.position === undefined
        ? Promise.resolve(null)
        : this.#ports.journal.append(
            ready.map(({ draft }) => draft),
            options,
          );
    for (const { key, print } of ready) if (key !== null) this.#pending.set(key, { print: print!, done });
    let seqs: number[];
    try {
      const appended = await done;
      // Only what is on disk counts as seen, whatever becomes of the commits that repeats wait for.
      const now = this.#ports.clock.now();
      for (const { print } of ready) if (print !== null) this.#ports.dedupe.add(print, now);
      seqs = ready.map((_, index) => appended!.firstSeq + index);
    } finally {
      for (const { key } of ready) if (key !== null) this.#pending.delete(key);
    }
    await Promise.all(waits);
    return seqs;
  }

  /** @param isWhole  all of the payload is kept, in pieces: nobody else has it */
  #refuse(inbound: Inbound, problem: Problem, index: number, payload: Uint8Array, isWhole: boolean): void {
    const { principal, subject } = inbound;
    const { code, detail, pointer, offset } = problem;
    const where = { source: subject, index, pointer, ...(offset === undefined ? {} : { offset }) };
    const letter = { code, detail, principal, subject, headers: lettered(inbound) };
    const bytes = isWhole ? limits.deadLetterBytes : Number.POSITIVE_INFINITY;
    this.#ports.refuse({ ...letter, where, payload: payload.subarray(0, bytes) });
    for (let from = bytes; from < payload.length; from += bytes) {
      const piece = payload.subarray(from, from + bytes);
      this.#ports.refuse({ ...letter, where: { ...where, offset: from }, payload: piece });
    }
  }
}

/** Too much waits for decisions that more events would only add to. */
export function crowded(): AisleError {
  return new AisleError("overloaded", `${limits.runs} focuses wait for their decision: try again in a second`);
}

function draftOf(
  inbound: Inbound,
  event: EventIn,
  payload: Uint8Array,
  id: string | null,
  replay: Replay | null,
): Draft {
  const headers: Record<string, string> = kept(inbound.headers);
  if (inbound.type !== null) headers.type = inbound.type;
  if (id !== null) headers.id = id;
  if (event.source !== "") headers.source = event.source;
  if (inbound.test === true) headers.test = "1";
  if (replay !== null) headers["replay-of"] = String(replay.letter);
  // What folds events knows by it whether this one has counted before.
  if (replay !== null && replay.seq !== null) headers["replay-seq"] = String(replay.seq);
  return {
    kind: event.type === "outcome" ? "outcome" : "event",
    principal: inbound.principal,
    subject: inbound.subject,
    headers,
    payload,
    value: event,
  };
}

/** Of headers that are too many or too long, those stay that an event is read by. */
function lettered({ headers, type, test }: Inbound): Record<string, string> {
  const isLong = headersProblem(headers) !== null;
  const stay = ([name, value]: readonly [string, string]) => READ.test(name) && value.length <= limits.tokenBytes;
  const own = isLong ? Object.fromEntries(Object.entries(headers).filter(stay)) : kept(headers);
  return { ...own, ...(type === null ? {} : { type }), ...(test === true ? { test: "1" } : {}) };
}

function kept(headers: Readonly<Record<string, string>>): Record<string, string> {
  const rest: Record<string, string> = {};
  for (const name in headers) if (KEPT.test(name)) rest[name] = headers[name]!;
  return rest;
}

/** Null: they fit. What is sent to a hub has to fit there, too. */
function headersProblem(headers: Readonly<Record<string, string>>): Problem | null {
  let count = 0;
  let bytes = 0;
  for (const name in headers) {
    if (!KEPT.test(name) && !IDS.test(name)) continue;
    count++;
    bytes += Buffer.byteLength(name) + Buffer.byteLength(headers[name]!);
  }
  const { eventHeaders, eventHeaderBytes } = limits;
  if (count <= eventHeaders && bytes <= eventHeaderBytes) return null;
  const detail = `${count} headers of ${bytes} bytes came with it: expected at most ${eventHeaders} and ${eventHeaderBytes} bytes`;
  return { code: "too-large", pointer: "", detail };
}

/** The id of an event that has none of its own: what came with the whole body says that it is a repeat. */
function idempotent({ headers }: Inbound, index: number): string | null {
  const key = headers["idempotency-key"] ?? (headers["Nats-Msg-Id"] || undefined);
  return key === undefined ? null : `${key}/${index}`;
}

export function reused(id: string): Problem {
  return {
    code: "id-reused",
    pointer: "",
    detail: `the id '${id.slice(0, 40)}' came before with other content: expected a new id, or the same bytes`,
  };
}
