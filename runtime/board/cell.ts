// The cells of goals: what they hold, and how a spreadsheet shows it.

/** Where the work on a goal stands for a record. */
export interface Cell {
  /** `waiting`: tried before and to be tried again; a cell that nobody has begun is not there at all. */
  readonly state: "running" | "done" | "failed" | "waiting";
  /** The node that works, or has worked, on it; "" for a person. */
  readonly host: string;
  /** Id of the run that holds the claim, or that brought the result; "" when a person wrote it. */
  readonly run: string;
  /** Runs so far, this one included. */
  readonly attempts: number;
  /** Who wrote it: a principal. */
  readonly by: string;
  /** When, ms since epoch: receive time of the entry. */
  readonly at: number;
  /** Why it failed, or what was wrong with its result; null: nothing to say. */
  readonly detail: string | null;
  /** Not before then is it tried again, ms since epoch; 0: any time. */
  readonly notBefore: number;
  /** What the goal came to, for actors that read it; shown nowhere. */
  readonly value?: unknown;
}

/** A cell with what is not said left as it is for most. */
export function cell(said: Pick<Cell, "state"> & Partial<Cell>): Cell {
  const { state, host = "", run = "", attempts = 0, by = "", at = 0, detail = null, notBefore = 0, value } = said;
  return { state, host, run, attempts, by, at, detail, notBefore, value };
}

/** The scheduler let the goal start, and its claim is no entry yet: the journal knows nothing of it. */
export function isBegun(cell: Cell | string | undefined): cell is Cell {
  return typeof cell === "object" && cell.state === "running" && cell.run === "";
}

/** What stood in the cell of a goal before it was let start. */
export function begunFrom(mark: Cell): Cell | undefined {
  return mark.attempts === 0 ? undefined : { ...mark, state: "waiting" };
}

/** A goal cell as a spreadsheet shows it: empty, `r:<host>`, `1`, `F:<host>`. */
export function textOf(cell: Cell | undefined): string {
  if (cell === undefined || cell.state === "waiting") return "";
  if (cell.state === "done") return "1";
  const mark = cell.state === "running" ? "r" : "F";
  return cell.host === "" ? mark : `${mark}:${cell.host}`;
}

/** What a person may write into a goal cell. */
export type Written =
  | { readonly state: "empty" }
  | { readonly state: "done" }
  | { readonly state: "failed"; readonly host: string };

/** Reads what a person wrote into a goal cell: only what stands before the first colon counts. Null: no such value. */
export function readGoalText(text: string): Written | null {
  if (text === "") return { state: "empty" };
  const colon = text.indexOf(":");
  const mark = colon < 0 ? text : text.slice(0, colon);
  if (mark === "1") return { state: "done" };
  if (mark === "F") return { state: "failed", host: colon < 0 ? "" : text.slice(colon + 1) };
  return null;
}

const LENIENT = new Set(["1", "1.0", "true", "yes", "y", "x", "ok", "on"]);

/** Whether a text counts as true: `1`, and only that; in a lenient page what people also write. */
export function isTrue(text: string, lenient: boolean): boolean {
  return text === "1" || (lenient && LENIENT.has(text.trim().toLowerCase()));
}
