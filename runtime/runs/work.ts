// The work on goals: takes what the scheduler starts, asks for the claim, hands the job to whoever does it, and carries
// the result to the journal. A run ends once, by its result, its time, its lease, or a person.
import { type Board, type BoardRecord, cellOf, rowOf, textAt } from "../board/board.ts";
import { begunFrom, type Cell, isBegun } from "../board/cell.ts";
import type { Change, Changed, ClaimTaken, Finish, Lapse } from "../board/change.ts";
import { keysByName } from "../board/message.ts";
import type { Claim, Claims, Refused } from "../claims/claims.ts";
import { type Clock, DAY } from "../clock.ts";
import type { Journal } from "../journal/journal.ts";
import { limits } from "../limits.ts";
import type { Gate, Scheduler } from "../scheduler.ts";
import type { ActorKind, PlannedActor, RetryConfig } from "../site.ts";
import { readFields } from "./fields.ts";
import type { Accepted, Executor, Notice, Result } from "./job.ts";
import { Outbox } from "./outbox.ts";
import { cut, failed } from "./result.ts";
import { Run } from "./run.ts";

/** Where runs write what they print. */
export interface Logs {
  append(run: string, output: string | Uint8Array): void;
  tail(run: string, bytes: number): string;
}

export interface WorkPorts {
  readonly board: Board;
  readonly journal: Pick<Journal, "append">;
  readonly clock: Clock;
  /** Runs something once events and requests have had their turn. */
  readonly defer: (run: () => void) => void;
  readonly claims: Claims;
  readonly executors: Readonly<Partial<Record<ActorKind, Executor>>>;
  readonly gate: Gate | null;
  readonly logs: Logs;
  /** Name of this node. */
  readonly node: string;
  /** A run's id: never given twice, not by an earlier process either. */
  readonly newRun: () => string;
  readonly notice: (notice: Omit<Notice, "at" | "site" | "place">) => void;
  /** Counts what became of a run. */
  readonly count: (goal: string, outcome: string) => void;
  /** A bug or a failing journal: for the log. */
  readonly fault: (what: string, error: unknown) => void;
}

/** Nothing had to be written. */
const WRITTEN = Promise.resolve(true);
/** Of a run's log, that goes into a notice. */
const NOTICE_LOG_BYTES = 4_096;

/** A goal that was let start, and the mark that the scheduler left in its cell. */
interface Begun {
  readonly actor: PlannedActor;
  readonly record: BoardRecord;
  readonly mark: Cell;
}

export class Work {
  readonly #ports: WorkPorts;
  readonly #outbox: Outbox;
  #scheduler: Scheduler | null = null;
  /** By id of the run. */
  readonly #runs = new Map<string, Run>();
  /** Goals that were refused for reasons of the whole site, asked for again when something was freed. */
  readonly #refused = new Map<BoardRecord, Set<PlannedActor>>();
  readonly #refusals = new Map<string, string>();
  /** Runs whose end is an entry that is not applied yet. */
  readonly #ending = new Map<string, Run>();
  readonly #timers = new Set<() => void>();
  /** Runs begun in this turn of the event loop, and those that wait for the next. */
  #turn = 0;
  readonly #waiting: Begun[] = [];
  /** Begun and not ended, by kind; and those that wait for a place outside this process. */
  readonly #atWork = new Map<ActorKind, number>();
  readonly #full: Begun[] = [];
  /** Claims asked for, and results on their way to another home. */
  #pending = 0;
  #closed = false;
  /** Claims of this node are its own runs': so it is from `recovered` on. */
  #live = false;

