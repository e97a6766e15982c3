// Recorded paths of customers, in the three forms that the original left, as one list of timed steps.
import type { Mistake } from "../errors.ts";
import { didYouMean } from "../errors.ts";
import { limits } from "../limits.ts";
import { found, oneOf, refuse, shorten } from "./mistakes.ts";
import { parseEpoch, parseIso } from "./time.ts";
import { type Path, parseYaml } from "./yaml.ts";

export interface Step {
  /** ms since epoch. */
  readonly at: number;
  readonly type: "entry" | "move" | "exit" | "focus";
  readonly customer: string;
  readonly x?: number;
  readonly y?: number;
  /** Of a recorded focus. */
  readonly department?: string;
}

export interface ScenarioOptions {
  /** ms of walking per unit of straight-line distance, for paths without times. */
  readonly paceMs: number;
  /** Of pauses, and of who comes when. Equal seeds give equal times. */
  readonly seed: number;
  /** The first step's time, ms since epoch. */
  readonly startAt: number;
}

/** Standing still for one recorded step. The recordings were made at about one message a second. */
const PAUSE_MS = 1_000;
/** A pause is up to this part shorter or longer. */
const PAUSE_JITTER = 0.2;
/** Between one customer's start and the next one's, for paths without times. */
const STAGGER_MS = { least: 1_000, most: 10_000 };
/** A draft's focus: so many further moves at the same place, so far apart; the player's own figures. */
const FOCUS_MOVES = 5;
const FOCUS_STEP_MS = 7_500;
/** A draft's first step comes so long after the start. */
const DRAFT_LEAD_MS = 10_000;

/**
 * Reads a file of paths; which form an item has is told by its keys.
 *
 * - Bus recordings, `[{type, message: {id, x, y}}]`, have no times: walking takes `paceMs` a unit, a step that
 *   doesn't change the place a second more or less, `type: null` is such a pause. PREDICTION and BROWSING are
 *   what the original answered, and are left out.
 * - Scenarios, `[{customer, path: [{type, location, timestamp}]}]`, keep the distances between their times, which
 *   need a zone; the file's first step is at `startAt`.
 * - Drafts, the same without any timestamp, are expanded as the original's player does: `move` and `focus` all
 *   become moves, the first 10 s after the start, a focus adds five at the same place 7.5 s apart.
 *
 * @returns sorted by time; steps of equal time stay in the file's order
 * @throws SiteError with every mistake of the file
 */
export function readScenario(text: string, file: string, options: ScenarioOptions): Step[] {
  const reader = new Reader(options);
  reader.read(parseJson(text, file));
  refuse(place(reader.mistakes, text, file));
  return reader.steps.sort((a, b) => a.at - b.at);
}

function parseJson(text: string, file: string): unknown {
  const say = (line: number, column: number, message: string) => refuse([{ file, line, column, message }]);
  if (text.length > limits.scenarioBytes)
    say(0, 0, `is ${text.length} characters long, at most ${limits.scenarioBytes} are read`);
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    const { message } = error as Error;
    const at = /position (\d+)/.exec(message);
    const before = text.slice(0, at === null ? text.length : Number(at[1])).split("\n");
    say(before.length, [...before.at(-1)!].length + 1, `is not JSON: ${shorten(message)}`);
  }
}

/** What is wrong, by path: JSON.parse keeps no positions, so they are looked up only when they are needed. */
interface Fault {
  readonly path: Path;
  readonly message: string;
}

function place(faults: readonly Fault[], text: string, file: string): Mistake[] {
  if (faults.length === 0) return [];
  const yaml = parseYaml(text, file, []); // JSON is YAML, and YAML knows its lines.
  return faults.map(({ path, message }) => {
    if (yaml !== null) return yaml.mistake(path, message);
    return { file, line: 0, column: 0, message: path.length === 0 ? message : `item ${path.join("/")}: ${message}` };
  });
}

type Json = Readonly<Record<string, unknown>>;

const RECORDED: Readonly<Record<string, Step["type"] | "output">> = {
  ENTER: "entry",
  MOVE: "move",
  EXIT: "exit",
  FOCUS: "focus",
  PREDICTION: "output",
  BROWSING: "output",
};
const TIMED: Readonly<Record<string, Step["type"]>> = { ENTER: "entry", MOVE: "move", EXIT: "exit" };
const DRAFTED = ["move", "focus"];

/** One customer's way through a file without times. */
interface Walk {
  at: number;
  x: number | null;
  y: number | null;
}

