// What a run gives, on its way out: the formats share this shape.
import type { Handle } from "../core/fold.ts";
import type { Stored } from "./records.ts";

export interface Writer {
  /** An identity's records: of a run without a window spec. */
  records(identity: Handle, records: readonly Stored[]): void;
  /** An identity's rows, to be dropped. */
  rows(identity: Handle, rows: Iterable<number>): void;
  /** Resolves when there is room for more. */
  ready(): Promise<void>;
  /** There is no more. */
  end(): Promise<void>;
  /** The run has failed: no file is left behind. */
  abandon(): Promise<void>;
}
