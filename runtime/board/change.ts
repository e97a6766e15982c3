// What can happen to a record, as entries of the journal, and what each does to the board. Live, after a restart and in a
// replay this is the same code: the board is a function of the entries, nothing else.
import type { Draft, Entry } from "../journal/journal.ts";
import { limits } from "../limits.ts";
import { type Board, type BoardRecord, type Column, cellOf, holdsAt, keyOf, keysOf, type Page } from "./board.ts";
import { begunFrom, type Cell, isBegun, isTrue, readGoalText } from "./cell.ts";

interface Of {
  readonly page: string;
  readonly key: string;
}

/** Cells written, as texts by name; makes the record if it is not there. Kind `cell`. */
export interface SetCells extends Of {
  readonly do: "set";
  readonly cells: Readonly<Record<string, string>>;
}

/** The record goes. Kind `cell`. */
export interface Removal extends Of {
  readonly do: "remove";
}

/** A run holds the goal from now on. Kind `effect`, as all below. */
export interface ClaimTaken extends Of {
  readonly do: "claim";
  readonly goal: string;
  readonly run: string;
  readonly host: string;
  readonly attempt: number;
}

/** A run has ended and its claim was good. */
export interface Finish extends Of {
  readonly do: "finish";
  readonly goal: string;
  readonly run: string;
  readonly host: string;
  readonly outcome: "done" | "failed" | "retry";
  /** With `done`: goals that hold too now, as the actor subsumes them. */
  readonly also?: readonly string[];
  /** Written in all cases: what the actor returned, as texts. */
  readonly fields?: Readonly<Record<string, string>>;
  readonly detail?: string;
  /** With `retry`: not before, ms since epoch. */
  readonly notBefore?: number;
}

/** A claim ended without a result: its lease ran out, it was cancelled, its node was started anew, an output was inhibited. */
export interface Lapse extends Of {
  readonly do: "lapse";
  readonly goal: string;
  readonly run: string;
  readonly why: "lease" | "timeout" | "restart" | "cancelled" | "inhibited";
  readonly outcome: "failed" | "retry";
  readonly detail?: string;
  readonly notBefore?: number;
}

/** A result that came too late: the goal was finished, or claimed, by another run. Changes nothing, stands in the history. */
export interface ExtraRun extends Of {
  readonly do: "extra";
  readonly goal: string;
  readonly run: string;
  readonly host: string;
  readonly detail: string;
}

/** What a person has to do is not done in time: its cell says so, and is empty as before. */
export interface Overdue extends Of {
  readonly do: "overdue";
  readonly goal: string;
}

/** The whole of a record that is older than what the journal keeps: written again, so that it stays. */
export interface Carried extends Of {
  readonly do: "carry";
  readonly ready: boolean;
  readonly complete: boolean;
  readonly cells: Readonly<Record<string, string | Omit<Cell, "value">>>;
}

export type Change = SetCells | Removal | ClaimTaken | Finish | Lapse | ExtraRun | Overdue | Carried;

/** What an entry did to the board. */
export interface Changed {
  readonly record: BoardRecord;
  /** Null: anything may have changed. */
  readonly columns: readonly Column[] | null;
}

const NOBODY = { host: "", run: "", attempts: 0 } as const;

/** Begins the subjects of the board's entries: `board/claim`, `board/set` … */
const SUBJECT = "board/";

/** A change as an entry of the journal. Lower-case headers go along, such as `traceparent`. */
export function changeDraft(change: Change, principal: string, headers: Readonly<Record<string, string>> = {}): Draft {
  const { do: what } = change;
  return {
    kind: what === "set" || what === "remove" ? "cell" : "effect",
    principal,
    subject: SUBJECT + what,
    headers,
    payload: Buffer.from(JSON.stringify(change)),
    value: change,
  };
}

