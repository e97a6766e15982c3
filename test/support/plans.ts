// Lines and pages of a plan, complete: what a test does not say is as it is for most.
import type { PageConfig, PlannedActor } from "../../runtime/site.ts";

const SECOND = 1_000; // ms
const MINUTE = 60 * SECOND;

/** A line of a plan: an actor of the site's own on page `jobs`, that waits for nobody. */
export function plannedActor(goal: string, more: Partial<PlannedActor> = {}): PlannedActor {
  return {
    goal,
    page: "jobs",
    kind: "module",
    prerequisites: [],
    conflicts: [],
    maxSelves: Number.POSITIVE_INFINITY,
    selvesScope: "node",
    subsumes: [],
    layer: 0,
    suppresses: [],
    inhibits: [],
    on: [],
    with: {},
    file: null,
    person: null,
    timeoutMs: 10 * MINUTE,
    leaseMs: 30 * SECOND,
    retries: { max: 3, backoffMs: SECOND, backoffMaxMs: 5 * MINUTE },
    onLapse: "retry",
    ...more,
  };
}

/** A page that people fill, open to any data, its records named by one key. */
export function pageConfig(name: string, more: Partial<PageConfig> = {}): PageConfig {
  return {
    name,
    parent: null,
    opens: [],
    closes: [],
    timeToLiveMs: Number.POSITIVE_INFINITY,
    keys: [{ name: "id", required: true }],
    goals: [],
    data: null,
    ready: true,
    completes: false,
    lenient: false,
    shared: false,
    ranks: false,
    records: [],
    ...more,
  };
}

/** A page `jobs` with the goals of some actors, in their order. */
export function pageOf(actors: readonly PlannedActor[], more: Partial<PageConfig> = {}): PageConfig {
  const { name = "jobs" } = more;
  return pageConfig(name, { goals: actors.filter(({ page }) => page === name).map(({ goal }) => goal), ...more });
}
