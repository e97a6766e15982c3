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
  const { accepted, duplicate, rejected, level, detail } = receipt;
  const failed = accepted + duplicate === 0;
  const headers = failed ? serviceError("400", rejected[0]?.detail ?? "no event") : NONE;
  const reply = { payload: JSON.stringify({ accepted, duplicate, rejected, level, detail }), headers };
  if (Object.isFrozen(receipt)) SHARED.set(receipt, reply);
  return reply;
}

/** Why nothing was taken. */
export function replyOf(error: Error): Reply {
  const known = error instanceof AisleError ? STATUS[error.code] : undefined;
  const code = known === undefined ? "unavailable" : (error as AisleError).code;
  return {
    payload: JSON.stringify({ code, detail: error.message }),
    headers: serviceError(known ?? "503", error.message),
  };
}

/** As over HTTP; what is not the sender's fault is `unavailable`. */
const STATUS: Readonly<Record<string, string>> = { invalid: "400", conflict: "409", overloaded: "429", full: "507" };

/** As services of NATS say it: one line. */
function serviceError(code: string, detail: string): Readonly<Record<string, string>> {
  return { "Nats-Service-Error": detail.replaceAll(/[\r\n]+/g, " "), "Nats-Service-Error-Code": code };
}
