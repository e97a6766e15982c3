// Features as of an instant that is past: the identity's events up to then are folded once more, alone.
import { Fold } from "../core/fold.ts";
import { AisleError } from "../errors.ts";
import type { Entry } from "../journal/journal.ts";
import { limits } from "../limits.ts";
import { batchOf, isEvent } from "./batch.ts";
import { strict } from "./json.ts";
import type { Live } from "./live.ts";

interface Event {
  readonly entry: Entry;
  readonly micros: number;
}

/**
 * The row of an identity as of an instant, as JSON; null: nothing was known of it then. What the spec refused is left
 * out, as it was then. The journal is read in slices, between which others have their turn.
 *
 * @param entries  of the journal, from the oldest
 * @param at       ms since epoch; events of that time belong
 * @throws AisleError `too-large` when it rests on too many events
 */
export async function pastRow(
  live: Live,
  entries: Iterable<Entry>,
  identity: string,
  at: number,
): Promise<string | null> {
  const fold = new Fold(live.program, { unordered: true });
  const key = Buffer.from(identity);
  const events: Event[] = [];
  const seek = (some: readonly Entry[]) => {
    for (const { index, micros } of fold.about(batchOf(some), key)) {
      const entry = some[index]!;
      if (micros < (at + 1) * 1000 && live.hasCounted(entry)) events.push({ entry, micros });
    }
    if (events.length > limits.pastEvents)
      throw new AisleError("too-large", `the row rests on more than ${limits.pastEvents} events`);
  };
  for (const some of slicesOf(entries)) {
    seek(some);
    await turn();
  }
  if (events.length === 0) return null;

  events.sort(inOrder);
  for (let from = 0; from < events.length; from += limits.foldEvents) {
    const batch = batchOf(events.slice(from, from + limits.foldEvents).map(({ entry }) => entry));
    fold.fold(batch, NEVER, () => {});
    await turn();
  }
  const handle = fold.find(identity);
  return handle === null ? null : strict(fold.features(handle) ?? "null");
}

/** What is folded in the order in which it comes is never folded twice. */
const NEVER = (): never => {
  throw new Error("an event was looked for again");
};

function* slicesOf(entries: Iterable<Entry>): Generator<Entry[]> {
  let slice: Entry[] = [];
  let bytes = 0;
  // Counts what is passed over too: a slice is bounded in time.
  let passed = 0;
  for (const entry of entries) {
    passed++;
    if (isEvent(entry)) {
      slice.push(entry);
      bytes += entry.payload.length;
    }
    if (passed < limits.foldEvents && bytes < limits.foldBytes) continue;
    yield slice;
    slice = [];
    bytes = 0;
    passed = 0;
  }
  yield slice;
}

/** By time, id and sequence, as the core orders them. */
function inOrder(a: Event, b: Event): number {
  if (a.micros !== b.micros) return a.micros - b.micros;
  const [idA, idB] = [a.entry.headers.id, b.entry.headers.id];
  if (idA !== undefined && idB !== undefined) {
    const order = Buffer.compare(Buffer.from(idA), Buffer.from(idB));
    if (order !== 0) return order;
  } else if (idA !== idB) return idA === undefined ? -1 : 1;
  return a.entry.seq - b.entry.seq;
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
