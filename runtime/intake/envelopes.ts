// Which envelope an event has: by its subject, once for all that come on it.
import type { Inbound } from "../http/ports.ts";
import { limits } from "../limits.ts";
import type { Envelope, Gate } from "./gate.ts";

/** As `headersMatter` in `assembly/ingest/envelope.ts`. */
const MATTERS = /^([CTIActia]|Nats-Msg-Id$)/;

/** An envelope that every event has to be looked at with. */
export const ASKED = 0;

/**
 * What a subject of the bus says of an event: `<base>.events.<type>`, the same with an identity, or `<base>.outcomes`.
 *
 * @param base  `<prefix>.<site>.<place>`
 */
export function envelopeOfSubject(base: string, subject: string): Envelope {
  const [kind, type = null] = subject.slice(base.length + 1).split(".");
  return { principal: "nats", subject, type: kind === "outcomes" ? "outcome" : type, headers: {} };
}

export class Envelopes {
  readonly #gate: Gate;
  readonly #base: string;
  /** By index + 1, as items name them; none at `ASKED`. */
  readonly #known: (Envelope | null)[] = [null];
  readonly #bySubject = new Map<string, number>();
  readonly #byKey = new Map<string, number>();
  /** Of streams: by type, then by subject. */
  readonly #ofStreams = new Map<string | null, Map<string, number>>();
  #streamed = 0;
  /** Of streams too, by type, for subjects beyond those. */
  readonly #ofTypes = new Map<string | null, number>();
  readonly #ownSubject = new Set<number>();

  /** @param base  `<prefix>.<site>.<place>` */
  constructor(gate: Gate, base: string) {
    this.#gate = gate;
    this.#base = base;
  }

  /** What items name: `ASKED` where each needs a look. What it says of itself must not change. */
  of(envelope: Envelope): number {
    const key = JSON.stringify([envelope.principal, envelope.subject, envelope.type, envelope.headers]);
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    // Of a type that the site doesn't know there may be any number.
    if (envelope.type !== null && !this.#gate.knowsType(envelope.type)) return ASKED;
    const index = this.#gate.addEnvelope(envelope) + 1;
    if (index !== ASKED) {
      this.#known[index] = envelope;
      this.#byKey.set(key, index);
    }
    return index;
  }

  /** Of an event that a stream keeps: its headers may matter, then it has to be looked at. See `bringsSubject`. */
  ofStream(subject: string, type: string | null, headers: Readonly<Record<string, string>>): number {
    for (const name in headers) if (MATTERS.test(name)) return ASKED;
    let bySubject = this.#ofStreams.get(type);
    const known = bySubject?.get(subject);
    if (known !== undefined) return known;
    if (this.#streamed === limits.intakeStreamSubjects) return this.#ofType(type);
    const index = this.#addStreamed(subject, type, false);
    if (index !== ASKED) {
      this.#streamed++;
      bySubject ??= new Map();
      bySubject.set(subject, index);
      this.#ofStreams.set(type, bySubject);
    }
    return index;
  }

  /** Whether its items have to bring their own subject. */
  bringsSubject(index: number): boolean {
    return this.#ownSubject.has(index);
  }

  /** Of what comes on subjects beyond those that have an envelope each: identities may be part of them. */
  #ofType(type: string | null): number {
    const known = this.#ofTypes.get(type);
    if (known !== undefined) return known;
    // Of those that the site doesn't know there may be any number.
    if (type !== null && !this.#gate.knowsType(type)) return ASKED;
    const index = this.#addStreamed("", type, true);
    this.#ofTypes.set(type, index);
    if (index !== ASKED) this.#ownSubject.add(index);
    return index;
  }

  #addStreamed(subject: string, type: string | null, ownSubject: boolean): number {
    const envelope: Envelope = { principal: "nats", subject, type, headers: {} };
    const index = this.#gate.addEnvelope(envelope, ownSubject) + 1;
    if (index !== ASKED) this.#known[index] = envelope;
    return index;
  }

  /** Makes a subject known to the gate, if it can be. @returns whether it is known now */
  name(subject: string): boolean {
    if (this.#bySubject.has(subject)) return false; // known, and yet asked for: there is no room
    const beginning = this.#gate.beginningOf(subject);
    const envelope = envelopeOfSubject(this.#base, beginning ?? subject);
    if (envelope.type === null || !this.#gate.knowsType(envelope.type)) return false;
    const named = beginning ?? subject;
    if (this.#bySubject.size >= limits.intakeEnvelopes || this.#bySubject.has(named)) return false;
    const index = this.#gate.addEnvelope(envelope, beginning !== null) + 1;
    this.#bySubject.set(named, index);
    if (index === ASKED) return false;
    this.#known[index] = envelope;
    this.#gate.nameEnvelope(index - 1, named, beginning !== null);
    return true;
  }

  /** An event for whoever looks at it. @param subject  that it came on; null: the envelope's */
  inbound(index: number, subject: string | null, headers: Readonly<Record<string, string>>, body: Buffer): Inbound {
    const known = this.#known[index] ?? null;
    const { principal, type, ...rest } = known ?? envelopeOfSubject(this.#base, subject ?? "");
    return { principal, subject: subject ?? rest.subject, type, headers: { ...rest.headers, ...headers }, body };
  }
}
