// Holds as people read them.
import type { BoardRecord } from "../board/board.ts";
import type { Held, HoldKind } from "./held.ts";
import { fieldOf } from "./match.ts";

/** A hold in force. Times are ms since epoch. */
export interface HoldShown {
  readonly kind: HoldKind;
  readonly port: string;
  /** Goal, page and key of who holds. */
  readonly by: string;
  readonly page: string;
  readonly key: string;
  readonly layer: number;
  /** The field of lower records, and what it says; null: all records are held. */
  readonly match: { readonly field: string; readonly text: string } | null;
  /** What is read instead; null: it blocks an output. */
  readonly value: string | null;
  readonly renewedAt: number;
  /** Half-open. */
  readonly until: number;
}

/** Whether a hold is in force for a record. */
export function concerns({ text, until, wire }: Held, record: BoardRecord, now: number): boolean {
  const { match } = wire.hold;
  return now < until && (match === null || (text !== "" && fieldOf(record, match) === text));
}

export function shown({ wire, key, text, value, at, until }: Held): HoldShown {
  const { actor, kind, hold } = wire;
  return {
    kind,
    port: hold.port,
    by: actor.goal,
    page: actor.page,
    key,
    layer: actor.layer,
    match: hold.match === null ? null : { field: hold.match, text },
    value: kind === "suppresses" ? value : null,
    renewedAt: at,
    until,
  };
}
