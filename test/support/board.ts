// A whole board in memory: journal, changes, scheduler and faces, wired as the runtime wires them. Work is begun, and
// ended by the test.
import { Board, type BoardRecord, cellOf } from "../../runtime/board/board.ts";
import {
  type Change,
  type Changed,
  Changes,
  changeDraft,
  changeOf,
  type Finish,
  type Lapse,
} from "../../runtime/board/change.ts";
import { BoardFace, type FaceOptions } from "../../runtime/board/face.ts";
import { BoardFeed } from "../../runtime/board/feed.ts";
import { boardMessage } from "../../runtime/board/message.ts";
import { ManualClock } from "../../runtime/clock.ts";
import type { Entry } from "../../runtime/journal/journal.ts";
import { Scheduler, type SchedulerOptions } from "../../runtime/scheduler.ts";
import type { Plan, PlannedActor } from "../../runtime/site.ts";
import { MemoryJournal } from "./memory-journal.ts";

/** The name of this node. */
export const NODE = "here";
/** When it begins, ms since epoch. */
export const BEGIN = 1_700_000_000_000;

interface Run {
  readonly actor: PlannedActor;
  readonly record: BoardRecord;
  readonly run: string;
}

export interface RigOptions extends Pick<Partial<FaceOptions>, "limits"> {
  /** Goals start by themselves, and run until the test ends them. Default: no. */
  readonly starts?: boolean;
  readonly scheduler?: Partial<SchedulerOptions>;
}

export type BoardRig = ReturnType<typeof boardRig>;

/** A board for a plan, with its faces. */
export function boardRig(plan: Plan, { starts = false, limits = {}, scheduler: more = {} }: RigOptions = {}) {
  const clock = new ManualClock(BEGIN);
  const journal = new MemoryJournal(clock);
  const board = new Board(plan.pages);
  const changes = new Changes(board);
  const feed = new BoardFeed();
  const done = new Map<number, { change: Change; changed: Changed }>();
  const runs = new Map<string, Run>();
  /** Runs that were ended because somebody wrote over their cells. */
  const cancelled: string[] = [];
  const logs = new Map<string, { text: string; truncated: boolean }>();

  const scheduler: Scheduler = new Scheduler(
    plan.actors,
    (actor, record) => {
      const run = `run-${actor.goal}-${record.key}-${runs.size + 1}`;
      runs.set(run, { actor, record, run });
      const attempt = (cellOf(record, actor.goal)?.attempts ?? 0) + 1;
      say({ ...at(record), do: "claim", goal: actor.goal, run, host: NODE, attempt }, NODE);
    },
    { clock, ...more },
  );
  if (!starts) scheduler.pause();

  const apply = (entry: Entry): void => {
    const change = changeOf(entry);
    const changed = change === null ? null : changes.apply(change, entry);
    if (change === null || changed === null) return;
    done.set(entry.seq, { change, changed });
    if (change.do === "finish" || change.do === "lapse") end(change.run);
    scheduler.changed(changed.record, changed.columns);
  };
  // What is appended while an entry is applied comes after it.
  const queue: Entry[] = [];
  let applying = false;
  journal.onAppend((entries) => {
    queue.push(...entries);
    if (applying) return;
    applying = true;
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) apply(next);
    applying = false;
  });
  journal.onCommit((entries) => {
    for (const entry of entries) {
      const known = done.get(entry.seq);
      if (known !== undefined) feed.tell(boardMessage(known.change, known.changed, entry));
      done.delete(entry.seq);
    }
  });

  function end(run: string): void {
    const ended = runs.get(run);
    if (ended === undefined) return;
    runs.delete(run);
    scheduler.ended(ended.actor, ended.record);
  }

  const at = ({ page, key }: BoardRecord) => ({ page: page.name, key });

  /** Hands a change to the journal; resolves once it is on disk. */
  function say(change: Change, by = "tester"): Promise<unknown> {
    return journal.append([changeDraft(change, by)]);
  }

  const face = new BoardFace({
    ...{ board, scheduler, feed, clock, node: NODE, limits },
    append: (drafts) => journal.append(drafts),
    find: (seq) => journal.find(seq),
    cancel: (_page, _key, _goal, run) => {
      cancelled.push(run);
      end(run);
    },
    logOf: (run) => logs.get(run) ?? null,
    doing: (goal) =>
      [...runs.values()].filter(({ actor }) => actor.goal === goal).map(({ record, run }) => ({ ...at(record), run })),
  });

  return {
    ...{ board, changes, journal, clock, feed, scheduler, face, runs, cancelled, logs },
    say,
    /** The record with these key cells, written as in a URL. */
    record(page: string, key: string): BoardRecord {
      const found = board.page(page).find(key);
      if (found === undefined) throw new Error(`no record '${key}' on page '${page}'`);
      return found;
    },
    set: (page: string, key: string, cells: Record<string, string> = {}, by = "tester") =>
      say({ do: "set", page, key, cells }, by),
    claim: (page: string, key: string, goal: string, run: string, attempt = 1, host = NODE) =>
      say({ do: "claim", page, key, goal, run, host, attempt }, host),
    finish: (page: string, key: string, goal: string, run: string, ended: Partial<Finish> = {}) =>
      say({ do: "finish", page, key, goal, run, host: NODE, outcome: "done", ...ended }, NODE),
    lapse: (page: string, key: string, goal: string, run: string, ended: Partial<Lapse> = {}) =>
      say({ do: "lapse", page, key, goal, run, why: "lease", outcome: "failed", ...ended }, NODE),
  };
}
