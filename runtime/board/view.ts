// Pages and records as people and programs are shown them.
import type { ColumnHead, GoalView, PageHead, RecordView, RowView } from "../http/ports.ts";
import type { PlannedActor } from "../site.ts";
import { type BoardRecord, type Column, type Page, textAt } from "./board.ts";
import { type Cell, textOf } from "./cell.ts";
import { keysByName } from "./message.ts";

type ActorOf = (page: string, goal: string) => PlannedActor | undefined;

/** What a page is made of. */
export function headOf(page: Page, actorOf: ActorOf): PageHead {
  const { name, config, size } = page;
  const columns = page.header.map((column) => columnOf(page, column, actorOf));
  return {
    ...{ name, parent: config.parent, fed: page.fed, ranks: config.ranks, open: config.data === null, size },
    columns,
  };
}

function columnOf(page: Page, name: string, actorOf: ActorOf): ColumnHead {
  const role = page.roleOf(page.column(name)!);
  if (role === "key") return { name, role, required: page.config.keys.find((key) => key.name === name)!.required };
  if (role !== "goal") return { name, role };
  const actor = actorOf(page.name, name);
  const who = actor?.person?.who;
  return { name, role, kind: actor?.kind ?? null, ...(who !== undefined && { who }) };
}

/** Makes rows of a page; its columns are looked up once. */
export function rowsOf(page: Page): (record: BoardRecord) => RowView {
  const columns = page.header.map((name) => [name, page.column(name)!] as const);
  return (record) => ({ key: record.key, revision: revisionOf(record), row: row(record, columns) });
}

function row(record: BoardRecord, columns: readonly (readonly [string, Column])[]): Record<string, string> {
  return Object.fromEntries(columns.map(([name, column]) => [name, textAt(record, column)]));
}

/** Grows with each change of the record; 0: none was journalled. */
export function revisionOf({ seqs }: BoardRecord): number {
  return seqs.at(-1) ?? 0;
}

/** @param node  the name of this one */
export function viewOf(record: BoardRecord, node: string): RecordView {
  const { page, home, parent, ready, complete } = record;
  const goals = page.header.flatMap((name) => {
    const column = page.column(name)!;
    return page.roleOf(column) === "goal" ? [[name, goalOf(record.cells[column])] as const] : [];
  });
  return {
    page: page.name,
    ...rowsOf(page)(record),
    keys: keysByName(record),
    home: home ?? node,
    parent: parent === null ? null : { page: parent.page.name, key: parent.key },
    ready,
    complete,
    goals: Object.fromEntries(goals),
  };
}

const EMPTY: GoalView = {
  ...{ state: "empty", text: "", host: "", run: "", attempts: 0, by: "", at: null, detail: null },
  notBefore: null,
};

function goalOf(cell: Cell | string | undefined): GoalView {
  if (typeof cell !== "object") return EMPTY;
  const { state, host, run, attempts, by, at, detail, notBefore } = cell;
  const text = textOf(cell);
  const times = { at: at === 0 ? null : at, notBefore: notBefore === 0 ? null : notBefore };
  return { state, text, host, run, attempts, by, detail, ...times };
}

/** Whether a goal of the record, or any of its goals, is in a state; `empty` is one too. */
export function inState(page: Page, state: GoalView["state"], goal: string | null): (record: BoardRecord) => boolean {
  const columns = page.header
    .filter((name) => (goal === null || name === goal) && page.roleOf(page.column(name)!) === "goal")
    .map((name) => page.column(name)!);
  return ({ cells }) =>
    columns.some((column) => {
      const cell = cells[column];
      return (typeof cell === "object" ? cell.state : "empty") === state;
    });
}
