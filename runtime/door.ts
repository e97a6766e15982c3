// Events from the bus: what comes on `events.<type>` and `outcomes` goes the same way as over HTTP.
import type { Bus, Message } from "./bus/bus.ts";
import { type Ack, ackHeader, ackOf } from "./intake/ack.ts";
import type { Answer } from "./intake/answers.ts";
import { envelopeOfSubject } from "./intake/envelopes.ts";
import type { Intake } from "./intake/intake.ts";
import { limits } from "./limits.ts";
import { replyOf, replyTo } from "./replies.ts";

const UTF8 = new TextEncoder();
/** Headers that say something of the event itself: it has to be looked at with them. */
const MATTERS = /^(content-type|traceparent|idempotency-key|Nats-Msg-Id|ce-.+)$/;

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
      intake.addInbound(
        { ...envelopeOfSubject(base, subject), headers, body: Uint8Array.prototype.slice.call(payload) },
        answer,
        ack,
      );
      return;
    }
    const envelope = envelopeOf(subject);
    intake.add(payload, envelope, envelope === 0 ? UTF8.encode(subject) : null, answer, ack);
  };
  // The subject finds its envelope in the core.
  const bytes = (subject: Uint8Array, payload: Uint8Array) => void intake.add(payload, 0, subject);
  const events = bus.subscribe(`${base}.events.>`, take, { bytes });
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
  return (receipt, error) => {
    const { payload, headers } = receipt === null ? replyOf(error!) : replyTo(receipt);
    message.respond(UTF8.encode(payload), headers);
  };
}
