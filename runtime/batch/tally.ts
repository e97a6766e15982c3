// What became of the events of a run, for a person at its end.
import type { FaultName, Fold, Outcome } from "../core/fold.ts";
import type { Site } from "../spec/compile.ts";

export interface Tally {
  readonly events: number;
  /** Events that were not folded, by outcome. */
  readonly dropped: ReadonlyMap<Outcome, number>;
  /** What failed in expressions: the field then stayed as it was. */
  readonly faults: readonly { readonly site: Site; readonly fault: FaultName; readonly count: number }[];
}

const WORDS: Readonly<Record<Outcome, string>> = {
  folded: "folded",
  malformed: "no JSON object",
  nobody: "without identity",
  timeless: "without time",
  late: "too late",
  failed: "beyond a limit",
};

/** What became of one event, in words. */
export function outcomeText(outcome: Outcome, fault: FaultName | null): string {
  return fault === null ? WORDS[outcome] : `${WORDS[outcome]} (${fault})`;
}

/** Counts outcomes. */
export class Outcomes {
  readonly counts = new Map<Outcome, number>();

  add(outcome: Outcome): void {
    this.counts.set(outcome, (this.counts.get(outcome) ?? 0) + 1);
  }

  tally(fold: Fold, events: number): Tally {
    return { events, dropped: this.counts, faults: fold.faults() };
  }
}

/** Lines for stderr; none when all went well. */
export function tallyLines({ events, dropped, faults }: Tally): string[] {
  const lost = [...dropped.values()].reduce((sum, count) => sum + count, 0);
  const lines: string[] = [];
  if (lost > 0) {
    const parts = Array.from(dropped, ([outcome, count]) => `${number(count)} ${WORDS[outcome]}`);
    lines.push(`${number(lost)} of ${number(events)} events were not used: ${parts.join(", ")}`);
  }
  const failed = faults.reduce((sum, { count }) => sum + count, 0);
  if (failed === 0) return lines;
  lines.push(`${number(failed)} times an expression failed, and left what it is for as it was:`);
  for (const { site, fault, count } of faults) lines.push(`  ${siteText(site)}: ${number(count)} × ${fault}`);
  return lines;
}

/** `session.score, line 12` */
function siteText({ aggregate, field, what, code }: Site): string {
  const names = [aggregate, field].filter((name) => name !== null);
  const path = [...names, ...(what === "value" && field !== null ? [] : [what])].join(".");
  return `${path}, line ${code.at.line}`;
}

function number(count: number): string {
  return count.toLocaleString("en-US");
}
