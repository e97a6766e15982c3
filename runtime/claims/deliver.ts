// What a node gives back to the home of a record: the result of a run, or the goal itself.
import type { Finish } from "../board/change.ts";
import type { KeyValue } from "../bus/kv.ts";
import type { Clock } from "../clock.ts";
import { AisleError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Hold, Holds } from "./holds.ts";
import type { SeenClaims } from "./seen.ts";
import type { Serial } from "./serial.ts";
import type { ClaimResult, ClaimValue } from "./values.ts";

export interface DeliveryOptions {
  readonly kv: KeyValue;
  readonly clock: Clock;
  readonly seen: SeenClaims;
  readonly holds: Holds;
  readonly serial: Serial;
  readonly isSynced: () => boolean;
  /** Resolves when the bucket was read again, or the claims are closed. */
  readonly whenSynced: () => Promise<void>;
  readonly isClosed: () => boolean;
}

/**
 * Hands a result over, when the bucket can be reached again if need be.
 *
 * @returns false: the claim was lost, the result counts for nothing
 */
export async function deliver(hold: Hold, finish: Finish, options: DeliveryOptions): Promise<boolean> {
  const { holds, serial, clock, isSynced, whenSynced, isClosed } = options;
  const { key } = hold;
  if (key === null) return false;
  let value = finishedOf(hold, finish);
  hold.delivering = finish.outcome;
  const isOver = () => hold.isDelivered || isClosed() || holds.find(hold.claim.run) !== hold;
  while (!isOver()) {
    if (!isSynced()) await whenSynced();
    try {
      await serial.run(key, async () => {
        if (!isOver() && isSynced()) await write(hold, key, value, options);
      });
    } catch (error) {
      if (error instanceof AisleError && error.code === "too-large") value = tooLarge(hold, error.message);
      else await new Promise<void>((resolve) => clock.after(limits.claimRetryMs, resolve));
    }
  }
  return hold.isDelivered;
}

/** Gives a goal back without a result. Null: the claim is not there any more. @throws AisleError as the bucket does */
export async function giveUp(
  key: string,
  run: string,
  { kv, seen, serial }: Pick<DeliveryOptions, "kv" | "seen" | "serial">,
): Promise<void> {
  await serial.run(key, async () => {
    for (let attempt = 0; attempt < limits.claimTries; attempt++) {
      const { said, revision } = seen.find(key);
      if (said.state !== "claimed" || said.run !== run) return;
      const text = JSON.stringify({ state: "open", attempt: said.attempt } satisfies ClaimValue);
      const made = await kv.update(key, text, revision);
      if (made !== null) seen.see(key, text, made);
      else await seen.refresh(kv, key);
    }
  });
}

async function write(hold: Hold, key: string, value: ClaimValue, options: DeliveryOptions): Promise<void> {
  const { kv, seen, holds } = options;
  const text = JSON.stringify(value);
  const revision = await kv.update(key, text, hold.revision);
  if (revision !== null) seen.see(key, text, revision);
  else await seen.refresh(kv, key);
  // Delivered, or lost, or renewed meanwhile.
  holds.seen(key);
}

function finishedOf({ claim, claimed }: Hold, { outcome, fields, detail }: Finish): ClaimValue {
  const result: ClaimResult = {
    ...{ outcome, told: true },
    ...(fields !== undefined && { fields }),
    ...(detail !== undefined && { detail }),
  };
  return { state: "finished", node: claimed.node, run: claim.run, attempt: claim.attempt, result };
}

function tooLarge({ claim, claimed }: Hold, message: string): ClaimValue {
  const result: ClaimResult = { outcome: "failed", detail: `its result can't be sent to its home: ${message}` };
  return { state: "finished", node: claimed.node, run: claim.run, attempt: claim.attempt, result };
}
