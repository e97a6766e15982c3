// The entry that says that a spec takes no event from before an instant any more, as its memory is full of what only late
// ones would need: a tick with a payload, so that whoever folds the journal settles the same at the same place.
import type { Draft, Entry } from "../journal/journal.ts";

const SUBJECT = "settled";

/** µs of the instant, by spec. */
interface Crowding {
  readonly settled: Readonly<Record<string, number>>;
}

export function crowdingTick(spec: string, settledMicros: number): Draft {
  const crowding: Crowding = { settled: { [spec]: settledMicros } };
  const payload = Buffer.from(JSON.stringify(crowding));
  return { kind: "tick", principal: "transforms", subject: SUBJECT, headers: {}, payload };
}

/** µs before which a spec settles by a tick; null: it says nothing of it. */
export function settledIn({ subject, payload }: Pick<Entry, "subject" | "payload">, spec: string): number | null {
  if (subject !== SUBJECT) return null;
  const { settled } = JSON.parse(Buffer.from(payload).toString()) as Crowding;
  return settled[spec] ?? null;
}
