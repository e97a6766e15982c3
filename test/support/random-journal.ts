// Journals as places write them, at random: visits, focuses, decisions and outcomes by the real actors, and beside them what
// people, runs and clocks write into other pages.
import { type Change, changeDraft } from "../../runtime/board/change.ts";
import type { Decision } from "../../runtime/decide/decision.ts";
import type { Draft, Entry } from "../../runtime/journal/journal.ts";
import type { Plan } from "../../runtime/site.ts";
import { Dice } from "./dice.ts";
import { holdOn } from "./layered.ts";
import type { Disk } from "./memory-journal.ts";
import { pageConfig, pageOf, plannedActor } from "./plans.ts";
import { prng } from "./prng.ts";
import { AskedSource, Rig } from "./rig.ts";
import { ACTORS, CUSTOMERS, MINUTE, shopPlan } from "./shop.ts";

const GOALS = ["counted", "graded", "vetoed"];
const CLAIMERS = ["n1", "n2"];

/** The shop's plan; with it who is tired of offers, a page that people fill, and one that ranks. */
export function busyPlan(): Plan {
  const shop = shopPlan();
  const fatigued = ACTORS.find(({ goal }) => goal === "fatigued")!;
  const defaults = Object.fromEntries(Object.entries(fatigued.params).map(([name, param]) => [name, param.default]));
  const actors = [
    ...shop.actors,
    plannedActor("fatigued", {
      ...{ page: "visits", kind: "shipped", on: fatigued.on, layer: 1, with: { ...defaults, dismissals: 1 } },
      inhibits: [holdOn("offered", 3 * MINUTE, "customer")],
    }),
    ...["counted", "graded"].map((goal) => plannedActor(goal, { kind: "person" })),
    plannedActor("vetoed", {
      ...{ kind: "person", layer: 2 },
      inhibits: [holdOn("offered", 2 * MINUTE, "department")],
      suppresses: [holdOn("counted", 5 * MINUTE)],
    }),
  ];
  const visits = pageOf(actors, { ...shop.pages[0]!, goals: ["context", "focused", "fatigued"] });
  const jobs = pageOf(actors, { completes: true, keys: [{ name: "department", required: true }] });
  return { pages: [visits, shop.pages[1]!, jobs, pageConfig("ranked", { ranks: true })], actors };
}

/** Entries of a journal, as they come back from a disk. @param steps  things that happen; most are one entry or two */
export async function randomJournal(seed: number, steps: number): Promise<Entry[]> {
  return (await randomDisk(seed, steps)).entries;
}

/** The same, with what was known as applied at each entry. */
export function randomDisk(seed: number, steps: number): Promise<Disk> {
  return new Maker(seed).make(steps);
}

class Maker {
  readonly #dice: Dice;
  readonly #source = new AskedSource();
  readonly #rig: Rig;
  readonly #decided: Decision[] = [];
  readonly #runs: { readonly key: string; readonly goal: string; readonly run: string; readonly host: string }[] = [];
  #number = 0;

  constructor(seed: number) {
    this.#dice = new Dice(prng(seed));
    const told = (decision: Decision) => void this.#decided.push(decision);
    this.#rig = new Rig({ plan: busyPlan(), source: this.#source, told });
  }

  async make(steps: number): Promise<Disk> {
    for (let step = 0; step < steps; step++) {
      await this.#step();
      await this.#rig.settle();
    }
    return this.#rig.journal.disk;
  }

  async #step(): Promise<void> {
    const dice = this.#dice;
    const kind = dice.below(12);
    if (kind < 5) return this.#event();
    if (kind < 6) return this.#answer();
    if (kind < 7) return this.#outcome();
    if (kind < 11) return this.#append(changeDraft(this.#change(), dice.one(["anna", ...CLAIMERS])));
    if (dice.chance(0.3))
      return this.#append(draft("config", { plan: String(this.#number++), hears: dice.one(["h", "other"]) }));
    this.#rig.clock.advance(dice.below(4) * MINUTE);
  }

  async #event(): Promise<void> {
    const dice = this.#dice;
    const id = 1 + dice.below(6);
    const more = dice.chance(0.3) ? { event_id: `e${dice.below(50)}` } : {};
    const type = dice.one(["entry", "focus", "focus", "move", "exit"]);
    const where = type === "focus" ? { dep: dice.one(["Boys", "Sport"]) } : { x: dice.below(30), y: 5 };
    await this.#rig.send({ type, id, ...(type === "entry" || type === "exit" ? {} : where), ...more });
  }

  async #answer(): Promise<void> {
    const { open } = this.#source;
    if (open.length === 0) return;
    const { asked } = open[0]!;
    const row = CUSTOMERS.get(asked);
    if (this.#dice.chance(0.2)) this.#source.answer({ state: "unavailable", detail: "away" });
    else this.#source.answer(row === undefined ? { state: "unknown" } : { state: "known", row, stale: false });
  }

  async #outcome(): Promise<void> {
    const dice = this.#dice;
    const decision = this.#decided.length === 0 ? "none" : dice.one(this.#decided).id;
    const whom = dice.chance(0.5) ? { decision } : { id: 1 + dice.below(6), decision };
    await this.#rig.send({ type: "outcome", action: dice.one(["dismissed", "selected"]), ...whom });
  }

  #change(): Change {
    const dice = this.#dice;
    const page = dice.one(["jobs", "jobs", "jobs", "ranked", "gone", "visits", "focuses"]);
    const key = dice.one(["Boys", "Sport", "x,y", "1", "2"]);
    const at = { page, key };
    const goal = dice.one(GOALS);
    const cells = {
      [dice.one([...GOALS, "note", "department", "ready", "complete"])]: dice.one(["", "1", "F:n1", "ü ☃"]),
    };
    const run = `run-${++this.#number}`;
    const last = this.#runs.at(-1);
    switch (dice.below(9)) {
      case 0:
        return { do: "remove", ...at };
      case 1:
      case 2: {
        this.#runs.push({ key, goal, run, host: dice.one(CLAIMERS) });
        return { do: "claim", ...at, goal, run, host: this.#runs.at(-1)!.host, attempt: 1 + dice.below(3) };
      }
      case 3: {
        if (last === undefined) break;
        const outcome = dice.one(["done", "failed", "retry"] as const);
        const more = { also: dice.some("graded"), fields: { grade: "A" }, detail: "so", notBefore: this.#number };
        return { do: "finish", page: "jobs", ...last, outcome, ...more };
      }
      case 4: {
        if (last === undefined) break;
        return { do: "lapse", page: "jobs", ...last, why: "lease", outcome: dice.one(["failed", "retry"] as const) };
      }
      case 5:
        return { do: "overdue", ...at, goal };
      case 6:
        if (page === "visits" || page === "focuses") break;
        return { do: "carry", ...at, ready: dice.chance(0.8), complete: dice.chance(0.2), cells };
    }
    return { do: "set", ...at, cells };
  }

  async #append(made: Draft): Promise<void> {
    await this.#rig.journal.append([made]);
  }
}

function draft(kind: Draft["kind"], value: unknown): Draft {
  return { kind, principal: "runtime", subject: "site", headers: {}, payload: Buffer.from(JSON.stringify(value)) };
}
