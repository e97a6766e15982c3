// What is said on the bus to who sent an event and waits.
import { AisleError } from "./errors.ts";
import type { Receipt } from "./http/ports.ts";

export interface Reply {
  /** JSON. */
  readonly payload: string;
  readonly headers: Readonly<Record<string, string>>;
}

const NONE: Readonly<Record<string, string>> = Object.freeze({});
/** Receipts that many share; what they say does not change. */
const SHARED = new WeakMap<Receipt, Reply>();

/** What was accepted, and what was not and why. */
export function replyTo(receipt: Receipt): Reply {
  const known = SHARED.get(receipt);
  if (known !== undefined) return known;
  const { accepted, duplicate, rejected } = receipt;
  const failed = accepted + duplicate === 0;
  const headers = failed ? serviceError("400", rejected[0]?.detail ?? "no event") : NONE;
  const reply = { payload: JSON.stringify({ accepted, duplicate, rejected }), headers };
  if (Object.isFrozen(receipt)) SHARED.set(receipt, reply);
  return reply;
}

/** Why nothing was taken. */
export function replyOf(error: Error): Reply {
  const code = error instanceof AisleError ? error.code : "unavailable";
  const [number, word] = STATUS[code] ?? ["503", "unavailable"];
  return {
    payload: JSON.stringify({ code: word, detail: error.message }),
    headers: serviceError(number, error.message),
  };
}

const STATUS: Readonly<Record<string, readonly [number: string, word: string]>> = {
  invalid: ["400", "invalid"],
  conflict: ["400", "conflict"],
  overloaded: ["429", "overloaded"],
  full: ["507", "full"],
};

/** As services of NATS say it: one line. */
function serviceError(code: string, detail: string): Readonly<Record<string, string>> {
  return { "Nats-Service-Error": detail.replaceAll(/[\r\n]+/g, " "), "Nats-Service-Error-Code": code };
}
