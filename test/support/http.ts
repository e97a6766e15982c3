import type { Hono } from "hono";
import { ManualClock } from "../../runtime/clock.ts";
import { type AppOptions, createApp } from "../../runtime/http/app.ts";
import type { BoardFaces } from "../../runtime/http/ports.ts";
import type { Env } from "../../runtime/http/route.ts";
import type { HttpConfig } from "../../runtime/site.ts";
import { MemoryPorts } from "./ports.ts";

export const LOOPBACK: HttpConfig = { host: "127.0.0.1", port: 0, auth: "token", token: null, mock: false };

export interface TestApp {
  readonly app: Hono<Env>;
  readonly ports: MemoryPorts;
  readonly clock: ManualClock;
  /** POSTs a value as JSON, or a text or bytes as they are. */
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
}

/** The whole app on ports in memory, without a server. */
export function testApp(options: Partial<AppOptions> = {}, board?: BoardFaces): TestApp {
  const ports = new MemoryPorts();
  if (board !== undefined) ports.board = board;
  const clock = new ManualClock(1_700_000_000_000);
  const about = { site: "store", place: "here", version: "0.1.0" };
  const app = createApp(ports, { http: LOOPBACK, about, clock, ...options });
  return {
    app,
    ports,
    clock,
    async post(path, body, headers = {}) {
      const raw = typeof body === "string" || body instanceof Uint8Array;
      return app.request(path, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: raw ? (body as BodyInit) : JSON.stringify(body),
      });
    },
  };
}
