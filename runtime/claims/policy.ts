import type { Lapse } from "../board/change.ts";
import type { PlannedActor } from "../site.ts";

export type Ended = Pick<Lapse, "outcome" | "notBefore">;

/** A run did not succeed: when it is done again, until the plan's limit of tries. `now` in ms since epoch. */
export function again({ retries }: PlannedActor, attempt: number, now: number): Ended {
  const { max, backoffMs, backoffMaxMs } = retries;
  if (attempt > max) return { outcome: "failed" };
  return { outcome: "retry", notBefore: now + Math.min(backoffMaxMs, backoffMs * 2 ** Math.max(0, attempt - 1)) };
}

/** A run's lease has run out, or its node gave it up. */
export function lapsed(actor: PlannedActor, attempt: number, now: number): Ended {
  return actor.onLapse === "fail" ? { outcome: "failed" } : again(actor, attempt, now);
}
