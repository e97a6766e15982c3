import { z } from "zod";
import { tokenParam } from "../params.ts";
import type { BoardFaces } from "../ports.ts";
import type { Route } from "../route.ts";
import { boardStream } from "../schemas.ts";
import type { Streams } from "../streams.ts";
import { pageParameter } from "../writing.ts";

/** GET /pages/:page/stream: changes of a page as they come to the disk. */
export function pageStream(board: BoardFaces, streams: Streams): Route {
  return {
    method: "GET",
    path: "/pages/:page/stream",
    doc: {
      tag: "board",
      summary: "Changes of a page as they are made",
      description:
        "Read the page first, and open the stream after its `seq`: so nothing is missed. A `reset` says that changes were missed: read the page again.",
      parameters: [
        pageParameter,
        {
          name: "Last-Event-ID",
          in: "header",
          description: "Resume after this sequence. Without it the stream begins with what changes from now on.",
          schema: z.int().min(0).optional(),
        },
        {
          name: "lastEventId",
          in: "query",
          description: "The same, for clients that can't send the header.",
          schema: z.int().min(0).optional(),
        },
      ],
      answers: { 200: { description: "A stream that stays open", content: { "text/event-stream": boardStream } } },
      problems: [400, 404, 429],
    },
    handle: (c) => {
      const page = tokenParam(c, "page");
      board.since(page, Number.MAX_SAFE_INTEGER); // such a page is there
      return streams.open(c, {
        begin: () => [],
        since: (seq) => board.since(page, seq),
        follow: (listener) => board.follow(page, listener),
        print: (message) => ({ event: message.do === "reset" ? "reset" : "change", data: message }),
      });
    },
  };
}
