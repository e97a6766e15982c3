// Which part of a journal is meant by --from and --to, and whether there is any.
import type { Command } from "commander";
import { AisleError } from "../errors.ts";
import type { StoreJournal } from "../journal/store-journal.ts";
import type { Shell } from "./shell.ts";

/** A sequence, or ms since epoch. */
export type Bound = { readonly seq: number } | { readonly at: number };

export interface Bounds {
  readonly from?: Bound;
  /** Itself included. */
  readonly to?: Bound;
  /** A folder that the part is written to. */
  readonly into?: string;
}

/** The part of a journal that is played. */
export interface Stretch {
  readonly journal: StoreJournal;
  readonly fromSeq: number;
  readonly toSeq: number;
}

/** Ends the command with its usage when nothing can lie between. */
export function checkOrder(command: Command, { from, to }: Bounds): void {
  if (from === undefined || to === undefined) return;
  const isBackward = "seq" in from ? "seq" in to && from.seq > to.seq : "at" in to && from.at > to.at;
  if (isBackward) command.error(`error: --from ${shown(from)} comes after --to ${shown(to)}: nothing lies between`);
}

/**
 * The sequences that are meant, as far as the journal has them.
 *
 * @param dir  the data folder, for messages
 *
 * @throws AisleError `not-found` when the journal has no entry there
 */
export function stretchOf(shell: Shell, journal: StoreJournal, dir: string, { from, to, into }: Bounds) {
  const { firstSeq, lastSeq } = journal.stats();
  const fromSeq = from === undefined ? 1 : fromSeqOf(journal, from);
  const wanted = to === undefined ? lastSeq : toSeqOf(journal, to);
  const isWhole = from === undefined && to === undefined && into === undefined;
  if (!isWhole && !hasAny(journal, fromSeq, wanted)) {
    const has =
      lastSeq === 0 ? "no entries" : `the entries ${firstSeq} to ${lastSeq}${times(journal, firstSeq, lastSeq)}`;
    throw new AisleError("not-found", `nothing to play: the journal in '${dir}' has ${has}`);
  }
  if (from !== undefined && "seq" in from && from.seq < firstSeq)
    shell.warn(`the journal begins at entry ${firstSeq}: it is played from there`);
  if (wanted > lastSeq) shell.warn(`the journal ends at entry ${lastSeq}: it is played up to there`);
  return { fromSeq, toSeq: Math.min(lastSeq, wanted) };
}

function fromSeqOf(journal: StoreJournal, from: Bound): number {
  if ("seq" in from) return from.seq;
  const cursor = journal.cursor();
  while (cursor.next()) if (cursor.receivedAt >= from.at) return cursor.seq;
  return journal.lastSeq + 1;
}

function toSeqOf(journal: StoreJournal, to: Bound): number {
  if ("seq" in to) return to.seq;
  let last = 0;
  const cursor = journal.cursor();
  while (cursor.next() && cursor.receivedAt <= to.at) last = cursor.seq;
  return last;
}

function hasAny(journal: StoreJournal, fromSeq: number, toSeq: number): boolean {
  const cursor = journal.cursor(fromSeq);
  return fromSeq <= toSeq && cursor.next() && cursor.seq <= toSeq;
}

/** Between which times the journal's entries came, where these two can be read. */
function times(journal: StoreJournal, firstSeq: number, lastSeq: number): string {
  const [first, last] = [journal.find(firstSeq), journal.find(lastSeq)];
  return first === null || last === null ? "" : `, of ${timeOf(first.receivedAt)} to ${timeOf(last.receivedAt)}`;
}

function shown(bound: Bound): string {
  return "seq" in bound ? String(bound.seq) : timeOf(bound.at);
}

function timeOf(at: number): string {
  return new Date(at).toISOString();
}
