import type { Board, BoardRecord, Column } from "../board/board.ts";
import type { KeyValue } from "../bus/kv.ts";
import type { Clock } from "../clock.ts";
import type { Draft } from "../journal/journal.ts";
import type { Notice } from "../runs/job.ts";
import type { Plan } from "../site.ts";

/** What people should know of a run elsewhere; its log is with the node that ran it. */
export type ClaimNotice = Omit<Notice, "at" | "site" | "place" | "log">;

/** What the claims of several nodes know of the world. */
export interface KvClaimsPorts {
  /** The bucket that all nodes of the site share. It is closed with the claims. */
  readonly kv: KeyValue;
  /** Name of this node, of no other of the site. */
  readonly node: string;
  /** Of its journal: by this it knows its records again when it was given another name. "": it does not. */
  readonly epoch?: string;
  readonly plan: Plan;
  readonly board: Board;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** Journals what happened elsewhere to records of this node. It is applied before the call returns, or never. */
  readonly append: (drafts: readonly Draft[]) => Promise<unknown>;
  /** Records of other nodes have changed, or a goal may be asked for again: starts what may start. Null: any column. */
  readonly changed: (record: BoardRecord, columns: readonly Column[] | null) => void;
  readonly notice: (notice: ClaimNotice) => void;
  /** For the log: what went wrong, without a caller to be told. */
  readonly fault: (what: string, error: unknown) => void;
}
