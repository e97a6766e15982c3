import type { Bodies } from "../body.ts";
import type { Ingest } from "../ports.ts";
import type { Route } from "../route.ts";
import { outcome } from "../schemas.ts";
import { ackParameters, TAKING_PROBLEMS, take, takenAnswer } from "./events.ts";

/** POST /outcomes: what became of offers. `POST /events/outcome` by another name. */
export function outcomes(ingest: Ingest, bodies: Bodies): Route {
  return {
    method: "POST",
    path: "/outcomes",
    doc: {
      tag: "events",
      summary: "Report what became of an offer",
      description: "One outcome, an array, or NDJSON, as on `/events`; they are events of type `outcome`.",
      parameters: ackParameters,
      body: { description: "Outcomes.", required: true, content: { "application/json": outcome } },
      answers: takenAnswer,
      problems: TAKING_PROBLEMS,
    },
    handle: (c) => take(c, ingest, bodies, "/outcomes", "outcome"),
  };
}
