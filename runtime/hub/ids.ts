// By what a hub knows an event again that a place sends once more under another epoch: a restored place takes in again
// what came after its backup, when publishers or streams bring it again.
import { type Dedupe, type Print, printAt } from "../dedupe.ts";
import type { Draft } from "../journal/journal.ts";
import { placeIn } from "./words.ts";

/** As the hub remembers an event of another place; null: it has no id of its publisher, or is no such event. */
export function printIn({ kind, headers, payload }: Pick<Draft, "kind" | "headers" | "payload">): Print | null {
  const { id, origin, source = "" } = headers;
  if (id === undefined || origin === undefined || (kind !== "event" && kind !== "outcome")) return null;
  return printAt(placeIn(origin), source, id, payload);
}

/** Entries of a batch that the hub lacks. */
export interface Fresh {
  readonly drafts: readonly Draft[];
  /** Of those that have an id. */
  readonly prints: readonly Print[];
}

/** Without those that came before. */
export function freshOf(drafts: readonly Draft[], dedupe: Pick<Dedupe, "seen">): Fresh {
  const here = new Map<string, Print>();
  const isFresh = (draft: Draft): boolean => {
    const print = printIn(draft);
    if (print === null) return true;
    const text = print.join();
    if (here.has(text) || dedupe.seen(print) !== null) return false;
    here.set(text, print);
    return true;
  };
  return { drafts: drafts.filter(isFresh), prints: [...here.values()] };
}
