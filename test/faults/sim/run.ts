// One seed: a place under load on a machine that fails, for some steps; then everything is well again and given time, and
// it is looked whether all promises were kept.
import { cellOf } from "../../../runtime/board/board.ts";
import { differenceOf, digestOf } from "./digest.ts";
import { Events } from "./events.ts";
import { accountOf, Broken, checkDecisions, checkEvents, checkGoals, checkStream } from "./invariants.ts";
import { Phones } from "./phones.ts";
import { Publishers } from "./publishers.ts";
import { nextStep, type StepPorts } from "./steps.ts";
import { type Plant, World } from "./world.ts";

/** Steps told of when a seed fails. */
const STEPS_TOLD = 25;
/** Time that everything is given at the end, ms: at first, and twice as much each time, up to so many times. */
const REST_MS = 5_000;
const RESTS_MAX = 15;

export interface SeedOptions {
  /** Steps at least, and further ones at most. */
  readonly steps?: number;
  readonly plant?: Plant;
  /** Told when a promise was broken, to look further. */
  readonly failed?: (world: World) => void;
}

/** @throws Error with the seed and the last steps when a promise is broken */
export async function runSeed(seed: number, options: SeedOptions = {}): Promise<void> {
  const run = new SeedRun(seed, options);
  try {
    await run.all();
  } catch (error) {
    const { steps, world } = run;
    options.failed?.(world);
    const told = steps.slice(-STEPS_TOLD).map((step) => `  ${step}`);
    const logged = world.logged.map((line) => `  ${line.split("\n").slice(0, 4).join("\n  ")}`);
    const message = `${(error as Error).message}\nAISLE_SEED=${seed} repeats it. The last steps of ${steps.length}:\n${told.join("\n")}\nThe log:\n${logged.join("\n")}`;
    throw new Error(message, { cause: error });
  }
}

class SeedRun {
  readonly world: World;
  readonly steps: string[] = [];
  readonly #events: Events;
  readonly #publishers: Publishers;
  readonly #phones: Phones;
  readonly #count: number;

  constructor(seed: number, { steps = 30, plant }: SeedOptions) {
    this.world = new World(seed, plant);
    const { dice } = this.world;
    this.#events = new Events(dice);
    this.#publishers = new Publishers(this.world, this.#events);
    this.#phones = new Phones(this.world, this.#events);
    this.#count = steps + dice.below(steps);
  }

  async all(): Promise<void> {
    const { world } = this;
    await world.start();
    const ports: StepPorts = { world, events: this.#events, publishers: this.#publishers };
    for (let step = 0; step < this.#count; step++) {
      await this.#step(ports);
      await world.turns(world.dice.below(8));
    }
    await this.#rest();
    await this.#checkEnd();
  }

  async #step(ports: StepPorts): Promise<void> {
    const { world } = this;
    const step = nextStep(world.dice);
    const told = await step.take(ports);
    this.steps.push(`${this.steps.length + 1}. ${step.name}${told === undefined ? "" : `: ${told}`}`);
    if (step.restarts === true) this.#checkNow();
  }

  /** What is promised at every moment: asked of what outlasted a crash. */
  #checkNow(): void {
    if (!this.world.isUp) return;
    const account = accountOf(this.world.entries());
    checkEvents(account, this.#events);
    checkStream(account, this.world.stream);
    this.#phones.checkNow(account);
  }

  /** The weather is fine, the disk is well, the clock is right; and time passes until nothing is left to be done. */
  async #rest(): Promise<void> {
    const { world } = this;
    this.steps.push("all is well again");
    await wellAgain(world);
    for (let rest = 0; rest < RESTS_MAX; rest++) {
      // A failure may have been on its way: who looks after the place starts it again.
      if (world.isBroken) await wellAgain(world);
      await this.#publishers.sendRest();
      await world.pass(REST_MS * 2 ** rest);
      await world.turns(20);
      if (!world.isBroken && this.#isDone()) return;
    }
    throw new Broken(`it is never done: ${this.#undone()}`);
  }

  #undone(): string {
    const { place, stream } = this.world;
    const unknown = this.#events.unknown().map(({ id }) => id);
    const undone = {
      [`events not acknowledged (${unknown.slice(0, 5).join(", ")} …)`]: unknown.length,
      "jobs not acknowledged": this.#publishers.jobsUnknown().length,
      "jobs not done": this.#areJobsDone() ? 0 : 1,
      "messages in the stream": stream.length - stream.consumed,
      "focuses not decided": place.runner.backlog,
      "decisions not confirmed": place.outbox.stats().waiting,
      "runs at work": place.workshop.work.busy + place.runner.scheduler.working,
    };
    const told = Object.entries(undone).filter(([, count]) => count > 0);
    return told.map(([what, count]) => `${count} ${what}`).join(", ");
  }

  #isDone(): boolean {
    const { runner, workshop } = this.world.place;
    const isIdle = runner.backlog === 0 && workshop.work.busy === 0 && runner.scheduler.working === 0;
    return isIdle && this.#publishers.isDone && this.#phones.isDone && this.#areJobsDone();
  }

  #areJobsDone(): boolean {
    const page = this.world.place.runner.board.page("jobs");
    return [...page.records()].every((record) => {
      const state = cellOf(record, "packing")?.state;
      return state === "done" || state === "failed";
    });
  }

  async #checkEnd(): Promise<void> {
    const { world } = this;
    const account = accountOf(world.entries());
    checkEvents(account, this.#events);
    checkStream(account, world.stream);
    checkGoals(account, this.#publishers.jobs.keys());
    checkDecisions(world.place, () => world.entries());
    this.#phones.checkEnd(account);
    const live = digestOf(world.place);
    for (const from of ["journal", "restart"] as const) {
      const difference = differenceOf(live, digestOf(await world.fresh(from)));
      if (difference !== null) throw new Broken(`a place made from the ${from} is in another state, in ${difference}`);
    }
    world.crash();
  }
}

/** Restarts what is down, or will take no more. */
export async function wellAgain(world: World): Promise<void> {
  world.mendDisks();
  world.mendBits();
  world.calm();
  world.setClock(0);
  if (world.isBroken) world.crash();
  if (!world.isUp) await world.start();
  else {
    world.running.bus.heal();
  }
}
