/** A rule that kept an agent from running: nothing was written. */
export type SkipReason =
  | "max-selves"
  | "conflict"
  | "not-ready"
  | "complete"
  | "already-running"
  | "already-done"
  | "already-failed"
  | "prerequisite";

/** What became of an agent. `detail` is for people. */
export type Outcome =
  | { readonly kind: "skipped"; readonly reason: SkipReason; readonly detail: string }
  /** Somebody else has the goal; `ran`: the body ran all the same, as its claim was taken over meanwhile. */
  | { readonly kind: "lost"; readonly ran: boolean; readonly detail: string }
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly detail: string }
  /** `no-row`: there is no such record; `thrown`: the body, the sheet or a missing column threw. */
  | { readonly kind: "error"; readonly reason: "no-row" | "thrown"; readonly detail: string; readonly error: unknown };

/** An outcome, and what the original would have returned in either language. */
export interface Processed {
  readonly outcome: Outcome;
  readonly ruby: boolean;
  readonly perl: boolean;
}

/** Not to run is no failure in either; a body that failed is one in Perl only. */
export function processed(outcome: Outcome): Processed {
  const ruby = outcome.kind !== "error";
  return { outcome, ruby, perl: ruby && outcome.kind !== "failed" };
}