  constructor(ports: WorkPorts) {
    this.#ports = ports;
    this.#outbox = new Outbox(ports);
    ports.claims.onFree(() => this.#askAgain());
    ports.claims.onLost?.((claim) => this.#lost(claim));
  }

  /** The scheduler and the work know each other. */
  serve(scheduler: Scheduler): void {
    this.#scheduler = scheduler;
  }

  /** Runs at work, and results that are not on disk. */
  get busy(): number {
    return this.#runs.size + this.#pending + this.#outbox.pending + this.#waiting.length + this.#full.length;
  }

  /** Begins a run of a goal whose cell is `running`, without a run yet: now, or when others have had their turn. */
  start(actor: PlannedActor, record: BoardRecord): void {
    const mark = cellOf(record, actor.goal);
    if (isBegun(mark)) this.#start({ actor, record, mark });
    else this.#scheduler!.ended(actor, record); // somebody wrote into the cell before its turn came
  }

  #start(begun: Begun): void {
    if (this.#closed) return;
    if (this.#turn === 0) this.#ports.defer(() => this.#nextTurn());
    if (this.#turn < limits.runsPerTurn) {
      this.#turn++;
      this.#begin(begun);
    } else this.#waiting.push(begun);
  }

  #nextTurn(): void {
    this.#turn = 0;
    for (const begun of this.#waiting.splice(0, limits.runsPerTurn)) this.#start(begun);
  }

  #begin(begun: Begun): void {
    const { claims, newRun } = this.#ports;
    const { actor, record, mark } = begun;
    if (!stands(begun, null)) {
      this.#scheduler!.ended(actor, record);
      return;
    }
    if (this.#isFull(actor.kind)) {
      this.#full.push(begun);
      return;
    }
    this.#atWork.set(actor.kind, (this.#atWork.get(actor.kind) ?? 0) + 1);
    const asked = claims.acquire(actor, record, newRun(), mark.attempts + 1);
    if (!(asked instanceof Promise)) {
      this.#answered(begun, asked);
      return;
    }
    this.#pending++;
    asked.then(
      (answer) => {
        this.#pending--;
        this.#answered(begun, answer);
      },
      (error) => {
        this.#pending--;
        this.#ports.fault(`'${actor.goal}' could not be claimed`, error);
        this.#giveBack(begun);
      },
    );
  }

  /** So many work outside this process already: who comes now has neither a claim nor a time that runs. */
  #isFull(kind: ActorKind): boolean {
    return this.#ports.executors[kind]?.outside === true && (this.#atWork.get(kind) ?? 0) >= limits.outsideRuns;
  }

  /** A run takes none of the places any more: the next may have it. */
  #leave(run: Run): void {
    if (run.left) return;
    run.left = true;
    this.#free(run.actor.kind);
  }

