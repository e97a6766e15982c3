// Events from the bus: what comes on `events.<type>` and `outcomes` goes the same way as over HTTP.
import type { Bus, Message } from "./bus/bus.ts";
import { AisleError } from "./errors.ts";
import type { Receipt } from "./http/ports.ts";
import { type Ack, ackHeader, ackOf } from "./intake/ack.ts";
import { type Answer, ONE_ACCEPTED } from "./intake/answers.ts";
import { envelopeOfSubject } from "./intake/envelopes.ts";
import type { Intake } from "./intake/intake.ts";
import { limits } from "./limits.ts";

const UTF8 = new TextEncoder();
/** Headers that say something of the event itself: it has to be looked at with them. */
const MATTERS = /^(content-type|traceparent|idempotency-key|ce-.+)$/;

export interface DoorOptions {
  readonly bus: Bus;
  /** `<prefix>.<site>.<place>` */
  readonly base: string;
  readonly intake: Pick<Intake, "add" | "addInbound" | "envelope">;
  /** Whether `replicated` can be asked for. */
  readonly hasHub: boolean;
}

/** Opens the bus's door; the returned function closes it. */
export function openDoor({ bus, base, intake, hasHub }: DoorOptions): () => void {
  const known = new Map<string, number>();
  const envelopeOf = (subject: string): number => {
    let envelope = known.get(subject);
    if (envelope === undefined) {
      // `events.<type>.<identity>`, for servers that partition: not one for each identity.
      envelope = isLong(subject) ? 0 : intake.envelope(envelopeOfSubject(base, subject));
      if (envelope !== 0 && known.size < limits.intakeEnvelopes) known.set(subject, envelope);
    }
    return envelope;
  };
  const isLong = (subject: string) => subject.indexOf(".", base.length + ".events.".length) >= 0;

  const take = (message: Message) => {
    const { subject, headers, payload } = message;
    const answer = message.wantsReply ? answering(message) : null;
    const ack = answer === null ? "durable" : askedFor(headers, hasHub, answer);
    if (ack === null) return; // the sender was told why
    for (const name in headers) {
      if (!MATTERS.test(name)) continue;
      // The payload is the bus's own; the journal keeps what it is handed.
      intake.addInbound({ ...envelopeOfSubject(base, subject), headers, body: payload.slice() }, answer, ack);
      return;
    }
    const envelope = envelopeOf(subject);
    intake.add(payload, envelope, envelope === 0 ? UTF8.encode(subject) : null, answer, ack);
  };
  const events = bus.subscribe(`${base}.events.>`, take);
  const outcomes = bus.subscribe(`${base}.outcomes`, take);
  return () => {
    events.unsubscribe();
    outcomes.unsubscribe();
  };
}

/** Null: there is no such level, and the sender was told so. */
function askedFor(headers: Message["headers"], hasHub: boolean, answer: Answer): Ack | null {
  const asked = ackHeader(headers);
  if (asked === undefined) return "durable";
  try {
    return ackOf(asked, hasHub);
  } catch (error) {
    answer(null, error as Error);
    return null;
  }
}

function answering(message: Message): Answer {
  return (receipt, error) => (receipt === null ? refuse(message, error!) : answer(message, receipt));
}

const JUST_ACCEPTED = encoded(ONE_ACCEPTED);

/** What was accepted is where it was asked to be; what was not, and why. */
function answer(message: Message, receipt: Receipt): void {
  if (receipt === ONE_ACCEPTED) return message.respond(JUST_ACCEPTED);
  const { accepted, duplicate, rejected } = receipt;
  const failed = accepted + duplicate === 0;
  const headers: Record<string, string> = failed
    ? { "Nats-Service-Error": rejected[0]?.detail ?? "no event", "Nats-Service-Error-Code": "400" }
    : {};
  message.respond(encoded(receipt), headers);
}

function encoded({ accepted, duplicate, rejected }: Receipt): Uint8Array {
  return UTF8.encode(JSON.stringify({ accepted, duplicate, rejected }));
}

/** As over HTTP; what is not the sender's fault is `unavailable`. */
const STATUS: Readonly<Record<string, string>> = { overloaded: "429", invalid: "400", conflict: "409" };

function refuse(message: Message, error: Error): void {
  const own = error instanceof AisleError ? STATUS[error.code] : undefined;
  const code = own === undefined ? "unavailable" : (error as AisleError).code;
  const headers = { "Nats-Service-Error": oneLine(error.message), "Nats-Service-Error-Code": own ?? "503" };
  message.respond(UTF8.encode(JSON.stringify({ code, detail: error.message })), headers);
}

/** Headers have one line. */
function oneLine(text: string): string {
  return text.replace(/[\r\n]+/g, " ");
}
