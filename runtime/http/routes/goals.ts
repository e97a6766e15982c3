import { z } from "zod";
import { tokenParam } from "../params.ts";
import type { BoardFaces } from "../ports.ts";
import type { Route } from "../route.ts";
import { why } from "../schemas.ts";
import { keyParam, recordParameters } from "../writing.ts";

/** GET /pages/:page/records/:key/goals/:goal/why: the rules that keep a goal from starting. */
export function whyGoal(board: BoardFaces): Route {
  return {
    method: "GET",
    path: "/pages/:page/records/:key/goals/:goal/why",
    doc: {
      tag: "board",
      summary: "Why a goal does not start",
      description:
        "Every rule that keeps it from starting, with whom it conflicts, until when, and what would unblock it.",
      parameters: [
        ...recordParameters,
        { name: "goal", in: "path", description: "The goal.", schema: z.string().min(1) },
      ],
      answers: { 200: { description: "The rules; none: it may start", content: { "application/json": why } } },
      problems: [400, 404],
    },
    handle: (c) => c.json(board.why(tokenParam(c, "page"), keyParam(c), tokenParam(c, "goal"))),
  };
}
