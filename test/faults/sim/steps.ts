// What may happen in a step of a run, and how often.
import { AisleError } from "../../../runtime/errors.ts";
import type { Dice } from "../../support/dice.ts";
import type { Events } from "./events.ts";
import { Broken } from "./invariants.ts";
import type { Publishers } from "./publishers.ts";
import { OPENING, type World } from "./world.ts";

export interface StepPorts {
  readonly world: World;
  readonly events: Events;
  readonly publishers: Publishers;
}

interface Step {
  readonly name: string;
  /** How often, against the others. */
  readonly weight: number;
  /** A place was started anew: it is looked whether all is there. */
  readonly restarts?: boolean;
  /** @returns more of what happened, for who repeats it */
  take(ports: StepPorts): string | undefined | Promise<string | undefined>;
}

const HOUR = 3_600_000; // ms

const STEPS: readonly Step[] = [
  {
    name: "a body over HTTP",
    weight: 20,
    take({ world: { dice, now }, events, publishers }) {
      const again = events.unknown().slice(0, dice.below(4));
      const fresh = Array.from({ length: 1 + dice.below(4) }, () => events.make(now));
      const sent = [...again, ...fresh, ...events.repeats(dice.below(2))];
      publishers.post(sent);
      return sent.map(({ id, type }) => `${id} ${type}`).join(", ");
    },
  },
  {
    name: "a request over the bus",
    weight: 15,
    take({ world: { dice, now }, events, publishers }) {
      const unknown = events.unknown();
      const sent = unknown.length > 0 && dice.chance(0.4) ? dice.one(unknown) : events.make(now);
      publishers.request(sent);
      return `${sent.id} ${sent.type}`;
    },
  },
  {
    name: "a message over the bus",
    weight: 5,
    take({ world: { now }, events, publishers }) {
      const sent = events.make(now, true);
      publishers.publish(sent);
      return `${sent.id} ${sent.type}`;
    },
  },
  {
    name: "messages in the stream",
    weight: 8,
    take({ world: { dice, stream }, publishers }) {
      const count = 1 + dice.below(5);
      for (let i = 0; i < count; i++) publishers.leave(stream);
      return `up to ${stream.length}`;
    },
  },
  {
    name: "a job on the board",
    weight: 6,
    take({ world: { dice }, publishers }) {
      const known = [...publishers.jobs.keys()];
      const job = known.length > 0 && dice.chance(0.3) ? dice.one(known) : String(known.length + 1);
      publishers.putJob(job);
      return job;
    },
  },
  {
    name: "time passes",
    weight: 11,
    async take({ world }) {
      const ms = world.dice.one([10, 100, 1_000, 10_000, 60_000]);
      await world.pass(ms);
      return `${ms} ms`;
    },
  },
  {
    name: "a stop",
    weight: 4,
    restarts: true,
    async take({ world, publishers }) {
      if (!world.isUp) return "it is down";
      const ms = await world.stop();
      publishers.forget();
      return `within ${ms} ms, ${await started(world)}`;
    },
  },
  {
    name: "a crash",
    weight: 8,
    restarts: true,
    async take({ world, publishers }) {
      if (!world.isUp) return "it is down";
      await world.turns(world.dice.below(4));
      world.crash();
      publishers.forget();
      if (world.dice.chance(0.2)) return "and it stays down";
      return await started(world);
    },
  },
  {
    name: "a start",
    weight: 6,
    restarts: true,
    take: async ({ world }) => (world.isUp ? "it is up" : await started(world)),
  },
  {
    name: "a bit of the journal turns over",
    weight: 2,
    restarts: true,
    async take({ world, publishers }) {
      world.crash();
      publishers.forget();
      return await spoilt(world);
    },
  },
  {
    name: "a bit of the checkpoint turns over",
    weight: 2,
    restarts: true,
    async take({ world, publishers }) {
      world.crash();
      publishers.forget();
      return await startedWithout(world);
    },
  },
  {
    name: "the disk",
    weight: 8,
    take({ world }) {
      const health = world.dice.one(["well", "well", "slow", "full", "broken"] as const);
      for (const disk of world.disks.values()) disk.health = health;
      if (health === "well" && world.isUp) for (const store of world.running.stores) store.goOn();
      return `is ${health}`;
    },
  },
  {
    name: "the weather",
    weight: 5,
    take({ world }) {
      const { dice, network } = world;
      network.weather = dice.chance(0.3)
        ? { loss: 0, twice: 0, delayMs: 0 }
        : { loss: dice.random() * 0.3, twice: dice.random() * 0.3, delayMs: dice.below(3_000) };
      return JSON.stringify(network.weather);
    },
  },
  {
    name: "the line of the place",
    weight: 6,
    take({ world }) {
      if (!world.isUp) return "it is down";
      const { bus } = world.running;
      const what = world.dice.one(["is cut", "is seen to be cut", "is mended"] as const);
      if (what === "is mended") bus.heal();
      else bus.cut();
      if (what === "is seen to be cut") bus.notice();
      return what;
    },
  },
  {
    name: "the clock of the place",
    weight: 4,
    take({ world }) {
      const { dice, time } = world;
      world.setClock(dice.one([0, 0, 40_000, -40_000, -HOUR, HOUR, 12 * HOUR, -OPENING - time.passed]));
      return `is off by ${world.skew} ms`;
    },
  },
];

/** One of them, each as often as it weighs. */
export function nextStep(dice: Dice): Step {
  let at = dice.random() * STEPS.reduce((sum, { weight }) => sum + weight, 0);
  for (const step of STEPS) {
    at -= step.weight;
    if (at < 0) return step;
  }
  return STEPS[0]!;
}

async function started(world: World): Promise<string> {
  // What is broken stays so only until somebody has looked at it.
  for (const disk of world.disks.values()) if (disk.health === "broken") disk.health = "well";
  await world.start();
  return "and it starts";
}

/** A place does not start on a journal that lies; mended, it does. */
async function spoilt(world: World): Promise<string> {
  const { dice, isWhole } = world;
  const disk = world.disks.get("journal");
  const mend = (isWhole && dice.chance(0.3) ? disk?.loseRow("journal", dice) : disk?.flipBit("journal", dice)) ?? null;
  if (mend === null) return await started(world);
  try {
    await world.start();
  } catch (error) {
    world.crash();
    mend();
    if (!(error instanceof AisleError) || error.code !== "corrupt") throw error;
    return `${error.message}; mended, ${await started(world)}`;
  }
  mend();
  // What stands before the checkpoint a start does not read.
  if (world.place.checkpoints.fromSeq > 1) return "before the checkpoint; it starts";
  throw new Broken("a place has started on a journal with a bit turned over, or a commit lost");
}

/** A checkpoint that lies is not used: as long as the journal has all, nothing is missing. */
async function startedWithout(world: World): Promise<string> {
  const { dice, disks, isWhole, mends } = world;
  const mend = isWhole ? disks.get("checkpoint")?.flipBit(dice.one(["meta", "rows"]), dice) : undefined;
  if (typeof mend === "function") mends.push(mend);
  return await started(world);
}
