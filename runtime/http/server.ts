import { setMaxListeners } from "node:events";
import { chmodSync, existsSync, unlinkSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import { connect, type ListenOptions, type Socket } from "node:net";
import { getRequestListener, RequestError } from "@hono/node-server";
import type { Hono } from "hono";
import { AisleError } from "../errors.ts";
import { limits } from "../limits.ts";
import { isLoopback } from "../loopback.ts";
import type { Log } from "./ports.ts";
import { bug, problem } from "./problem.ts";
import type { Bindings, Env } from "./route.ts";

export type Where = { readonly host: string; readonly port: number } | { readonly socketPath: string };

export interface ServeLimits {
  /** ms for a request to arrive whole. */
  readonly requestMs: number;
  /** ms for requests under way to finish after `close`. */
  readonly drainMs: number;
  readonly connections: number;
}

/** Takes a request before the app sees it. False: it is the app's, and nothing of it was touched. */
export type RawHandler = (incoming: IncomingMessage, outgoing: ServerResponse) => boolean;

export interface ServeOptions {
  /** Other bounds than the usual, for tests. */
  readonly limits?: Partial<ServeLimits>;
  readonly log?: Log;
  readonly raw?: RawHandler;
}

export interface Listening {
  /** What to open or call: `http://127.0.0.1:8080`, or the path of the socket. */
  readonly url: string;
  /** 0 on a socket. */
  readonly port: number;
  /** Takes no more requests, ends the streams, lets the rest finish; cuts what isn't done after `drainMs`. */
  close(): Promise<void>;
}

/** How often requests that have not arrived whole are looked for, ms. */
const LATE_EVERY = 1_000;
/** How often a closing server looks for connections that have become idle, ms. */
const IDLE_EVERY = 20;

/**
 * Puts the app on a port (0: any free one) or on a unix socket that only this user may open.
 *
 * @throws AisleError `conflict` when the port or the socket is in use, `invalid` when it can't be had at all
 */
export async function serve(app: Hono<Env>, where: Where, options: ServeOptions = {}): Promise<Listening> {
  const bounds = { ...limits, ...options.limits };
  const closing = new AbortController();
  setMaxListeners(0, closing.signal); // one for each stream

  const listener = getRequestListener(
    (request, env) => {
      const bindings = env as Bindings;
      bindings.closing = closing.signal;
      if (closing.signal.aborted && bindings.outgoing) bindings.outgoing.shouldKeepAlive = false;
      return app.fetch(request, bindings);
    },
    { errorHandler: refuse },
  );
  const { raw } = options;
  const server = createServer(
    {
      requestTimeout: bounds.requestMs,
      headersTimeout: bounds.requestMs,
      connectionsCheckingInterval: Math.min(LATE_EVERY, bounds.requestMs),
      noDelay: true,
    },
    raw === undefined
      ? listener
      : (incoming, outgoing) => {
          if (closing.signal.aborted) outgoing.shouldKeepAlive = false;
          if (!raw(incoming, outgoing)) void listener(incoming, outgoing);
        },
  );
  server.maxConnections = bounds.connections;
  server.on("clientError", answerClientError);

  if ("socketPath" in where) await clearStale(where.socketPath);
  await listen(server, where);
  // Such as running out of file handles: this connection is lost, the server goes on.
  server.on("error", (error) => options.log?.error({ err: error }, "a connection could not be accepted"));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  let closed: Promise<void> | null = null;
  return {
    url: urlOf(where, port),
    port,
    close() {
      closing.abort();
      closed ??= closeServer(server, bounds.drainMs);
      return closed;
    },
  };
}

function listen(server: Server, where: Where): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(explained(error, where)));
    server.once("listening", () => {
      server.removeAllListeners("error");
      resolve();
    });
    if (!("socketPath" in where)) {
      server.listen({ host: where.host, port: where.port } satisfies ListenOptions);
      return;
    }
    const mask = process.umask(0o177); // the socket is bound within `listen`: nobody else may open it, ever
    try {
      server.listen({ path: where.socketPath });
    } finally {
      process.umask(mask);
    }
    server.once("listening", () => chmodSync(where.socketPath, 0o600));
  });
}

function explained(error: NodeJS.ErrnoException, where: Where): AisleError {
  const place = "socketPath" in where ? `socket ${where.socketPath}` : `port ${where.port} on ${where.host}`;
  switch (error.code) {
    case "EADDRINUSE":
      return new AisleError("conflict", `${place} is in use: stop what listens there${otherPort(where)}`, {
        cause: error,
      });
    case "EACCES":
      return new AisleError("invalid", `${place} needs more rights${otherPort(where)}`, { cause: error });
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return new AisleError("invalid", `${place}: this machine has no such address`, { cause: error });
    default:
      return new AisleError("invalid", `can't listen on ${place}: ${error.message}`, { cause: error });
  }
}

function otherPort(where: Where): string {
  return "socketPath" in where ? "" : ", or choose another with --port (0 takes any free one)";
}

/** Removes the socket that a killed process left; one that somebody answers on is not ours to remove. */
async function clearStale(path: string): Promise<void> {
  if (!existsSync(path)) return;
  const answered = await new Promise<boolean>((resolve) => {
    const socket = connect({ path });
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
  if (answered) throw new AisleError("conflict", `socket ${path} is in use: another process owns it`);
  unlinkSync(path);
}

function urlOf(where: Where, port: number): string {
  if ("socketPath" in where) return where.socketPath;
  const host = where.host.includes(":") ? `[${where.host}]` : where.host;
  // Bound to everywhere, it is reached here by a name of this machine.
  const named = isLoopback(where.host) || !/^(?:0\.0\.0\.0|\[::\])$/.test(host) ? host : "localhost";
  return `http://${named}:${port}`;
}

/** Node closes idle connections once, at the start; those busy now become idle as their requests finish. */
function closeServer(server: Server, drainMs: number): Promise<void> {
  return new Promise((resolve) => {
    const idle = setInterval(() => server.closeIdleConnections(), IDLE_EVERY);
    const cut = setTimeout(() => server.closeAllConnections(), drainMs);
    server.close(() => {
      clearInterval(idle);
      clearTimeout(cut);
      resolve();
    });
  });
}

/** A request that no app ever sees, because its URL or its host is none. */
function refuse(error: unknown): Response {
  if (!(error instanceof RequestError)) return bug();
  return problem({ status: 400, code: "invalid", detail: `the request is not well-formed: ${error.message}` });
}

/** What isn't HTTP, comes too slowly or has too long a head; there is no request to answer through. */
function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, detail] =
    error.code === "ERR_HTTP_REQUEST_TIMEOUT"
      ? [408, "the request did not arrive in time"]
      : error.code === "HPE_HEADER_OVERFLOW"
        ? [431, "the head of the request is too long"]
        : [400, "the request is not HTTP"];
  const body = JSON.stringify({ type: "about:blank", title: STATUS_CODES[status], status, code: "invalid", detail });
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: application/problem+json\r\n`;
  socket.end(`${head}content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`);
}
