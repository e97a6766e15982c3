// Whether what somebody saw before he wrote is still so.
import { shorten } from "../data/mistakes.ts";
import type { CellMistake, Writing } from "../http/ports.ts";
import { type BoardRecord, type Page, textAt } from "./board.ts";
import { mistakeIn } from "./refused.ts";
import { revisionOf } from "./view.ts";

/** Cells that are no longer as they were seen, each with both texts. */
export function clashesIn(page: Page, record: BoardRecord | null, { was, cells }: Writing): CellMistake[] {
  return Object.entries(was).flatMap(([name, seen]) => {
    const current = textIn(page, record, name);
    if (current === seen) return [];
    const detail = `'${shorten(name)}' is ${shown(current)} now, and was ${shown(seen)}: somebody has changed it`;
    return [clash(name, detail, cells, current)];
  });
}

/** The record has another revision than those asked for: each cell that was to be written, with both texts. */
export function staleness(
  page: Page,
  record: BoardRecord | null,
  { revisions, cells }: Writing,
): { detail: string; clashes: CellMistake[] } | null {
  const revision = record === null ? null : revisionOf(record);
  if (revisions === null || (revision !== null && revisions.includes(revision))) return null;
  const asked = revisions.map((each) => `"${each}"`).join(", ");
  const detail =
    revision === null
      ? `the record is not there, and you saw revision ${asked}`
      : `the record has revision "${revision}" now, and you saw ${asked}: somebody has changed it`;
  const clashes = Object.keys(cells).map((name) => clash(name, detail, cells, textIn(page, record, name)));
  return { detail, clashes };
}

function clash(name: string, detail: string, cells: Readonly<Record<string, string>>, current: string): CellMistake {
  const yours = Object.hasOwn(cells, name) ? cells[name]! : null;
  return { ...mistakeIn(name, "changed", detail), yours, current };
}

/** What the record shows; a record, or a column, that is not there shows nothing. */
function textIn(page: Page, record: BoardRecord | null, name: string): string {
  const column = page.column(name);
  return record === null || column === undefined ? "" : textAt(record, column);
}

function shown(text: string): string {
  return text === "" ? "empty" : `'${shorten(text)}'`;
}
