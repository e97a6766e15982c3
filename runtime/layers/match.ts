// Whom a hold is about: a field of the lower record, and the key of the record that holds.
import { type BoardRecord, textAt } from "../board/board.ts";
import type { Hold } from "../site.ts";

/** Fields of what is worked on but has no record on the board, by name. */
export type Fields = Readonly<Record<string, string>>;

/**
 * What the matching field of a lower record must say for a hold of this record: its key cell of that name or, if it
 * has none, its first one. "" where the hold is about all records.
 */
export function textHeld({ match }: Hold, { page, keys }: BoardRecord): string {
  if (match === null) return "";
  const index = page.config.keys.findIndex(({ name }) => name === match);
  return keys[Math.max(index, 0)] ?? "";
}

/** A field of a record as its cells, its data or else its parent's tell it; "" where nobody does. */
export function fieldOf(record: BoardRecord, name: string): string {
  const { page, data, parent } = record;
  const column = page.column(name);
  const text = column === undefined ? "" : textAt(record, column);
  if (text !== "") return text;
  const kept = ownField(data, name);
  if (kept !== "") return kept;
  return parent === null ? "" : fieldOf(parent, name);
}

/** What the runtime keeps of a record beside its cells: a focus knows its customer and its department. */
function ownField(data: unknown, name: string): string {
  if (typeof data !== "object" || data === null || !Object.hasOwn(data, name)) return "";
  const value = (data as Readonly<Record<string, unknown>>)[name];
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}
