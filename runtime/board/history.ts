// What happened to a record, from the journal's entries that changed it.
import type { RecordChange, RecordHistory } from "../http/ports.ts";
import type { Entry } from "../journal/journal.ts";
import { type BoardRecord, textAt } from "./board.ts";
import { cell, textOf } from "./cell.ts";
import { type Change, changeOf, type Finish } from "./change.ts";
import { endText, finishTexts, saidOf, shownText } from "./message.ts";

export interface HistoryOptions {
  /** An entry of the journal; null: it is not on disk (yet, or any more). */
  readonly find: (seq: number) => Entry | null;
  /** Changes that a record remembers. */
  readonly most: number;
  /** Only what concerns this cell; null: all. */
  readonly field: string | null;
}

/** The youngest changes of a record, oldest first. */
export function historyOf(record: BoardRecord, { find, most, field }: HistoryOptions): RecordHistory {
  const teller = new Teller(record);
  const changes: RecordChange[] = [];
  let missing = record.seqs.length >= most;
  for (const [place, seq] of record.seqs.entries()) {
    const entry = find(seq);
    const change = entry === null ? null : changeOf(entry);
    if (entry === null || change === null) {
      // Those that are not on disk yet come last; they are shown once they are.
      if (place === 0) missing = true;
      continue;
    }
    const told = teller.tell(change, entry);
    if (field === null || field in told.cells || told.goal === field) changes.push(told);
  }
  return { changes, missing };
}

/** Retells changes in their order, so that it is known which run held a goal when it ended. */
class Teller {
  readonly #record: BoardRecord;
  /** By goal: the run that holds it; null: nobody; absent: it is not known. */
  readonly #held = new Map<string, { readonly run: string; readonly host: string } | null>();

  constructor(record: BoardRecord) {
    this.#record = record;
  }

  tell(change: Change, { seq, receivedAt: at, principal: by }: Entry): RecordChange {
    const head = { seq, at, by, do: change.do, ...saidOf(change) };
    switch (change.do) {
      case "set":
        return { ...head, cells: this.#written(change.cells) };
      case "claim":
        this.#held.set(change.goal, { run: change.run, host: change.host });
        return {
          ...{ ...head, host: change.host, attempt: change.attempt },
          cells: { [change.goal]: textOf(cell({ state: "running", host: change.host })) },
        };
      case "finish":
        return { ...head, host: change.host, outcome: change.outcome, cells: this.#finished(change) };
      case "lapse": {
        const host = this.#held.get(change.goal)?.host ?? "";
        const cells = this.#ends(change.goal, change.run) ? { [change.goal]: endText(change, host) } : {};
        return { ...head, host, outcome: change.outcome, why: change.why, cells };
      }
      case "extra":
        return { ...head, host: change.host, cells: {} };
      case "carry":
        return { ...head, cells: this.#carried(change) };
      default:
        return { ...head, cells: {} };
    }
  }

  #written(cells: Readonly<Record<string, string>>): Record<string, string> {
    for (const name in cells) if (this.#held.has(name)) this.#held.set(name, null);
    return Object.fromEntries(
      Object.entries(cells).map(([name, text]) => [name, shownText(this.#record.page, name, text)] as const),
    );
  }

  #finished(change: Finish): Record<string, string> {
    if (!this.#ends(change.goal, change.run)) return {};
    for (const goal of change.also ?? []) this.#held.set(goal, null);
    return finishTexts(change, this.#record);
  }

  /** Whether the run held the goal until now; one whose claim is no longer remembered did. */
  #ends(goal: string, run: string): boolean {
    const held = this.#held.get(goal);
    if (held !== undefined && held?.run !== run) return false;
    this.#held.set(goal, null);
    return true;
  }

  #carried({ ready, complete, cells }: Extract<Change, { do: "carry" }>): Record<string, string> {
    const { page } = this.#record;
    const keys = page.config.keys.map(({ name }) => [name, textAt(this.#record, page.column(name)!)] as const);
    const texts = Object.entries(cells).map(
      ([name, kept]) => [name, typeof kept === "string" ? kept : textOf(kept)] as const,
    );
    return Object.fromEntries([...keys, ["ready", ready ? "1" : ""], ...texts, ["complete", complete ? "1" : ""]]);
  }
}
