// Why a goal of a record does not start, and what would let it: rules in the words of people.
import { shorten } from "../data/mistakes.ts";
import { formatDuration } from "../data/units.ts";
import type { Reason, Why } from "../http/ports.ts";
import type { Blocker } from "../scheduler.ts";
import type { PlannedActor } from "../site.ts";
import { type BoardRecord, cellOf, textAt } from "./board.ts";
import type { Cell } from "./cell.ts";

/** Work under way on this node. */
export interface Doing {
  readonly page: string;
  readonly key: string;
  readonly run: string;
}

export interface WhyOptions {
  /** The name of this node. */
  readonly node: string;
  /** ms since epoch */
  readonly now: number;
  /** What is under way on a goal. */
  readonly doing: (goal: string) => readonly Doing[];
}

/** All that keeps a goal of a record from starting. */
export function whyOf(
  actor: PlannedActor | undefined,
  record: BoardRecord,
  goal: string,
  blockers: readonly Blocker[],
  options: WhyOptions,
): Why {
  const cell = cellOf(record, goal);
  const reasons = actor === undefined ? [unowned(cell)] : blockers.map((each) => reasonOf(each, record, goal, options));
  const woken = actor !== undefined && actor.on.length > 0 ? [wokenBy(actor)] : [];
  // What is done, or under way, is said before what else would stand against it.
  const all = [...reasons, ...woken].toSorted((a, b) => Number(isOver(b)) - Number(isOver(a)));
  const head = { page: record.page.name, key: record.key, goal, state: cell?.state ?? ("empty" as const) };
  return { ...head, mayStart: all.length === 0, says: sentence(goal, all), reasons: all };
}

const NOBODY: Reason = {
  rule: "no-actor",
  says: "no actor of the plan owns it",
  unblock: "name an actor for it in the plan, or write 1 into the cell",
};

/** What no actor of the page owns may have been reached all the same: by a record of it, such as the focus of a visit. */
function unowned(cell: Cell | undefined): Reason {
  if (cell?.state !== "done") return NOBODY;
  const says = cell.detail === null ? "is done" : `is done: ${shorten(cell.detail)}`;
  return { rule: "done", says, unblock: "it begins anew with what comes next" };
}

function wokenBy({ on }: PlannedActor): Reason {
  return { rule: "event", says: `events wake it: ${on.join(", ")}`, unblock: "it waits for the next such event" };
}

function sentence(goal: string, reasons: readonly Reason[]): string {
  const [first] = reasons;
  if (first === undefined) return `'${goal}' may start now`;
  if (isOver(first)) return `'${goal}' ${first.says}`;
  const more = reasons.length === 1 ? "" : ` (and ${reasons.length - 1} more)`;
  return `'${goal}' does not start: ${first.says}${more}`;
}

function isOver({ rule }: Reason): boolean {
  return rule === "done" || rule === "running";
}

function reasonOf(blocker: Blocker, record: BoardRecord, goal: string, options: WhyOptions): Reason {
  return { ...blocker, ...wordsOf(blocker, record, goal, options) };
}

interface Words {
  readonly says: string;
  readonly unblock: string;
}

function wordsOf(blocker: Blocker, record: BoardRecord, goal: string, options: WhyOptions): Words & { with?: Doing[] } {
  switch (blocker.rule) {
    case "not-ready":
      return { says: "the record is not ready", unblock: "write 1 into 'ready'" };
    case "complete":
      return { says: "the record is complete", unblock: "clear 'complete'" };
    case "done":
      return { says: "is done", unblock: "clear the cell to have it done again" };
    case "running":
      return running(blocker);
    case "failed":
      return failed(blocker);
    case "backoff":
      return {
        says: `it was tried ${times(blocker.attempts)}, and is tried again ${when(blocker.until, options.now)}`,
        unblock: "wait, or clear the cell to have it tried at once",
      };
    case "prerequisite":
      return prerequisite(blocker.goal, record);
    case "conflict":
      return conflict(blocker, record, goal, options);
    case "max-selves": {
      const doing = [...options.doing(goal)];
      return {
        says: `${blocker.limit} of it run on '${options.node}', the most that may${of(doing)}`,
        unblock: "it starts when one of them ends, or raise its maxSelves in the plan",
        with: doing,
      };
    }
    case "inhibited":
      return {
        says: `'${blocker.by}' of layer ${blocker.layer} inhibits it until ${iso(blocker.until)}`,
        unblock: `it is free then, unless '${blocker.by}' renews it; clear the cell of '${blocker.by}' to free it now`,
      };
    case "site-limit":
      return { says: blocker.detail, unblock: "it starts when a place becomes free at the site" };
    case "person":
      return person(blocker.who, record, goal);
  }
}