/** The change that an entry is; null: it is none of the board's. */
export function changeOf({ kind, subject, payload, value }: Entry): Change | null {
  if ((kind !== "cell" && kind !== "effect") || !subject.startsWith(SUBJECT)) return null;
  return (value as Change | undefined) ?? (JSON.parse(Buffer.from(payload).toString()) as Change);
}

/** Applies changes to a board. */
export class Changes {
  readonly #board: Board;

  constructor(board: Board) {
    this.#board = board;
  }

  /** One change. All or nothing: what throws has changed nothing. Null: it changed nothing. */
  apply(change: Change, entry: Entry): Changed | null {
    const makes = change.do === "set" || change.do === "carry";
    const known = this.#board.find(change.page);
    if (known === undefined && !makes) return null;
    const page = known ?? this.#board.rest(change.page, keysOf(change.key).length);
    if (change.do === "set") return this.#set(page, change, entry);
    if (change.do === "carry") return this.#carry(page, change, entry);
    const record = page.find(change.key);
    if (record === undefined) return null;
    note(record, entry.seq);
    switch (change.do) {
      case "remove":
        page.remove(record);
        record.complete = true;
        return { record, columns: null };
      case "claim":
        return this.#claim(record, change, entry);
      case "finish":
        return this.#finish(record, change, entry);
      case "lapse":
        return this.#lapse(record, change, entry);
      case "overdue":
        return this.#overdue(record, change, entry);
      default:
        return null;
    }
  }

  #set(page: Page, { key, cells }: SetCells, entry: Entry): Changed | null {
    const known = page.find(key);
    if (known === undefined && page.fed) return null;
    const record = known ?? found(page.add(keysOf(key), null), entry);
    const columns: Column[] = [];
    for (const [name, text] of Object.entries(cells)) {
      const column = page.ensure(name);
      columns.push(column);
      write(record, column, text, entry);
    }
    note(record, entry.seq);
    // Who writes into 'complete' says how it is meant.
    if (cells.complete === undefined) this.#complete(record, columns);
    // Of a new record everything is new: it may be ready from the start.
    return { record, columns: known === undefined ? null : columns };
  }

  /** What is done or has failed nobody can claim, until it is cleared. */
  #claim(record: BoardRecord, { goal, run, host, attempt }: ClaimTaken, entry: Entry): Changed | null {
    const column = record.page.ensure(goal, "goal");
    const cell = cellOf(record, goal);
    if (cell?.state === "done" || cell?.state === "failed") return null;
    record.cells[column] = fresh({ state: "running", host, run, attempts: attempt }, entry);
    return { record, columns: [column] };
  }

  /** Only the run that holds the claim finishes. */
  #finish(record: BoardRecord, change: Finish, entry: Entry): Changed | null {
    const { goal, run, host, outcome, fields, detail = null, notBefore = 0 } = change;
    const held = cellOf(record, goal);
    if (held?.state !== "running" || held.run !== run) return null;
    const { page } = record;
    const columns: Column[] = [];
    for (const name in fields) {
      const column = page.ensure(name);
      if (page.roleOf(column) !== "data") continue;
      record.cells[column] = fields[name]!;
      columns.push(column);
    }
    const state = outcome === "retry" ? "waiting" : outcome;
    const { attempts } = held;
    if (outcome === "done") {
      for (const other of change.also ?? []) {
        const column = page.ensure(other, "goal");
        record.cells[column] = fresh(
          { state: "done", host, run, attempts: cellOf(record, other)?.attempts ?? 0 },
          entry,
        );
        columns.push(column);
      }
    }
    const column = page.column(goal)!;
    record.cells[column] = fresh({ state, host, run, attempts, detail, notBefore }, entry);
    columns.push(column);
    this.#complete(record, columns);
    return { record, columns };
  }

  #lapse(record: BoardRecord, { goal, run, outcome, why, detail, notBefore = 0 }: Lapse, entry: Entry): Changed | null {
    const held = cellOf(record, goal);
    if (held?.state !== "running" || held.run !== run) return null;
    const column = record.page.column(goal)!;
    const { host, attempts } = held;
    const state = outcome === "retry" ? "waiting" : "failed";
    record.cells[column] = fresh({ state, host, run, attempts, detail: detail ?? why, notBefore }, entry);
    return { record, columns: [column] };
  }

  #overdue(record: BoardRecord, { goal }: Overdue, entry: Entry): Changed | null {
    const column = record.page.ensure(goal, "goal");
    if (record.cells[column] !== undefined) return null;
    const { host, run, attempts } = NOBODY;
    record.cells[column] = fresh({ state: "waiting", host, run, attempts, detail: "overdue" }, entry);
    return { record, columns: [column] };
  }

  #carry(page: Page, { key, ready, complete, cells }: Carried, entry: Entry): Changed {
    const record = found(page.find(key) ?? page.add(keysOf(key), null), entry);
    record.ready = ready;
    record.complete = complete;
    record.cells.forEach((cell, column) => {
      if (!isBegun(cell)) record.cells[column] = undefined;
    });
    for (const [name, cell] of Object.entries(cells)) {
      const column = page.ensure(name, typeof cell === "string" ? "data" : "goal");
      if (!isBegun(record.cells[column])) record.cells[column] = cell;
    }
    record.seqs.length = 0;
    note(record, entry.seq);
    return { record, columns: null };
  }

  /** Where the plan says so, a record is complete once all its goals hold; that is a change too. */
  #complete(record: BoardRecord, columns: Column[]): void {
    const { page } = record;
    const { completes, goals } = page.config;
    if (!completes || record.complete || goals.length === 0) return;
    if (!goals.every((goal) => holdsAt(record, page.column(goal)!))) return;
    record.complete = true;
    columns.push(page.column("complete")!);
  }
}

