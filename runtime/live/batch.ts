// Entries of the journal as the core takes them.
import type { Batch, Found } from "../core/fold.ts";
import type { Entry } from "../journal/journal.ts";

/** Events in the order of the journal. */
export interface EventBatch extends Batch {
  readonly entries: readonly Entry[];
  readonly receivedAt: readonly number[];
  readonly ids: readonly (Uint8Array | null)[];
}

/** Does a spec hear of such an entry? One that was erased has nothing more to say. */
export function isEvent({ kind, headers }: Entry): boolean {
  return (kind === "event" || kind === "outcome") && headers.tombstone === undefined;
}

export function batchOf(entries: readonly Entry[]): EventBatch {
  return {
    entries,
    payloads: entries.map(({ payload }) => payload),
    seqs: entries.map(({ seq }) => seq),
    receivedAt: entries.map(cameAt),
    ids: entries.map(idOf),
  };
}

export function foundOf(entry: Entry): Found {
  return { payload: entry.payload, id: idOf(entry), receivedAt: cameAt(entry) };
}

/** When the place that it first came to received it, ms since epoch: the time of an event that says none. */
function cameAt({ receivedAt, headers }: Entry): number {
  const at = headers.origin === undefined ? undefined : headers["origin-at"];
  return at === undefined ? receivedAt : Number(at);
}

function idOf({ headers: { id } }: Entry): Uint8Array | null {
  return id === undefined ? null : Buffer.from(id);
}
