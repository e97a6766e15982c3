// The recorded cases: where they are read from, and what one looks like.
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseEpoch, parseIso } from "../../../runtime/data/time.ts";

type Json = Readonly<Record<string, unknown>>;

export interface Case {
  readonly id: string;
  readonly component: string;
  readonly era: string;
  readonly input: Json;
  /** What the original did. */
  readonly expect: Json;
  /** What a better system should do: goes before `expect`. Prose. */
  readonly recommended_instead?: string;
}

/** A kind of case: the runner takes the first whose `fits` says so, and runs it. */
export interface Shape {
  readonly name: string;
  fits(each: Case): boolean;
  /** Throws, as `expect` does, when Aisle does otherwise. */
  run(each: Case): Promise<void>;
}

/** The folder of the cases that ship. */
export const SHIPPED = resolve("test/cases/retail");
const { AISLE_CASES } = process.env;

/** `$AISLE_CASES/retail`, or the cases that ship. */
export const FOLDER = AISLE_CASES === undefined || AISLE_CASES === "" ? SHIPPED : resolve(AISLE_CASES, "retail");
export const isShipped = FOLDER === SHIPPED;

/** A file or folder beside the cases; what another folder lacks is taken from the shipped one. */
export function beside(name: string): string {
  const own = join(FOLDER, name);
  return existsSync(own) ? own : join(SHIPPED, name);
}

/** A file of the cases as JSON. */
export function json<T = Json>(name: string): T {
  return JSON.parse(readFileSync(beside(name), "utf8")) as T;
}

export function readCases(): readonly Case[] {
  const { cases } = JSON.parse(readFileSync(join(FOLDER, "cases.json"), "utf8")) as { cases: Case[] };
  return cases;
}

/** Ids in the table of README.md: where Aisle does otherwise on purpose. */
export function excluded(): readonly string[] {
  const text = readFileSync(join(SHIPPED, "README.md"), "utf8");
  return [...text.matchAll(/^\| ([a-z]{2}-\d{2}-[A-Za-z0-9-]+) +\|/gm)].map(([, id]) => id!);
}

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Who and when, in either wire; `time` in ms, null without one that can be read. */
export function said(body: unknown): { readonly id: string; readonly time: number | null } {
  if (!isObject(body)) return { id: "", time: null };
  const payload = isObject(body.payload) ? body.payload : body;
  const ts = String(body.ts ?? body.event_timestamp ?? "");
  const time = /^\d+(\.\d+)?$/.test(ts) ? parseEpoch(Number(ts)) : parseIso(ts, "UTC");
  return { id: String(payload.customer_id ?? payload.id), time };
}

/** The event time of a body, ms; now without one. */
export function timeOf(body: unknown): number {
  return said(body).time ?? NOW;
}

/** The wall time at which places of the cases live, unless a case says otherwise; within the days of their coupons. */
export const NOW = Date.UTC(2026, 2, 2, 9, 0, 0); // ms