class Reader {
  readonly steps: Step[] = [];
  readonly mistakes: Fault[] = [];
  readonly #options: ScenarioOptions;
  readonly #random: () => number;
  /** Of a bus recording, by customer. */
  readonly #walks = new Map<string, Walk>();
  /** Pauses of a recording so far, ms: they hold for everyone, also for who is yet to come. */
  #paused = 0;
  /** How much later than the first the next customer without times starts, ms. */
  #stagger = 0;
  #starts = 0;

  constructor(options: ScenarioOptions) {
    this.#options = options;
    this.#random = seeded(options.seed);
  }

  read(value: unknown): void {
    const items = Array.isArray(value) ? value : [value];
    const timed: { step: Omit<Step, "at">; at: number }[] = [];
    items.forEach((item: unknown, index) => {
      if (this.mistakes.length > limits.mistakesPerFile) return;
      const path = Array.isArray(value) ? [index] : [];
      if (!isMap(item))
        this.#say(path, `expected a map with 'type' and 'message', or 'customer' and 'path', found ${found(item)}`);
      else if ("customer" in item || "path" in item) this.#path(item, path, timed);
      else if ("type" in item) this.#recorded(item, path);
      else
        this.#say(
          path,
          `expected the keys 'type' and 'message', or 'customer' and 'path', found ${shorten(Object.keys(item).join(", ")) || "none"}`,
        );
    });
    const first = timed.reduce((least, { at }) => Math.min(least, at), Number.POSITIVE_INFINITY);
    for (const { step, at } of timed) this.#add({ at: this.#options.startAt + (at - first), ...step }, []);
  }

  #recorded(item: Json, path: Path): void {
    if (item.type === null) {
      const pause = this.#pause();
      this.#paused += pause;
      for (const walk of this.#walks.values()) walk.at += pause;
      return;
    }
    const type = typeof item.type === "string" ? RECORDED[item.type.toUpperCase()] : undefined;
    if (type === undefined) {
      this.#unknown(item.type, Object.keys(RECORDED), path);
      return;
    }
    if (type === "output") return;
    const { message } = item;
    if (!isMap(message)) {
      this.#say(path, `'message' is missing: expected a map with 'id', 'x' and 'y'`);
      return;
    }
    const customer = this.#customer(message.id, "id", [...path, "message"]);
    const point = this.#point(message, type === "move", [...path, "message"]);
    if (customer === null || point === null) return;
    const walk = this.#walks.get(customer);
    if (walk === undefined)
      this.#walks.set(customer, { at: this.#start() + this.#paused, x: point.x ?? null, y: point.y ?? null });
    else this.#walk(walk, point);
    const { at } = this.#walks.get(customer)!;
    const department = typeof message.dep === "string" ? { department: message.dep } : {};
    this.#add({ at, type, customer, ...point, ...(type === "focus" ? department : {}) }, path);
  }

  #path(item: Json, path: Path, timed: { step: Omit<Step, "at">; at: number }[]): void {
    const customer = isMap(item.customer)
      ? this.#customer(item.customer.customer_id, "customer_id", [...path, "customer"])
      : null;
    if (!isMap(item.customer)) this.#say(path, "'customer' is missing: expected a map with 'customer_id'");
    if (!Array.isArray(item.path)) {
      this.#say(path, `'path' is missing: expected a list of steps`);
      return;
    }
    const steps = item.path as unknown[];
    const isTimed = steps.some((step) => isMap(step) && (step.timestamp ?? null) !== null);
    const walk: Walk = { at: isTimed ? 0 : this.#start() + DRAFT_LEAD_MS, x: null, y: null };
    for (const [index, step] of steps.entries()) {
      const here = [...path, "path", index];
      if (!isMap(step)) this.#say(here, `expected a map with 'type' and 'location', found ${found(step)}`);
      else if (isTimed) this.#timed(step, customer, here, timed);
      else this.#drafted(step, customer, here, walk);
    }
  }

  #timed(step: Json, customer: string | null, path: Path, timed: { step: Omit<Step, "at">; at: number }[]): void {
    const type = typeof step.type === "string" ? TIMED[step.type.toUpperCase()] : undefined;
    if (type === undefined) {
      this.#unknown(step.type, Object.keys(TIMED), path);
      return;
    }
    const point = this.#location(step, type === "move", path);
    const at = this.#time(step.timestamp, path);
    if (point !== null && at !== null && customer !== null) timed.push({ step: { type, customer, ...point }, at });
  }

  #drafted(step: Json, customer: string | null, path: Path, walk: Walk): void {
    const type = typeof step.type === "string" ? step.type.toLowerCase() : "";
    if (!DRAFTED.includes(type)) {
      this.#unknown(step.type, DRAFTED, path);
      return;
    }
    const point = this.#location(step, true, path);
    if (point === null || customer === null) return;
    if (walk.x !== null) walk.at += this.#walking(walk, point);
    walk.x = point.x!;
    walk.y = point.y!;
    this.#add({ at: Math.round(walk.at), type: "move", customer, ...point }, path);
    for (let more = 0; type === "focus" && more < FOCUS_MOVES; more++) {
      walk.at += FOCUS_STEP_MS;
      this.#add({ at: Math.round(walk.at), type: "move", customer, ...point }, path);
    }
  }

  /** Moves a recorded customer on: by the distance, or by a pause where the place stays the same. */
  #walk(walk: Walk, point: Point): void {
    const ms = point.x === undefined || walk.x === null ? 0 : this.#walking(walk, point);
    walk.at += ms === 0 ? this.#pause() : Math.round(ms);
    walk.x = point.x ?? walk.x;
    walk.y = point.y ?? walk.y;
  }

  #walking(from: Walk, to: Point): number {
    return Math.hypot(to.x! - from.x!, to.y! - from.y!) * this.#options.paceMs;
  }

  #pause(): number {
    return Math.round(PAUSE_MS * (1 + PAUSE_JITTER * (2 * this.#random() - 1)));
  }

  /** When the next customer without times begins: the first at the start, each other a while after the one before. */
  #start(): number {
    if (this.#starts++ > 0)
      this.#stagger += Math.round(STAGGER_MS.least + this.#random() * (STAGGER_MS.most - STAGGER_MS.least));
    return this.#options.startAt + this.#stagger;
  }

  #customer(id: unknown, key: string, path: Path): string | null {
    if (typeof id === "string" && id !== "" && id.length <= limits.tokenBytes) return id;
    if (Number.isSafeInteger(id)) return String(id);
    this.#say([...path, key], `'${key}': expected the id of a customer, found ${found(id)}`);
    return null;
  }

  #location(step: Json, required: boolean, path: Path): Point | null {
    if (isMap(step.location)) return this.#point(step.location, required, [...path, "location"]);
    if (!required && (step.location ?? null) === null) return {};
    this.#say(path, "'location' is missing: expected a map with 'x' and 'y'");
    return null;
  }

  #point(map: Json, required: boolean, path: Path): Point | null {
    if (!required && (map.x ?? null) === null && (map.y ?? null) === null) return {};
    const wrong = ["x", "y"].filter((key) => !Number.isFinite(map[key]));
    for (const key of wrong) this.#say([...path, key], `'${key}': expected a number, found ${found(map[key])}`);
    return wrong.length > 0 ? null : { x: map.x as number, y: map.y as number };
  }

  #time(timestamp: unknown, path: Path): number | null {
    const here = [...path, "timestamp"];
    if (typeof timestamp === "number" && Number.isFinite(timestamp)) return parseEpoch(timestamp);
    const at = typeof timestamp === "string" ? parseIso(timestamp, "UTC") : null;
    if (at === null) {
      this.#say(here, `'timestamp': expected a time such as '2026-03-01T09:30:00Z', found ${found(timestamp)}`);
      return null;
    }
    if (/(Z|[+-]\d{2}:?\d{2})$/i.test((timestamp as string).slice(10))) return at;
    this.#say(
      here,
      `'timestamp': expected a time with its zone such as '${(timestamp as string).slice(0, 19)}Z', found ${found(timestamp)}`,
    );
    return null;
  }

  #unknown(type: unknown, known: readonly string[], path: Path): void {
    const near = typeof type === "string" && type.length <= 64 ? didYouMean(type, known) : "";
    this.#say([...path, "type"], `'type': expected ${oneOf(known)}, found ${found(type)}${near}`);
  }

  #add(step: Step, path: Path): void {
    if (this.steps.length < limits.scenarioSteps) this.steps.push(step);
    else if (this.mistakes.length === 0) this.#say(path, `has more than ${limits.scenarioSteps} steps`);
  }

  #say(path: Path, message: string): void {
    this.mistakes.push({ path, message });
  }
}

interface Point {
  readonly x?: number;
  readonly y?: number;
}

function isMap(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Numbers in [0, 1), the same for the same seed on every machine: mulberry32. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
