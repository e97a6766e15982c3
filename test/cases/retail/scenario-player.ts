// The scenario player: what it takes for a path, and what it makes of one.
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { readScenario, type Step } from "../../../runtime/data/scenario.ts";
import { run, up } from "../../support/cli.ts";
import { temporary } from "../../support/place.ts";
import { mistakeOf } from "../../support/site.ts";
import { type Case, NOW, type Shape } from "./cases.ts";
import { dummySite } from "./sites.ts";
import { verdictOf } from "./verdict.ts";

const SECOND = 1_000; // ms
const CUSTOMER = "7";
const STEP = { type: "MOVE", location: { x: 800, y: 500 }, timestamp: "2021-04-11T10:01:53.955760+00:00" };

/** A path without times: two places, 3-4-5 apart, so that the distance between them is a whole number. */
const PLACES = [
  { x: 800, y: 500 },
  { x: 830, y: 540 },
];
const DISTANCE = 50;

const submitted: Shape = {
  name: "one step of a path, submitted",
  fits: ({ input }) => isPost(input.POST, "/scenario") && Object.keys(input).some((key) => key.startsWith("step_")),
  async run(each) {
    const spoilt = Object.keys(each.input).filter((key) => key.startsWith("step_"));
    const changes = spoilt.map((key) => [key.slice("step_".length), each.input[key]]);
    const text = scenario([{ ...STEP, ...Object.fromEntries(changes) }]);
    const { taken } = verdictOf(each);
    const read = () => readScenario(text, "path.json", { paceMs: 30, seed: 1, startAt: NOW });

    const mistakes = mistakeOf(read);

    expect(mistakes).toHaveLength(taken ? 0 : 1);
    // Whatever its time was: the player begins when it is told to.
    if (taken) return expect(read()).toMatchObject([{ at: NOW, customer: CUSTOMER }]);
    const [mistake] = mistakes;
    expect(mistake!.line).toBeGreaterThan(0);
    for (const [key] of changes) expect(mistake!.message).toContain(`'${key}'`);
    if (/zone/.test(String(each.expect.reason))) expect(mistake!.message).toContain("with its zone");
    await expectRefusedAtStart(text, mistake!.message);
  },
};

/** The command line says it before anything runs. */
async function expectRefusedAtStart(text: string, message: string): Promise<void> {
  const data = folder();
  const file = join(data, "path.json");
  writeFileSync(file, text);

  const ended = await run(["up", dummySite(), "--port", "0", "--data", join(data, "journal"), "--play", file]);

  expect(ended.code).toBe(1);
  expect(ended.stderr).toContain(message);
  expect(ended.stdout).toBe("");
}

const drafted: Shape = {
  name: "a draft of a path",
  fits: ({ input }) => isPost(input.POST, "/scenario_draft") && Array.isArray(input.path),
  async run(each) {
    const types = each.input.path as string[];
    const text = scenario(types.map((type, index) => ({ type, location: PLACES[index % PLACES.length] })));
    const figures = figuresOf(each);

    const steps = readScenario(text, "draft.json", { paceMs: figures.paceMs, seed: 1, startAt: NOW });

    expect(steps).toEqual(expanded(types, figures));
    await expectPlayed(text, steps.length);
  },
};

interface Figures {
  readonly more: number;
  readonly apartMs: number;
  readonly leadMs: number;
  readonly paceMs: number;
}

/** "focus adds 5 MOVE steps at the same place, 7.5 s apart; start = now+10 s; pace 0.03 s per unit …" */
function figuresOf({ expect: original }: Case): Figures {
  const prose = String(original.steps_emitted);
  const number = (pattern: RegExp): number => {
    const found = pattern.exec(prose)?.[1];
    if (found === undefined) throw new Error(`'steps_emitted' doesn't say ${pattern}: ${prose}`);
    return Number(found);
  };
  return {
    more: number(/adds (\d+) MOVE/),
    apartMs: SECOND * number(/([\d.]+) s apart/),
    leadMs: SECOND * number(/now ?\+ ?([\d.]+) s/),
    paceMs: SECOND * number(/pace ([\d.]+) s/),
  };
}

function expanded(types: readonly string[], { more, apartMs, leadMs, paceMs }: Figures): Step[] {
  const steps: Step[] = [];
  let at = NOW + leadMs;
  for (const [index, type] of types.entries()) {
    if (index > 0) at += DISTANCE * paceMs;
    const repeats = type === "focus" ? more : 0;
    for (let i = 0; i <= repeats; i++) {
      if (i > 0) at += apartMs;
      steps.push({ at: Math.round(at), type: "move", customer: CUSTOMER, ...PLACES[index % PLACES.length]! });
    }
  }
  return steps;
}

/** `--play` sends every step, and the focus among them is decided. */
async function expectPlayed(text: string, steps: number): Promise<void> {
  const data = folder();
  const file = join(data, "draft.json");
  writeFileSync(file, text);
  const site = dummySite(Date.now());
  const aisle = await up([site, "--port", "0", "--data", join(data, "journal"), "--play", file, "--speed", "100000"]);

  await expect.poll(aisle.output, { timeout: 20_000 }).toContain(`Played: ${steps} events, 1 decisions, 1 offers`);

  expect(await aisle.end("SIGTERM")).toBe(0);
}

const state: Shape = {
  name: "what is still to come, asked for",
  fits: ({ component, input }) => component === "scenario-player" && /^\/state/.test(String(input.GET)),
  async run() {
    // The player has no service of its own: its file is its state, and reading it takes nothing away.
    const text = scenario([STEP, { ...STEP, timestamp: "2021-04-11T10:02:53Z" }]);
    const read = () => readScenario(text, "path.json", { paceMs: 30, seed: 1, startAt: NOW });

    const first = read();

    expect(first.map(({ at }) => at - NOW)).toEqual([0, 59_045]);
    expect(read()).toEqual(first);
  },
};

function isPost(path: unknown, wanted: string): boolean {
  return typeof path === "string" && path.split("?")[0] === wanted;
}

function scenario(path: readonly object[]): string {
  return JSON.stringify([{ customer: { customer_id: CUSTOMER }, path }]);
}

/** A folder that goes when the test ends. */
function folder(): string {
  const dir = temporary();
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export const scenarioPlayer: readonly Shape[] = [submitted, drafted, state];
