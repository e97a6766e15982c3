// A plan of a laboratory: an open page with a person among its actors, a closed one, one that events feed, one that ranks.
import type { Plan } from "../../runtime/site.ts";
import { pageConfig, plannedActor } from "./plans.ts";

const KEYS = [
  { name: "lab", required: true },
  { name: "sample", required: true },
  { name: "batch", required: false },
];

export const LAB: Plan = {
  pages: [
    pageConfig("samples", { keys: KEYS, goals: ["taskA", "qc", "taskB", "taskC", "report"], ready: false }),
    pageConfig("jobs", { goals: ["build"], data: ["note", "metric"], completes: true }),
    pageConfig("loose", { lenient: true, goals: ["clean"] }),
    pageConfig("visits", { keys: [{ name: "visit", required: true }], opens: ["entry"], ready: false }),
    pageConfig("priority", {
      keys: [
        { name: "page", required: true },
        { name: "record", required: true },
        { name: "goal", required: false },
      ],
      data: ["weight", "expires", "author", "note"],
      ranks: true,
    }),
  ],
  actors: [
    plannedActor("taskA", { page: "samples" }),
    plannedActor("qc", {
      page: "samples",
      kind: "person",
      person: { who: ["alice"], dueMs: null },
      prerequisites: ["taskA"],
    }),
    plannedActor("taskB", {
      page: "samples",
      prerequisites: ["qc"],
      conflicts: [{ goal: "taskC", limit: 1, scope: "node" }],
    }),
    plannedActor("taskC", {
      page: "samples",
      prerequisites: ["qc"],
      conflicts: [{ goal: "taskB", limit: 1, scope: "node" }],
      subsumes: ["report"],
    }),
    plannedActor("build", { page: "jobs", maxSelves: 1 }),
  ],
};
