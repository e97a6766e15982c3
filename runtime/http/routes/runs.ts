import { z } from "zod";
import { tokenParam } from "../params.ts";
import type { BoardFaces } from "../ports.ts";
import type { Route } from "../route.ts";
import { text } from "../schemas.ts";
import { keyParam, recordParameters } from "../writing.ts";

/** GET /pages/:page/records/:key/runs/:run/log: what a run has printed. */
export function runLog(board: BoardFaces): Route {
  return {
    method: "GET",
    path: "/pages/:page/records/:key/runs/:run/log",
    doc: {
      tag: "board",
      summary: "What a run has printed",
      description:
        "Its beginning and its end, with a line where something was left out; `aisle-truncated: 1` says that there is one. The logs of the youngest runs are kept.",
      parameters: [
        ...recordParameters,
        {
          name: "run",
          in: "path",
          description: "The run: of a goal of the record, or of its history.",
          schema: z.string().min(1),
        },
      ],
      answers: { 200: { description: "The log", content: { "text/plain": text } } },
      problems: [400, 404],
    },
    handle: (c) => {
      const log = board.log(tokenParam(c, "page"), keyParam(c), tokenParam(c, "run"));
      const headers = {
        "content-type": "text/plain; charset=utf-8",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff", // a browser must not take it for a page
        ...(log.truncated && { "aisle-truncated": "1" }),
      };
      return new Response(log.text, { headers });
    },
  };
}
