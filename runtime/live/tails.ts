// The entry that says how many events of an identity late ones may still join, as memory is full of them, or no longer is:
// a tick with a payload, so that whoever folds the journal settles the same at the same place.
import type { Draft, Entry } from "../journal/journal.ts";

const SUBJECT = "tails";

/** Events by spec. */
interface Tails {
  readonly tailEvents: Readonly<Record<string, number>>;
}

export function tailsTick(spec: string, events: number): Draft {
  const tails: Tails = { tailEvents: { [spec]: events } };
  const payload = Buffer.from(JSON.stringify(tails));
  return { kind: "tick", principal: "transforms", subject: SUBJECT, headers: {}, payload };
}

/** What a tick says of a spec; null: nothing. */
export function tailEventsIn({ subject, payload }: Pick<Entry, "subject" | "payload">, spec: string): number | null {
  if (subject !== SUBJECT) return null;
  const { tailEvents } = JSON.parse(Buffer.from(payload).toString()) as Tails;
  return Object.hasOwn(tailEvents, spec) ? tailEvents[spec]! : null;
}
