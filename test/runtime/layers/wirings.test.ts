// Any wiring, any trace: what a layer reads and puts out depends on the layers above it, for as long as they go on, and on
// nothing else.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BoardRecord } from "../../../runtime/board/board.ts";
import { Layers } from "../../../runtime/layers/layers.ts";
import type { Gate } from "../../../runtime/scheduler.ts";
import type { Hold, PlannedActor } from "../../../runtime/site.ts";
import { actorOf, boardOf, pageOf, recordOf } from "../../support/layered.ts";

const LAYERS = 4;
const RECORDS = 2;
const FIELDS = ["f0", "f1"];
/** Longest hold, ms: short, so that traces meet many ends exactly. */
const LONGEST = 12;

interface Wiring {
  readonly actors: readonly PlannedActor[];
  readonly records: readonly BoardRecord[];
}

interface Step {
  readonly does: "renew" | "release" | "clean";
  readonly actor: number;
  readonly record: number;
  /** Time that passes before it, ms. */
  readonly after: number;
}

const port = fc.constantFrom("g0", "g1", "g2", "g3", "g4", "g5", ...FIELDS);
const hold = fc.record({ port, match: fc.constantFrom(null, "item"), forMs: fc.integer({ min: 1, max: LONGEST }) });
// One line for each port: what would be replaced twice is refused at load.
const holds = fc.uniqueArray(hold, { maxLength: 3, selector: (each: Hold) => each.port });
const wiring: fc.Arbitrary<Wiring> = fc
  .array(fc.record({ layer: fc.nat(LAYERS - 1), inhibits: holds, suppresses: holds }), { minLength: 2, maxLength: 6 })
  .map((lines) => {
    const actors = lines.map((line, index) => actorOf(`g${index}`, { page: "work", ...line }));
    const board = boardOf(actors, [pageOf("work", ["item"])]);
    return { actors, records: Array.from({ length: RECORDS }, (_, index) => recordOf(board, "work", `r${index}`)) };
  });
const step: fc.Arbitrary<Step> = fc.record({
  does: fc.constantFrom("renew", "renew", "renew", "release", "clean"),
  actor: fc.nat(5),
  record: fc.nat(RECORDS - 1),
  after: fc.nat(6),
});
const trace = fc.array(step, { maxLength: 25 });

/** Everything that an actor reads and puts out at an instant, by record. */
function felt(gate: Gate, actor: PlannedActor, { actors, records }: Wiring, now: number): unknown[] {
  const fields = [...actors.map(({ goal }) => goal), ...FIELDS];
  return records.map((record) => [
    gate.inhibited(actor, record, now),
    ...fields.map((field) => gate.suppressed(actor, record, field, now)),
  ]);
}

interface Watch {
  /** Whether an actor is still alive at that step; default: all are, to the end. */
  readonly lives?: (actor: PlannedActor, index: number) => boolean;
  /** Called at each instant, after each step, and at each instant until all has ended. */
  readonly look?: (now: number) => void;
  /** Told of the steps that are done, before they are. */
  readonly done?: (step: Step, value: string, now: number) => void;
}

/** Does a trace. @returns the instant of its last step */
function perform({ actors, records }: Wiring, steps: readonly Step[], layers: Layers, watch: Watch): number {
  const { lives = () => true, look = () => {}, done = () => {} } = watch;
  let now = 0;
  const pass = (ms: number) => {
    for (let left = ms; left > 0; left--) look(++now);
  };
  for (const [index, step] of steps.entries()) {
    pass(step.after);
    const actor = actors[step.actor];
    if (step.does === "clean") layers.ended(now);
    else if (actor !== undefined && lives(actor, index)) {
      done(step, `v${index}`, now);
      if (step.does === "release") layers.release(actor, records[step.record]!);
      else layers.renew(actor, records[step.record]!, now, `v${index}`);
    }
    look(now);
  }
  const end = now;
  pass(LONGEST);
  return end;
}

