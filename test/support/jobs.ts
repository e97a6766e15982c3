// Jobs as executors get them.
import { keyOf } from "../../runtime/board/board.ts";
import type { Job } from "../../runtime/runs/job.ts";
import type { PlannedActor } from "../../runtime/site.ts";
import { plannedActor } from "./plans.ts";

export interface JobOptions extends Partial<Omit<Job, "actor">> {
  readonly actor?: Partial<PlannedActor>;
}

export interface TestJob extends Job {
  /** What was logged so far. */
  logged(): string;
  /** Aborts its signal. */
  abort(): void;
}

let runs = 0;

export function jobOf({ actor = {}, keys = { lab: "lab1", sample: "a" }, ...changes }: JobOptions = {}): TestJob {
  const abort = new AbortController();
  let logged = "";
  return {
    actor: plannedActor("taskA", { page: "samples", kind: "command", ...actor }),
    page: "samples",
    key: keyOf(Object.values(keys)),
    keys,
    row: { ...keys, ready: "1", taskA: "r:box-1", note: "", complete: "" },
    run: `run-${++runs}`,
    attempt: 1,
    token: 0,
    signal: abort.signal,
    log: (output) => {
      logged += typeof output === "string" ? output : Buffer.from(output).toString();
    },
    logged: () => logged,
    abort: () => abort.abort(),
    ...changes,
  };
}
