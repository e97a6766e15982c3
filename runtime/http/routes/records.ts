import { z } from "zod";
import type { Bodies } from "../body.ts";
import { badParameter, tokenParam } from "../params.ts";
import type { BoardFaces, RecordView } from "../ports.ts";
import type { Route } from "../route.ts";
import { recordHistory, recordView, writing as writingBody } from "../schemas.ts";
import {
  answering,
  askedBy,
  keyParam,
  pageParameter,
  principalParameter,
  readWriting,
  recordParameters,
  revisionParameter,
} from "../writing.ts";

const recordAnswer = { description: "The record", content: { "application/json": recordView } };
const body = { description: "Cells to write.", required: true, content: { "application/json": writingBody } };

/** POST /pages/:page/records: makes a record, or writes into the one that has these key cells. */
export function putRecord(board: BoardFaces, bodies: Bodies, unnamed: string): Route {
  return {
    method: "POST",
    path: "/pages/:page/records",
    doc: {
      tag: "board",
      summary: "Make a record",
      description: "The key cells are among the cells. If there is such a record, the others are written into it.",
      parameters: [pageParameter, principalParameter],
      body,
      answers: { 201: { ...recordAnswer, description: "The record, made" }, 200: recordAnswer },
      problems: [400, 404, 409, 413, 415, 429, 503, 507],
    },
    handle: (c) =>
      answering(async () => {
        const page = tokenParam(c, "page");
        const { created, record } = await board.put(page, await readWriting(c, bodies, unnamed));
        const location = `/pages/${encodeURIComponent(page)}/records/${record.key}`;
        return answer(record, created ? 201 : 200, { location });
      }),
  };
}

/** GET /pages/:page/records/:key: one record, with what stands behind its cells. */
export function recordByKey(board: BoardFaces): Route {
  return {
    method: "GET",
    path: "/pages/:page/records/:key",
    doc: {
      tag: "board",
      summary: "A record",
      parameters: recordParameters,
      answers: { 200: recordAnswer },
      problems: [400, 404],
    },
    handle: (c) => answer(board.record(tokenParam(c, "page"), keyParam(c))),
  };
}

/** PATCH /pages/:page/records/:key: writes cells. */
export function writeRecord(board: BoardFaces, bodies: Bodies, unnamed: string): Route {
  return {
    method: "PATCH",
    path: "/pages/:page/records/:key",
    doc: {
      tag: "board",
      summary: "Write cells of a record",
      description:
        "`was`, or `If-Match`, says what was seen before: when somebody has changed it since, nothing is written, and the answer has both texts of each cell. Writing over a goal that somebody works on ends that work.",
      parameters: [...recordParameters, principalParameter, revisionParameter],
      body,
      answers: { 200: recordAnswer },
      problems: [400, 404, 409, 413, 415, 429, 503, 507],
    },
    handle: (c) =>
      answering(async () => {
        const writing = await readWriting(c, bodies, unnamed);
        if (Object.keys(writing.cells).length === 0)
          throw badParameter("cells", "missing", "'cells' is empty: name a column and its text");
        return answer(await board.write(tokenParam(c, "page"), keyParam(c), writing));
      }),
  };
}

/** DELETE /pages/:page/records/:key: takes a record off its page. */
export function removeRecord(board: BoardFaces, unnamed: string): Route {
  return {
    method: "DELETE",
    path: "/pages/:page/records/:key",
    doc: {
      tag: "board",
      summary: "Remove a record",
      description: "Work on its goals ends. The journal keeps what it was.",
      parameters: [...recordParameters, principalParameter, revisionParameter],
      answers: { 204: { description: "It is gone", content: {} } },
      problems: [400, 404, 409, 429, 503, 507],
    },
    handle: (c) =>
      answering(async () => {
        await board.remove(tokenParam(c, "page"), keyParam(c), { was: {}, ...askedBy(c, unnamed) });
        return new Response(null, { status: 204 });
      }),
  };
}

/** GET /pages/:page/records/:key/history: who changed what, and when. */
export function recordHistoryOf(board: BoardFaces): Route {
  return {
    method: "GET",
    path: "/pages/:page/records/:key/history",
    doc: {
      tag: "board",
      summary: "What happened to a record",
      parameters: [
        ...recordParameters,
        { name: "field", in: "query", description: "Only what concerns this cell.", schema: z.string().optional() },
      ],
      answers: { 200: { description: "Its youngest changes", content: { "application/json": recordHistory } } },
      problems: [400, 404],
    },
    handle: (c) => c.json(board.history(tokenParam(c, "page"), keyParam(c), c.req.query("field") || null)),
  };
}

function answer(record: RecordView, status = 200, headers: Record<string, string> = {}): Response {
  return Response.json(record, {
    status,
    headers: { etag: `"${record.revision}"`, "cache-control": "no-store", ...headers },
  });
}
