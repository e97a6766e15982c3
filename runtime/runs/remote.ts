// Actors that are services on the bus: in any language, on any machine.
import type { Bus, Message } from "../bus/bus.ts";
import { subject } from "../bus/subject.ts";
import { AisleError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Accepted, Executor, Job, Result } from "./job.ts";
import { failed, isObject, jsonOf, resultOf, retry } from "./result.ts";
import { Slots } from "./slots.ts";

/** What a service is asked, as JSON on `<base>.goals.<goal>`. */
export interface RemoteJob {
  readonly page: string;
  /** The key cells in rank order, each percent-encoded, joined by commas. */
  readonly key: string;
  /** Key cells by name, in rank order. */
  readonly keys: Readonly<Record<string, string>>;
  /** The record's row as texts. */
  readonly row: Readonly<Record<string, string>>;
  readonly goal: string;
  readonly run: string;
  /** From 1. */
  readonly attempt: number;
  /** Fencing token: grows with each claim of the goal among several nodes; 0: there is one node. */
  readonly claim: number;
  /** The node that asks. */
  readonly node: string;
  /** Once accepted, the claim is lost when it was not renewed for so long. */
  readonly leaseMs: number;
  /** Where to ask that it is renewed. */
  readonly renew: string;
  /** Where to bring the result, once. */
  readonly result: string;
}

export interface RemoteOptions {
  readonly bus: Bus;
  /** Below which the place's subjects stand. */
  readonly base: string;
  /** The name of this node. */
  readonly node: string;
}

/** The longest that a timer can be set to, ms. */
const TIMER_MAX_MS = 2 ** 31 - 1;
const CANCELLED = failed("ended: cancelled, or too slow");

/**
 * Asks the service of a goal. It answers `{outcome, fields, detail}`, `{accepted: true}` when the result comes later,
 * or an error in the headers of NATS services. At most `limits.outsideRuns` questions at once; the others wait.
 */
export function createRemoteExecutor({ bus, base, node }: RemoteOptions): Executor {
  const slots = new Slots(limits.outsideRuns);

  const ask = async (job: Job): Promise<Result | Accepted> => {
    const { goal, timeoutMs } = job.actor;
    const address = subject(base, "goals", goal);
    const body = Buffer.from(JSON.stringify(remoteJob(job, base, node)));
    try {
      return answerOf(await bus.request(address, body, { timeoutMs: Math.min(timeoutMs, TIMER_MAX_MS) }));
    } catch (error) {
      if (!(error instanceof AisleError)) throw error;
      return error.retryable ? retry(`no service for '${goal}': ${error.message}`) : failed(error.message);
    }
  };

  return {
    outside: true,
    async run(job) {
      if (!(await slots.take(job.signal))) return failed("ended before its turn came");
      const answer = ask(job);
      // Nobody waits longer, but the service is at work until it answers.
      void answer.catch(() => {}).finally(() => slots.give());
      return await unlessAborted(job.signal, answer);
    },
  };
}

function remoteJob(job: Job, base: string, node: string): RemoteJob {
  const { actor, page, key, keys, row, run, attempt, token } = job;
  return {
    ...{ page, key, keys, row, goal: actor.goal, run, attempt, claim: token, node, leaseMs: actor.leaseMs },
    renew: subject(base, "runs", run, "renew"),
    result: subject(base, "runs", run, "result"),
  };
}

function answerOf({ payload, headers }: Message): Result | Accepted {
  const code = headerOf(headers, "nats-service-error-code");
  if (code !== undefined)
    return failed(`error ${code}: ${headerOf(headers, "nats-service-error") ?? "no reason given"}`);
  try {
    const answer = jsonOf(payload);
    if (isObject(answer) && answer.accepted === true) return { outcome: "accepted" };
    return answered(answer);
  } catch (error) {
    if (error instanceof AisleError) return failed(`its answer: ${error.message}`);
    throw error;
  }
}

/** A service says what the outcome is: an empty object is none. */
export function answered(value: unknown): Result {
  if (isObject(value) && value.outcome === undefined) {
    throw new AisleError("invalid", "expected { outcome: 'done', 'failed' or 'retry', … }, got no outcome");
  }
  return resultOf(value);
}

function headerOf(headers: Message["headers"], name: string): string | undefined {
  return Object.entries(headers).find(([each]) => each.toLowerCase() === name)?.[1];
}

function unlessAborted<T>(signal: AbortSignal, answer: Promise<T>): Promise<T | Result> {
  return new Promise((resolve, reject) => {
    const leave = () => resolve(CANCELLED);
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
  });
}
