// What a place makes of its journal: what it says itself, and what one says that is started on a copy of its folder.
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Up } from "../../support/cli.ts";
import { startStore, temporary } from "../../support/place.ts";
import { type Digest, digestOf, sorted } from "../sim/digest.ts";
import type { Account } from "../sim/invariants.ts";

/** Customer → how many events of theirs are in the state, and the sum of their numbers. */
export type Counts = Readonly<Record<string, string>>;

/**
 * Over a connection of its own: one that lay idle while a journal was read may be closed by the place just as it is used
 * again.
 */
function asked(url: string): Promise<Response> {
  return fetch(url, { headers: { connection: "close" } });
}

/** As the place has folded them (`site.ts`). */
export async function countsOf(url: string): Promise<Counts> {
  const text = await asked(`${url}/aggregates`).then((response) => response.text());
  const lines = text.split("\n").filter((line) => line !== "");
  const counted = lines.map((line) => JSON.parse(line) as Line).filter(({ spec }) => spec === "counts");
  return Object.fromEntries(
    counted.map(({ identity, records: { seen } }) => [identity, `${seen[0].events} ${seen[0].sum}`]),
  );
}

interface Line {
  readonly spec: string;
  readonly identity: string;
  readonly records: { readonly seen: readonly [{ readonly events: number; readonly sum: number }] };
}

/** As the journal has them, each once. */
export function countsIn({ events }: Account): Counts {
  const counts = new Map<string, { events: number; sum: number }>();
  for (const { payload } of events.values()) {
    const { id, n } = JSON.parse(Buffer.from(payload).toString()) as { id: number; n: number };
    const customer = String(id);
    const { events: count, sum } = counts.get(customer) ?? { events: 0, sum: 0 };
    counts.set(customer, { events: count + 1, sum: sum + n });
  }
  return Object.fromEntries([...counts].map(([customer, { events: count, sum }]) => [customer, `${count} ${sum}`]));
}

/** Customers whose events one has and the other has not, or has twice. */
export function miscounted(one: Counts, other: Counts): string[] {
  const customers = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...customers]
    .filter((customer) => one[customer] !== other[customer])
    .map((customer) => `customer ${customer}: ${one[customer]} and ${other[customer]}`);
}

/** The first line in which two states differ, of both; null: none. */
export function firstDifference(one: Digest, other: Digest): string | null {
  for (const part of new Set([...Object.keys(one), ...Object.keys(other)])) {
    const [here, there] = [one, other].map((digest) => (digest[part] ?? "").split("\n")) as [string[], string[]];
    for (let n = 0; n < Math.max(here.length, there.length); n++)
      if (here[n] !== there[n]) return `${part}: ${here[n]}\nand\n${there[n]}`;
  }
  return null;
}

/** The state as a place shows it, in the parts that a digest has; without offers. */
export async function seenAt(url: string): Promise<Digest> {
  const textOf = async (path: string) => {
    const response = await asked(url + path);
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    return await response.text();
  };
  const { pages } = JSON.parse(await textOf("/pages")) as { pages: { name: string }[] };
  const parts: Record<string, string> = {};
  for (const { name } of pages) parts[`page ${name}`] = await textOf(`/pages/${name}/csv`);
  parts.aggregates = sorted(await textOf("/aggregates"));
  return parts;
}

/** Of the log. */
const WARN = 40;

export interface Begun {
  readonly digest: Digest;
  /** The first entry that was replayed. */
  readonly from: number;
  /** What it told of as being out of order. */
  readonly warnings: readonly string[];
}

/**
 * The state in which a place starts from a copy of a folder that nobody has open; it is told to nobody.
 *
 * @param site  its folder, of which nothing leads to a bus
 * @param at  ms since epoch, for the whole of its life
 */
export async function begunFrom(dataDir: string, site: string, at: number, checkpoint: boolean): Promise<Begun> {
  const copy = temporary();
  try {
    cpSync(dataDir, copy, { recursive: true, filter: (path) => !path.endsWith(".sock") });
    if (!checkpoint) rmSync(join(copy, "checkpoint"), { recursive: true });
    await using store = await startStore({
      ...{ dir: site, dataDir: copy, at },
      overrides: { place: "box", logLevel: "info" },
    });
    await store.place.runner.idle();
    const ready = store.logged.find(({ msg }) => msg === "ready") as { from: number } | undefined;
    const warnings = store.logged.filter(({ level }) => (level as number) >= WARN).map(({ msg }) => String(msg));
    return { digest: digestOf(store.place), from: ready!.from, warnings };
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** A metric without its prefix; undefined where it is not. */
export async function metricOf(url: string, name: string): Promise<number | undefined> {
  const text = await asked(`${url}/metrics`).then((response) => response.text());
  const value = new RegExp(`^aisle_${name}(?:\\{.*\\})? (\\S+)$`, "m").exec(text)?.[1];
  return value === undefined ? undefined : Number(value);
}

/** The first entry that a place replayed when it began, as its log says. */
export function replayedFrom(at: Up): number {
  return Number(/"from":(\d+),.*"msg":"ready"/.exec(at.output())?.[1]);
}
