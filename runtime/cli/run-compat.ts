// `aisle run --compat`: the plan is worked on as the original would.
import { systemClock } from "../clock.ts";
import { othersThan } from "../compat/processes.ts";
import { runCompat } from "../compat/run.ts";
import type { Place } from "../main.ts";
import type { Shell } from "./shell.ts";

export interface CompatRun {
  readonly onlyPages?: readonly string[];
  readonly skipPages?: readonly string[];
  readonly onlyGoals?: readonly string[];
  readonly dryRun?: boolean;
  readonly serial?: boolean;
  readonly sleepBetween?: number;
}

/**
 * @param place  attached: its own scheduler starts nothing
 * @returns agents that ended with an error: their bodies threw, or their records were gone
 */
export async function runAsOriginal(shell: Shell, place: Place, options: CompatRun): Promise<number> {
  let errors = 0;
  const { workers, workshop, journal, site, runner } = place;
  const { onlyPages, skipPages, onlyGoals, dryRun, serial, sleepBetween } = options;
  await workers.endOrphans();
  await workers.load(site.plan);
  await runCompat({
    plan: site.plan,
    board: runner.board,
    append: (drafts) => journal.append(drafts),
    node: site.place,
    clock: systemClock,
    // Its own timers would not keep the process alive.
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    newRun: () => workshop.newRun(),
    executors: workers.executors,
    processes: othersThan(process.pid),
    log: (run, output) => workshop.logs.append(run, output),
    notice: (told) => workshop.notices.tell(told),
    ended: ({ page, goal, args }, outcome) => {
      if (outcome.kind !== "error") return;
      errors++;
      shell.warn(`${page} ${args.join(" ")}: '${goal}' ended with an error: ${outcome.detail}`);
    },
    terminal: (text) => shell.warn(text.trimEnd()),
    ...(onlyPages === undefined ? {} : { onlyPages }),
    ...(skipPages === undefined ? {} : { skipPages }),
    ...(onlyGoals === undefined ? {} : { onlyGoals }),
    ...(dryRun === undefined ? {} : { dryRun }),
    ...(serial === undefined ? {} : { serial }),
    ...(sleepBetween === undefined ? {} : { sleepBetween }),
  });
  await place.stop();
  return errors;
}
