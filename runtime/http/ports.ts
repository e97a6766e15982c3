// What the HTTP faces need of the runtime. Types only: no LMDB, no NATS, no actor behind them.

import type { Reset } from "../board/feed.ts";
import type { BoardMessage } from "../board/message.ts";
import type { Decision, Scores } from "../decide/decision.ts";
import type { Ack } from "../intake/ack.ts";
import type { ActorKind, Range, Row } from "../site.ts";

/** Why one item of a batch was not taken. `code` is stable, `detail` is for a person. */
export interface Rejection {
  /** Place in the batch, from 0. */
  readonly index: number;
  /** JSON pointer of the field meant, "" for the whole item. */
  readonly pointer: string;
  readonly code: string;
  readonly detail: string;
}

export interface Receipt {
  readonly accepted: number;
  readonly duplicate: number;
  readonly rejected: readonly Rejection[];
  /** Journal sequences of what was accepted, in the order given. */
  readonly seqs: readonly number[];
  /** What was reached, and why not more, when that is less than what was asked for. */
  readonly level?: Ack;
  readonly detail?: string;
}

/** A body as it came, not parsed: one object, an array, or NDJSON. */
export interface Inbound {
  /** Who sent it: "http", "nats", "player" … */
  readonly principal: string;
  /** URL path or bus subject. */
  readonly subject: string;
  /** Type for events that name none: from the URL or the subject. */
  readonly type: string | null;
  /** Of what came with it: `content-type`, `traceparent`, `idempotency-key`, `ce-*`. Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Not reused by the caller afterwards. */
  readonly body: Uint8Array;
  /** From a mock endpoint: marked, spends nothing. */
  readonly test?: boolean;
}

export interface Ingest {
  /**
   * Scans, checks, journals; resolves when what was accepted is where `ack` says: on disk, unless it says otherwise.
   * What was not is in the dead letters.
   *
   * @throws AisleError `overloaded` at a bound, `unavailable` while the journal can't be written
   */
  accept(inbound: Inbound, ack?: Ack): Promise<Receipt>;
  /** Whether `replicated` can be asked for. */
  readonly hasHub?: boolean;
  /**
   * A request that the face itself had to refuse: cut off, too large, of an unknown content type. Keeps what came
   * of it as a dead letter; never throws. `inbound.body` holds at most `limits.deadLetterBytes`.
   */
  refused?(inbound: Inbound, code: string, detail: string): void;
}

/** Takes bodies of plain events in as bytes, ahead of `Ingest`. */
export interface BodyTaker {
  /** Whether any event can be plain. */
  readonly admits: boolean;
  /**
   * @param chunks  together `bytes` long
   * @returns null when somebody has to look at it: then nothing was taken
   * @throws AisleError `overloaded` at a bound
   */
  body(
    chunks: readonly Uint8Array[],
    bytes: number,
    envelope: Omit<Inbound, "body" | "test">,
    ack: Ack,
  ): Promise<Receipt> | null;
}

/** An offer that stands: the published form, with what is needed to explain it. */
export interface Standing {
  /** Sequence of the decision's journal entry; the `id:` of the event stream. */
  readonly seq: number;
  readonly decision: Decision;
  /** One message per offer, both wires of the original in one object; empty with `none`. */
  readonly messages: readonly Readonly<Record<string, unknown>>[];
}

export interface Offers {
  /** Decisions of a customer whose offers stand now, newest first; of all customers with null. */
  standing(customer: string | null): readonly Standing[];
  /** Decisions of a customer as they are committed; all customers with null. The returned function ends it. */
  follow(customer: string | null, listener: (standing: Standing) => void): () => void;
  /**
   * Decisions of a customer after a sequence, oldest first, from the journal, bounded: a stream asks again with
   * the last sequence that it got. Empty only when none is left.
   */
  since(customer: string | null, seq: number): readonly Standing[];
}

export interface Decisions {
  /** Null: not there (never made, or past its retention). */
  find(id: string): Promise<Decision | null>;
  /** Resolves with the decisions that an event led to once they are committed; [] when it leads to none. */
  causedBy(seq: number): Promise<readonly Standing[]>;
}

