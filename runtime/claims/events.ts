// What happened elsewhere to a record of this node, as changes of its board.
import type { BoardRecord } from "../board/board.ts";
import type { Change } from "../board/change.ts";
import { keysByName } from "../board/message.ts";
import { readFields } from "../runs/fields.ts";
import type { PlannedActor } from "../site.ts";
import { again, lapsed } from "./policy.ts";
import type { ClaimNotice } from "./ports.ts";
import type { Event, Why } from "./settling.ts";
import type { Claimed, Finished } from "./values.ts";

/** Names the events of one goal of a record. */
export interface Subject {
  readonly record: BoardRecord;
  readonly actor: PlannedActor;
}

const WHY: Readonly<Record<Why, string>> = {
  lease: "its lease ran out",
  "given up": "its node gave it up",
  gone: "its claim is gone",
};

/** `now` in ms since epoch. */
export function changeFor({ record, actor }: Subject, event: Event, now: number): Change {
  const of = { page: record.page.name, key: record.key, goal: actor.goal };
  switch (event.event) {
    case "claim": {
      const { run, node: host, attempt } = event.of;
      return { do: "claim", ...of, run, host, attempt };
    }
    case "finish":
      return { do: "finish", ...of, ...finishOf(event.of, actor, record, now) };
    case "lapse": {
      const { run, attempt, why, taken } = event;
      const ended = taken ? { outcome: "retry" as const } : lapsed(actor, attempt, now);
      const kind = why === "given up" ? "cancelled" : "lease";
      return { do: "lapse", ...of, run, why: kind, detail: WHY[why], ...ended };
    }
    case "extra":
      return { do: "extra", ...of, run: event.of.run, host: event.of.node, detail: extraDetail(event.of) };
  }
}

/** Who did it: the node of the run; of what ran out, this one. */
export function principalOf(event: Event, node: string): string {
  return event.event === "lapse" ? node : event.of.node;
}

/** What people are told of it; null: nothing. */
export function noticeFor({ record, actor }: Subject, event: Event, change: Change, node: string): ClaimNotice | null {
  const { run, attempt } = event.event === "lapse" ? event : event.of;
  const host = event.event === "lapse" ? node : event.of.node;
  const of = {
    page: record.page.name,
    key: record.key,
    keys: keysByName(record),
    goal: actor.goal,
    host,
    run,
    attempt,
  };
  if (event.event === "lapse") return { ...of, outcome: "lapsed", detail: WHY[event.why] };
  if (event.event === "extra") return { ...of, outcome: "extra-run", detail: extraDetail(event.of) };
  if (event.event === "claim" || change.do !== "finish" || event.of.result.told === true) return null;
  if (change.outcome === "failed") return { ...of, outcome: "failed", detail: change.detail ?? "" };
  const { problem } = readFields(event.of.result.fields, record.page);
  return problem === undefined ? null : { ...of, outcome: "rejected-fields", detail: problem };
}

function finishOf(
  { run, node: host, attempt, result }: Finished,
  actor: PlannedActor,
  record: BoardRecord,
  now: number,
) {
  const { fields, problem } = readFields(result.fields, record.page);
  const ended = result.outcome === "retry" ? again(actor, attempt, now) : { outcome: result.outcome };
  const givenUp = ended.outcome === "failed" && result.outcome === "retry";
  const said = [result.detail, givenUp ? `given up after ${attempt} runs` : undefined, problem];
  const detail = said.filter((each) => each !== undefined && each !== "").join("; ");
  const also = ended.outcome === "done" && actor.subsumes.length > 0 ? { also: actor.subsumes } : {};
  return { run, host, ...ended, ...also, ...(fields !== null && { fields }), ...(detail !== "" && { detail }) };
}

function extraDetail(of: Claimed | Finished): string {
  if (of.state === "claimed") return "it was at work when the goal was another run's, or had ended";
  return `it brought '${of.result.outcome}' when the goal was another run's, or had ended`;
}