  #free(kind: ActorKind): void {
    this.#atWork.set(kind, (this.#atWork.get(kind) ?? 1) - 1);
    const next = this.#full.findIndex(({ actor }) => actor.kind === kind);
    if (next >= 0) this.#start(this.#full.splice(next, 1)[0]!);
  }

  /** Ends a run; unless somebody has written into its cell, the goal is begun anew. */
  cancel(id: string): void {
    const run = this.#runs.get(id);
    if (run !== undefined) this.#end(run, "cancelled");
  }

  /** The runs at work on a goal. */
  doing(goal: string): { readonly page: string; readonly key: string; readonly run: string }[] {
    const doing = [...this.#runs.values()].filter(({ actor }) => actor.goal === goal);
    return doing.map(({ page, key, run }) => ({ page, key, run }));
  }

  /** The result of an accepted run; resolves once it is on disk. False: the run holds no claim (any more). */
  async report(id: string, result: Result): Promise<boolean> {
    const run = this.#runs.get(id);
    if (run === undefined) return false;
    return await this.#finish(run, result);
  }

  /** An accepted run is still worked on. False: it holds no claim (any more). */
  renew(id: string): boolean {
    const run = this.#runs.get(id);
    if (run === undefined) return false;
    this.#ports.claims.renew(run.claim);
    run.stopWatch();
    this.#watchLease(run);
    return true;
  }

  /** Why the whole site refuses a goal of a record; null: it does not. */
  refusal(actor: PlannedActor, record: BoardRecord): string | null {
    return this.#refused.get(record)?.has(actor) === true ? (this.#refusals.get(actor.goal) ?? null) : null;
  }

  /**
   * A change was applied, live: what was written over is cancelled, what ended frees its place, what is to be tried again
   * gets its time.
   */
  applied(change: Change, changed: Changed | null): void {
    if (changed !== null && mayEndRuns(change, changed)) this.#writtenOver(changed.record);
    if (change.do === "claim") this.#claimed(change, changed);
    if (change.do !== "finish" && change.do !== "lapse") return;
    if (changed !== null && change.outcome === "retry")
      this.#tryAgain(changed.record, change.goal, change.notBefore ?? 0);
    const run = this.#ending.get(change.run);
    if (run === undefined) return;
    this.#ending.delete(change.run);
    this.#scheduler!.ended(run.actor, run.record);
  }

  /** Before anything else starts on the record: it may be the same goal. */
  #writtenOver(record: BoardRecord): void {
    const gone = record.page.find(record.key) !== record;
    for (const run of this.#runs.values()) {
      if (run.record !== record) continue;
      const cell = cellOf(record, run.actor.goal);
      // The mark of the scheduler: a full journal has not taken the claim yet.
      const own = cell?.state === "running" && (cell.run === run.run || isBegun(cell));
      if (gone || !own) this.#end(run, "cancelled");
    }
  }

  /** A full journal took the claim late: meanwhile somebody may have written the goal's end, or cancelled the run. */
  #claimed(claim: ClaimTaken, changed: Changed | null): void {
    const { run: id, host } = claim;
    const run = this.#runs.get(id);
    if (changed === null && run !== undefined) this.#end(run, "cancelled");
    if (!this.#live || changed === null || run !== undefined || host !== this.#ports.node || this.#ending.has(id))
      return;
    this.#giveUp(claim);
  }

  /** The claim of a cancelled run is given up. */
  #giveUp({ page, key, goal, run }: Pick<ClaimTaken, "page" | "key" | "goal" | "run">): void {
    this.#outbox.append({ do: "lapse", page, key, goal, run, why: "cancelled", outcome: "retry", notBefore: 0 });
  }

  /** After the journal was read: runs of an earlier process have ended with it; what waits gets its time. */
  recovered(): void {
    this.#live = true;
    const { board } = this.#ports;
    for (const page of board.pages) {
      for (const record of page.records()) {
        if (record.home !== null) continue;
        // Of goals too that the plan has no more.
        record.cells.forEach((cell, column) => {
          if (typeof cell === "object") this.#recover(record, page.nameOf(column));
        });
        this.#scheduler!.changed(record);
      }
    }
  }

  /** What still runs is told to end, and is done again by the next process. The scheduler was paused before. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#waiting.length = 0;
    this.#full.length = 0;
    for (const run of [...this.#runs.values()]) {
      if (!this.#forget(run)) continue;
      run.abort("the place stops");
      const { actor, attempt } = run;
      this.#lapse(run, {
        why: "restart",
        detail: "the node was stopped while it ran",
        ...this.#lapsed(actor, attempt),
      });
    }
    for (const stop of this.#timers) stop();
    await Promise.all(Object.values(this.#ports.executors).map((executor) => executor.close?.()));
  }

  #recover(record: BoardRecord, goal: string): void {
    const cell = cellOf(record, goal);
    if (cell?.state === "waiting") this.#tryAgain(record, goal, cell.notBefore);
    if (cell?.state !== "running" || cell.host !== this.#ports.node) return;
    const actor = this.#scheduler!.actorOf(record.page.name, goal);
    const detail = "the node was started anew while it ran";
    const of = { do: "lapse", page: record.page.name, key: record.key, goal, run: cell.run } as const;
    const again = actor === undefined ? ({ outcome: "failed" } as const) : this.#lapsed(actor, cell.attempts);
    this.#outbox.append({ ...of, why: "restart", detail, ...again });
    this.#ports.count(goal, "lapsed");
    if (again.outcome !== "failed") return;
    const { notice, node: host } = this.#ports;
    const { page, key, run } = of;
    notice({
      host,
      page,
      key,
      keys: keysByName(record),
      goal,
      run,
      attempt: cell.attempts,
      outcome: "failed",
      detail,
      log: "",
    });
  }

  #answered(begun: Begun, answer: Claim | Refused): void {
    if ("refused" in answer) this.#refuse(begun, answer);
    else if (!this.#closed && stands(begun, answer)) this.#granted(begun.actor, begun.record, answer);
    else {
      this.#ports.claims.release(answer);
      this.#giveBack(begun);
    }
  }

  #refuse(begun: Begun, answer: Refused): void {
    const { actor, record } = begun;
    if (answer.refused !== "taken") {
      this.#refusals.set(actor.goal, answer.detail);
      const actors = this.#refused.get(record);
      if (actors === undefined) this.#refused.set(record, new Set([actor]));
      else actors.add(actor);
    }
    this.#giveBack(begun);
  }

  #granted(actor: PlannedActor, record: BoardRecord, claim: Claim): void {
    const { gate, logs, clock, executors, node } = this.#ports;
    const read = gate === null ? rowOf : (of: BoardRecord) => suppressedRow(gate, actor, of, clock.now());
    const run = new Run(actor, record, claim, (output) => logs.append(claim.run, output), read);
    this.#runs.set(claim.run, run);
    const executor = executors[actor.kind] ?? nobody(actor.kind);
    if (record.home !== null) {
      this.#execute(run, executor);
      return;
    }
    const { page, key, attempt } = run;
    const taken = this.#outbox.append({ do: "claim", page, key, goal: actor.goal, run: run.run, host: node, attempt });
    // Nobody outside hears of a run before its claim is on disk.
    if (executor.outside)
      taken.then((written) => {
        if (written) this.#execute(run, executor);
        else this.#forget(run);
      });
    else this.#execute(run, executor);
  }

  /** The goal was not begun after all. */
  #giveBack({ actor, record, mark }: Begun): void {
    this.#free(actor.kind);
    const column = record.page.column(actor.goal)!;
    // Unless somebody has written into the cell meanwhile.
    if (record.cells[column] === mark) record.cells[column] = begunFrom(mark);
    this.#scheduler!.ended(actor, record);
  }

  #execute(run: Run, executor: Executor): void {
    if (this.#runs.get(run.run) !== run) return;
    let result: Result | Promise<Result | Accepted>;
    try {
      result = executor.run(run);
    } catch (error) {
      result = failure(error);
    }
    if (!(result instanceof Promise)) {
      this.#finish(run, result);
      return;
    }
    this.#watchTime(run);
    run.work = result;
    result.then(
      (outcome) => {
        run.work = null;
        if (outcome.outcome !== "accepted") this.#finish(run, outcome);
        else if (this.#runs.get(run.run) === run) {
          this.#leave(run);
          this.#watchLease(run);
        }
      },
      (error) => this.#finish(run, failure(error)),
    );
  }

  #watchTime(run: Run): void {
    const { timeoutMs } = run.actor;
    run.stopTime = this.#after(timeoutMs, () => this.#end(run, "timeout"));
  }

  #watchLease(run: Run): void {
    run.stopWatch = this.#after(run.actor.leaseMs, () => this.#end(run, "lease"));
  }

  /** Carries a result to the journal, if the run still holds its claim. */
  #finish(run: Run, result: Result): Promise<boolean> {
    if (!this.#forget(run)) return WRITTEN;
    const { gate, clock } = this.#ports;
    const { actor, record } = run;
    const held = gate?.inhibited(actor, record, clock.now()) ?? null;
    if (held !== null) {
      const detail = `its result was inhibited by '${held.by}', layer ${held.layer}`;
      return this.#lapse(run, { why: "inhibited", outcome: "retry", detail, notBefore: held.until });
    }
    const { fields, problem } = readFields(result.fields, record.page);
    const ended = result.outcome === "retry" ? this.#again(actor.retries, run.attempt) : { outcome: result.outcome };
    const givenUp = ended.outcome === "failed" && result.outcome === "retry";
    const said = [result.detail, givenUp ? `given up after ${run.attempt} runs` : undefined, problem];
    const detail = cut(said.filter((each) => each !== undefined).join("; "));
    const finish: Finish = {
      ...{ do: "finish", page: run.page, key: run.key, goal: actor.goal, run: run.run, host: this.#ports.node },
      ...ended,
      ...(ended.outcome === "done" && actor.subsumes.length > 0 ? { also: actor.subsumes } : {}),
      ...(fields === null ? {} : { fields }),
      ...(detail === "" ? {} : { detail }),
    };
    if (problem !== undefined) this.#notice(run, "rejected-fields", problem);
    if (finish.outcome === "failed") this.#notice(run, "failed", detail);
    this.#ports.count(actor.goal, finish.outcome);
    return this.#settle(run, finish);
  }

  #settle(run: Run, finish: Finish): Promise<boolean> {
    const { claim, record } = run;
    if (record.home !== null) return this.#deliver(run, finish);
    this.#ending.set(run.run, run);
    const written = this.#outbox.append(finish);
    this.#ports.claims.release(claim);
    return written;
  }

  /** Hands the end of a run to the home of its record. False: the claim was lost. */
  async #deliver(run: Run, finish: Finish): Promise<boolean> {
    const { claims, fault } = this.#ports;
    const { actor, record, claim } = run;
    this.#pending++;
    try {
      const good = await claims.deliver(claim, record, finish);
      if (!good) this.#extra(run);
      return good;
    } catch (error) {
      fault(`the result of '${actor.goal}' could not be delivered`, error);
      return false;
    } finally {
      this.#pending--;
      claims.release(claim);
      this.#scheduler!.ended(actor, record);
    }
  }

  /** Ends a run from outside: its time is up, its lease ran out, a person has written into its cell. */
  #end(run: Run, why: "timeout" | "lease" | "cancelled"): void {
    if (!this.#forget(run)) return;
    run.abort(why === "timeout" ? `it took longer than ${run.actor.timeoutMs} ms` : why);
    const { actor, record, page, key } = run;
    if (why === "cancelled") {
      this.#ports.claims.release(run.claim);
      this.#ports.count(actor.goal, "cancelled");
      const cell = cellOf(record, actor.goal);
      // Nobody has written over it.
      if (record.home === null && cell?.state === "running" && cell.run === run.run)
        this.#giveUp({ page, key, goal: actor.goal, run: run.run });
      this.#whenOver(run, () => this.#scheduler!.ended(actor, record));
      return;
    }
    const detail =
      why === "timeout" ? `took longer than ${actor.timeoutMs} ms` : `was not renewed for ${actor.leaseMs} ms`;
    this.#notice(run, "lapsed", detail);
    this.#whenOver(run, () => this.#lapse(run, { why, detail, ...this.#lapsed(actor, run.attempt) }));
  }

  /** The place of a run stays taken until it has really ended: what conflicts with it must not begin beside it. */
  #whenOver({ work }: Run, then: () => void): void {
    if (work === null) {
      then();
      return;
    }
    this.#pending++;
    const over = () => {
      this.#pending--;
      then();
    };
    work.then(over, over);
  }

  #lapse(run: Run, rest: Pick<Lapse, "why" | "outcome" | "detail" | "notBefore">): Promise<boolean> {
    const { actor, record, claim, page, key } = run;
    this.#ports.count(actor.goal, "lapsed");
    let written = WRITTEN;
    if (record.home === null) {
      this.#ending.set(run.run, run);
      written = this.#outbox.append({ do: "lapse", page, key, goal: actor.goal, run: run.run, ...rest });
    } else {
      // Its home says what becomes of it.
      const { outcome, detail = rest.why, notBefore } = rest;
      const of = { do: "finish", page, key, goal: actor.goal, run: run.run, host: this.#ports.node } as const;
      return this.#deliver(run, { ...of, outcome, detail, ...(notBefore === undefined ? {} : { notBefore }) });
    }
    this.#ports.claims.release(claim);
    return written;
  }

  /** The claim is somebody else's now: what the run brings counts for nothing. */
  #lost(claim: Claim): void {
    const run = this.#runs.get(claim.run);
    if (run === undefined || !this.#forget(run)) return;
    run.abort("its claim was lost");
    this.#extra(run);
    this.#whenOver(run, () => this.#scheduler!.ended(run.actor, run.record));
  }

  #extra(run: Run): void {
    this.#ports.count(run.actor.goal, "extra");
    this.#notice(run, "extra-run", "its claim was lost: the result counts for nothing");
  }

  /** False: the run had ended before. */
  #forget(run: Run): boolean {
    run.stopWatch();
    run.stopTime();
    if (!this.#runs.delete(run.run)) return false;
    this.#leave(run);
    return true;
  }

  /** When a run is to be done again, until the limit of tries. */
  #again(retries: RetryConfig | undefined, attempt: number): Pick<Lapse, "outcome" | "notBefore"> {
    const { max = 0, backoffMs = 0, backoffMaxMs = 0 } = retries ?? {};
    if (attempt > max) return { outcome: "failed" };
    const wait = Math.min(backoffMaxMs, backoffMs * 2 ** (attempt - 1));
    return { outcome: "retry", notBefore: this.#ports.clock.now() + wait };
  }

  #lapsed({ onLapse, retries }: PlannedActor, attempt: number): Pick<Lapse, "outcome" | "notBefore"> {
    return onLapse === "fail" ? { outcome: "failed" } : this.#again(retries, attempt);
  }

  #tryAgain(record: BoardRecord, goal: string, notBefore: number): void {
    const { clock } = this.#ports;
    const column = record.page.column(goal)!;
    this.#after(Math.min(DAY, Math.max(0, notBefore - clock.now()) + 1), () => {
      const cell = cellOf(record, goal);
      // The time is far off, or the clock was set back meanwhile.
      if (cell?.state === "waiting" && cell.notBefore > clock.now()) this.#tryAgain(record, goal, cell.notBefore);
      else this.#scheduler!.changed(record, [column]);
    });
  }

  #askAgain(): void {
    const refused = [...this.#refused];
    this.#refused.clear();
    for (const [record, actors] of refused) {
      for (const { goal } of actors) this.#scheduler!.changed(record, [record.page.column(goal)!]);
    }
  }

  #notice({ actor, record, run, attempt, page, key }: Run, outcome: Notice["outcome"], detail: string): void {
    const { logs, node, notice } = this.#ports;
    const log = logs.tail(run, NOTICE_LOG_BYTES);
    notice({ host: node, page, key, keys: keysByName(record), goal: actor.goal, run, attempt, outcome, detail, log });
  }

  #after(ms: number, run: () => void): () => void {
    const stop = this.#ports.clock.after(ms, () => {
      this.#timers.delete(cancel);
      run();
    });
    const cancel = () => {
      this.#timers.delete(cancel);
      stop();
    };
    this.#timers.add(cancel);
    return cancel;
  }
}

function mayEndRuns(change: Change, { record: { page } }: Changed): boolean {
  if (change.do === "remove") return true;
  return change.do === "set" && page.config.goals.some((goal) => change.cells[goal] !== undefined);
}

/** A kind that this place has no means for. */
function nobody(kind: ActorKind): Executor {
  return { outside: false, run: () => ({ outcome: "failed", detail: `nobody does '${kind}' here` }) };
}

function failure(error: unknown): Result {
  return failed(error instanceof Error ? error.message : String(error));
}

/** Whether nobody has written into the cell since the goal was let start. Of another home's records the mirror says so. */
function stands({ actor, record, mark }: Begun, claim: Claim | null): boolean {
  if (record.home !== null) return true;
  const cell = cellOf(record, actor.goal);
  if (record.page.find(record.key) !== record) return false;
  return cell === mark || (cell?.state === "running" && cell.run === claim?.run);
}

/** The row with what higher layers put in place of what stands there. */
function suppressedRow(gate: Gate, actor: PlannedActor, record: BoardRecord, now: number): Record<string, string> {
  const { page } = record;
  return Object.fromEntries(
    page.header.map((name) => [name, gate.suppressed(actor, record, name, now) ?? textAt(record, page.column(name)!)]),
  );
}
