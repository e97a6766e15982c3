import { ACK_HEADER, type Ack, ackOf } from "../../intake/ack.ts";
import type { Bodies } from "../body.ts";
import { BodyRefusal, requestHeader, wrongMedia } from "../body.ts";
import { tokenParam } from "../params.ts";
import type { Inbound, Ingest, Receipt } from "../ports.ts";
import { problem } from "../problem.ts";
import type { Context, Parameter, Route, RouteDoc } from "../route.ts";
import { ackLevel, event, events as eventsBody, ndjson, receipt } from "../schemas.ts";

/** A `sendBeacon` of a string arrives as text/plain. */
export const MEDIA: ReadonlySet<string> = new Set([
  "application/json",
  "application/x-ndjson",
  "application/cloudevents+json",
  "application/cloudevents-batch+json",
  "text/plain",
]);

/** What stays with an event of the headers that came with it; `ce-*` besides. */
const KEPT = ["content-type", "traceparent", "idempotency-key"] as const;

/** The answer to nearly every request. */
export const ONE_ACCEPTED = JSON.stringify({ accepted: 1, duplicate: 0, rejected: [] });
const JSON_TYPE = { "content-type": "application/json" };

/** How far an event has to be before the answer. */
export const ackParameters: readonly Parameter[] = (["header", "query"] as const).map((place) => ({
  name: place === "header" ? "Aisle-Ack" : "ack",
  in: place,
  description:
    "When to answer: `received` (found good, and in memory), `durable` (on disk, the default), `replicated` (the hub " +
    "has it in its journal as well; 409 where the site has none). When the hub doesn't confirm in time the answer is " +
    "202 with `level: durable`: the event is on disk, and the hub gets it later.",
  schema: ackLevel,
}));

/** What 202 promises of what was accepted, and what may stand in its way; of all routes that take events in. */
export const takenAnswer: RouteDoc["answers"] = {
  202: {
    description:
      "Taken. What was accepted is on disk, and no crash or power cut loses it; with `Aisle-Ack: received` it is found " +
      "good and in memory, and a crash within the next moments may lose it; with `replicated` the hub's journal has " +
      "it on its disk, too.",
    content: { "application/json": receipt },
  },
};
/** 507: the disk, or the journal, is full; the same request may be sent again once it has room. */
export const TAKING_PROBLEMS = [400, 409, 413, 415, 429, 503, 507];

const doc: RouteDoc = {
  tag: "events",
  summary: "Take events in",
  description:
    "One object, an array, or NDJSON; gzip too. What 202 means, `Aisle-Ack` says. Items that were rejected do not hold " +
    "up the others. `Idempotency-Key` gives the items of a batch ids, so that the same request may be sent again.",
  parameters: ackParameters,
  body: {
    description: "Events in a form that the site accepts.",
    required: true,
    content: {
      "application/json": eventsBody,
      "application/x-ndjson": ndjson,
      "application/cloudevents+json": event,
      "application/cloudevents-batch+json": eventsBody,
      "text/plain": ndjson,
    },
  },
  answers: takenAnswer,
  problems: TAKING_PROBLEMS,
};

/** POST /events: takes events in. The way of every event, so it does nothing that isn't needed. */
export function events(ingest: Ingest, bodies: Bodies): Route {
  return {
    method: "POST",
    path: "/events",
    doc,
    handle: (c) => take(c, ingest, bodies, "/events", null),
  };
}

/** POST /events/:type: the same, for events that don't name their type, and for publishers that can only call a URL. */
export function eventsOfType(ingest: Ingest, bodies: Bodies): Route {
  return {
    method: "POST",
    path: "/events/:type",
    doc: {
      ...doc,
      summary: "Take events of a type in",
      description:
        "As `/events`, for events that name no type of their own. Without a body the query parameters become the " +
        "fields of one event: `POST /events/focus?id=127&dep=Boys`. What looks like a JSON number becomes one.",
      body: { ...doc.body!, required: false },
    },
    handle: (c) => {
      const type = tokenParam(c, "type");
      return take(c, ingest, bodies, `/events/${type}`, type);
    },
  };
}

/** Takes a body in as it came: parsing and checking it is the core's work. */
export async function take(
  c: Context,
  ingest: Ingest,
  bodies: Bodies,
  subject: string,
  type: string | null,
): Promise<Response> {
  const ack = askedAck(c, ingest);
  const headers = keptHeaders(c);
  const inbound = (body: Uint8Array): Inbound => ({ principal: "http", subject, type, headers, body });
  try {
    let body = await bodies.read(c);
    if (body.length === 0) body = fromQuery(c, type) ?? refuseEmpty();
    else if (!MEDIA.has(headers["content-type"] ?? "application/json")) checkMedia(c, body);
    return answer(await ingest.accept(inbound(body), ack));
  } catch (error) {
    // An empty body holds nothing that could be used later.
    if (error instanceof BodyRefusal && error.reason !== "empty-body") {
      ingest.refused?.(inbound(error.came), error.reason, error.message);
    }
    throw error;
  }
}

/** 202 with what became of each; 400 when nothing of it was of use. */
export function answer({ accepted, duplicate, rejected, level, detail: why }: Receipt): Response {
  if (accepted === 1 && duplicate === 0 && rejected.length === 0 && level === undefined) {
    return new Response(ONE_ACCEPTED, { status: 202, headers: JSON_TYPE });
  }
  if (accepted === 0 && duplicate === 0) {
    const first = rejected[0];
    const detail =
      first === undefined ? "the body holds no event" : `no event was accepted; the first: ${first.detail}`;
    return problem({ status: 400, code: "invalid", detail, errors: rejected });
  }
  const told = { accepted, duplicate, rejected, level, detail: why };
  return new Response(JSON.stringify(told), { status: 202, headers: JSON_TYPE });
}

/** @throws AisleError for a level that there isn't, or not here */
function askedAck(c: Context, { hasHub = false }: Ingest): Ack {
  return ackOf(requestHeader(c, ACK_HEADER) ?? c.req.query("ack"), hasHub);
}

export function keptHeaders(c: Context): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of KEPT) {
    const value = requestHeader(c, name);
    if (value !== undefined) kept[name] = value;
  }
  const all = c.env?.incoming?.headers ?? c.req.header();
  for (const name in all) {
    if (name.startsWith("ce-")) kept[name] = String(all[name]);
  }
  return kept;
}

function checkMedia(c: Context, body: Uint8Array): void {
  const wrong = wrongMedia(c, MEDIA);
  if (wrong !== null) throw new BodyRefusal("unsupported", "unsupported-content-type", wrong, body);
}

function refuseEmpty(): never {
  throw new BodyRefusal("invalid", "empty-body", "the body is empty: an event is a JSON object", new Uint8Array(0));
}

/** As JSON writes numbers: "7" and "-1.5e3", but not "007", "1." or "+1", which stay text. */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** The query parameters as one event; null when there are none, or the URL names no type. */
function fromQuery(c: Context, type: string | null): Uint8Array | null {
  if (type === null) return null;
  const query = Object.entries(c.req.queries()).filter(([name]) => name !== "ack");
  if (query.length === 0) return null;
  const fields = query.map(([name, values]) => {
    if (values.length > 1) {
      throw new BodyRefusal(
        "invalid",
        "repeated-parameter",
        `the parameter '${name}' is given ${values.length} times`,
        EMPTY,
      );
    }
    const value = values[0]!;
    return `${JSON.stringify(name)}:${NUMBER.test(value) ? value : JSON.stringify(value)}`;
  });
  return new TextEncoder().encode(`{${fields.join(",")}}`);
}

const EMPTY = new Uint8Array(0);
