// Actors that are executables: any file with its run bit set, called once for each run.
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  statSync,
} from "node:fs";
import { lstat, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { keysOf } from "../board/board.ts";
import type { Clock } from "../clock.ts";
import { AisleError } from "../errors.ts";
import { limits } from "../limits.ts";
import { type ChildEnd, runChild } from "./child.ts";
import type { Executor, Job, Result } from "./job.ts";
import { noteProcess } from "./orphans.ts";
import { type Fields, failed, fieldsOf, jsonOf, retry } from "./result.ts";
import { Slots } from "./slots.ts";

export interface CommandOptions {
  /** The folder of the site: where commands run. */
  readonly cwd: string;
  /** The environment of this process; what concerns the place alone is kept from commands. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The name of this node. */
  readonly node: string;
  /** A folder of the place's own, for what runs keep on disk while they work. Made when it is not there. */
  readonly dir: string;
  readonly clock: Clock;
  /** Runs at once; default `limits.outsideRuns`. */
  readonly atOnce?: number;
}

/** As sendmail's EX_TEMPFAIL: it may work later. */
const EXIT_RETRY = 75;
const RESULT = "result.json";

/**
 * Runs the file directly, no shell, with the key cells as arguments in rank order, the record as JSON on stdin, and its
 * fields, if it has any, in `$AISLE_RESULT`. Exit 0 is done, 75 retry, all else failed. At most `limits.outsideRuns` run
 * at once; the others wait.
 */
export function createCommandExecutor(options: CommandOptions): Executor {
  const { cwd, env, node, dir, clock, atOnce = limits.outsideRuns } = options;
  const shared = sharedEnv(env);
  const slots = new Slots(atOnce);
  const under = new Map<Promise<unknown>, AbortController>();
  let closed = false;
  mkdirSync(dir, { recursive: true, mode: 0o700 });

  const work = async (job: Job, signal: AbortSignal): Promise<Result> => {
    const folder = mkdtempSync(join(dir, "run-"));
    const result = join(folder, RESULT);
    try {
      const end = await runChild({
        ...{ file: job.actor.file!, args: keysOf(job.key), cwd, signal, clock },
        env: { ...shared, ...ownEnv(job, node, result) },
        input: `${JSON.stringify(job.row)}\n`,
        onStart: (pid) => noteProcess(folder, pid, job.run),
        onOutput: job.log,
      });
      return await resultOf(end, result);
    } finally {
      // What can't be removed now goes when the place starts again.
      await rm(folder, { recursive: true, force: true }).catch(() => {});
    }
  };

  const turn = async (job: Job, signal: AbortSignal): Promise<Result> => {
    if (!(await slots.take(signal))) return failed("ended before its turn came");
    try {
      return await work(job, signal);
    } catch (error) {
      return faultOf(job.actor.file!, cwd, error as NodeJS.ErrnoException);
    } finally {
      slots.give();
    }
  };

  return {
    outside: true,
    async run(job) {
      if (closed) return retry("the place is stopping");
      const ending = new AbortController();
      const end = () => ending.abort();
      if (job.signal.aborted) end();
      job.signal.addEventListener("abort", end, { once: true });
      const run = turn(job, ending.signal);
      under.set(run, ending);
      try {
        return await run;
      } finally {
        under.delete(run);
        job.signal.removeEventListener("abort", end);
      }
    },
    async close() {
      closed = true;
      for (const ending of under.values()) ending.abort();
      await Promise.allSettled(under.keys());
    },
  };
}

/** Why a file can't be run as a command, and what to do; null: nothing is to be seen against it. */
export function commandFault(file: string): string | null {
  if (!existsSync(file)) return `no file '${file}'`;
  if (!statSync(file).isFile()) return `'${file}' is no file`;
  try {
    accessSync(file, constants.X_OK);
  } catch {
    return `'${file}' has no run bit: chmod +x it`;
  }
  const interpreter = interpreterOf(file);
  if (interpreter === null || existsSync(interpreter)) return null;
  if (interpreter.endsWith("\r")) return `'${file}' has lines that end as on Windows: save it with Unix line ends`;
  return `the first line of '${file}' names '${interpreter}', which is not there`;
}

/** Settings and tokens of the place, and what its service manager and its parent told it, are not for commands. */
function sharedEnv(env: CommandOptions["env"]): Record<string, string> {
  const ours = /^(AISLE_|LISTEN_|WATCHDOG_|NOTIFY_SOCKET$|CREDENTIALS_DIRECTORY$|NODE_CHANNEL_|NODE_UNIQUE_ID$)/;
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined || ours.test(name) ? [] : [[name, value]])),
  );
}

function ownEnv({ actor, page, key, run, attempt, token }: Job, node: string, result: string): Record<string, string> {
  return {
    ...{ AISLE_PAGE: page, AISLE_GOAL: actor.goal, AISLE_KEY: key, AISLE_NODE: node },
    ...{ AISLE_RUN: run, AISLE_ATTEMPT: String(attempt), AISLE_CLAIM: String(token), AISLE_RESULT: result },
  };
}

async function resultOf({ code, signal, told }: ChildEnd, file: string): Promise<Result> {
  if (told === "flood") return failed(`printed more than ${limits.runOutputBytes} bytes`);
  if (told === "aborted") return failed("ended: cancelled, or too slow");
  const detail = code === null ? `ended by ${signal ?? "nobody knows what"}` : `exit ${code}`;
  const outcome = code === 0 ? "done" : code === EXIT_RETRY ? "retry" : "failed";
  try {
    const fields = await readResult(file);
    return { outcome, ...(outcome !== "done" && { detail }), ...(fields !== null && { fields }) };
  } catch (error) {
    if (!(error instanceof AisleError)) throw error;
    return failed(`${outcome === "done" ? "" : `${detail}; `}its result: ${error.message}`);
  }
}

/** Null: it left none. It may have put anything there. */
async function readResult(file: string): Promise<Fields | null> {
  const found = await lstat(file).catch(() => null);
  if (found === null || (found.isFile() && found.size === 0)) return null;
  if (!found.isFile()) throw new AisleError("invalid", "no plain file");
  if (found.size > limits.resultBytes) {
    throw new AisleError("too-large", `${found.size} bytes, at most ${limits.resultBytes}`);
  }
  return fieldsOf(jsonOf(await readFile(file)));
}

/** Short of something that others may give back. */
const SHORT = ["EAGAIN", "EMFILE", "ENFILE", "ENOMEM", "ENOSPC", "EDQUOT", "ETXTBSY"];

function faultOf(file: string, cwd: string, error: NodeJS.ErrnoException): Result {
  const { code = "", message } = error;
  if (SHORT.includes(code)) return retry(`could not be started: ${message}`);
  if (!existsSync(cwd)) return failed(`the folder of the site is gone: '${cwd}'`);
  const fault = commandFault(file);
  if (fault !== null) return failed(fault);
  if (code === "EACCES") return failed(`'${file}' may not be run here: look at the rights of its folders`);
  return failed(`could not be started: ${message}`);
}

/** What the first line of a script names; null: it names nothing, or can't be read. */
function interpreterOf(file: string): string | null {
  try {
    const descriptor = openSync(file, "r");
    try {
      const first = Buffer.alloc(256);
      readSync(descriptor, first);
      return /^#![ \t]*([^ \t\n\0]+)/.exec(first.toString("latin1"))?.[1] ?? null;
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return null;
  }
}