function running({ host, run }: Extract<Blocker, { rule: "running" }>): Words {
  const where = host === "" ? "is about to run" : `runs on '${host}'`;
  return {
    says: run === "" ? where : `${where}, run ${run}`,
    unblock: "wait for its end, or clear the cell to cancel it",
  };
}

function failed({ attempts, detail }: Extract<Blocker, { rule: "failed" }>): Words {
  const often = attempts === 0 ? "it is marked as failed" : `it failed after ${runs(attempts)}`;
  const why = detail === null || detail === "" ? "" : `: ${shorten(detail)}`;
  return {
    says: often + why,
    unblock: "mend the cause and clear the cell to have it done again, or write 1 if it is done",
  };
}

function prerequisite(field: string, record: BoardRecord): Words {
  const cell = cellOf(record, field) ?? (record.parent === null ? undefined : cellOf(record.parent, field));
  const needs = `it needs '${field}', which`;
  switch (cell?.state) {
    case "running":
      return { says: `${needs} runs on '${cell.host}'`, unblock: `it starts once '${field}' is 1` };
    case "failed":
      return { says: `${needs} has failed`, unblock: `clear '${field}' to have it done again, or write 1 into it` };
    case "waiting": {
      const state = isOverdue(cell) ? "is overdue: a person has to fill it" : "is to be tried again";
      return { says: `${needs} ${state}`, unblock: `it starts once '${field}' is 1` };
    }
    default: {
      const column = record.page.column(field);
      const text = column === undefined ? "" : textAt(record, column);
      const state = text === "" ? "is empty" : `is '${shorten(text)}', not 1`;
      return { says: `${needs} ${state}`, unblock: `it starts once '${field}' is 1` };
    }
  }
}

function conflict(
  { goal: other, limit, scope }: Extract<Blocker, { rule: "conflict" }>,
  { page, key }: BoardRecord,
  goal: string,
  { node, doing }: WhyOptions,
): Words & { with?: Doing[] } {
  const unblock = `it starts when '${other}' ends`;
  if (scope === "record") return { says: `'${other}' runs on the same record`, unblock };
  const others = doing(other).filter((each) => other !== goal || each.page !== page.name || each.key !== key);
  const most = limit === 1 ? `'${other}' runs` : `${limit} or more of '${other}' run`;
  return {
    says: `${most} ${scope === "site" ? "at the site" : `on '${node}'`}${of(others)}`,
    unblock,
    with: [...others],
  };
}

function person(who: readonly string[], record: BoardRecord, goal: string): Words {
  const whose = who.length === 0 ? "a person" : who.join(" or ");
  const cell = cellOf(record, goal);
  const late = cell !== undefined && isOverdue(cell) ? ", and is overdue" : "";
  return { says: `it waits for ${whose}${late}`, unblock: `${whose} writes 1 into '${goal}' (or F)` };
}

/** A person's cell that was told of as overdue: nobody has begun to run it. */
function isOverdue({ state, attempts }: Cell): boolean {
  return state === "waiting" && attempts === 0;
}

/** Records named in a sentence. */
const NAMED = 3;

function of(doing: readonly Doing[]): string {
  if (doing.length === 0) return "";
  const named = doing.slice(0, NAMED).map(({ page, key }) => `${page} ${key}`);
  const more = doing.length > NAMED ? ` and ${doing.length - NAMED} more` : "";
  return `: for ${named.join(", ")}${more}`;
}

function times(attempts: number): string {
  return attempts === 1 ? "once" : `${attempts} times`;
}

function runs(attempts: number): string {
  return attempts === 1 ? "1 run" : `${attempts} runs`;
}

function when(at: number, now: number): string {
  return `in ${formatDuration(Math.max(0, Math.ceil((at - now) / 1_000)) * 1_000)}, at ${iso(at)}`;
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
