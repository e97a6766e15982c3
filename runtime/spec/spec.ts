// The shapes of a loaded spec: what `load.ts` reads from YAML in any dialect, checked, with every name resolved.
// Behind this door a spec is trusted. Durations in ms.
import type { Term } from "./term.ts";

export const FIELD_TYPES = ["integer", "float", "string", "boolean", "datetime", "list", "map", "set"] as const;
export type FieldType = (typeof FIELD_TYPES)[number];

/** Where something stands in its file; both from 1, the column in code points. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** An expression, and where it is from. */
export interface Code {
  readonly term: Term;
  readonly text: string;
  readonly at: Place;
}

export interface Column {
  readonly name: string;
  readonly type: FieldType;
}

export interface Field extends Column {
  /** Place in the aggregate's `columns`. */
  readonly column: number;
  readonly value: Code;
  readonly when: Code | null;
  readonly at: Place;
}

interface AggregateCommon {
  readonly name: string;
  readonly when: Code | null;
  readonly fields: readonly Field[];
  /**
   * Everything that a record holds, in the order of output: `_identity`; of block and activity then `_start_time`,
   * `_end_time`; the fields; the dimensions.
   */
  readonly columns: readonly Column[];
  readonly at: Place;
}

export type Aggregate = AggregateCommon & {
  /** Index into `stores`; null: not stored (a variable's default). */
  readonly store: number | null;
} & (
    | { readonly kind: "variable" }
    | { readonly kind: "identity"; readonly dimensions: readonly Field[] }
    | { readonly kind: "block"; readonly dimensions: readonly Field[] }
    /** A block that a condition ends: dialects before 0.4. Null: it never ends. */
    | { readonly kind: "split"; readonly split: Code | null }
    | { readonly kind: "activity"; readonly separateAfterMs: number }
  );

export interface Store {
  readonly name: string;
  /** How long a record is kept after its last event, ms; null: for ever. */
  readonly retentionMs: number | null;
}

export interface StreamingSpec {
  readonly file: string;
  readonly name: string;
  readonly identity: Code;
  readonly time: Code;
  readonly when: Code | null;
  /** How much later than younger events of its source an event may come, live. Default an hour. */
  readonly latenessMs: number;
  readonly stores: readonly Store[];
  readonly aggregates: readonly Aggregate[];
}

export type WindowAggregate = AggregateCommon &
  (
    | { readonly kind: "variable" }
    | {
        readonly kind: "window";
        /** `unknown`: only with `compat`; as count, and content with fewer. */
        readonly window: "day" | "hour" | "count" | "unknown";
        /** Days, hours or blocks; below 0 before the anchor, above it after. */
        readonly value: number;
        /** Index into the streaming spec's aggregates. */
        readonly source: number;
      }
  );

export interface WindowSpec {
  readonly file: string;
  readonly name: string;
  readonly when: Code | null;
  readonly anchor: {
    readonly condition: Code;
    /** Rows for each calendar day of an identity; null: any number. */
    readonly max: number | null;
  };
  /** Index of the streaming spec's one aggregate with time: what anchors are made of. */
  readonly blocks: number;
  readonly aggregates: readonly WindowAggregate[];
}

export interface Transform {
  readonly streaming: StreamingSpec;
  readonly window: WindowSpec | null;
}
