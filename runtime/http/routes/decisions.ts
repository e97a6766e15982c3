import { z } from "zod";
import { AisleError } from "../../errors.ts";
import type { Decisions } from "../ports.ts";
import type { Route } from "../route.ts";
import { decision } from "../schemas.ts";

/** GET /decisions/:id: why. */
export function decisionById(decisions: Decisions): Route {
  return {
    method: "GET",
    path: "/decisions/:id",
    doc: {
      tag: "offers",
      summary: "A decision, with all that it rests on",
      parameters: [{ name: "id", in: "path", description: "As in an offer.", schema: z.string().min(1) }],
      answers: { 200: { description: "The decision", content: { "application/json": decision } } },
      problems: [404],
    },
    handle: async (c) => {
      const id = c.req.param("id")!;
      const found = await decisions.find(id);
      if (found !== null) return c.json(found);
      const hint = /^.+-.+-\d+-\d+$/.test(id)
        ? "it was never made here, or is past its retention"
        : "an id has the form <place>-<epoch>-<sequence of the cause>-<n>";
      throw new AisleError("not-found", `no decision '${id.slice(0, 200)}': ${hint}`);
    },
  };
}
