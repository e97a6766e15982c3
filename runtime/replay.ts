// Plays a journal again: the same entries, the same actors, the answers of the time. Nobody outside is asked.
import type { Applier, Effect, FocusRecord } from "./apply.ts";
import type { BoardRecord } from "./board.ts";
import type { Choice, Decision } from "./decide/decision.ts";
import { readDecision } from "./decide/offers.ts";
import type { Entry } from "./journal/journal.ts";
import { decide, inputOf, type WorkPorts } from "./runner.ts";
import { Scheduler } from "./scheduler.ts";
import type { PlannedActor } from "./site.ts";

export interface Difference {
  readonly id: string;
  readonly recorded: Decision | null;
  readonly remade: Decision | null;
}

export interface Replayed {
  readonly entries: number;
  /** Decisions found in the journal and made again. */
  readonly compared: number;
  /** Decisions that a restart let expire: they rest on the clock of the time, and are not made again. */
  readonly expired: number;
  readonly differences: readonly Difference[];
}

/**
 * Makes every decision of a journal again and compares it, field by field, with the one recorded.
 *
 * @param applier  fresh, over the site in question
 * @param entries  called twice: once for the answers from outside, once to play
 */
export function replay(ports: WorkPorts, applier: Applier, entries: () => Iterable<Entry>): Replayed {
  const answers = new Map<number, unknown>();
  for (const { kind, payload } of entries()) {
    if (kind !== "effect") continue;
    const effect = JSON.parse(Buffer.from(payload).toString()) as Effect;
    if (effect.cause !== undefined) answers.set(effect.cause, effect.answer);
  }

  const remade = new Map<string, Decision>();
  const scheduler = new Scheduler(ports.plan.actors, (planned, record) => work(planned, record));
  const work = (planned: PlannedActor, record: BoardRecord) => {
    const actor = ports.actors.find(({ goal }) => goal === planned.goal)!;
    // Its answer is an entry further on.
    if (actor.output === "effect") return scheduler.ended(planned.goal);
    const input = inputOf(record);
    const ask = actor.ask?.(input, planned.with as never, ports.world) ?? null;
    const answer =
      ask?.port === "scorer"
        ? (answers.get((record as FocusRecord).data.cause) ?? ports.scorer.score(ask.customer, ask.coupons))
        : null;
    const value = actor.handle(input, answer, planned.with as never, ports.world);
    if (actor.output === "derived") {
      record.cells.set(planned.goal, { state: "done", value });
      scheduler.ended(planned.goal);
      scheduler.changed(record);
    } else {
      scheduler.ended(planned.goal);
      const decision = decide(ports, planned, record as FocusRecord, value as Choice);
      remade.set(decision.id, decision);
    }
  };

  const differences: Difference[] = [];
  let count = 0;
  let compared = 0;
  let expired = 0;
  for (const entry of entries()) {
    count++;
    const applied = applier.apply(entry);
    for (const record of applied.changed) scheduler.changed(record);
    if (entry.kind !== "decision") continue;
    const recorded = readDecision(entry.payload);
    const again = remade.get(recorded.id) ?? null;
    remade.delete(recorded.id);
    if (recorded.none?.reason === "expired") expired++;
    else {
      compared++;
      if (JSON.stringify(again) !== JSON.stringify(recorded))
        differences.push({ id: recorded.id, recorded, remade: again });
    }
  }
  for (const [id, decision] of remade) differences.push({ id, recorded: null, remade: decision });
  return { entries: count, compared, expired, differences };
}
