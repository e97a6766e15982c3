// Plays recorded paths as if customers walked now: the same events that a store's beacons send.
import type { Clock } from "./clock.ts";
import type { Step } from "./data/scenario.ts";

const UTF8 = new TextEncoder();

/** Takes one event in the flat form; resolves when it is accepted. */
export type Send = (type: string, payload: Uint8Array) => Promise<unknown>;

export interface PlayOptions {
  /** In order of time; the first is sent at once. */
  readonly steps: readonly Step[];
  /** Seconds of the store in a second of the clock; infinite: as fast as they are taken. */
  readonly speed: number;
  readonly clock: Clock;
  readonly send: Send;
  /** Asked before each step: true ends the play. */
  readonly stopped?: () => boolean;
}

/** @returns the number of events sent */
export async function play({ steps, speed, clock, send, stopped = () => false }: PlayOptions): Promise<number> {
  const first = steps[0]?.at ?? 0;
  const start = clock.monotonic();
  let sent = 0;
  for (const step of steps) {
    const due = start + (step.at - first) / speed;
    await sleepUntil(due, clock);
    if (stopped()) break;
    await send(step.type, payloadOf(step));
    sent++;
  }
  return sent;
}

/** The flat form, `ts` in ms. */
export function payloadOf({ type, customer, at, x, y, department }: Step): Uint8Array {
  return UTF8.encode(JSON.stringify({ type, id: customer, ts: at, x, y, dep: department }));
}

function sleepUntil(due: number, clock: Clock): Promise<void> {
  const ms = due - clock.monotonic();
  // Below a millisecond a timer only adds delay.
  if (!(ms >= 1)) return Promise.resolve();
  return new Promise((resolve) => void clock.after(ms, resolve));
}