/** Writes what a person, or a sheet, says into a cell. Texts were checked before they became an entry. */
function write(record: BoardRecord, column: Column, text: string, entry: Entry): void {
  const { page } = record;
  switch (page.roleOf(column)) {
    case "key":
      return;
    case "ready":
      record.ready = isTrue(text, page.config.lenient);
      return;
    case "complete":
      record.complete = isTrue(text, page.config.lenient);
      return;
    case "data":
      record.cells[column] = text;
      return;
    case "goal": {
      const written = readGoalText(text);
      if (written === null || written.state === "empty") record.cells[column] = undefined;
      else {
        const host = written.state === "failed" ? written.host : "";
        record.cells[column] = fresh({ state: written.state, host, run: "", attempts: 0 }, entry);
      }
    }
  }
}

function fresh(
  cell: Pick<Cell, "state" | "host" | "run" | "attempts"> & Partial<Pick<Cell, "detail" | "notBefore">>,
  { principal, receivedAt }: Entry,
): Cell {
  const { state, host, run, attempts, detail = null, notBefore = 0 } = cell;
  return { state, host, run, attempts, by: principal, at: receivedAt, detail, notBefore };
}

/** The record is made of this entry, and of what follows. */
function found(record: BoardRecord, { seq, receivedAt }: Entry): BoardRecord {
  record.baseSeq = seq;
  record.baseAt = receivedAt;
  return record;
}

function note({ seqs }: BoardRecord, seq: number): void {
  if (seqs.length >= limits.cellHistory) seqs.shift();
  seqs.push(seq);
}

/** The record as one entry that stands for all before it. */
export function carried(record: BoardRecord): Carried {
  const { page, keys, ready, complete } = record;
  const cells: [string, string | Omit<Cell, "value">][] = [];
  record.cells.forEach((cell, column) => {
    const carries = isBegun(cell) ? begunFrom(cell) : cell;
    if (typeof carries === "string") cells.push([page.nameOf(column), carries]);
    else if (carries !== undefined) {
      const { value: _, ...rest } = carries;
      cells.push([page.nameOf(column), rest]);
    }
  });
  return { do: "carry", page: page.name, key: keyOf(keys), ready, complete, cells: Object.fromEntries(cells) };
}