export interface Letter {
  readonly id: number;
  readonly at: number;
  readonly code: string;
  readonly detail: string;
  readonly where: {
    readonly source: string;
    readonly index?: number;
    readonly offset?: number;
    readonly pointer?: string;
  };
  /** Journal sequence, when it was journalled and failed afterwards. */
  readonly seq?: number;
  readonly principal: string;
  readonly subject: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: Uint8Array;
  /** Length before the payload was cut to `limits.deadLetterBytes`. */
  readonly payloadBytes: number;
  readonly replayedAs?: number;
}

export interface DeadLetters {
  list(options: { before?: number; limit: number; code?: string }): readonly Letter[];
  get(id: number): Letter | null;
  count(): number;
  /** Takes the letter in again: past the dedupe, as a new entry with `replay-of`. */
  replay(id: number): Promise<Receipt>;
}

/** The original's scorer, as `POST /score` serves it. */
export interface Scoring {
  /** Columns that a customer and a coupon must have: name → type. */
  readonly customerColumns: Readonly<Record<string, "text" | "integer" | "number" | "date">>;
  readonly couponColumns: Readonly<Record<string, "text" | "integer" | "number" | "date">>;
  readonly customerKey: string;
  readonly couponKey: string;
  /**
   * For columns whose values the model knows by name: what may be written → what it stands for ("Sports" → "Sport").
   * A column that is not here takes any value.
   */
  readonly known?: {
    readonly customer: Readonly<Record<string, ReadonlyMap<string, string>>>;
    readonly coupon: Readonly<Record<string, ReadonlyMap<string, string>>>;
  };
  /** What a number may be, both ends included. A column that is not here takes any. */
  readonly ranges?: {
    readonly customer: Readonly<Record<string, Range>>;
    readonly coupon: Readonly<Record<string, Range>>;
  };
  score(customer: Row, coupons: readonly Row[]): Scores;
}

/** What a spec knows of one identity. */
export interface Known {
  readonly spec: string;
  /** Some of its events may not have been folded: they came too late, or were removed before the spec was there. */
  readonly incomplete: boolean;
  /** Events before it are taken no more, ms since epoch; null: all are. */
  readonly settledAt: number | null;
  /** The records by aggregate, or the row, as JSON: the core prints it. */
  readonly json: string;
}

/** A spec at work. */
export interface SpecState {
  readonly name: string;
  readonly streaming: string;
  readonly window: string | null;
  /** How much later than younger events of its source an event may come. */
  readonly latenessMs: number;
  readonly settledAt: number | null;
  readonly identities: { readonly memory: number; readonly disk: number };
  readonly heldBytes: number;
  /** Events by what became of them. */
  readonly events: Readonly<Record<string, number>>;
  /** The journal had lost entries before the first that was folded. */
  readonly incomplete: boolean;
  /** Why it folds no more; null: it does. */
  readonly broken: string | null;
}

/** What became of the last reload of the specs. */
export interface Reload {
  /** ms since epoch */
  readonly at: number;
  readonly state: "building" | "done" | "failed";
  /** Specs that are new or changed, and those that are gone. */
  readonly changed: readonly string[];
  readonly removed: readonly string[];
  /** Of the entry from which on they are in force; null: there is none. */
  readonly seq: number | null;
  /** Why it failed, a sentence for each mistake. */
  readonly reasons: readonly string[];
}

/** Text, a piece at a time. */
export interface Pieces {
  /** Null: there are no more. */
  next(): string | null;
  /** Nobody asks any more. */
  end(): void;
}

/** The specs of a site, and what they have folded: every event acknowledged so far. */
export interface Transforms {
  specs(): readonly SpecState[];
  lastReload(): Reload | null;
  /** Of each spec that knows the identity. */
  aggregates(identity: string): readonly Known[];
  /**
   * The row of each spec that has windows and knows the identity.
   *
   * @param at  as of that instant, ms since epoch; null: as of now
   * @throws AisleError `overloaded` when too many rows of the past are being made
   */
  features(identity: string, at: number | null): Promise<readonly Known[]>;
  /** NDJSON of everybody. @throws AisleError `overloaded` when too many are open */
  all(): Pieces;
  /**
   * Reads the specs again and begins to build those that changed.
   *
   * @throws SiteError with every mistake, and nothing changes; AisleError `conflict` while one is under way
   */
  reload(): Reload;
}

