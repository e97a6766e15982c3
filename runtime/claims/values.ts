// What stands under the keys of claims and slots, and how it is read. Other programs write there too, so nothing is
// taken for granted: what can't be read is null, and counts as written by nobody.
import { limits } from "../limits.ts";

/** The goal may be claimed: its home has opened it anew, or who claimed it gave it up. A key that is not there means the same. */
export interface Open {
  readonly state: "open";
  /** Runs so far. */
  readonly attempt: number;
}

/** A run holds the goal, as long as its node writes this again within each `leaseMs`. */
export interface Claimed {
  readonly state: "claimed";
  readonly node: string;
  readonly run: string;
  /** From 1. */
  readonly attempt: number;
  readonly leaseMs: number;
  /** Once the lease has run out: another may take over, or only the home may act. */
  readonly onLapse: "retry" | "fail";
}

/** The run has ended; its home has not written it into its journal yet. */
export interface Finished {
  readonly state: "finished";
  readonly node: string;
  readonly run: string;
  readonly attempt: number;
  readonly result: ClaimResult;
}

export interface ClaimResult {
  readonly outcome: "done" | "failed" | "retry";
  /** Data cells, by name. */
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly detail?: string;
  /** The node has sent a notice of it. */
  readonly told?: boolean;
}

/** The home has it in its journal. Only the home changes this again. */
export interface Settled {
  readonly state: "settled";
  /** `retry`: the home will open it when it is time. */
  readonly outcome: "done" | "failed" | "retry";
  /** "" when a person wrote it. */
  readonly run: string;
  readonly attempt: number;
  /** The last entry of the home's journal that changed the record. */
  readonly seq: number;
}

export type ClaimValue = Open | Claimed | Finished | Settled;

export interface SlotHeld {
  readonly state: "held";
  readonly node: string;
  readonly run: string;
  readonly leaseMs: number;
}

export type SlotValue = { readonly state: "free" } | SlotHeld;

export function readClaim(text: string): ClaimValue | null {
  const said = object(text);
  const attempt = whole(said?.attempt, 0);
  if (said === null || attempt === null) return null;
  switch (said.state) {
    case "open":
      return { state: "open", attempt };
    case "claimed":
      return readClaimed(said, attempt);
    case "finished":
      return readFinished(said, attempt);
    case "settled": {
      const [outcome, run, seq] = [outcomeOf(said.outcome), name(said.run) ?? "", whole(said.seq, 0) ?? 0];
      return outcome === null ? null : { state: "settled", outcome, run, attempt, seq };
    }
    default:
      return null;
  }
}

export function readSlot(text: string): SlotValue | null {
  const said = object(text);
  if (said?.state === "free") return { state: "free" };
  const [node, run, leaseMs] = [name(said?.node), name(said?.run), whole(said?.leaseMs, 1)];
  if (said?.state !== "held" || node === null || run === null || leaseMs === null) return null;
  return { state: "held", node, run, leaseMs: Math.min(leaseMs, limits.leaseMs) };
}

function readClaimed(said: Said, attempt: number): Claimed | null {
  const [node, run, leaseMs] = [name(said.node), name(said.run), whole(said.leaseMs, 1)];
  if (node === null || run === null || leaseMs === null) return null;
  const onLapse = said.onLapse === "fail" ? "fail" : "retry";
  return { state: "claimed", node, run, attempt, leaseMs: Math.min(leaseMs, limits.leaseMs), onLapse };
}

function readFinished(said: Said, attempt: number): Finished | null {
  const [node, run, result] = [name(said.node), name(said.run), said.result];
  if (node === null || run === null || !isObject(result)) return null;
  const { fields, detail, told } = result;
  const outcome = outcomeOf(result.outcome);
  if (outcome === null) return null;
  return {
    ...{ state: "finished", node, run, attempt },
    result: {
      outcome,
      ...(isObject(fields) && { fields }),
      ...(typeof detail === "string" && { detail: detail.slice(0, limits.resultDetailChars) }),
      ...(told === true && { told }),
    },
  };
}

type Said = Readonly<Record<string, unknown>>;

/** The text as a JSON object; null: it is none. */
export function object(text: string): Said | null {
  try {
    const said: unknown = JSON.parse(text);
    return isObject(said) ? said : null;
  } catch {
    return null;
  }
}

export function isObject(value: unknown): value is Said {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A whole number from `least`; null: anything else. */
export function whole(value: unknown, least: number): number | null {
  return Number.isSafeInteger(value) && (value as number) >= least ? (value as number) : null;
}

/** Of a node, a run or a host: not empty, and no longer than a token may be. */
export function name(value: unknown): string | null {
  return typeof value === "string" && value !== "" && value.length <= limits.tokenBytes ? value : null;
}

function outcomeOf(value: unknown): ClaimResult["outcome"] | null {
  return value === "done" || value === "failed" || value === "retry" ? value : null;
}
