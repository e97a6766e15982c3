// How far an event has to be before its sender is told.
import { AisleError, didYouMean } from "../errors.ts";

/**
 * `received`: it was found good, and is in memory. `durable`: it is on this place's disk. `replicated`: the hub has it
 * in its journal as well.
 */
export const ACKS = ["received", "durable", "replicated"] as const;
export type Ack = (typeof ACKS)[number];

/** The header that asks for one, on NATS and HTTP. */
export const ACK_HEADER = "aisle-ack";

/**
 * @param text  as it was asked for; undefined: `durable`
 * @throws AisleError `invalid` when there is no such level, or none of that name here
 */
export function ackOf(text: string | undefined, hasHub: boolean): Ack {
  const level = text === undefined ? "durable" : ACKS.find((each) => each === text.trim().toLowerCase());
  if (level === undefined) {
    const shown = text!.length <= 40 ? text : `${text!.slice(0, 40)}…`;
    const expected = `expected ${ACKS.slice(0, -1).join(", ")} or ${ACKS.at(-1)}`;
    throw new AisleError(
      "invalid",
      `'${shown}' is no level of acknowledgement${didYouMean(shown!, ACKS)}: ${expected}`,
    );
  }
  if (level === "replicated" && !hasHub) {
    throw new AisleError("conflict", "nothing is 'replicated' here: the site has no 'hub:'; ask for 'durable'");
  }
  return level;
}

/** What a NATS message asks for, whose header names keep their case. */
export function ackHeader(headers: Readonly<Record<string, string>>): string | undefined {
  for (const name in headers) if (name.toLowerCase() === ACK_HEADER) return headers[name];
  return undefined;
}
