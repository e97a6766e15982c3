import { AisleError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { NatsBus } from "./nats.ts";
import { failureOf } from "./nats-errors.ts";
import { frailtyOf, type Resting } from "./nats-versions.ts";

/** A stream that a publisher relies on, and what rests on it. */
export interface AskedStream extends Omit<Resting, "storage"> {
  readonly stream: string;
  /** Of JetStream, as the stream's acknowledgement names it. */
  readonly domain: string | null;
}

/**
 * Whether what a stream acknowledges lasts: null, or why not, in a sentence.
 *
 * @throws AisleError `not-found` when there is no such stream, `forbidden` when we may not ask, `unavailable` when the bus
 *   is away or nobody answers
 */
export async function keepingFrailty(bus: NatsBus, { stream, domain, ...resting }: AskedStream) {
  const { link } = bus;
  if (link === null) throw new AisleError("unavailable", "the bus is away");
  const { connection } = link;
  const info = connection.info as { readonly version?: string; readonly domain?: string } | undefined;
  const near = info?.domain ?? null;
  // Through a leaf node the stream is on another server than the one that greeted us.
  const version = domain === near ? (info?.version ?? null) : null;
  // Behind a server with a domain, one without can't be asked.
  if (domain === null && near !== null) return frailtyOf({ ...resting, storage: "file" }, version);
  try {
    const manager = await connection.jetstreamManager({
      ...{ timeout: limits.consumeRequestMs, checkAPI: false },
      ...(domain === near ? {} : { domain: domain! }),
    });
    const { config } = await manager.streams.info(stream);
    return frailtyOf({ ...resting, storage: config.storage }, version);
  } catch (error) {
    throw failureOf(error, `the stream '${stream}'`);
  }
}
