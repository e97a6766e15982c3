// Rows for training: what was known at each anchor, and what became of it. The journal's events are folded as they were
// live, so a row is what was served then; its labels wait until the watermark has passed them.
import type { Fold } from "../core/fold.ts";
import type { Entry } from "../journal/journal.ts";
import { Gaps } from "../live/gaps.ts";
import { Live } from "../live/live.ts";
import { nowhere } from "../live/nowhere.ts";
import { Rebuild } from "../live/rebuild.ts";
import { Recent } from "../live/recent.ts";
import type { SiteTransform } from "../site.ts";
import type { Progress } from "./progress.ts";
import type { Tally } from "./tally.ts";
import type { Job } from "./transform.ts";

export interface TrainingJob {
  /** With a window spec. */
  readonly spec: SiteTransform;
  readonly journal: {
    readonly lastSeq: number;
    read(fromSeq?: number): Iterable<Entry>;
    find(seq: number): Entry | null;
  };
  /** What was before is left out, and not missed; default: 1. */
  readonly fromSeq?: number;
  readonly writer: Job["writer"];
  readonly progress?: Progress | undefined;
}

export interface Trained {
  readonly tally: Tally;
  readonly rows: number;
  /** Anchors whose row may still change: they are too young, or their labels are. */
  readonly waiting: number;
  /** Events before it are taken no more, ms since epoch; null: all are. */
  readonly settledAt: number | null;
  /** Entries were no longer in the journal. */
  readonly lacksEarlier: boolean;
}

/** @throws AisleError `corrupt` naming an entry that can't be read, `unavailable` when the output can't be written */
export async function train(job: TrainingJob): Promise<Trained> {
  const live = foldJournal(job);
  const { fold } = live;
  const writer = job.writer(fold);
  let rows = 0;
  let waiting = 0;
  try {
    for (const identity of fold.identities()) {
      const ripe: number[] = [];
      const ofIdentity = fold.ripeRows(identity);
      let next = ofIdentity.next();
      for (; !next.done; next = ofIdentity.next()) ripe.push(next.value);
      waiting += next.value;
      rows += ripe.length;
      if (ripe.length > 0) writer.rows(identity, ripe);
      await writer.ready();
    }
    await writer.end();
  } catch (error) {
    await writer.abandon();
    throw error;
  }
  return { tally: tallyOf(live), rows, waiting, settledAt: live.settledAt, lacksEarlier: live.lacksEarlier };
}

/** The journal as it is now, folded. */
export function foldJournal({ spec, journal, fromSeq = 1, progress }: Omit<TrainingJob, "writer">): Live {
  const { lastSeq } = journal;
  let failure: unknown = null;
  const live = new Live(spec, {
    recent: new Recent((seq) => journal.find(seq)),
    cold: nowhere(),
    memoryBytes: Number.POSITIVE_INFINITY,
    rows: true,
    refused: () => {},
    fault: (_, error) => {
      failure = error;
    },
  });
  const gaps = new Gaps();
  gaps.beginBehind(fromSeq - 1);
  const read = (seq: number) => lessons(journal.read(Math.max(seq, fromSeq)), lastSeq, gaps);
  const rebuild = new Rebuild([live], read);
  while (rebuild.step() && failure === null) progress?.folded(rebuild.through, lastSeq);
  progress?.done();
  gaps.passAll(lastSeq + 1, lastSeq + 1);
  live.lacksEarlier = gaps.found;
  if (failure !== null) throw failure;
  return live;
}

/**
 * What somebody can learn from: not what the mock endpoints caused. A place with an owner goes on: what comes
 * meanwhile is left for another time.
 */
function* lessons(entries: Iterable<Entry>, lastSeq: number, gaps: Gaps): Generator<Entry> {
  for (const entry of entries) {
    if (entry.seq > lastSeq) return;
    gaps.passAll(entry.seq, entry.seq);
    if (entry.headers.test === undefined) yield entry;
  }
}

function tallyOf({ fold, counts }: { readonly fold: Fold; readonly counts: Live["counts"] }): Tally {
  const { folded, repeated, ...dropped } = counts;
  const lost = Object.entries(dropped).filter(([, count]) => count > 0) as [keyof typeof dropped, number][];
  const events = folded + repeated + lost.reduce((sum, [, count]) => sum + count, 0);
  return { events, dropped: new Map(lost), faults: fold.faults() };
}
