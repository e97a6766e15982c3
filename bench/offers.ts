// A game's events and what becomes of them by the offer-ai spec: what several benches work on.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readTransform } from "../runtime/spec/load.ts";
import type { Transform } from "../runtime/spec/spec.ts";
import { prng } from "../test/support/prng.ts";

const EVENTS = new URL("../../test/cases/offer-ai/events.jsonl", import.meta.url);
const SPECS = new URL("../../test/cases/blurr/offer_ai_window_fixed/", import.meta.url);

const MS_PER_EVENT = 250;
export const START = Date.parse("2016-02-10T00:00:00Z");

/** The spec as it was recorded, with its window. */
export function offerAi(): Transform {
  const read = (name: string) => ({ file: name, text: readFileSync(new URL(name, SPECS), "utf8") });
  const { spec, mistakes } = readTransform({ streaming: read("streaming.yml"), window: read("window.yml") });
  if (spec === null) throw new Error(JSON.stringify(mistakes));
  return spec;
}

// Input

/** Events as bytes, and where in each its time stands: a new pass through them comes later. */
export interface Workload {
  readonly payloads: Buffer[];
  readonly types: string[];
  readonly timeAt: Int32Array;
  readonly identities: number;
  /** From one event to the next. */
  readonly everyMs: number;
}

