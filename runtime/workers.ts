// Who does the work at a place, by the kind of actor; and what has to be in order before any of it begins.
import { join } from "node:path";
import type { Bus } from "./bus/bus.ts";
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";
import { createCommandExecutor } from "./runs/command.ts";
import type { Executor } from "./runs/job.ts";
import { createModuleExecutor } from "./runs/module.ts";
import { endOrphans } from "./runs/orphans.ts";
import { createRemoteExecutor } from "./runs/remote.ts";
import type { ActorKind, Plan, Site } from "./site.ts";

export interface WorkersOptions {
  readonly site: Site;
  readonly dataDir: string;
  /** The environment that commands get, without what is the place's own. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly bus: Bus;
  readonly base: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Who does the work, by kind, whatever the plan names now: it may change. A person's cell is filled by nobody here. */
export interface Workers {
  readonly executors: Readonly<Partial<Record<ActorKind, Executor>>>;
  /** To be called once, before the place recovers: ends commands that an earlier process left at work. */
  endOrphans(): Promise<void>;
  /**
   * Gets ready for a plan.
   *
   * @throws SiteError when a module of it can't be used; then those of the plan before stay
   */
  load(plan: Plan): Promise<void>;
}

export function workersOf({ site, dataDir, env, bus, base, clock, log }: WorkersOptions): Workers {
  const node = site.place;
  const dir = runsFolder(dataDir);
  const module = createModuleExecutor({ clock });
  return {
    executors: {
      module,
      command: createCommandExecutor({ cwd: site.dir, env, node, dir, clock }),
      remote: createRemoteExecutor({ bus, base, node }),
    },
    async endOrphans() {
      const ended = await endOrphans(dir, clock);
      if (ended.length > 0) log.warn({ runs: ended }, "commands that an earlier process left at work were ended");
    },
    load: ({ actors }) =>
      module.load(actors.flatMap(({ kind, file }) => (kind === "module" && file !== null ? [file] : []))),
  };
}

function runsFolder(dataDir: string): string {
  return join(dataDir, "runs");
}
