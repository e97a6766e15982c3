// Events from the bus: what comes on `events.<type>` and `outcomes` goes through the same ingest as HTTP.
import type { Bus, Message } from "./bus/bus.ts";
import { AisleError } from "./errors.ts";
import type { Ingest, Receipt } from "./http/ports.ts";

const UTF8 = new TextEncoder();

export interface DoorOptions {
  readonly bus: Bus;
  /** `<prefix>.<site>.<place>` */
  readonly base: string;
  readonly ingest: Ingest;
  /** A message without a reply subject could not be taken: nobody else hears of it. */
  readonly lost: (error: Error) => void;
}

/** Opens the bus's door; the returned function closes it. */
export function openDoor({ bus, base, ingest, lost }: DoorOptions): () => void {
  const take = (message: Message, type: string | null) => {
    const { subject, headers } = message;
    // The payload is the bus's own; the journal keeps what it is handed.
    const body = message.payload.slice();
    ingest.accept({ principal: "nats", subject, type, headers, body }).then(
      (receipt) => answer(message, receipt),
      (error: Error) => (message.wantsReply ? refuse(message, error) : lost(error)),
    );
  };
  // `events.<type>` and `events.<type>.<identity>`: the second is for servers that partition.
  const events = bus.subscribe(`${base}.events.>`, (message) =>
    take(message, message.subject.slice(base.length + 1).split(".")[1] ?? null),
  );
  const outcomes = bus.subscribe(`${base}.outcomes`, (message) => take(message, "outcome"));
  return () => {
    events.unsubscribe();
    outcomes.unsubscribe();
  };
}

/** What was accepted is on disk; what was not, and why. */
function answer(message: Message, { accepted, duplicate, rejected }: Receipt): void {
  if (!message.wantsReply) return;
  const failed = accepted + duplicate === 0;
  const headers: Record<string, string> = failed
    ? { "Nats-Service-Error": rejected[0]?.detail ?? "no event", "Nats-Service-Error-Code": "400" }
    : {};
  message.respond(UTF8.encode(JSON.stringify({ accepted, duplicate, rejected })), headers);
}

function refuse(message: Message, error: Error): void {
  const overloaded = error instanceof AisleError && error.code === "overloaded";
  const headers = { "Nats-Service-Error": error.message, "Nats-Service-Error-Code": overloaded ? "429" : "503" };
  message.respond(
    UTF8.encode(JSON.stringify({ code: overloaded ? "overloaded" : "unavailable", detail: error.message })),
    headers,
  );
}