export function workload(identities: number, count: number, everyMs = MS_PER_EVENT): Workload {
  const random = prng(7); // the same events in every run, so that before and after can be compared
  const recorded = readFileSync(EVENTS, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const offsets = Int32Array.from({ length: identities }, () => Math.floor(random() * recorded.length));
  const played = new Int32Array(identities);
  const payloads: Buffer[] = [];
  const types: string[] = [];
  const timeAt = new Int32Array(count);
  let turn: number[] = [];
  for (let i = 0; i < count; i++) {
    if (turn.length === 0) turn = shuffled(identities, random);
    const identity = turn.pop()!;
    const event = { ...recorded[(offsets[identity]! + played[identity]!++) % recorded.length] };
    event.event_time = isoSeconds(START + i * everyMs);
    event.customer_identifier = renamed(event.customer_identifier, identity);
    event.session_id = renamed(event.session_id, identity);
    payloads.push(Buffer.from(JSON.stringify(event)));
    types.push(event.event_id);
    timeAt[i] = payloads[i]!.indexOf(event.event_time);
  }
  return { payloads, types, timeAt, identities, everyMs };
}

/** A uuid that carries the identity's number. */
function renamed(uuid: string, identity: number): string {
  return uuid.slice(0, 28) + identity.toString(16).padStart(8, "0");
}

export function isoSeconds(at: number): string {
  return new Date(at).toISOString().slice(0, 19);
}

function shuffled(count: number, random: () => number): number[] {
  const items = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor((i + 1) * random());
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
  return items;
}

/** Moves `count` events behind the passes before: as if `later` events had come in between. */
export function moveOn({ payloads, timeAt, everyMs }: Workload, from: number, count: number, later: number): void {
  let [second, text] = [0, ""];
  for (let i = from; i < from + count; i++) {
    const at = Math.floor((START + (later + i) * everyMs) / 1_000);
    if (at !== second) [second, text] = [at, isoSeconds(at * 1_000)];
    payloads[i]!.write(text, timeAt[i]!, "latin1");
  }
}

/** Lays events side by side, a line each; they go on being moved on where they lie. */
export function linesOf(load: Workload, from: number, count: number): Buffer {
  const lines = Buffer.concat(load.payloads.slice(from, from + count).flatMap((payload) => [payload, LF]));
  let at = 0;
  for (let i = from; i < from + count; i++) {
    const { length } = load.payloads[i]!;
    load.payloads[i] = lines.subarray(at, at + length);
    at += length + LF.length;
  }
  return lines;
}

const LF = Buffer.from("\n");

interface User {
  identity: string;
  userId: string;
  country: string;
  fbConnected: boolean;
}

interface Game {
  identity: string;
  startAt: number;
  endAt: number;
  gamesPlayed: number;
  gamesWon: number;
  winRatio: number;
  purchaseAmount: number;
  offerType: string;
  offerPurchased: boolean;
  offerPrice: number;
  sessionId: string;
}

/** Sessions and profiles by hand: what somebody would write who needs just these. */
export class Sessions {
  readonly #users = new Map<string, User>();
  readonly #games = new Map<string, Map<string, Game>>();

  /** @returns the identity whose state changed */
  event(event: Record<string, never>): string {
    const identity: string = event.customer_identifier!;
    const at = Date.parse(`${event.event_time}Z`);
    const type: string = event.event_id!;
    if (type === "app_launched" || type === "user_updated") this.#profile(identity, event);
    let games = this.#games.get(identity);
    if (games === undefined) {
      games = new Map();
      this.#games.set(identity, games);
    }
    const sessionId: string = event.session_id!;
    let game = games.get(sessionId);
    if (game === undefined) {
      game = newGame(identity, sessionId, at);
      games.set(sessionId, game);
    }
    if (at < game.startAt) game.startAt = at;
    if (at > game.endAt) game.endAt = at;
    if (type === "game_start") game.gamesPlayed++;
    if (type === "game_end") {
      if (event.won === true) game.gamesWon++;
      if (game.gamesPlayed > 0) game.winRatio = game.gamesWon / game.gamesPlayed;
    }
    if (type === "purchase" && event.purchase_source === "offer") game.purchaseAmount += Number(event.txn_amount);
    if (type === "offer_shown") {
      game.offerType = event.offer_type ?? game.offerType;
      game.offerPurchased = event.offer_purchased ?? game.offerPurchased;
      game.offerPrice = event.offer_price ?? game.offerPrice;
    }
    return identity;
  }

  /** What is known of an identity, as an object that can be stored. */
  state(identity: string): unknown {
    return { user: this.#users.get(identity) ?? null, games: [...(this.#games.get(identity)?.values() ?? [])] };
  }

  #profile(identity: string, event: Record<string, never>): void {
    let user = this.#users.get(identity);
    if (user === undefined) {
      user = { identity, userId: "", country: "", fbConnected: false };
      this.#users.set(identity, user);
    }
    user.userId = identity;
    user.country = event.country ?? user.country;
    user.fbConnected = event.signin_method === "fb";
  }
}

function newGame(identity: string, sessionId: string, at: number): Game {
  return {
    identity,
    startAt: at,
    endAt: at,
    gamesPlayed: 0,
    gamesWon: 0,
    winRatio: 0,
    purchaseAmount: 0,
    offerType: "",
    offerPurchased: false,
    offerPrice: 0,
    sessionId,
  };
}

/** A site that takes these events in and folds them; `bus` are lines below `bus:` of its file, `more` others. Goes with `remove`. */
export function offerSite(
  bus: readonly string[] = [],
  more: readonly string[] = [],
): { readonly dir: string; remove(): void } {
  const dir = mkdtempSync(join(tmpdir(), "aisle-bench-site-"));
  mkdirSync(join(dir, "transforms"));
  for (const name of ["streaming.yml", "window.yml"])
    writeFileSync(join(dir, "transforms", name), readFileSync(new URL(name, SPECS)));
  writeFileSync(join(dir, "plan.yml"), PLAN);
  writeFileSync(
    join(dir, "site.yml"),
    [...SITE, ...(bus.length === 0 ? [] : ["bus:", ...bus]), ...more, ""].join("\n"),
  );
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** Nothing on the board hears of a game: a page of players, for people. */
const PLAN = "version: 1\npages:\n  players: { keys: [player] }\nactors: []\n";

const SITE = [
  "version: 1",
  "name: offers",
  "events:",
  "  identity: text",
  "  forms:",
  "    - name: game",
  "      type: event_id",
  "      identity: customer_identifier",
  "      time: { path: event_time, unit: iso }",
  "  types: { app_launched: {}, game_start: {}, game_end: {}, offer_shown: {}, purchase_made: {} }",
];
