// What is said of a change: on the bus as `board.<page>`, in the stream of a page, in the history of a record.
import type { Entry } from "../journal/journal.ts";
import { type BoardRecord, cellOf, type Page, rowOf } from "./board.ts";
import { cell, isTrue, readGoalText, textOf } from "./cell.ts";
import type { Change, Changed, Finish, Lapse } from "./change.ts";

/** A change of a record. */
export interface BoardMessage {
  /** Sequence of its journal entry. */
  readonly seq: number;
  /** Receive time of the entry, ms since epoch. */
  readonly at: number;
  /** Who caused it: a principal. */
  readonly by: string;
  readonly page: string;
  readonly key: string;
  /** Key cells by name, in rank order. */
  readonly keys: Readonly<Record<string, string>>;
  /** What a sheet shows from now on in the cells that changed. */
  readonly cells: Readonly<Record<string, string>>;
  readonly do: Change["do"];
  readonly goal?: string;
  readonly run?: string;
  readonly detail?: string;
}

/** A change as a message. Its texts are those of the change, not of the record, which may have moved on. */
export function boardMessage(change: Change, changed: Changed, entry: Entry): BoardMessage {
  const { record } = changed;
  const { seq, receivedAt: at, principal: by } = entry;
  const { page, key } = record;
  const head = { seq, at, by, page: page.name, key, keys: keysByName(record) };
  return { ...head, cells: cellsOf(change, changed), do: change.do, ...saidOf(change) };
}

/** A row that events have changed, as it is now, as a message. */
export function rowMessage(record: BoardRecord, gone: boolean, entry: Entry): BoardMessage {
  const { seq, receivedAt: at, principal: by } = entry;
  const { page, key } = record;
  const cells = gone ? {} : rowOf(record);
  return { seq, at, by, page: page.name, key, keys: keysByName(record), cells, do: gone ? "remove" : "set" };
}

/** Goal, run and detail of a change, as far as it has them. */
export function saidOf(change: Change): Pick<BoardMessage, "goal" | "run" | "detail"> {
  return {
    ...("goal" in change && { goal: change.goal }),
    ...("run" in change && { run: change.run }),
    ...("detail" in change && change.detail !== undefined && { detail: change.detail }),
  };
}

/** Key cells by name, in rank order. */
export function keysByName({ page, keys }: BoardRecord): Record<string, string> {
  return Object.fromEntries(page.config.keys.map(({ name }, rank) => [name, keys[rank] ?? ""]));
}

/** What a sheet shows of a text that was written into a column. */
export function shownText(page: Page, name: string, text: string): string {
  const column = page.column(name);
  switch (column === undefined ? "data" : page.roleOf(column)) {
    case "goal": {
      const written = readGoalText(text);
      if (written === null || written.state === "empty") return "";
      return textOf(cell(written));
    }
    case "ready":
    case "complete":
      return isTrue(text, page.config.lenient) ? "1" : "";
    default:
      return text;
  }
}

function cellsOf(change: Change, { record, columns }: Changed): Record<string, string> {
  const { page } = record;
  const completed =
    columns === null ? page.config.completes && record.complete : columns.includes(page.column("complete")!);
  // What completed the record was its last goal; who writes into 'complete' is heard as he is.
  const texts = textsOf(change, record);
  return completed && change.do !== "remove" ? { complete: "1", ...texts } : texts;
}

function textsOf(change: Change, record: BoardRecord): Record<string, string> {
  switch (change.do) {
    case "set":
      return Object.fromEntries(
        Object.entries(change.cells).map(([name, text]) => [name, shownText(record.page, name, text)]),
      );
    case "claim":
      return { [change.goal]: textOf(cell({ state: "running", host: change.host })) };
    case "finish":
      return finishTexts(change, record);
    case "lapse":
      return { [change.goal]: endText(change, hostOf(record, change)) };
    case "overdue":
      return { [change.goal]: "" };
    case "carry":
      return rowOf(record);
    default:
      return {};
  }
}

/** What the result of a run leaves in the cells, without what an actor may not write: keys, goals, `ready`. */
export function finishTexts(change: Finish, { page }: BoardRecord): Record<string, string> {
  const { goal, host, outcome, fields = {}, also = [] } = change;
  const written = Object.entries(fields).filter(([name]) => {
    const column = page.column(name);
    return column !== undefined && page.roleOf(column) === "data";
  });
  const subsumed = outcome === "done" ? also.map((other) => [other, "1"] as const) : [];
  return { ...Object.fromEntries([...written, ...subsumed]), [goal]: endText(change, host) };
}

/** What a goal cell shows when a run has ended. */
export function endText({ outcome }: Finish | Lapse, host: string): string {
  if (outcome === "retry") return "";
  return textOf(cell({ state: outcome, host }));
}

/** The node of a run that lapsed, as long as its cell says so. */
function hostOf(record: BoardRecord, { goal, run }: Lapse): string {
  const held = cellOf(record, goal);
  return held?.run === run ? held.host : "";
}
