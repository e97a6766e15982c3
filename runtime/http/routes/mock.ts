import type { Clock } from "../../clock.ts";
import { AisleError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { type Bodies, readJson, unprocessable } from "../body.ts";
import type { Decisions, Ingest, Receipt, Standing } from "../ports.ts";
import { Refusal } from "../problem.ts";
import type { Context, Route, RouteDoc } from "../route.ts";
import { mockEntry as entryBody, mockFocus as focusBody, mockEntryAnswer, mockFocusAnswer } from "../schemas.ts";
import { keptHeaders } from "./events.ts";

const doc = {
  tag: "retail",
  problems: [413, 422, 429, 503, 507],
} as const satisfies Partial<RouteDoc>;

/** What the endpoints need. `allowed`: on loopback, or `mock: true`. */
export interface MockPorts {
  readonly ingest: Ingest;
  readonly decisions: Decisions;
  readonly bodies: Bodies;
  readonly clock: Clock;
  readonly allowed: boolean;
}

/** POST /mock_entry: a customer enters, as a test. */
export function mockEntry(ports: MockPorts): Route {
  return {
    method: "POST",
    path: "/mock_entry",
    doc: {
      ...doc,
      summary: "Let a customer enter, as a test",
      description: "Runs the real pipeline; what it causes is marked as test, spends nothing and teaches nothing.",
      body: {
        description: "Either wire of the retail system.",
        required: true,
        content: { "application/json": entryBody },
      },
      answers: { 202: { description: "On disk", content: { "application/json": mockEntryAnswer } } },
    },
    handle: async (c) => {
      const { accepted, duplicate, rejected, seqs } = await takeOne(c, ports, "entry");
      return c.json({ accepted, duplicate, rejected, seq: seqs[0] ?? null }, 202);
    },
  };
}

/** POST /mock_focus: a customer stops in a department, as a test; answers with what was decided. */
export function mockFocus(ports: MockPorts): Route {
  return {
    method: "POST",
    path: "/mock_focus",
    doc: {
      ...doc,
      summary: "Let a customer stop in a department, as a test, and see the decision",
      description: "Runs the real pipeline; what it causes is marked as test, spends nothing and teaches nothing.",
      body: {
        description: "Either wire of the retail system.",
        required: true,
        content: { "application/json": focusBody },
      },
      answers: { 200: { description: "What was decided", content: { "application/json": mockFocusAnswer } } },
    },
    handle: async (c) => {
      const { seqs } = await takeOne(c, ports, "focus");
      const seq = seqs[0];
      if (seq === undefined) return c.json(nothing("duplicate", "an event with this id was taken in before"));
      const [made] = await within(ports.clock, limits.requestMs, ports.decisions.causedBy(seq));
      return c.json(
        made === undefined
          ? nothing("repeated", "the customer's focus was decided before, in the same dwell")
          : outcomeOf(made),
      );
    },
  };
}

/** Exactly one event, through the real ingest; whatever is wrong with it is a 422. */
async function takeOne(c: Context, { ingest, bodies, allowed }: MockPorts, type: string): Promise<Receipt> {
  if (!allowed)
    throw new AisleError("forbidden", "the mock endpoints answer off loopback only with 'mock: true' under 'http:'");
  const { value, bytes } = await readJson(c, bodies);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw unprocessable("wrong-type", "the body is no JSON object");
  }
  const inbound = { principal: "http", subject: c.req.path, type, headers: keptHeaders(c), body: bytes, test: true };
  const receipt = await ingest.accept(inbound);
  const first = receipt.rejected[0];
  if (first !== undefined) throw new Refusal("invalid", first.detail, { status: 422, errors: receipt.rejected });
  return receipt;
}

function outcomeOf({ decision, messages }: Standing) {
  return { decision, messages, reason: decision.none?.reason ?? null, detail: decision.none?.detail ?? null };
}

function nothing(reason: string, detail: string) {
  return { decision: null, messages: [], reason, detail };
}

/** @throws AisleError `unavailable` after `ms`: a run that never ends must not hold a request for ever */
function within<T>(clock: Clock, ms: number, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = clock.after(ms, () => reject(new AisleError("unavailable", `no decision within ${ms} ms`)));
    promise.then(resolve, reject).finally(stop);
  });
}
