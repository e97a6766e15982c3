// What a committed decision owes the bus: a function of its entry, of the catalog, and of whether it still stands.
import { subject } from "../bus/subject.ts";
import type { Decision } from "../decide/decision.ts";
import type { Entry } from "../journal/journal.ts";

/** The ports that a decision goes out by; a higher layer may hold one. */
export const PORTS = ["offers", "predictions"] as const;
export type Port = (typeof PORTS)[number];

/** A message, the same whenever it is made again. */
export interface Owed {
  readonly port: Port;
  readonly subject: string;
  /** Its `Nats-Msg-Id`, by which receivers drop repeats. */
  readonly id: string;
  readonly payload: Uint8Array;
}

export interface OwedOptions {
  readonly port: Port;
  /** `<prefix>.<site>.<place>` of the subjects. */
  readonly base: string;
  /** The predictions of a decision, best first. */
  readonly messages: (decision: Decision) => readonly Readonly<Record<string, unknown>>[];
  /** ms since epoch */
  readonly now: number;
}

/**
 * By `offers` the decision itself, always; by `predictions` one for each offer. A prediction does not say until when it holds, and
 * whoever gets it shows it: so it is owed only as long as it does.
 */
export function owedBy({ headers, payload }: OwedEntry, decision: Decision, options: OwedOptions): readonly Owed[] {
  const { port, base, messages, now } = options;
  if (withheldBy(headers).includes(port)) return [];
  if (port === "offers") return [{ port, subject: subject(base, port, decision.customer), id: decision.id, payload }];
  if (decision.expiresAt <= now) return [];
  return messages(decision).map((message) => {
    const id = `${decision.id}-${message.rank}`;
    return { port, subject: subject(base, port), id, payload: encode(message) };
  });
}

export type OwedEntry = Pick<Entry, "headers" | "payload">;

/** Header of a decision's entry: the ports that a higher layer held when it was made. None: no header. */
export function withheldHeader(held: (port: Port) => boolean): Readonly<Record<string, string>> {
  const withheld = PORTS.filter(held);
  return withheld.length === 0 ? {} : { withheld: withheld.join(",") };
}

function withheldBy({ withheld }: Readonly<Record<string, string>>): readonly string[] {
  return withheld === undefined ? [] : withheld.split(",");
}

function encode(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}