/** Why a cell was not written. */
export interface CellMistake extends Rejection {
  /** With code `changed`: the text that was to be written; null: this cell was only looked at. */
  readonly yours?: string | null;
  /** With code `changed`: what the cell shows now. */
  readonly current?: string;
  /** Of a sheet: where it stands. */
  readonly line?: number;
  readonly column?: string;
}

export interface ColumnHead {
  readonly name: string;
  readonly role: "key" | "ready" | "goal" | "data" | "complete";
  /** Of a key. */
  readonly required?: boolean;
  /** Of a goal: who does the work; null: no actor of the plan. */
  readonly kind?: ActorKind | null;
  /** Of a person's goal: the principals that may fill it; empty: everybody. */
  readonly who?: readonly string[];
}

/** A page, without its records. */
export interface PageHead {
  readonly name: string;
  readonly parent: string | null;
  /** Events make its records. */
  readonly fed: boolean;
  /** Its rows rank goals of other pages. */
  readonly ranks: boolean;
  /** A new name makes a column. */
  readonly open: boolean;
  /** Records. */
  readonly size: number;
  /** In the order of a sheet. */
  readonly columns: readonly ColumnHead[];
}

export interface RowView {
  readonly key: string;
  /** Grows with each change: the sequence of its journal entry; 0: none was journalled. */
  readonly revision: number;
  /** What a sheet shows, by column. */
  readonly row: Readonly<Record<string, string>>;
}

export type CellState = "empty" | "running" | "done" | "failed" | "waiting";

export interface GoalView {
  readonly state: CellState;
  readonly text: string;
  readonly host: string;
  readonly run: string;
  readonly attempts: number;
  readonly by: string;
  /** ms since epoch */
  readonly at: number | null;
  readonly detail: string | null;
  /** Tried again not before then, ms since epoch. */
  readonly notBefore: number | null;
}

export interface RecordView extends RowView {
  readonly page: string;
  /** Key cells by name, in rank order. */
  readonly keys: Readonly<Record<string, string>>;
  /** The node whose journal is the record's truth. */
  readonly home: string;
  readonly parent: { readonly page: string; readonly key: string } | null;
  readonly ready: boolean;
  readonly complete: boolean;
  readonly goals: Readonly<Record<string, GoalView>>;
}

export interface RecordsView extends PageHead {
  /** What a stream of the page begins after, so that nothing is missed. */
  readonly seq: number;
  readonly records: readonly RowView[];
  /** The `after` of what follows; null: that was all. */
  readonly next: string | null;
}

export interface RecordsQuery {
  readonly after: string | null;
  readonly limit: number;
  /** Only records with a goal, this one if it is named, in this state. */
  readonly state: CellState | null;
  readonly goal: string | null;
}

/** A change of a record as its history tells it. */
export interface RecordChange
  extends Pick<BoardMessage, "seq" | "at" | "by" | "do" | "goal" | "run" | "detail" | "cells"> {
  readonly host?: string;
  readonly attempt?: number;
  readonly outcome?: "done" | "failed" | "retry";
  /** Why a claim ended without a result. */
  readonly why?: string;
}

export interface RecordHistory {
  /** Oldest first. */
  readonly changes: readonly RecordChange[];
  /** There may have been earlier ones, which are no longer kept. */
  readonly missing: boolean;
}

/** A rule that keeps a goal from starting, in words. The rule's own members stand beside them. */
export interface Reason {
  readonly rule: string;
  readonly says: string;
  readonly unblock: string;
  /** Of limits and conflicts: the work that takes the place. */
  readonly with?: readonly { readonly page: string; readonly key: string; readonly run: string }[];
}

export interface Why {
  readonly page: string;
  readonly key: string;
  readonly goal: string;
  readonly state: CellState;
  readonly mayStart: boolean;
  readonly says: string;
  readonly reasons: readonly Reason[];
}

/** Who writes, and what he has seen. */
export interface Writing {
  /** Texts by column. */
  readonly cells: Readonly<Record<string, string>>;
  /** Texts that the record must show still; a record that is not there shows "". */
  readonly was: Readonly<Record<string, string>>;
  /** Revisions one of which the record must have; null: any. */
  readonly revisions: readonly number[] | null;
  readonly by: string;
  /** Kept with the journal entry: `traceparent`. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface SheetReceipt {
  /** Lines with a record. */
  readonly records: number;
  readonly created: number;
  readonly changed: number;
  readonly unchanged: number;
  /** Cells written. */
  readonly cells: number;
  /** Cells that say `r`: they were left out, as only who does the work writes that. */
  readonly running: number;
  readonly dryRun: boolean;
}

