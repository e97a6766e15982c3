// What one event does to a spec, step by step: each condition, each value, each error.
import { Fold, type Lookup, type Outcome } from "../core/fold.ts";
import { compile, type Site } from "../spec/compile.ts";
import type { Transform } from "../spec/spec.ts";

/** A condition or value as it was evaluated. */
export interface Step {
  /** Null: the header of the spec. */
  readonly aggregate: string | null;
  readonly field: string | null;
  readonly what: Site["what"];
  readonly expression: string;
  readonly line: number;
  /** As JSON; null: it failed. */
  readonly value: string | null;
  /** What went wrong: the class as in Python. */
  readonly error: string | null;
}

export interface Explained {
  readonly outcome: Outcome;
  /** Why an event was not folded. */
  readonly error: string | null;
  readonly steps: readonly Step[];
  /** Records of the event's identity afterwards, as Blurr prints them. */
  readonly records: readonly string[];
}

/**
 * Explains the last event; those before it are folded first.
 *
 * @param payloads  JSON objects, one at least
 */
export function explain(transform: Transform, payloads: readonly Uint8Array[]): Explained {
  const steps: Step[] = [];
  let isLast = false;
  const trace = (site: Site, value: string | null, error: string | null) => {
    if (isLast) steps.push(stepOf(site, value, error));
  };
  const fold = new Fold(compile({ ...transform, window: null }, { trace: true }), { trace });
  const lookup: Lookup = (seq) => ({ payload: payloads[seq - 1]!, id: null });
  const before = payloads.slice(0, -1);
  if (before.length > 0) fold.fold({ payloads: before, seqs: before.map((_, i) => i + 1) }, lookup, () => {});
  isLast = true;
  let outcome: Outcome = "folded";
  let error: string | null = null;
  fold.fold({ payloads: payloads.slice(-1), seqs: [payloads.length] }, lookup, (what, index, _, fault) => {
    if (index === 0) [outcome, error] = [what, fault];
  });
  const identity = steps.find(({ what }) => what === "identity")?.value ?? null;
  const handle = identity === null ? null : fold.find(keyOf(identity));
  const records = handle === null ? [] : fold.records(handle);
  return {
    outcome,
    error,
    steps,
    records: records.map(({ aggregate, record }) => fold.line(handle!, aggregate, record)),
  };
}

/** An identity is a text, or a number as text. */
function keyOf(json: string): string {
  const value: unknown = JSON.parse(json);
  return typeof value === "string" ? value : json;
}

function stepOf({ aggregate, field, what, code }: Site, value: string | null, error: string | null): Step {
  return { aggregate, field, what, expression: code.text, line: code.at.line, value, error };
}
