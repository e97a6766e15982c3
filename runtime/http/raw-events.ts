// `POST /events` in front of the app: bodies go from the socket into the core's memory, and what is plain into the
// journal, without a `Request`. It takes only what is simple; all else is left to the route (`routes/events.ts`), which
// gives the same answers.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../clock.ts";
import { ACK_HEADER, type Ack, ackOf } from "../intake/ack.ts";
import { limits } from "../limits.ts";
import { type Access, guard } from "./auth.ts";
import { type Bodies, BodyRefusal, whole, wrongMedia } from "./body.ts";
import type { BodyTaker, Inbound, Ingest, Log, Requests } from "./ports.ts";
import { bug, failure } from "./problem.ts";
import type { Context } from "./route.ts";
import { answer, MEDIA, ONE_ACCEPTED } from "./routes/events.ts";
import type { RawHandler } from "./server.ts";

const PATH = "/events";

export interface RawEventsOptions {
  readonly intake: BodyTaker;
  readonly ingest: Ingest;
  readonly bodies: Bodies;
  readonly access: Access;
  readonly clock: Clock;
  readonly requests: Requests;
  readonly log: Log;
}

/** What a request asks for, of what can be taken here. */
interface Asked {
  readonly ack: Ack;
  readonly envelope: Omit<Inbound, "body">;
}

export function rawEvents(options: RawEventsOptions): RawHandler {
  const { ingest, clock, access } = options;
  const check = guard(access);
  return (incoming, outgoing) => {
    if (incoming.method !== "POST") return false;
    const startedAt = clock.monotonic();
    const asked = askedIn(incoming, ingest.hasHub ?? false);
    if (asked === null || !mayCall(check, incoming)) return false;
    const done = (status: number) => options.requests.observe(PATH, status, (clock.monotonic() - startedAt) / 1_000);
    take(incoming, outgoing, asked, options).then(done, (error) => {
      void refuse(incoming, outgoing, error, options).then(done);
    });
    return true;
  };
}

/** Null: there is something about it that the app has to look at. */
function askedIn(incoming: IncomingMessage, hasHub: boolean): Asked | null {
  const { url, headers } = incoming;
  const query = url === PATH ? undefined : url?.startsWith(`${PATH}?ack=`) ? url.slice(PATH.length + 5) : null;
  if (query === null || (query !== undefined && !/^[a-z]+$/.test(query))) return null;
  if (!PLAIN_HOST.test(headers.host ?? "")) return null;
  const length = Number(headers["content-length"]);
  if (!(length > 0 && length <= limits.intakeBytes)) return null;
  const kept: Record<string, string> = {};
  for (const name in headers) {
    if (STRANGE.has(name) || name.startsWith("ce-")) return null;
  }
  const { traceparent, "content-type": media } = headers;
  if (media !== undefined) {
    if (!MEDIA.has(media) && wrongMedia(seen(incoming), MEDIA) !== null) return null;
    kept["content-type"] = media;
  }
  if (traceparent !== undefined) kept.traceparent = String(traceparent);
  const level = headers[ACK_HEADER] ?? query;
  try {
    const ack = ackOf(level === undefined ? undefined : String(level), hasHub);
    return { ack, envelope: { principal: "http", subject: PATH, type: null, headers: kept } };
  } catch {
    return null;
  }
}

const PLAIN_HOST = /^[\w.:[\]-]+$/;
const STRANGE: ReadonlySet<string> = new Set(["content-encoding", "transfer-encoding", "idempotency-key", "expect"]);

/** The guard of the routes; what it has to say it says there. */
function mayCall(check: ReturnType<typeof guard>, incoming: IncomingMessage): boolean {
  try {
    check(seen(incoming), false);
    return true;
  } catch {
    return false;
  }
}

/** A request as the guard and the checks of the routes see it. */
function seen(incoming: IncomingMessage): Context {
  const header = (name: string) => incoming.headers[name];
  return { env: { incoming }, req: { header } } as unknown as Context;
}

/** @returns the status answered */
async function take(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { ack, envelope }: Asked,
  { intake, ingest, bodies }: RawEventsOptions,
): Promise<number> {
  const inbound = (body: Uint8Array): Inbound => ({ ...envelope, body });
  try {
    const chunks = await bodies.chunks(incoming);
    const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
    const receipt = await (intake.body(chunks, bytes, envelope, ack) ?? ingest.accept(inbound(whole(chunks)), ack));
    if (receipt.rejected.length > 0 || receipt.accepted + receipt.duplicate === 0 || receipt.level !== undefined)
      return send(outgoing, answer(receipt));
    const { accepted, duplicate, rejected } = receipt;
    const isOne = accepted === 1 && duplicate === 0;
    sendJson(outgoing, 202, isOne ? ONE_ACCEPTED : JSON.stringify({ accepted, duplicate, rejected }));
    return 202;
  } catch (error) {
    if (error instanceof BodyRefusal) ingest.refused?.(inbound(error.came), error.reason, error.message);
    throw error;
  }
}

async function refuse(
  { method, headers }: IncomingMessage,
  outgoing: ServerResponse,
  error: unknown,
  { log }: RawEventsOptions,
): Promise<number> {
  const known = failure(error);
  if (known === null)
    log.error({ err: error, method, route: PATH, traceparent: headers.traceparent }, "a request failed");
  return send(outgoing, known ?? bug());
}

/** With its length, head and body go to the socket in one piece. @param text  ASCII */
function sendJson(outgoing: ServerResponse, status: number, text: string): void {
  outgoing.writeHead(status, { "content-type": "application/json", "content-length": text.length });
  outgoing.end(text);
}

async function send(outgoing: ServerResponse, response: Response): Promise<number> {
  const body = await response.text();
  const headers: Record<string, string> = {};
  response.headers.forEach((value, name) => {
    headers[name] = value;
  });
  outgoing.writeHead(response.status, headers);
  outgoing.end(body);
  return response.status;
}
