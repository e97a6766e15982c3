// What has to hold at every moment, and what at the end when everything was given time.
import { changeOf } from "../../../runtime/board/change.ts";
import { isDecision, readDecision } from "../../../runtime/decide/offers.ts";
import type { Entry } from "../../../runtime/journal/journal.ts";
import { coreScorer } from "../../../runtime/loaded.ts";
import { newApplier, type Place, workOf } from "../../../runtime/main.ts";
import { replay } from "../../../runtime/replay.ts";
import type { Events } from "./events.ts";

/** A promise that was broken. */
export class Broken extends Error {}

export interface Decided {
  readonly id: string;
  readonly customer: string;
  readonly text: string;
}

/** What a journal says, counted. */
export interface Account {
  /** By id of the event. */
  readonly events: ReadonlyMap<string, Entry>;
  /** By cause, in the order of the journal. */
  readonly decisions: ReadonlyMap<number, Decided>;
  /** Job and goal → how it ended. */
  readonly goals: ReadonlyMap<string, string>;
  /** Messages of the stream, by their place in it. */
  readonly left: ReadonlyMap<number, Entry>;
  readonly lastSeq: number;
}

/** Goes through a journal from its beginning. @throws Broken at what stands there twice, or out of order */
export function accountOf(entries: Iterable<Entry>): Account {
  const events = new Map<string, Entry>();
  const decisions = new Map<number, Decided>();
  const ids = new Set<string>();
  const goals = new Map<string, string>();
  const left = new Map<number, Entry>();
  let [lastSeq, lastAt] = [0, 0];
  for (const entry of entries) {
    const { seq, receivedAt, headers } = entry;
    if (lastSeq !== 0 && seq !== lastSeq + 1) throw new Broken(`entry ${seq} follows entry ${lastSeq}`);
    if (receivedAt < lastAt) throw new Broken(`entry ${seq} was received before the one before it`);
    [lastSeq, lastAt] = [seq, receivedAt];
    if (headers.id !== undefined) once(events, headers.id, entry, `event ${headers.id} is in the journal twice`);
    const place = placeOf(entry);
    if (place !== null) once(left, place, entry, `message ${place} of the stream is in the journal twice`);
    if (isDecision(entry)) {
      const { cause, id, customer } = readDecision(entry.payload);
      const text = Buffer.from(entry.payload).toString();
      once(decisions, cause, { id, customer, text }, `entry ${cause} was decided twice`);
      if (ids.has(id)) throw new Broken(`two decisions have the id ${id}`);
      ids.add(id);
    }
    countGoal(goals, entry);
  }
  return { events, decisions, goals, left, lastSeq };
}

function once<K, V>(map: Map<K, V>, key: K, value: V, wrong: string): void {
  if (map.has(key)) throw new Broken(wrong);
  map.set(key, value);
}

function countGoal(goals: Map<string, string>, entry: Entry): void {
  const change = changeOf(entry);
  if (change?.do !== "finish" || change.outcome === "retry") return;
  const goal = `${change.goal} of job ${change.key}`;
  once(goals, goal, change.outcome, `'${goal}' finished twice`);
}

function placeOf({ subject, payload }: Entry): number | null {
  if (subject !== "tills.7") return null;
  return (JSON.parse(Buffer.from(payload).toString()) as { left: number }).left;
}

/** Nothing that the place has taken from a stream is missing: all of it comes once. */
export function checkStream({ left }: Account, stream: { readonly consumed: number }): void {
  if (left.size < stream.consumed)
    throw new Broken(`${stream.consumed} messages were consumed, ${left.size} are there`);
  for (let place = 1; place <= left.size; place++)
    if (!left.has(place)) throw new Broken(`message ${place} of the stream is lost`);
}

/** Nothing that was acknowledged is missing, and each event is what was sent. */
export function checkEvents({ events }: Account, sent: Events): void {
  for (const { id, standing, line } of sent.all.values()) {
    const entry = events.get(id);
    if (entry === undefined && standing === "told") throw new Broken(`event ${id} was acknowledged, and is lost`);
    if (entry !== undefined && Buffer.from(entry.payload).toString() !== line)
      throw new Broken(`event ${id} is not what was sent`);
  }
  for (const id of events.keys()) if (!sent.all.has(id)) throw new Broken(`nobody sent an event ${id}`);
}

/** When everything was given time: each goal of each job has ended, as it had to. */
export function checkGoals({ goals }: Account, jobs: Iterable<string>): void {
  for (const job of jobs) {
    const wanted = { cutting: "done", bending: "done", packing: Number(job) % 5 === 4 ? "failed" : "done" };
    for (const [goal, outcome] of Object.entries(wanted)) {
      const end = goals.get(`${goal} of job ${job}`);
      if (end !== outcome) throw new Broken(`'${goal}' of job ${job}: ${end}, expected ${outcome}`);
    }
  }
}

/** Each decision is what the entries before it make of it, and none is missing. */
export function checkDecisions({ loaded, journal }: Place, entries: () => Iterable<Entry>): void {
  const work = workOf(loaded, journal.epoch, coreScorer(loaded));
  const { differences } = replay(work, newApplier(loaded), entries);
  for (const { id, recorded, remade } of differences) {
    if (recorded === null) throw new Broken(`decision ${id} was never made`);
    throw new Broken(`decision ${id} is ${JSON.stringify(recorded)}, a replay makes ${JSON.stringify(remade)}`);
  }
}
