import { openApi } from "../openapi.ts";
import { docsPage } from "../pages/docs.ts";
import type { Route } from "../route.ts";
import { html, openApiDocument } from "../schemas.ts";

/** GET /openapi.json: all routes, this one too. Made when it is first asked for: starting doesn't wait for it. */
export function openApiJson(routes: () => readonly Route[], version: string): Route {
  let json: string | null = null;
  return {
    method: "GET",
    path: "/openapi.json",
    doc: {
      tag: "operations",
      summary: "The OpenAPI 3.1 document",
      answers: { 200: { description: "The document", content: { "application/json": openApiDocument } } },
    },
    handle: (c) => {
      json ??= JSON.stringify(openApi(routes(), version));
      return c.body(json, 200, { "content-type": "application/json" });
    },
  };
}

/** GET /docs: the same, for people. */
export function docs(): Route {
  return {
    method: "GET",
    path: "/docs",
    open: true,
    doc: {
      tag: "pages",
      summary: "All calls, readably",
      answers: { 200: { description: "A page", content: { "text/html": html } } },
    },
    handle: docsPage,
  };
}
