import { type BoardRecord, cellOf } from "../board/board.ts";
import type { Truth } from "./settling.ts";

/**
 * What the home's board says of a goal of a record.
 *
 * @param now  ms since epoch
 */
export function truthOf(record: BoardRecord, goal: string, now: number): Truth {
  if (record.page.find(record.key) !== record) return { is: "gone" };
  const cell = cellOf(record, goal);
  if (cell === undefined) return { is: "free", attempt: 0, run: "" };
  const { state, host, run, attempts: attempt } = cell;
  switch (state) {
    case "running":
      return run === "" ? { is: "asked" } : { is: "running", attempt, run, host };
    case "waiting":
      return { is: cell.notBefore > now ? "later" : "free", attempt, run };
    default:
      return { is: "ended", attempt, run, outcome: state };
  }
}

/** When a goal that waits for its backoff will be free, ms since epoch; 0: it does not wait. */
export function freeAt(record: BoardRecord, goal: string): number {
  const cell = cellOf(record, goal);
  return cell?.state === "waiting" ? cell.notBefore : 0;
}
