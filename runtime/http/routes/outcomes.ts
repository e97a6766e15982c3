import type { Bodies } from "../body.ts";
import type { Ingest } from "../ports.ts";
import type { Route } from "../route.ts";
import { outcome, receipt } from "../schemas.ts";
import { ackParameters, take } from "./events.ts";

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
      answers: { 202: { description: "Taken", content: { "application/json": receipt } } },
      problems: [400, 409, 413, 415, 429, 503],
    },
    handle: (c) => take(c, ingest, bodies, "/outcomes", "outcome"),
  };
}
