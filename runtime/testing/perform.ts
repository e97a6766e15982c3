// Plays a test at a place, and says what came of it.
import { AisleError } from "../errors.ts";
import type { Expectation, Script } from "./script.ts";

/** What a spec says of an identity. */
export interface Told {
  readonly spec: string;
  readonly json: string;
}

/** Whom an event is about and when it was, ms since epoch, as the site reads it; null: it can't. */
export type ReadEvent = (body: Uint8Array) => { readonly identity: string | null; readonly at: number | null } | null;

/** A place to play at, fresh: no network, a clock that is moved. */
export interface Stage {
  /** Moves the clock on; nothing happens when it is later already. */
  moveTo(at: number): void;
  now(): number;
  /** Takes an event in, or keeps it as a dead letter. */
  send(body: Uint8Array): Promise<void>;
  /** Resolves when nothing is left to be done. */
  settle(): Promise<void>;
  decisions(): readonly unknown[];
  aggregates(identity: string): readonly Told[];
  features(identity: string): Promise<readonly Told[]>;
  /** Oldest first. */
  letters(): Promise<readonly Letter[]>;
}

export interface Letter {
  readonly code: string;
  readonly detail: string;
  /** As text when it is no JSON. */
  readonly event: unknown;
}

/** What came out, in the form of what is expected. */
export type Outcome = Required<{ [Part in keyof Expectation]: NonNullable<Expectation[Part]> }>;

/** Plays at a fresh place that stands at an instant, ms since epoch. */
export type Open = (at: number, play: (stage: Stage) => Promise<Outcome>) => Promise<Outcome>;

/** @throws AisleError when the test can't begin or come to an end */
export async function perform(script: Script, read: ReadEvent, open: Open): Promise<Outcome> {
  const events = script.steps.map((step) => ("body" in step ? read(step.body) : null));
  const at = script.at ?? events.find((event) => (event?.at ?? null) !== null)?.at ?? null;
  if (at === null)
    throw new AisleError("invalid", "'at' is missing: expected when the test begins, as no event brings a time");
  return open(at, async (stage) => {
    for (const [index, step] of script.steps.entries()) {
      if ("pauseMs" in step) stage.moveTo(stage.now() + step.pauseMs);
      else {
        stage.moveTo(events[index]?.at ?? at);
        await stage.send(step.body);
      }
      await stage.settle();
    }
    const seen = new Set(events.flatMap((event) => event?.identity ?? []));
    return outcomeAt(stage, script.expect, seen);
  });
}

/** @param seen  who is asked about while nobody says who */
async function outcomeAt(stage: Stage, expect: Expectation | null, seen: ReadonlySet<string>): Promise<Outcome> {
  const asked = (part: object | undefined) => (expect === null ? seen : Object.keys(part ?? {}));
  const aggregates: Record<string, Record<string, unknown[]>> = {};
  for (const identity of asked(expect?.aggregates))
    aggregates[identity] = joined(stage.aggregates(identity)) as Record<string, unknown[]>;
  const features: Record<string, Record<string, unknown> | null> = {};
  for (const identity of asked(expect?.features)) {
    const rows = (await stage.features(identity)).filter(({ json }) => json !== "null");
    features[identity] = rows.length === 0 ? null : joined(rows);
  }
  return { decisions: stage.decisions(), aggregates, features, deadLetters: await stage.letters() };
}

/** One map of what several specs say. A name that two of them have stands with the spec's before it. */
function joined(told: readonly Told[]): Record<string, unknown> {
  const maps = told.map(({ spec, json }) => ({ spec, map: JSON.parse(json) as Record<string, unknown> }));
  const counts = new Map<string, number>();
  for (const { map } of maps) for (const name in map) counts.set(name, (counts.get(name) ?? 0) + 1);
  return Object.fromEntries(
    maps.flatMap(({ spec, map }) =>
      Object.entries(map).map(([name, value]) => [counts.get(name) === 1 ? name : `${spec}.${name}`, value]),
    ),
  );
}

/** What is expected, in full: no dead letters, where nothing is said of them. */
export function expected({ expect }: Script): Expectation {
  return { deadLetters: [], ...expect };
}
