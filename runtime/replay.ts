// Plays a journal again: the same entries, the same actors, the answers of the time. Nobody outside is asked.
import type { Ask } from "./actor.ts";
import type { Applier, Effect, FocusRecord } from "./apply.ts";
import { type BoardRecord, putCell } from "./board/board.ts";
import { cell } from "./board/cell.ts";
import type { Changed } from "./board/change.ts";
import { ManualClock } from "./clock.ts";
import type { Choice, Decision } from "./decide/decision.ts";
import { isDecision, readDecision } from "./decide/offers.ts";
import type { Entry } from "./journal/journal.ts";
import { decide, inputOf, type WorkPorts } from "./runner.ts";
import { Scheduler } from "./scheduler.ts";
import type { PlannedActor } from "./site.ts";

type ScorerAsk = Extract<Ask, { port: "scorer" }>;

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
 * @param fromSeq  decisions whose cause came before are made, and not compared
 */
export function replay(ports: WorkPorts, applier: Applier, entries: () => Iterable<Entry>, fromSeq = 1): Replayed {
  const answers = new Map<number, unknown>();
  for (const { kind, headers, payload } of entries()) {
    if (kind !== "effect" || headers.tombstone !== undefined) continue;
    const effect = JSON.parse(Buffer.from(payload).toString()) as Effect;
    if (effect.cause !== undefined) answers.set(effect.cause, effect.answer);
  }

  const remade = new Map<string, Decision>();
  // What the site's own actors did stands in the journal: they are not asked again.
  const actors = ports.plan.actors.filter(({ kind }) => kind === "shipped");
  const scheduler = new Scheduler(actors, (planned, record) => work(planned, record), { clock: new ManualClock() });
  const work = (planned: PlannedActor, record: BoardRecord) => {
    const actor = ports.actors.find(({ goal }) => goal === planned.goal)!;
    // Its answer is an entry further on.
    if (actor.output === "effect") return scheduler.ended(planned, record);
    try {
      const input = inputOf(record);
      const ask = actor.ask?.(input, planned.with as never, ports.world) ?? null;
      const answer = ask?.port === "scorer" ? answerTo(ask, (record as FocusRecord).data.cause) : null;
      const value = actor.handle(input, answer, planned.with as never, ports.world);
      if (actor.output === "derived") putCell(record, planned.goal, cell({ state: "done", value }));
      else {
        const decision = decide(ports, planned, record as FocusRecord, value as Choice);
        remade.set(decision.id, decision);
      }
    } catch (error) {
      // A goal that fails decides nothing, as at the time.
      putCell(record, planned.goal, cell({ state: "failed", detail: String(error) }));
    }
    scheduler.ended(planned, record);
    if (actor.output === "derived") scheduler.changed(record);
  };
  const answerTo = ({ customer, coupons }: ScorerAsk, cause: number): unknown => {
    const recorded = answers.get(cause);
    if (recorded === undefined && ports.scorer.outside) throw new Error("nobody answered at the time");
    return recorded ?? ports.scorer.score(customer, coupons);
  };

  const differences: Difference[] = [];
  let count = 0;
  let compared = 0;
  let expired = 0;
  for (const entry of entries()) {
    count++;
    for (const { record, columns } of changedBy(applier, entry)) scheduler.changed(record, columns);
    if (!isDecision(entry)) continue;
    const recorded = readDecision(entry.payload);
    const again = remade.get(recorded.id) ?? null;
    remade.delete(recorded.id);
    if (recorded.cause < fromSeq) continue;
    if (recorded.none?.reason === "expired") expired++;
    else {
      compared++;
      if (JSON.stringify(again) !== JSON.stringify(recorded))
        differences.push({ id: recorded.id, recorded, remade: again });
    }
  }
  for (const [id, decision] of remade)
    if (decision.cause >= fromSeq) differences.push({ id, recorded: null, remade: decision });
  return { entries: count, compared, expired, differences };
}

/** What can't be applied stands in the dead letters since then, and changes nothing now either. */
function changedBy(applier: Applier, entry: Entry): readonly Changed[] {
  try {
    return applier.apply(entry).changed;
  } catch {
    return [];
  }
}
