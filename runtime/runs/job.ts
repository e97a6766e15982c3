// What the runtime asks of whoever does the work on a goal, and what it gets back. Types only.
import type { PlannedActor } from "../site.ts";

/** One run of an actor on a record. */
export interface Job {
  readonly actor: PlannedActor;
  readonly page: string;
  readonly key: string;
  /** Key cells by name, in rank order. */
  readonly keys: Readonly<Record<string, string>>;
  /** The record's row as it was when the run began, as texts: keys, `ready`, goals, data, `complete`. */
  readonly row: Readonly<Record<string, string>>;
  /** Never given twice. */
  readonly run: string;
  /** From 1. */
  readonly attempt: number;
  /** The claim's revision among several nodes; 0: there is one node. */
  readonly token: number;
  /** Aborted when the run is cancelled, has taken too long, or has lost its claim. */
  readonly signal: AbortSignal;
  /** Adds to the run's log. Text or bytes of output; cut at `limits.runLogBytes`. */
  readonly log: (output: string | Uint8Array) => void;
}

/** What became of a run. Fields are written in all cases. */
export interface Result {
  readonly outcome: "done" | "failed" | "retry";
  /** By name; anything but text is written as JSON would. */
  readonly fields?: Readonly<Record<string, unknown>>;
  /** For people: why it failed, or why again. */
  readonly detail?: string;
}

/** The work is accepted; its result comes by `Work.report`, and the lease must be renewed by whoever does it. */
export interface Accepted {
  readonly outcome: "accepted";
}

/** Does the work of one kind of actor. */
export interface Executor {
  /** Whether work happens outside this process: it starts only after the claim is on disk. */
  readonly outside: boolean;
  /**
   * Runs a job. What it throws or rejects with is a failure, with the message as its detail. It must end soon after
   * `job.signal` is aborted; what it returns then counts for nothing.
   */
  run(job: Job): Result | Promise<Result | Accepted>;
  /** Ends what is under way. */
  close?(): Promise<void>;
}

/** Something that people should know of: a goal that failed or is overdue. Published on `notices`. */
export interface Notice {
  readonly at: string;
  readonly site: string;
  readonly place: string;
  readonly host: string;
  readonly page: string;
  readonly key: string;
  readonly keys: Readonly<Record<string, string>>;
  readonly goal: string;
  readonly run: string;
  readonly attempt: number;
  readonly outcome: "failed" | "overdue" | "lapsed" | "rejected-fields" | "extra-run";
  readonly detail: string;
  /** The end of the run's log. */
  readonly log: string;
}
