// A plan worked on as spreadsheet_agent would: its runner walks the board, its agents decide, claim and write.
import { AisleError } from "../errors.ts";
import type { Plan } from "../site.ts";
import { BoardSheet, type BoardSheetPorts } from "./board-sheet.ts";
import { PageFilter } from "./pages.ts";
import { configOf, PlanAgents, type PlanWorld } from "./plan-agents.ts";
import { CompatRunner } from "./runner.ts";

export interface CompatOptions extends PlanWorld, BoardSheetPorts {
  readonly onlyPages?: readonly string[];
  readonly skipPages?: readonly string[];
  readonly onlyGoals?: readonly string[];
  readonly dryRun?: boolean;
  readonly serial?: boolean;
  /** Between two records, and after each column, in seconds. Default 5, as the original. */
  readonly sleepBetween?: number;
}

/**
 * One walk over the pages of the plan, in its order. Resolves when the last agent has ended. Of the settings of an actor
 * those count that the original has: prerequisites, `maxSelves`, `conflicts` (on this host), `subsumes`; and the time that
 * a run may take, and the lease.
 *
 * @throws AisleError `invalid` when the plan has actors that answer later
 */
export async function runCompat(options: CompatOptions): Promise<void> {
  const { plan, onlyPages, skipPages, onlyGoals, dryRun, serial, debug = false, sleepBetween } = options;
  refuseLater(plan);
  const sheet = new BoardSheet(options);
  const agents = new PlanAgents(options, sheet);
  const filter = new PageFilter(sheet);
  if (onlyPages !== undefined) filter.only(onlyPages);
  if (skipPages !== undefined) filter.skip(skipPages);
  const walks: Promise<void>[] = [];
  for (const title of await filter.selected()) {
    const runner = new CompatRunner(
      {
        config: configOf(plan, title),
        onlyPages: [title],
        debug,
        scriptOf: (goal) => agents.scriptOf(title, goal),
        ...(dryRun === undefined ? {} : { dryRun }),
        ...(serial === undefined ? {} : { runInSerial: serial }),
        ...(sleepBetween === undefined ? {} : { sleepBetween }),
      },
      { sheet, sleep: options.sleep, terminal: options.terminal, scripts: agents },
    );
    if (onlyGoals !== undefined) runner.skipGoal((goal) => !onlyGoals.includes(goal));
    walks.push((await runner.run()).ended);
  }
  await Promise.all(walks);
}

function refuseLater({ actors }: Plan): void {
  const later = actors.find(({ kind }) => kind === "remote");
  if (later !== undefined)
    throw new AisleError(
      "invalid",
      `'${later.goal}' is done by somebody remote, which spreadsheet_agent doesn't know: expected commands, modules and persons`,
    );
}
