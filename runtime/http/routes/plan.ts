import { refuseMistakes } from "../mistakes.ts";
import type { PlanFace } from "../ports.ts";
import type { Route } from "../route.ts";
import { planReload } from "../schemas.ts";

/** POST /plan/reload: the plan's file is read again. */
export function reloadPlan(plan: PlanFace): Route {
  return {
    method: "POST",
    path: "/plan/reload",
    doc: {
      tag: "board",
      summary: "Read the plan again",
      description:
        "Pages, actors and priorities that are new or changed are in force at once; what the plan has no more rests. What runs, runs on. With a mistake in it nothing changes.",
      answers: { 200: { description: "What has changed", content: { "application/json": planReload } } },
      problems: [409, 422, 503, 507],
    },
    handle: async (c) => {
      try {
        return c.json(await plan.reload());
      } catch (error) {
        return refuseMistakes(error, "plan");
      }
    },
  };
}
