import type { ColumnHead } from "../http/ports.ts";

/** Characters of a cell that a table shows. */
const WIDEST = 32;

/** Lines of a table: names of columns, and rows below. */
export function tableOf(columns: readonly string[], rows: readonly Readonly<Record<string, string>>[]): string[] {
  const cells = [columns, ...rows.map((row) => columns.map((name) => row[name] ?? ""))].map((line) => line.map(cut));
  const widths = columns.map((_, at) => Math.max(...cells.map((line) => lengthOf(line[at]!))));
  return cells.map((line) =>
    line
      .map((text, at) => text + " ".repeat(widths[at]! - lengthOf(text)))
      .join("  ")
      .trimEnd(),
  );
}

/** The columns of a page that a table shows: keys and goals, and what else any of the rows has a text in. */
export function columnsOf(columns: readonly ColumnHead[], rows: readonly Readonly<Record<string, string>>[]): string[] {
  return columns
    .filter(({ name, role }) => role === "key" || role === "goal" || rows.some((row) => (row[name] ?? "") !== ""))
    .map(({ name }) => name);
}

function cut(text: string): string {
  const line = [...text.replace(/\s+/g, " ")];
  return line.length <= WIDEST ? line.join("") : `${line.slice(0, WIDEST - 1).join("")}…`;
}

function lengthOf(text: string): number {
  return [...text].length;
}
