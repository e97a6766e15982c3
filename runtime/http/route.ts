import type { IncomingMessage, ServerResponse } from "node:http";
import type { Context as HonoContext } from "hono";
import type { z } from "zod";

/** What `serve` hands to the app beside the request. Nothing of it is there in a test without a server. */
export interface Bindings {
  readonly incoming?: IncomingMessage;
  readonly outgoing?: ServerResponse;
  /** Aborted when the server begins to close. */
  closing?: AbortSignal;
}

export interface Env {
  Bindings: Bindings;
}

export type Context = HonoContext<Env>;

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly description: string;
  readonly schema: z.ZodType;
}

/** Media type → schema; the schemas of bodies are named ones, see `schemas.ts`. */
export type Content = Readonly<Record<string, z.ZodType>>;

/** What `/openapi.json` says of a route. */
export interface RouteDoc {
  readonly tag: "events" | "offers" | "retail" | "transforms" | "dead letters" | "board" | "operations" | "pages";
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly Parameter[];
  readonly body?: { readonly description: string; readonly required: boolean; readonly content: Content };
  readonly answers: Readonly<Record<number, { readonly description: string; readonly content: Content }>>;
  /** Statuses answered as `application/problem+json`, besides those that every route may answer. */
  readonly problems?: readonly number[];
}

/** One call of the API: where it is, what it says of itself, what it does. A route throws `AisleError`s. */
export interface Route {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** Hono's notation: `/offers/:customer`. It is also the label in the metrics. */
  readonly path: string;
  /** Answered without a token: says nothing about anybody. */
  readonly open?: boolean;
  readonly doc: RouteDoc;
  handle(c: Context): Response | Promise<Response>;
}
