import type { Health } from "../ports.ts";
import { problem } from "../problem.ts";
import type { Route } from "../route.ts";
import { readiness, text } from "../schemas.ts";

/** GET /healthz, /livez, /healthcheck: the process answers. The last is the retail system's name for it. */
export function alive(path: "/healthz" | "/livez" | "/healthcheck"): Route {
  return {
    method: "GET",
    path,
    open: true,
    doc: {
      tag: "operations",
      summary: "Whether the process answers",
      answers: { 200: { description: "OK", content: { "text/plain": text } } },
    },
    handle: (c) => c.text("OK"),
  };
}

/** GET /readyz: whether it makes sense to send work here. */
export function ready(health: Health): Route {
  return {
    method: "GET",
    path: "/readyz",
    doc: {
      tag: "operations",
      summary: "Whether it is ready for work",
      answers: {
        200: {
          description: "Ready; `degraded` names what works, but worse",
          content: { "application/json": readiness },
        },
      },
      problems: [503],
    },
    handle: (c) => {
      const reasons = health.notReady();
      const degraded = health.degraded();
      if (reasons.length === 0) return c.json({ ready: true, degraded });
      return problem({
        status: 503,
        code: "unavailable",
        detail: reasons.join("; "),
        more: { ready: false, reasons, degraded },
      });
    },
  };
}
