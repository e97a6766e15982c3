// Actors that are files of JavaScript or TypeScript. They run in this process: what one of them does, the place does.
import { format } from "node:util";
import type { Clock } from "../clock.ts";
import { AisleError, type Mistake, reasonOf, SiteError } from "../errors.ts";
import type { Executor, Job, Result } from "./job.ts";
import { type Handle, type Loaded, loadModule, type ModuleJob } from "./module-file.ts";
import { failed, fieldsOf, isObject, kindOf, resultOf } from "./result.ts";

export interface Modules extends Executor {
  /**
   * Loads the modules of a plan; of those loaded before, the ones that have changed. All or none.
   *
   * @throws SiteError with a mistake for each that can't be used
   */
  load(files: Iterable<string>): Promise<void>;
  /** At once when the module is loaded and answers at once. */
  run(job: Job): Result | Promise<Result>;
}

const DONE: Result = { outcome: "done" };

export function createModuleExecutor({ clock }: { readonly clock: Clock }): Modules {
  let loaded = new Map<string, Loaded>();
  return {
    outside: false,
    async load(files) {
      loaded = await loadAll(files, loaded, clock);
    },
    run(job) {
      const file = job.actor.file!;
      const module = loaded.get(file);
      if (module !== undefined) return call(module.handle, job);
      return loadModule(file, clock).then((module) => {
        loaded.set(file, module);
        return call(module.handle, job);
      });
    },
  };
}

/** What is wrong with the modules of a plan. Loads them, so their code runs. */
export async function checkModules(files: Iterable<string>, clock: Clock): Promise<readonly Mistake[]> {
  try {
    await loadAll(files, new Map(), clock);
    return [];
  } catch (error) {
    if (error instanceof SiteError) return error.mistakes;
    throw error;
  }
}

async function loadAll(files: Iterable<string>, known: ReadonlyMap<string, Loaded>, clock: Clock) {
  const modules = new Map<string, Loaded>();
  const mistakes: Mistake[] = [];
  for (const file of new Set(files)) {
    try {
      modules.set(file, await loadModule(file, clock, known.get(file)));
    } catch (error) {
      if (!(error instanceof SiteError)) throw error;
      mistakes.push(...error.mistakes);
    }
  }
  if (mistakes.length > 0) throw new SiteError(mistakes);
  return modules;
}

function call(handle: Handle, job: Job): Result | Promise<Result> {
  try {
    const returned = handle(new ModuleRun(job));
    return isThenable(returned) ? settled(job, returned) : read(returned);
  } catch (error) {
    return thrown(job, error);
  }
}

/** What few modules look at is made when it is looked at. */
class ModuleRun implements ModuleJob {
  readonly #job: Job;

  constructor(job: Job) {
    this.#job = job;
  }

  get keys(): ModuleJob["keys"] {
    return this.#job.keys;
  }

  get row(): ModuleJob["row"] {
    return this.#job.row;
  }

  get page(): string {
    return this.#job.page;
  }

  get goal(): string {
    return this.#job.actor.goal;
  }

  get run(): string {
    return this.#job.run;
  }

  get attempt(): number {
    return this.#job.attempt;
  }

  get claim(): number {
    return this.#job.token;
  }

  get signal(): AbortSignal {
    return this.#job.signal;
  }

  get log(): ModuleJob["log"] {
    return (...parts) => this.#job.log(`${format(...parts)}\n`);
  }
}

/** A module can't be stopped: one that does not hear its signal is no longer waited for. */
function settled(job: Job, returned: PromiseLike<unknown>): Promise<Result> {
  const { signal } = job;
  return new Promise((resolve) => {
    const leave = () => resolve(failed("ended: cancelled, or too slow"));
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true });
    Promise.resolve(returned)
      .then(read)
      .catch((error) => thrown(job, error))
      .then((result) => {
        signal.removeEventListener("abort", leave);
        resolve(result);
      });
  });
}

/**
 * `true` or nothing: done. `false` or `null`: failed. `{outcome, fields, detail}`, each optional. `[done, fields]`.
 * Anything else is a failure that says so.
 */
function read(returned: unknown): Result {
  if (returned === undefined || returned === true) return DONE;
  if (returned === false || returned === null) return failed(`returned ${returned}`);
  try {
    if (Array.isArray(returned)) return readPair(returned);
    if (isObject(returned)) return resultOf(returned);
    return failed(`returned ${kindOf(returned)}; expected true, false or { outcome, fields, detail }`);
  } catch (error) {
    if (error instanceof AisleError) return failed(`returned what it can't: ${error.message}`);
    throw error;
  }
}

function readPair([done, fields = {}, ...rest]: readonly unknown[]): Result {
  if (typeof done !== "boolean" || rest.length > 0) return failed("returned a list; expected [true or false, fields]");
  return { ...(done ? DONE : failed("returned false")), fields: fieldsOf(fields ?? {}) };
}

/** The whole goes into the log, the message onto the board. */
function thrown(job: Job, error: unknown): Result {
  job.log(`${error instanceof Error ? (error.stack ?? error.message) : format(error)}\n`);
  return failed(messageOf(error));
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return `threw ${kindOf(error)}: ${format(error)}`;
  return error.message === "" ? error.name : reasonOf(error);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
