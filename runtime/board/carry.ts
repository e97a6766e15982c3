// What keeps records of the board when the journal lets its old entries go: a record that rests on old entries is written
// again, whole, as one that stands for all of them.
import type { Draft } from "../journal/journal.ts";
import type { Board, BoardRecord } from "./board.ts";
import { carried, changeDraft } from "./change.ts";

export interface CarryOptions {
  readonly board: Board;
  readonly append: (drafts: readonly Draft[]) => Promise<unknown>;
  readonly node: string;
  /** Records that rest on an entry received before, ms since epoch, or with a sequence below, are carried. */
  readonly beforeAt: number;
  readonly beforeSeq: number;
}

/** Records of one batch for the journal. */
const BATCH = 500;

/**
 * Carries what is due.
 *
 * @returns the sequence up to which no record needs the journal any more; Infinity: there is no record
 */
export async function carryOld(options: CarryOptions): Promise<number> {
  const { board, append, node } = options;
  let due: BoardRecord[] = [];
  const carry = async () => {
    const drafts = due.map((record) => changeDraft(carried(record), node));
    due = [];
    if (drafts.length > 0) await append(drafts);
  };
  for (const record of ownRecords(board)) {
    if (!isDue(record, options)) continue;
    due.push(record);
    // Others come and go while a batch is on its way to the disk: iteration of a page allows it.
    if (due.length >= BATCH) await carry();
  }
  await carry();
  let needed = Number.POSITIVE_INFINITY;
  for (const { baseSeq } of ownRecords(board)) needed = Math.min(needed, baseSeq - 1);
  return needed;
}

function isDue({ baseSeq, baseAt }: BoardRecord, { beforeAt, beforeSeq }: CarryOptions): boolean {
  return baseAt < beforeAt || baseSeq < beforeSeq;
}

/** Records that the journal of this node is the truth of, and that no event makes. */
function* ownRecords(board: Board): Generator<BoardRecord> {
  for (const page of board.pages) {
    if (page.fed) continue;
    for (const record of page.records()) if (record.home === null) yield record;
  }
}