/**
 * The board as people and programs see it. A key is that of a URL: key cells in rank order, each percent-encoded,
 * joined by commas. Everything throws AisleError `not-found` for a page, record or goal that is not there.
 */
export interface BoardFaces {
  pages(): readonly PageHead[];
  /** @throws AisleError `invalid` when `after` is not on the page */
  records(page: string, query: RecordsQuery): Promise<RecordsView>;
  record(page: string, key: string): RecordView;
  /**
   * Makes a record, or writes into the one with these key cells; resolves once it is on disk.
   *
   * @throws ChangeRefused with each cell to blame: `invalid`, `forbidden`, `conflict` when somebody was there before
   * @throws AisleError `overloaded` at a bound; `conflict` when another node is the record's home
   */
  put(page: string, writing: Writing): Promise<{ readonly created: boolean; readonly record: RecordView }>;
  /** As `put`, for a record that is there. */
  write(page: string, key: string, writing: Writing): Promise<RecordView>;
  remove(page: string, key: string, writing: Omit<Writing, "cells">): Promise<void>;
  /** @param field  only what concerns this cell; null: all */
  history(page: string, key: string, field: string | null): RecordHistory;
  why(page: string, key: string, goal: string): Why;
  log(page: string, key: string, run: string): { readonly text: string; readonly truncated: boolean };
  /** Changes of a page as they come to the disk. The returned function ends it. */
  follow(page: string, listener: (message: BoardMessage) => void): () => void;
  /** Changes of a page after a sequence, oldest first; a reset when they are no longer at hand. */
  since(page: string, seq: number): readonly (BoardMessage | Reset)[];
  /** A page as CSV. @throws AisleError `overloaded` when too many are being read */
  sheet(page: string): Pieces;
  /**
   * Takes a CSV in, a line for each record: all of it, or nothing when there is a mistake in it.
   *
   * @throws ChangeRefused with every mistake, each with its line
   */
  importSheet(
    page: string,
    bytes: Uint8Array,
    writing: Pick<Writing, "by" | "headers"> & { readonly dryRun: boolean },
  ): Promise<SheetReceipt>;
}

export interface Health {
  /** Empty: ready. Otherwise why not, one sentence each. */
  notReady(): readonly string[];
  /** What works, but worse: the bus away, the source away … */
  degraded(): readonly string[];
}

export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
}

/** What commits. While any of what `hold` resolved with was not called, none is under way. */
export interface Holdable {
  hold(): Promise<() => void>;
}

/** Counts requests. `route` is a pattern such as `/offers/:customer`, never a path that names somebody. */
export interface Requests {
  observe(route: string, status: number, seconds: number): void;
}

/** Where bugs are told. A pino logger is one. */
export interface Log {
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** What a reload of the plan has changed: names of pages, and of goals as `page goal`. */
export interface PlanReload {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
  /** sha256 of the file, hex. */
  readonly hash: string;
  /** Of the entry that says so; null: nothing has changed. */
  readonly seq: number | null;
}

/** The plan in force. */
export interface PlanFace {
  /** @throws SiteError with every mistake; AisleError `conflict` for what only a restart can change */
  reload(): Promise<PlanReload>;
}

/** Everything that the faces need, handed over once by `runtime/main.ts`. */
export interface Ports {
  readonly ingest: Ingest;
  readonly offers: Offers;
  readonly decisions: Decisions;
  readonly letters: DeadLetters;
  /** Null: the site has no model of its own. */
  readonly scoring: Scoring | null;
  readonly transforms: Transforms;
  readonly plan: PlanFace;
  readonly board: BoardFaces;
  readonly health: Health;
  readonly metrics: Metrics;
  readonly requests: Requests;
  readonly log: Log;
  /** Settles as what is waited for, or sooner, with `full` when the disk has been full for too long. */
  readonly patient?: <T>(waited: Promise<T>) => Promise<T>;
}
