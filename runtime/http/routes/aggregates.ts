import { z } from "zod";
import { AisleError } from "../../errors.ts";
import { badParameter, tokenParam } from "../params.ts";
import { streamOf } from "../pieces.ts";
import type { Known, Transforms } from "../ports.ts";
import type { Context, Parameter, Route } from "../route.ts";
import { aggregateLines, aggregates } from "../schemas.ts";

export const identityParameter: Parameter = {
  name: "identity",
  in: "path",
  description: "Whom it is about: a customer, a player.",
  schema: z.string().min(1),
};

/** GET /aggregates/:identity: what the specs have folded from an identity's events. */
export function aggregatesOf(transforms: Transforms): Route {
  return {
    method: "GET",
    path: "/aggregates/:identity",
    doc: {
      tag: "transforms",
      summary: "The records of an identity",
      description: "All that was acknowledged is in them. Records of the specs that know the identity, by aggregate.",
      parameters: [identityParameter],
      answers: { 200: { description: "The records", content: { "application/json": aggregates } } },
      problems: [400, 404, 503],
    },
    handle: (c) => {
      const identity = tokenParam(c, "identity");
      const known = transforms.aggregates(identity);
      if (known.length === 0) throw unknown(transforms, identity);
      return json(c, `{"identity":${JSON.stringify(identity)},"specs":${specsOf(known, "records")}}`);
    },
  };
}

/** GET /aggregates?format=ndjson: everybody's, while events go on being folded. */
export function allAggregates(transforms: Transforms): Route {
  return {
    method: "GET",
    path: "/aggregates",
    doc: {
      tag: "transforms",
      summary: "The records of all identities",
      description:
        "A line for each spec and identity that was there at the start, in no particular order, each as it is when its line is written.",
      parameters: [{ name: "format", in: "query", description: "ndjson", schema: z.enum(["ndjson"]).optional() }],
      answers: { 200: { description: "Lines", content: { "application/x-ndjson": aggregateLines } } },
      problems: [400, 404, 429, 503],
    },
    handle: (c) => {
      const format = c.req.query("format");
      if (format !== undefined && format !== "ndjson")
        throw badParameter("format", "wrong-type", `the format '${format.slice(0, 40)}' is not known: expected ndjson`);
      if (transforms.specs().length === 0) throw noSpecs();
      const headers = { "content-type": "application/x-ndjson; charset=utf-8", "cache-control": "no-store" };
      if (c.req.method === "HEAD") return new Response(null, { headers });
      return new Response(streamOf(transforms.all()), { headers });
    },
  };
}

/** `{"<spec>":{"incomplete":…,"settledAt":…,"<member>":…}}` */
export function specsOf(known: readonly Known[], member: "records" | "features"): string {
  const specs = known.map(({ spec, incomplete, settledAt, json }) => {
    const head = JSON.stringify({ incomplete, settledAt }).slice(0, -1);
    return `${JSON.stringify(spec)}:${head},"${member}":${json}}`;
  });
  return `{${specs.join(",")}}`;
}

export function json(c: Context, body: string): Response {
  return c.body(body, 200, { "content-type": "application/json" });
}

export function unknown(transforms: Transforms, identity: string): AisleError {
  if (transforms.specs().length === 0) return noSpecs();
  return new AisleError("not-found", `no spec of this site has heard of '${identity}'`);
}

function noSpecs(): AisleError {
  return new AisleError("not-found", "this site folds nothing: it has no specs in its folder 'transforms'");
}
