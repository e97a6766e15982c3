import type { Metrics } from "../ports.ts";
import type { Route } from "../route.ts";
import { text } from "../schemas.ts";

/** GET /metrics: for Prometheus. */
export function metrics(port: Metrics): Route {
  return {
    method: "GET",
    path: "/metrics",
    doc: {
      tag: "operations",
      summary: "Metrics in Prometheus' text format",
      answers: { 200: { description: "Metrics", content: { "text/plain": text } } },
    },
    handle: async (c) => c.body(await port.text(), 200, { "content-type": port.contentType }),
  };
}
