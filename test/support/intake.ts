// Events of several sites as publishers write them, and as nobody should: for whoever sorts plain ones from others.
import { resolve } from "node:path";
import { actors } from "../../actors/index.ts";
import { openSite } from "../../runtime/config.ts";
import { EventReader } from "../../runtime/events.ts";
import type { EventsConfig } from "../../runtime/site.ts";
import type { Dice } from "./dice.ts";

export const NOW = Date.UTC(2026, 2, 2, 9, 0, 0);

export interface EventSite {
  readonly name: string;
  readonly events: EventsConfig;
  readonly departments: ReadonlyMap<string, readonly string[]>;
  readonly timeZone: string;
}

const store = openSite(resolve("deploy/sites/store"), { env: {}, hostname: "test", actors: actors as never }).site;

/** A game, as the offer-ai spec reads its events. */
const game: EventsConfig = {
  identity: "text",
  forms: [
    {
      name: "game",
      when: null,
      type: ["event_id"],
      id: [],
      source: [],
      identity: ["customer_identifier"],
      time: { paths: ["event_time"], unit: "iso" },
      fields: {},
    },
  ],
  types: new Map(
    ["app_launched", "game_start", "game_end", "offer_shown", "purchase"].map((name) => [
      name,
      { name, aliases: [], fields: {} },
    ]),
  ),
  dedupeIds: 1_000,
};

export const SITES: readonly EventSite[] = [
  { ...store, name: "store" },
  { ...store, name: "store in Berlin", events: { ...store.events, identity: "text" }, timeZone: "Europe/Berlin" },
  { ...store, name: "store in New York", timeZone: "America/New_York" },
  { name: "game", events: game, departments: new Map(), timeZone: "UTC" },
];

export const readerOf = ({ events, departments, timeZone }: EventSite): EventReader =>
  new EventReader(events, departments, timeZone);

const TIMES: readonly ((dice: Dice) => unknown)[] = [
  (dice) => NOW / 1000 - dice.below(100_000),
  (dice) => NOW - dice.below(100_000_000),
  (dice) => NOW / 1000 + dice.random() * 600,
  (dice) => NOW + dice.below(600_000),
  (dice) => String(NOW / 1000 + dice.below(600)),
  (dice) => new Date(NOW + (dice.below(1_200) - 600) * 1000).toISOString(),
  (dice) => new Date(NOW + (dice.below(1_200) - 600) * 1000).toISOString().slice(0, 19),
  (dice) => `${new Date(NOW + (dice.below(48) - 24) * 1_800_000).toISOString().slice(0, 19)}+0${dice.below(10)}:30`,
  (dice) => new Date(NOW + (dice.below(40) - 20) * 1_800_000).toISOString().slice(0, 19).replace("T", " "),
  (dice) => new Date(NOW - dice.below(9) * 86_400_000).toISOString().slice(0, 10),
  (dice) =>
    dice.one(["2026-02-30T10:00:00Z", "2026-13-01", "0099-01-01", "2026-03-02T25:00:00", "2026-03-02T08:00:00z"]),
  (dice) => dice.one(["2026-03-02T08:00:00,5Z", "2026-03-02T08:00", "2026-03-02T08:00:00.1234567891Z", "now", ""]),
  (dice) => dice.one([-1, 1e300, 0, 1e11, 99_999_999_999.5, 8.64e15, true, null, {}, []]),
];
const IDENTITIES: readonly unknown[] = [
  7,
  127,
  "7",
  "007",
  "7.0",
  7.5,
  -1,
  -0,
  1e3,
  1e16,
  "x",
  "é",
  "",
  "a".repeat(257),
  null,
  true,
];
const TYPES = ["entry", "ENTRY", "Customer Move", "move", "focus", "exit", "outcome", "purchase", "shoes", "", "mové"];
const GAME_TYPES = ["app_launched", "game_start", "Game_End", "offer_shown", "purchase", "shoes"];
const DEPARTMENTS = ["Boys", "boys", "Boy's", "sports", "Shoes", "", 7, "Bôys"];
const IDS: readonly unknown[] = ["e-1", "e-2", 17, "é-3", "", "i".repeat(300), null, false, 'quo"ted'];

