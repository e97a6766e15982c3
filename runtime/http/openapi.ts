import { STATUS_CODES } from "node:http";
import { z } from "zod";
import type { Content, Parameter, Route } from "./route.ts";
import { named, problemBody } from "./schemas.ts";

const TAGS = [
  { name: "events", description: "What customers do, and what became of offers." },
  { name: "offers", description: "What was decided, and why." },
  { name: "retail", description: "Calls of the retail system that Aisle replaces: the same requests, useful answers." },
  { name: "transforms", description: "What is folded from events, by the specs of the site." },
  { name: "dead letters", description: "What could not be used is kept, with the reason, and can be taken in again." },
  { name: "board", description: "What is done for each record, by whom, and what people write into its cells." },
  { name: "operations", description: "For whoever runs it." },
  { name: "pages", description: "For people." },
];

/** Answered by any route: to strangers, to bugs. */
const ANYWHERE = [401, 403, 500];

/** The OpenAPI 3.1 document of these routes. Its schemas are the ones in `schemas.ts`. */
export function openApi(routes: readonly Route[], version: string) {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Aisle",
      version,
      description: "Turns what customers do into offers, on the device in the store.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    tags: TAGS,
    security: [{}, { token: [] }],
    paths,
    components: {
      schemas: components(),
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "AISLE_TOKEN; not needed on loopback." },
      },
    },
  };
}

function operation({ method, path, open, doc }: Route) {
  const { tag, summary, description, parameters, body, answers, problems = [] } = doc;
  const responses: Record<string, unknown> = {};
  for (const [status, { description: what, content }] of Object.entries(answers)) {
    responses[status] = { description: what, content: contentOf(content) };
  }
  for (const status of [...problems, ...ANYWHERE].toSorted((a, b) => a - b)) {
    if (open && status === 401) continue;
    const headers = status === 429 || status === 503 ? { headers: { "Retry-After": RETRY_AFTER } } : {};
    responses[status] = {
      description: STATUS_CODES[status]!,
      ...headers,
      content: contentOf({ "application/problem+json": problemBody }),
    };
  }
  return {
    operationId: operationId(method, path),
    tags: [tag],
    summary,
    ...(description && { description }),
    ...(open && { security: [{}] }),
    ...(parameters && { parameters: parameters.map(parameterOf) }),
    ...(body && {
      requestBody: { description: body.description, required: body.required, content: contentOf(body.content) },
    }),
    responses,
  };
}

const RETRY_AFTER = { description: "Seconds to wait.", schema: { type: "integer", minimum: 0 } };

/** "GET /offers/:customer/stream" → "getOffersByCustomerStream" */
function operationId(method: string, path: string): string {
  const words = path.split(/[^A-Za-z:]+/).filter((word) => word !== "");
  const named = words.map((word) => (word.startsWith(":") ? `By${capital(word.slice(1))}` : capital(word)));
  return method.toLowerCase() + (named.join("") || "Home");
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function parameterOf({ name, in: place, description, schema }: Parameter) {
  const required = place === "path" || !schema.safeParse(undefined).success;
  return { name, in: place, description, required, schema: jsonSchema(z.toJSONSchema(schema, { io: "input" })) };
}

function contentOf(content: Content) {
  const refs = Object.entries(content).map(([media, schema]) => {
    const id = named.get(schema)?.id;
    if (id === undefined) throw new Error(`a body of ${media} has a schema without a name`);
    return [media, { schema: { $ref: reference(id) } }];
  });
  return Object.fromEntries(refs);
}

function components() {
  const { schemas } = z.toJSONSchema(named, { uri: reference, io: "input" });
  return Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, jsonSchema(schema)]));
}

function reference(id: string): string {
  return `#/components/schemas/${id}`;
}

/** Within an OpenAPI document neither the dialect nor an `$id` may say otherwise. */
function jsonSchema({ $schema: _, $id: __, ...schema }: Record<string, unknown>) {
  return schema;
}
