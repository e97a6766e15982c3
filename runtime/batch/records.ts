// Which records of an identity a run gives, and in which order.
import type { Fold, Handle } from "../core/fold.ts";
import { BlurrRows } from "./blurr.ts";

/** A record, and the index of its aggregate. */
export interface Stored {
  readonly aggregate: number;
  readonly record: number;
}

/** What a run gives of each identity. */
export interface Yield {
  /** The records of its stores, in the order in which they were saved. */
  records(identity: Handle): readonly Stored[];
  /** Its rows, to be dropped by who takes them. */
  rows(identity: Handle): Iterable<number>;
}

/** All stores, and anchors as of their events. */
export function ownYield(fold: Fold): Yield {
  const { aggregates } = fold.program;
  return {
    records: (identity) => fold.records(identity).filter(({ aggregate }) => aggregates[aggregate]!.stored),
    rows: (identity) => fold.completeRows(identity),
  };
}

/** The store whose records Blurr reads back: the first that the spec lists. */
const READ_STORE = 0;

/** What Blurr has at the start of a run of an identity that it knows: its variables begin anew, and only one store was read. */
export function resumeLikeBlurr({ core, program }: Fold, identity: Handle): void {
  core.forgetVariables(identity);
  for (const [aggregate, { store, stored }] of program.aggregates.entries()) {
    if (stored && store !== READ_STORE) core.forgetRecords(identity, aggregate);
  }
}

/** The first store, and anchors at the end of the run. */
export function blurrYield(fold: Fold): Yield {
  const { aggregates, transform } = fold.program;
  const rows = transform.window === null ? null : new BlurrRows(fold);
  const records = (identity: Handle) =>
    fold.records(identity).filter(({ aggregate }) => aggregates[aggregate]!.store === READ_STORE);
  return { records, rows: (identity) => rows?.rows(identity, records(identity)) ?? [] };
}
