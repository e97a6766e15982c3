// The real store site at work in the test's process: real journal, core, actors and faces, over a temporary folder.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pino } from "pino";
import { actors } from "../../actors/index.ts";
import { stepsOf } from "../../runtime/cli/up.ts";
import type { Clock } from "../../runtime/clock.ts";
import { type OpenedSite, type Overrides, openSite, type SiteOptions } from "../../runtime/config.ts";
import type { Step } from "../../runtime/data/scenario.ts";
import type { Decision } from "../../runtime/decide/decision.ts";
import { readDecision } from "../../runtime/decide/offers.ts";
import type { Journal } from "../../runtime/journal/journal.ts";
import { type Place, type StartOptions, start } from "../../runtime/main.ts";

export const STORE = resolve("deploy/sites/store");
/** The simulator's: nothing on its board hears of a purchase. */
export const SIMULATED = resolve("test/faults/site");

/** A Monday morning within the shipped coupons' days. */
export const MONDAY = Date.UTC(2026, 2, 2, 9, 0, 0);

/** A clock whose wall time the test sets; timers and the monotonic clock are real. */
export class SetClock implements Clock {
  at: number;

  constructor(at: number) {
    this.at = at;
  }

  now(): number {
    return this.at;
  }

  monotonic(): number {
    return performance.now();
  }

  after(ms: number, run: () => void): () => void {
    const timer = setTimeout(run, ms);
    timer.unref();
    return () => clearTimeout(timer);
  }
}

const DECLARED = actors as unknown as SiteOptions["actors"];

export function readStore(overrides: Overrides = {}, env: SiteOptions["env"] = {}, dir = STORE): OpenedSite {
  const all = { port: 0, play: null, place: "test", logLevel: "error", ...overrides };
  return openSite(dir, { env, hostname: "test", actors: DECLARED, overrides: all });
}

export interface Store extends AsyncDisposable {
  readonly place: Place;
  readonly clock: SetClock;
  readonly dataDir: string;
  /** Lines that the place logged, as JSON. */
  readonly logged: Record<string, unknown>[];
}

export interface StoreOptions {
  readonly overrides?: Overrides;
  readonly env?: SiteOptions["env"];
  readonly dir?: string;
  /** Kept and reused; else a fresh one that goes with the place. */
  readonly dataDir?: string;
  readonly at?: number;
  readonly machine?: StartOptions["machine"];
}

export async function startStore({
  overrides,
  env,
  dir,
  dataDir,
  at = MONDAY,
  machine,
}: StoreOptions = {}): Promise<Store> {
  const opened = readStore(overrides, env, dir);
  const folder = dataDir ?? temporary();
  const clock = new SetClock(at);
  const logged: Record<string, unknown>[] = [];
  const log = pino(
    { level: opened.site.log.level, base: null },
    { write: (line: string) => void logged.push(JSON.parse(line)) },
  );
  const place = await start({ ...opened, dataDir: folder, log, clock, version: "test", ...(machine && { machine }) });
  return {
    place,
    clock,
    dataDir: folder,
    logged,
    async [Symbol.asyncDispose]() {
      await place.stop();
      if (dataDir === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function temporary(): string {
  return mkdtempSync(join(tmpdir(), "aisle-test-"));
}

/** All recorded paths that ship with the store, from `startAt` on. */
export function recordedSteps(startAt = MONDAY): Step[] {
  const { play } = openSite(STORE, { env: {}, hostname: "test", actors: DECLARED }).site;
  return stepsOf({ ...play!, speed: 1 }, startAt);
}

/** Decisions of a journal, oldest first. */
export function decisionsOf(journal: Pick<Journal, "read">): Decision[] {
  const decisions: Decision[] = [];
  for (const entry of journal.read()) if (entry.kind === "decision") decisions.push(readDecision(entry.payload));
  return decisions;
}

/** What was decided, without what names the place's journal: sequences and the epoch. */
export function essence({ id: _, cause: __, visit: ___, ...rest }: Decision) {
  return rest;
}
