import type { Clock } from "../clock.ts";

/** Waits for `work`, but no longer than `ms`; what comes later is left alone. */
export async function within(clock: Clock, ms: number, work: Promise<unknown>): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const cancel = clock.after(ms, resolve);
    work.finally(cancel).then(() => resolve(), reject);
  });
}
