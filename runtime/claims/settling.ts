// What the home of a record does about a claim: its journal is the truth, the bucket is made to say the same, and what
// other nodes brought there comes into the journal. One decision at a time, from what stands on both sides.
import type { Seen } from "./seen.ts";
import type { Claimed, ClaimValue, Finished } from "./values.ts";

/** What the home's journal says of a goal. */
export type Truth =
  /** The record was removed. */
  | { readonly is: "gone" }
  /** Its claim is being asked for here, or was granted and is not in the journal yet. */
  | { readonly is: "asked" }
  | { readonly is: "free"; readonly attempt: number; readonly run: string }
  /** It will be free when its backoff is over. */
  | { readonly is: "later"; readonly attempt: number; readonly run: string }
  | { readonly is: "running"; readonly attempt: number; readonly run: string; readonly host: string }
  | { readonly is: "ended"; readonly attempt: number; readonly run: string; readonly outcome: "done" | "failed" };

export interface Situation {
  readonly truth: Truth;
  readonly said: Seen["said"];
  /** The claim's lease has run out here. */
  readonly lapsed: boolean;
  /** The claim is one of this node that is not held: of an earlier process, or of a run that has ended here. */
  readonly stale: boolean;
  readonly node: string;
  /** The run that holds the goal on this node; null: none. */
  readonly held: { readonly claimed: Claimed; readonly isCut: boolean } | null;
  /** A run whose claim a person's writing has ended; null: none. */
  readonly voided: string | null;
  /** The run is in the journal as an extra one already; null: none is. */
  readonly extra: string | null;
  /** Nothing of the record is started any more, and all nodes can see that. */
  readonly closed: boolean;
  readonly seq: number;
}

/** Something for the journal. */
export type Event =
  | { readonly event: "claim"; readonly of: Claimed | Finished }
  | { readonly event: "finish"; readonly of: Finished }
  | {
      readonly event: "lapse";
      readonly run: string;
      readonly attempt: number;
      readonly why: Why;
      readonly taken: boolean;
    }
  | { readonly event: "extra"; readonly of: Claimed | Finished };

export type Why = "lease" | "given up" | "gone";

export type Step =
  | { readonly do: "nothing" }
  /** `lost`: this node's run has lost its claim. `leased`: only when the bucket still says the same. */
  | { readonly do: "journal"; readonly events: readonly Event[]; readonly lost: boolean; readonly leased: boolean }
  | { readonly do: "write"; readonly value: ClaimValue }
  | { readonly do: "remove" };

const NOTHING: Step = { do: "nothing" };

/** The next thing to do about a goal of a record of this node. */
export function nextStep(situation: Situation): Step {
  const step = stepFor(situation);
  const { closed, truth, said } = situation;
  const over = closed && truth.is !== "running" && truth.is !== "asked";
  return step.do === "nothing" && over && said.state !== "absent" ? { do: "remove" } : step;
}

function stepFor(situation: Situation): Step {
  const { truth, held, node, said } = situation;
  switch (truth.is) {
    case "gone":
      return said.state === "absent" ? NOTHING : { do: "remove" };
    case "asked":
      return NOTHING;
    case "running":
      if (held?.claimed.run === truth.run) return whileOurs(situation, held);
      // Of an earlier process of this node: the work says what becomes of it.
      return truth.host === node ? NOTHING : whileTheirs(situation, truth);
    case "ended":
      return whenEnded(situation, truth);
    default:
      return whenFree(situation, truth);
  }
}

function whileOurs(situation: Situation, held: NonNullable<Situation["held"]>): Step {
  const { said } = situation;
  const other = otherRun(situation, held.claimed.run);
  if (said.state === "claimed" && said.run === held.claimed.run) return NOTHING;
  if (other === null) return write(held.claimed);
  // We could not keep our claim while we were cut off: it stands all the same.
  if (held.isCut) return against(situation, other, held.claimed);
  const { run, attempt } = held.claimed;
  return journal([{ event: "lapse", run, attempt, why: "lease", taken: true }, ...adopted(other)], { lost: true });
}

function whileTheirs(situation: Situation, { run, attempt }: Truth & { is: "running" }): Step {
  const { said, lapsed, stale } = situation;
  const lapse = (why: Why, taken = false): Event => ({ event: "lapse", run, attempt, why, taken });
  switch (said.state) {
    case "claimed":
      if (said.run === run) return lapsed ? journal([lapse("lease")], { leased: true }) : NOTHING;
      return stale ? journal([lapse("gone")]) : journal([lapse("lease", true), ...adopted(said)]);
    case "finished":
      if (said.run === run) return journal([{ event: "finish", of: said }]);
      return journal([lapse("lease", true), ...adopted(said)]);
    case "open":
      return journal([lapse("given up")]);
    default:
      return journal([lapse("gone")]);
  }
}

function whenEnded(situation: Situation, truth: Truth & { is: "ended" }): Step {
  const { said, closed, seq } = situation;
  const { outcome, run, attempt } = truth;
  const settled: ClaimValue = { state: "settled", outcome, run, attempt, seq };
  if (said.state === "settled" && said.outcome === outcome) return NOTHING;
  if (said.state === "absent" && closed) return NOTHING;
  const other = otherRun(situation, run);
  return other === null ? write(settled) : against(situation, other, settled);
}

function whenFree(situation: Situation, truth: Truth & { is: "free" | "later" }): Step {
  const { said, voided, lapsed, stale, held, seq } = situation;
  const { run, attempt } = truth;
  const isFree = truth.is === "free";
  const wanted: ClaimValue = isFree
    ? { state: "open", attempt }
    : { state: "settled", outcome: "retry", run, attempt, seq };
  switch (said.state) {
    case "absent":
    case "open":
      return isFree ? NOTHING : write(wanted);
    case "settled":
      return !isFree && said.outcome === "retry" ? NOTHING : write(wanted);
    case "unreadable":
      return write(wanted);
    default:
      // It has lapsed in the journal, or has been ended here.
      if (said.state === "claimed" && (stale || said.run === run || said.run === held?.claimed.run))
        return write(wanted);
      if (said.run === voided) return against(situation, said, wanted);
      // The journal has it; the bucket was not told yet.
      if (said.state === "finished" && said.run === run && said.result.outcome === "retry") return write(wanted);
      if (said.state === "claimed" && lapsed) {
        const lapse: Event = { event: "lapse", run: said.run, attempt: said.attempt, why: "lease", taken: false };
        return journal([...adopted(said), lapse], { leased: true });
      }
      return journal(adopted(said));
  }
}

/** A run in the bucket that is neither the one of the journal nor held here; null: there is none. */
function otherRun({ said, stale, held }: Situation, run: string): Claimed | Finished | null {
  if (said.state !== "claimed" && said.state !== "finished") return null;
  return said.run === run || said.run === held?.claimed.run || stale ? null : said;
}

function adopted(other: Claimed | Finished): Event[] {
  const claim: Event = { event: "claim", of: other };
  return other.state === "finished" ? [claim, { event: "finish", of: other }] : [claim];
}

/** The journal wins: first the other run is written down as an extra one, then its claim is written over. */
function against({ extra }: Situation, other: Claimed | Finished, value: ClaimValue): Step {
  return extra === other.run ? write(value) : journal([{ event: "extra", of: other }]);
}

function write(value: ClaimValue): Step {
  return { do: "write", value };
}

function journal(events: readonly Event[], { lost = false, leased = false } = {}): Step {
  return { do: "journal", events, lost, leased };
}