/** An event in one of the forms of the site, whose values are mostly good. */
export function eventOf({ name }: EventSite, dice: Dice): Record<string, unknown> {
  const isRare = () => dice.chance(0.15);
  const time = (isRare() ? dice.one(TIMES) : TIMES[dice.below(2)]!)(dice);
  if (name === "game") {
    return {
      event_id: isRare() ? dice.one(GAME_TYPES) : GAME_TYPES[dice.below(2)],
      event_time: isRare() ? dice.one(TIMES)(dice) : new Date(NOW - dice.below(1e9)).toISOString().slice(0, 19),
      customer_identifier: isRare() ? dice.one(IDENTITIES) : `0d584b3b-7074-19a7-239a-${dice.below(1e6)}`,
      ...(dice.chance(0.5) ? { won: dice.chance(0.5), txn_amount: dice.random() * 100 } : {}),
    };
  }
  const type = isRare() ? dice.one(TYPES) : dice.one(["entry", "move", "focus", "exit"]);
  const identity = isRare() ? dice.one(IDENTITIES) : dice.below(1_000);
  const department = isRare() ? dice.one(DEPARTMENTS) : "Boys";
  const place = {
    x: isRare() ? "5" : dice.random() * 1_000,
    y: isRare() ? Number.POSITIVE_INFINITY : dice.below(1_000),
  };
  const id = isRare() ? { event_id: dice.one(IDS) } : dice.chance(0.3) ? { event_id: `e-${dice.below(1_000)}` } : {};
  if (dice.chance(0.3)) {
    const payload = { customer_id: identity, category: department, ...place };
    return { event_type: type, event_timestamp: time, payload: isRare() ? null : payload, ...id };
  }
  if (dice.chance(0.1)) {
    const data = { customer_id: identity, category: department, ...place };
    return { specversion: "1.0", type, id: "c-1", time, ...(dice.chance(0.5) ? { source: "/till" } : {}), data };
  }
  return { type, id: identity, ts: time, dep: department, ...place, ...id };
}

/** The event as bytes: its members in some order, with more or less white space, and now and then spoilt. */
export function written(event: Record<string, unknown>, dice: Dice): Buffer {
  const members = Object.entries(event);
  if (dice.chance(0.1)) members.sort(() => dice.random() - 0.5);
  if (dice.chance(0.05)) members.splice(dice.below(members.length), 1);
  if (dice.chance(0.05)) members.push(dice.one(members.length > 0 ? members : [["a", 1]]));
  const blank = dice.chance(0.2) ? " " : "";
  const text = members.map(([key, value]) => `${keyText(key, dice)}:${blank}${valueText(value, dice)}`);
  let json = `${dice.chance(0.05) ? " \n" : ""}{${text.join(`,${blank}`)}}${dice.chance(0.05) ? "\n " : ""}`;
  if (dice.chance(0.02)) json = dice.one([`[${json}]`, `${json}\n${json}`, "", " ", "7", `\ufeff${json}`, `${json},`]);
  const bytes = Buffer.from(json);
  if (dice.chance(0.03) && bytes.length > 0) bytes[dice.below(bytes.length)] = dice.below(256);
  return dice.chance(0.02) ? bytes.subarray(0, dice.below(bytes.length + 1)) : bytes;
}

function keyText(key: string, dice: Dice): string {
  return dice.chance(0.01)
    ? `"\\u00${key.charCodeAt(0).toString(16).padStart(2, "0")}${key.slice(1)}"`
    : JSON.stringify(key);
}

function valueText(value: unknown, dice: Dice): string {
  if (value === Number.POSITIVE_INFINITY) return "1e999";
  if (typeof value === "number" && dice.chance(0.05))
    return dice.one([value.toExponential(), `${value}.0`.replace(/(\..*)\.0/, "$1")]);
  const text = JSON.stringify(value);
  return typeof value === "string" && dice.chance(0.02) ? text.replace(/[a-z]/, "\\u0061") : text;
}
