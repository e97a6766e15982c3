import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  decision,
  letter,
  mockFocusAnswer,
  problemBody,
  receipt,
  scoreAnswer,
  standings,
} from "../../../runtime/http/schemas.ts";
import { testApp } from "../../support/http.ts";

// What OpenAPI 3.1 demands of the parts that are used here; an unknown member is a mistake.
const reference = z.strictObject({ $ref: z.string().regex(/^#\/components\/schemas\/\w+$/) });
const content = z.record(z.string().regex(/^[a-z]+\/[a-z.+-]+$/), z.strictObject({ schema: reference }));
const inlineSchema = z.looseObject({ type: z.string() });
const operation = z.strictObject({
  operationId: z.string().regex(/^[a-z]\w+$/),
  tags: z.array(z.string()).length(1),
  summary: z.string().min(1),
  description: z.string().min(1).optional(),
  security: z.array(z.record(z.string(), z.array(z.string()))).optional(),
  parameters: z
    .array(
      z.strictObject({
        name: z.string(),
        in: z.enum(["path", "query", "header"]),
        description: z.string().min(1),
        required: z.boolean(),
        schema: inlineSchema,
      }),
    )
    .optional(),
  requestBody: z.strictObject({ description: z.string().min(1), required: z.boolean(), content }).optional(),
  responses: z.record(
    z.string().regex(/^[2-5]\d\d$/),
    z.strictObject({
      description: z.string().min(1),
      headers: z.record(z.string(), z.strictObject({ description: z.string(), schema: inlineSchema })).optional(),
      content,
    }),
  ),
});
const document = z.strictObject({
  openapi: z.literal("3.1.0"),
  info: z.strictObject({
    title: z.string(),
    version: z.string(),
    description: z.string(),
    license: z.strictObject({ name: z.string(), identifier: z.string() }),
  }),
  servers: z.array(z.strictObject({ url: z.string() })),
  tags: z.array(z.strictObject({ name: z.string(), description: z.string() })),
  security: z.array(z.record(z.string(), z.array(z.string()))),
  paths: z.record(z.string().startsWith("/"), z.partialRecord(z.enum(["get", "post", "patch", "delete"]), operation)),
  components: z.strictObject({
    schemas: z.record(z.string().regex(/^\w+$/), z.looseObject({ description: z.string().min(1) })),
    securitySchemes: z.record(z.string(), z.looseObject({ type: z.literal("http"), scheme: z.literal("bearer") })),
  }),
});

const { app, ports, post } = testApp();
const json: unknown = await (await app.request("/openapi.json")).json();
const doc = document.parse(json);
const operations = Object.entries(doc.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, each]) => ({ path, method, ...each! })),
);

describe("GET /openapi.json", () => {
  it("lists every route that is mounted, and no other", () => {
    const mounted = app.routes.map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);

    expect(operations.map(({ method, path }) => `${method.toUpperCase()} ${path}`).toSorted()).toEqual(
      mounted.toSorted(),
    );
  });

  it("refers only to what is there", () => {
    const references = [...JSON.stringify(doc).matchAll(/"\$ref":"([^"]+)"/g)].map(([, to]) => to!.split("/").at(-1)!);

    expect(references.length).toBeGreaterThan(50);
    expect(Object.keys(doc.components.schemas)).toEqual(expect.arrayContaining(references));
  });

  it("shows every schema somewhere", () => {
    const text = JSON.stringify(doc);

    const unused = Object.keys(doc.components.schemas).filter(
      (name) => !text.includes(`"#/components/schemas/${name}"`),
    );

    expect(unused).toEqual([]);
  });

  it("describes the parameters of every path, and them as required", () => {
    for (const { path, parameters = [] } of operations) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      if (path === "/events/{type}") continue; // below
      expect(parameters.filter((each) => each.in === "path" && each.required).map(({ name }) => name)).toEqual(named);
    }
  });

  it("gives every operation an id and a tag of its own", () => {
    const ids = operations.map(({ operationId }) => operationId);
    const tags = doc.tags.map(({ name }) => name);

    expect(new Set(ids).size).toBe(ids.length);
    expect(tags).toEqual(expect.arrayContaining(operations.flatMap(({ tags: [tag] }) => [tag!])));
  });

  it("describes a body for every call that reads one, and problems for every call", () => {
    for (const { path, method, requestBody, responses } of operations) {
      const reads = method === "patch" || (method === "post" && !/\/(replay|reload)$/.test(path));
      expect(requestBody !== undefined, path).toBe(reads);
      expect(responses["500"]!.content, path).toHaveProperty("application/problem+json");
      expect(Object.keys(responses).some((status) => status.startsWith("2"))).toBe(true);
    }
  });

  it.each(["/events", "/events/{type}", "/outcomes"])(
    "says of %s what 202 promises, and that a disk may be full",
    (path) => {
      const { responses } = doc.paths[path]!.post!;

      expect(Object.keys(responses)).toEqual(expect.arrayContaining(["429", "503", "507"]));
      for (const level of ["on disk", "received", "replicated"]) expect(responses["202"]!.description).toContain(level);
    },
  );

  it("lets answers gain members", () => {
    const closed = Object.entries(doc.components.schemas).filter(([, schema]) => schema.additionalProperties === false);

    expect(closed).toEqual([]);
  });
});

describe("the schemas of answers", () => {
  ports.decide("7");
  const letterOf = async () => {
    await post("/events", "{bad");
    return app.request("/deadletters/1");
  };

  it.each([
    ["Decision", decision, () => app.request("/decisions/here-ab12-1-0")],
    ["Standings", standings, () => app.request("/offers/7")],
    ["Problem", problemBody, () => app.request("/nowhere")],
    ["Receipt", receipt, () => post("/events", [{ type: "entry", id: 7 }, 1])],
    ["MockFocusAnswer", mockFocusAnswer, () => post("/mock_focus", { id: "9", dep: "Girls" })],
    ["Letter", letter, letterOf],
    ["ScoreAnswer", scoreAnswer, () => post("/score", { customer: CUSTOMER, coupons: [COUPON] })],
  ])("%s describes what is answered, member by member", async (_, schema, ask) => {
    const body: unknown = await (await ask()).json();

    expect(schema.parse(body)).toEqual(body); // Zod drops what a schema doesn't name
  });

  const CUSTOMER = { customer_id: 25, gender: "F", age: 35, mean_buy_price: 15.22 };
  const COUPON = { coupon_id: 116, department: "Boys", discount: 64, product_mean_price: 11.53 };
});