/** What the actors up to a layer feel at each instant of a trace, from some instant on. */
function allFelt(
  wired: Wiring,
  steps: readonly Step[],
  layers: Layers,
  { upTo, from = 0, ...watch }: { readonly upTo: number; readonly from?: number } & Watch,
): unknown[] {
  const all: unknown[] = [];
  const lower = wired.actors.filter(({ layer }) => layer <= upTo);
  const look = (now: number) => {
    if (now >= from) for (const actor of lower) all.push([now, actor.goal, felt(layers, actor, wired, now)]);
  };
  perform(wired, steps, layers, { ...watch, look });
  return all;
}

/** Every renewal, as a clerk would write it down: no index, nothing is ever taken away but by who holds. */
class Book implements Gate {
  readonly #wired: Wiring;
  #renewals: { readonly actor: number; readonly record: number; readonly at: number; readonly value: string }[] = [];

  constructor(wired: Wiring) {
    this.#wired = wired;
  }

  write({ does, actor, record }: Step, value: string, at: number): void {
    const isOther = (each: { actor: number; record: number }) => each.actor !== actor || each.record !== record;
    this.#renewals = this.#renewals.filter(isOther);
    if (does === "renew") this.#renewals.push({ actor, record, at, value });
  }

  inhibited(actor: PlannedActor, record: BoardRecord, now: number) {
    const [first] = this.#inForce("inhibits", actor.goal, actor, record, now).sort((a, b) => b.until - a.until);
    if (first === undefined) return null;
    return { by: `${first.actor.goal} of ${first.record.key}`, layer: first.actor.layer, until: first.until };
  }

  suppressed(actor: PlannedActor, record: BoardRecord, field: string, now: number): string | null {
    return this.#inForce("suppresses", field, actor, record, now)[0]?.value ?? null;
  }

  /** The highest layer first, then as in the plan, then the last renewed. */
  #inForce(kind: "inhibits" | "suppresses", port: string, lower: PlannedActor, record: BoardRecord, now: number) {
    const { actors, records } = this.#wired;
    const found = this.#renewals.flatMap(({ actor: index, record: which, at, value }, order) => {
      const actor = actors[index]!;
      const line = actor[kind].find((each) => each.port === port);
      if (line === undefined || actor.layer <= lower.layer || now >= at + line.forMs) return [];
      if (line.match !== null && records[which] !== record) return [];
      return [{ actor, index, order, value, record: records[which]!, until: at + line.forMs }];
    });
    return found.sort((a, b) => b.actor.layer - a.actor.layer || a.index - b.index || b.order - a.order);
  }
}

const runs = (numRuns: number) => ({ numRuns });

