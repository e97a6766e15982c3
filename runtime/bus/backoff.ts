import { randomInt } from "node:crypto";
import { limits } from "../limits.ts";

/**
 * Pause before a server is tried again, ms: doubles up to the bound; the half of it is left to chance, lest all boxes of
 * a chain come back in one moment.
 *
 * @param random  in [0, 1)
 */
export function backoffMs(attempt: number, random: number): number {
  return Math.min(limits.busRetryMaxMs, limits.busRetryMs * 2 ** Math.min(attempt, 20)) * (0.5 + random / 2);
}

export function cryptoRandom(): number {
  return randomInt(2 ** 32) / 2 ** 32;
}
