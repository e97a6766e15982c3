// What the names of an expression may lead to, at the place where it stands.
import type { Imports } from "./imports.ts";
import type { FieldType } from "./spec.ts";

/** What of an aggregate an expression may read; an `Aggregate` of `spec.ts` is one. */
export interface Shape {
  readonly name: string;
  /** Type null: nothing is known of it, as its declaration is wrong; then nothing about its values can be wrong. */
  readonly columns: readonly { readonly name: string; readonly type: FieldType | null }[];
}

/**
 * What `source` is: the event; the blocks of a window, by the aggregate they are of; `early`: nothing yet, as no window
 * stands above; `absent`: nothing at this place.
 */
export type Source = "event" | Shape | "early" | "absent";

/**
 * What a name may be, inside out: what a `for` names; `source`, `time`, `identity`, `anchor`; an own field, where it may
 * stand alone; an aggregate; the streaming spec; an import; a function.
 *
 * | place                          | source                            | time | identity | aggregates   | anchor |
 * |--------------------------------|-----------------------------------|------|----------|--------------|--------|
 * | `Identity`, `Time`             | event                             | no   | no       | none         | null   |
 * | all else in a streaming spec   | event                             | yes  | yes      | the spec's   | null   |
 * | a window spec's `Condition`    | absent                            | no   | yes      | the window's | null   |
 * | a window spec's `When`         | absent                            | no   | yes      | the window's | set    |
 * | in a window aggregate          | its source                        | no   | yes      | the window's | set    |
 * | in a variable of a window spec | that of the window above or early | no   | yes      | the window's | set    |
 */
export interface Scope {
  readonly source: Source;
  readonly time: boolean;
  readonly identity: boolean;
  /** Of the spec that the expression stands in, in its order: `name.field`. */
  readonly aggregates: readonly Shape[];
  /** Whose they are: of a streaming spec `stream`, of a window spec `window`. */
  readonly whose: "stream" | "window";
  /**
   * How many of them, from the first, have a value here. In a streaming spec all: a later one shows its old state. In a
   * window aggregate those down to itself: a later one is still empty. In a window's condition all.
   */
  readonly defined: number;
  /** In a window spec: the streaming spec, whose aggregates are read as `name.aggregate.field`. */
  readonly stream: { readonly name: string; readonly aggregates: readonly Shape[] } | null;
  /** In a window spec: which of the streaming spec's aggregates `anchor` is a block of; null: there is no `anchor`. */
  readonly anchor: number | null;
  /** Index into `aggregates` of the one whose fields may be named alone, as in the first draft; null: none. */
  readonly bareFields: number | null;
  readonly imports: Imports;
  /** As Blurr: types are not checked, and what nobody defines ends the run when it is reached, as an `abort` term. */
  readonly compat: boolean;
}
