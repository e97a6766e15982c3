import { z } from "zod";
import { AisleError } from "../../errors.ts";
import { badParameter, tokenParam } from "../params.ts";
import type { Transforms } from "../ports.ts";
import type { Context, Route } from "../route.ts";
import { featureRows } from "../schemas.ts";
import { identityParameter, json, specsOf, unknown } from "./aggregates.ts";

/** GET /features/:identity: the row that a model sees, as of now or of an instant that is past. */
export function featuresOf(transforms: Transforms): Route {
  return {
    method: "GET",
    path: "/features/:identity",
    doc: {
      tag: "transforms",
      summary: "The features of an identity",
      description:
        "As of its last event, with its youngest block as the anchor; null where a window before it is not filled. Windows after it show defaults. For an instant that is past, its events up to then are folded once more, from the oldest entry that is kept.",
      parameters: [
        identityParameter,
        {
          name: "at",
          in: "query",
          description: "As of this instant, by the times of events: ms since epoch, or ISO 8601 with its offset.",
          schema: z.string().optional(),
        },
      ],
      answers: { 200: { description: "The row", content: { "application/json": featureRows } } },
      problems: [400, 404, 413, 429, 503],
    },
    handle: async (c) => {
      const identity = tokenParam(c, "identity");
      const at = instant(c);
      const windows = transforms.specs().some(({ window }) => window !== null);
      if (!windows && transforms.specs().length > 0)
        throw new AisleError("not-found", "this site has no features: none of its specs has a window spec over it");
      const known = await transforms.features(identity, at);
      if (known.length === 0) throw unknown(transforms, identity);
      return json(c, `{"identity":${JSON.stringify(identity)},"at":${at},"specs":${specsOf(known, "features")}}`);
    },
  };
}

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;

/** Null: now. */
function instant(c: Context): number | null {
  const text = c.req.query("at");
  if (text === undefined) return null;
  // A plus sign that was not encoded arrives as a space.
  const iso = text.replace(" ", "+");
  const at = /^\d{1,15}$/.test(text) ? Number(text) : ISO.test(iso) ? Date.parse(iso) : Number.NaN;
  if (Number.isFinite(at)) return at;
  const detail = `at '${text.slice(0, 40)}' is no instant: expected ms since epoch, or ISO 8601 such as 2026-03-01T12:00:00Z`;
  throw badParameter("at", "wrong-type", detail);
}