describe("any wiring", () => {
  it("does what the last renewals say, to the millisecond", () => {
    let held = 0;
    fc.assert(
      fc.property(wiring, trace, (wired, steps) => {
        const layers = new Layers(wired.actors);
        const book = new Book(wired);
        const look = (now: number) => {
          for (const actor of wired.actors) {
            const booked = felt(book, actor, wired, now);
            expect(felt(layers, actor, wired, now), `${actor.goal} at ${now}`).toEqual(booked);
            held += booked.flat().filter((each) => each !== null).length;
          }
        };
        perform(wired, steps, layers, { look, done: (...step) => book.write(...step) });
      }),
      runs(60),
    );
    expect(held).toBeGreaterThan(100);
  });

  it("leaves a layer alone that is equal to who holds, or higher", () => {
    fc.assert(
      fc.property(wiring, trace, fc.nat(LAYERS - 1), (wired, steps, layer) => {
        const [own] = wired.actors.filter((actor) => actor.layer === layer);
        const all = new Layers(wired.actors);
        const above = new Layers(wired.actors.filter((actor) => actor.layer > layer));
        const look = (now: number) => {
          if (own !== undefined) expect(felt(all, own, wired, now)).toEqual(felt(above, own, wired, now));
        };
        // What only the higher ones do is done in both.
        perform(wired, steps, all, {
          look,
          done: ({ does, actor, record }, value, now) => {
            const [holder, of] = [wired.actors[actor]!, wired.records[record]!];
            if (does === "release") above.release(holder, of);
            else above.renew(holder, of, now, value);
          },
        });
      }),
      runs(150),
    );
  });

  it("lets lower layers go on as if alone, once higher ones are dead for as long as they may hold", () => {
    let compared = 0;
    let differed = 0;
    fc.assert(
      fc.property(wiring, trace, fc.nat(LAYERS - 2), fc.nat(25), (wired, steps, upTo, killed) => {
        const isHigher = ({ layer }: PlannedActor) => layer > upTo;
        const lives = (actor: PlannedActor, index: number) => !isHigher(actor) || index < killed;
        const lastWord = steps.slice(0, killed).reduce((now, { after }) => now + after, 0);
        const times = wired.actors.filter(isHigher).flatMap(({ inhibits, suppresses }) => [...inhibits, ...suppresses]);
        const from = lastWord + Math.max(0, ...times.map(({ forMs }) => forMs));

        const whole = () => new Layers(wired.actors);
        const alone = () => new Layers(wired.actors.filter((actor) => !isHigher(actor)));
        const after = allFelt(wired, steps, whole(), { upTo, from, lives });

        expect(after).toEqual(allFelt(wired, steps, alone(), { upTo, from, lives }));
        compared += after.length;
        const before = [whole(), alone()].map((layers) =>
          JSON.stringify(allFelt(wired, steps, layers, { upTo, lives })),
        );
        if (before[0] !== before[1]) differed++;
      }),
      runs(150),
    );
    // It would say little if the higher ones had never done anything.
    expect([compared > 1_000, differed > 10]).toEqual([true, true]);
  });

  it("is held by a dead layer up to the end that the plan gives, and not an instant longer", () => {
    fc.assert(
      fc.property(wiring, fc.nat(5), fc.nat(RECORDS - 1), fc.nat(50), (wired, who, which, at) => {
        const holder = wired.actors[who % wired.actors.length]!;
        const record = wired.records[which]!;
        const layers = new Layers(wired.actors);
        layers.renew(holder, record, at, "v");
        const lower = (goal: string) => actorOf(goal, { layer: holder.layer - 1 });

        for (const { port, forMs } of holder.inhibits) {
          expect(layers.inhibited(lower(port), record, at)).toMatchObject({ until: at + forMs });
          expect(layers.inhibited(lower(port), record, at + forMs - 1)).toMatchObject({ until: at + forMs });
          expect(layers.inhibited(lower(port), record, at + forMs)).toBe(null);
        }
        for (const { port, forMs } of holder.suppresses) {
          expect(layers.suppressed(lower("any"), record, port, at + forMs - 1)).toBe("v");
          expect(layers.suppressed(lower("any"), record, port, at + forMs)).toBe(null);
        }
      }),
    );
  });

  it("comes to the same in a replay, whenever what has ended was taken away, at the bound too", () => {
    fc.assert(
      fc.property(wiring, trace, fc.integer({ min: 1, max: 6 }), (wired, steps, holdsMax) => {
        const live = new Layers(wired.actors, holdsMax);
        const replay = new Layers(wired.actors, holdsMax);
        const states: unknown[] = [];
        const look = (now: number) => {
          live.ended(now);
          states.push(live.holds(now));
        };
        perform(wired, steps, live, { look });
        const lazy = steps.map((step) =>
          step.does === "clean" ? { ...step, does: "renew" as const, actor: 99 } : step,
        );
        const replayed: unknown[] = [];
        perform(wired, lazy, replay, { look: (now) => replayed.push(replay.holds(now)) });

        expect(replayed).toEqual(states);
        expect(live.size).toBe(0);
      }),
      runs(150),
    );
  });
});
