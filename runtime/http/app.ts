import { Hono } from "hono";
import type { Clock } from "../clock.ts";
import { limits } from "../limits.ts";
import type { HttpConfig } from "../site.ts";
import { type Access, checkBinding, guard } from "./auth.ts";
import { Bodies, type BodyLimits } from "./body.ts";
import type { About } from "./pages/home.ts";
import type { Ports } from "./ports.ts";
import { bug, failure, problem } from "./problem.ts";
import type { Context, Env, Route } from "./route.ts";
import { StaticFirstRouter } from "./router.ts";
import { aggregatesOf, allAggregates } from "./routes/aggregates.ts";
import { pageStream } from "./routes/board-stream.ts";
import { deadletter, deadletters, replayDeadletter } from "./routes/deadletters.ts";
import { decisionById } from "./routes/decisions.ts";
import { docs, openApiJson } from "./routes/docs.ts";
import { events, eventsOfType } from "./routes/events.ts";
import { featuresOf } from "./routes/features.ts";
import { whyGoal } from "./routes/goals.ts";
import { alive, ready } from "./routes/health.ts";
import { home } from "./routes/home.ts";
import { metrics } from "./routes/metrics.ts";
import { mockEntry, mockFocus } from "./routes/mock.ts";
import { offersOf, offersStream, offersStreamOf } from "./routes/offers.ts";
import { outcomes } from "./routes/outcomes.ts";
import { importSheet, pageOf, pages, sheetOf } from "./routes/pages.ts";
import { reloadPlan } from "./routes/plan.ts";
import { putRecord, recordByKey, recordHistoryOf, removeRecord, writeRecord } from "./routes/records.ts";
import { runLog } from "./routes/runs.ts";
import { score } from "./routes/score.ts";
import { reloadTransforms, transformStates } from "./routes/transforms.ts";
import { type StreamLimits, Streams } from "./streams.ts";

export interface AppOptions {
  readonly http: HttpConfig;
  readonly about: About;
  readonly clock: Clock;
  /** For the control socket, which the file system guards: no token, no look at `Host`. */
  readonly socket?: boolean;
  /** Other bounds than the usual, for tests. */
  readonly limits?: Partial<BodyLimits & StreamLimits>;
  /** Shared with who takes bodies in before the app. */
  readonly bodies?: Bodies;
}

/**
 * All faces over HTTP. The routes are a list: what is mounted, measured and described is the same thing.
 *
 * @throws AisleError `invalid` for a binding that would let strangers in, see `checkBinding`
 */
export function createApp(ports: Ports, options: AppOptions): Hono<Env> {
  const access = accessOf(options);
  const app = new Hono<Env>({ router: new StaticFirstRouter() });
  const routes = routesOf(ports, options, access);
  const mount = mounting(ports, options.clock, access);
  for (const route of routes) app.on(route.method, route.path, mount(route));

  const unmatched = mount.any("unmatched", (c) => elsewhere(app, c));
  app.notFound(unmatched);
  app.onError((error) => {
    ports.log.error({ err: error }, "the app failed outside of its routes");
    return bug();
  });
  return app;
}

/** Who may call. @throws AisleError `invalid`, see `checkBinding` */
export function accessOf({ http, socket = false }: Pick<AppOptions, "http" | "socket">): Access {
  return socket ? { kind: "socket" } : checkBinding(http);
}

/** Where two patterns match, the first counts: `/offers/stream` stands before `/offers/:customer`. */
function routesOf(ports: Ports, options: AppOptions, access: Access): readonly Route[] {
  const bounds = { ...limits, ...options.limits };
  const { ingest, offers, decisions, letters, scoring, transforms, board, health, log } = ports;
  const { clock, about } = options;
  const bodies = options.bodies ?? new Bodies(bounds);
  const sheets = new Bodies({ ...bounds, bodyBytes: bounds.sheetBytes });
  const streams = new Streams(clock, log, bounds);
  const allowed = access.kind === "loopback" || access.kind === "socket" || options.http.mock;
  /** Who writes, if it isn't said. */
  const unnamed = access.kind === "loopback" || access.kind === "socket" ? "local" : "http";
  const mock = { ingest, decisions, bodies, clock, allowed };

  const routes: readonly Route[] = [
    events(ingest, bodies),
    eventsOfType(ingest, bodies),
    outcomes(ingest, bodies),
    offersStream(offers, streams),
    offersOf(offers),
    offersStreamOf(offers, streams),
    decisionById(decisions),
    mockEntry(mock),
    mockFocus(mock),
    score(scoring, bodies),
    allAggregates(transforms),
    aggregatesOf(transforms),
    featuresOf(transforms),
    transformStates(transforms),
    reloadTransforms(transforms),
    reloadPlan(ports.plan),
    pages(board),
    pageOf(board),
    pageStream(board, streams),
    sheetOf(board),
    importSheet(board, sheets, unnamed),
    putRecord(board, bodies, unnamed),
    recordByKey(board),
    writeRecord(board, bodies, unnamed),
    removeRecord(board, unnamed),
    recordHistoryOf(board),
    whyGoal(board),
    runLog(board),
    deadletters(letters),
    deadletter(letters),
    replayDeadletter(letters),
    alive("/healthz"),
    alive("/livez"),
    alive("/healthcheck"),
    ready(health),
    metrics(ports.metrics),
    openApiJson(() => routes, about.version),
    docs(),
    home(about),
  ];
  return routes;
}

type Handle = Route["handle"];

/**
 * What stands round every route: the guard before it, errors and measures after it. One function instead of a
 * chain of middlewares, because Hono calls a lone handler directly, and `POST /events` feels the difference.
 */
function mounting({ requests, log, patient }: Ports, clock: Clock, access: Access) {
  const check = guard(access);

  function any(name: string, handle: Handle, open = false): Handle {
    return (c) => {
      const startedAt = clock.monotonic();
      const done = (response: Response): Response => {
        requests.observe(name, response.status, (clock.monotonic() - startedAt) / 1_000);
        return response;
      };
      const failed = (error: unknown): Response => {
        const known = failure(error);
        if (known === null) {
          const { method } = c.req;
          log.error({ err: error, method, route: name, traceparent: c.req.header("traceparent") }, "a request failed");
        }
        return done(known ?? bug());
      };
      try {
        check(c, open);
        const answer = handle(c);
        return answer instanceof Promise ? answer.then(done, failed) : done(answer);
      } catch (error) {
        return failed(error);
      }
    };
  }

  /** What writes waits for the disk, and not for ever. */
  const bounded = ({ handle, doc }: Route): Handle => {
    if (patient === undefined || !doc.problems?.includes(507)) return handle;
    return (c) => {
      const answer = handle(c);
      return answer instanceof Promise ? patient(answer) : answer;
    };
  };
  const mount = (route: Route): Handle => any(route.path, bounded(route), route.open);
  return Object.assign(mount, { any });
}

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;

/** 405 where the path would do with another method, else 404. */
function elsewhere(app: Hono<Env>, c: Context): Response {
  const { method, path } = c.req;
  const allowed = METHODS.filter((each) => app.router.match(each, path)[0].length > 0);
  if (allowed.length === 0) {
    const detail = `nothing is at ${path.slice(0, 200)}; /docs lists what there is`;
    return problem({ status: 404, code: "not-found", detail });
  }
  const allow = allowed.flatMap((each) => (each === "GET" ? ["GET", "HEAD"] : [each])).join(", ");
  const detail = `${path} takes ${allow}, not ${method}`;
  return problem({ status: 405, code: "method-not-allowed", detail, headers: { allow } });
}
