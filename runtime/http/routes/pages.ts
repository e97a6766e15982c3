import { z } from "zod";
import { limits } from "../../limits.ts";
import { type Bodies, requestHeader, wrongMedia } from "../body.ts";
import { badParameter, tokenParam, wholeQuery } from "../params.ts";
import { streamOf } from "../pieces.ts";
import type { BoardFaces, CellState } from "../ports.ts";
import { Refusal } from "../problem.ts";
import type { Context, Route } from "../route.ts";
import { cellState, csv, key, pages as pagesBody, recordsView, sheetReceipt } from "../schemas.ts";
import { answering, askedBy, pageParameter, principalParameter } from "../writing.ts";

/** Records in an answer, if it isn't said. */
const RECORDS = 100;

/** GET /pages: the pages of the plan. */
export function pages(board: BoardFaces): Route {
  return {
    method: "GET",
    path: "/pages",
    doc: {
      tag: "board",
      summary: "The pages of the board",
      answers: { 200: { description: "Pages with their columns", content: { "application/json": pagesBody } } },
    },
    handle: (c) => c.json({ pages: board.pages() }),
  };
}

/** GET /pages/:page: its records, some at a time. */
export function pageOf(board: BoardFaces): Route {
  return {
    method: "GET",
    path: "/pages/:page",
    doc: {
      tag: "board",
      summary: "A page and its records",
      description:
        "Some at a time: with `state`, an answer may hold few records, or none, and still have a `next`, as only so many are looked at for one answer.",
      parameters: [
        pageParameter,
        { name: "after", in: "query", description: "The `next` of the records before.", schema: key.optional() },
        {
          name: "limit",
          in: "query",
          description: `Records in the answer; ${RECORDS} if not given.`,
          schema: z.int().min(1).max(limits.recordsPage).optional(),
        },
        {
          name: "state",
          in: "query",
          description: "Only records with a goal in this state.",
          schema: cellState.optional(),
        },
        {
          name: "goal",
          in: "query",
          description: "With `state`: only this goal counts.",
          schema: z.string().optional(),
        },
      ],
      answers: { 200: { description: "Records", content: { "application/json": recordsView } } },
      problems: [400, 404],
    },
    handle: async (c) => {
      const limit = wholeQuery(c, "limit", limits.recordsPage) ?? RECORDS;
      const state = stateQuery(c);
      const goal = c.req.query("goal") ?? null;
      if (goal !== null && state === null)
        throw badParameter("goal", "missing", "'goal' goes with 'state': which state is the goal to be in?");
      const after = c.req.query("after") || null;
      return c.json(await board.records(tokenParam(c, "page"), { after, limit, state, goal }));
    },
  };
}

function stateQuery(c: Context): CellState | null {
  const text = c.req.query("state");
  if (text === undefined) return null;
  const read = cellState.safeParse(text);
  if (read.success) return read.data;
  const detail = `the state '${text.slice(0, 40)}' is none: expected ${cellState.options.join(", ")}`;
  throw badParameter("state", "wrong-type", detail);
}

/** GET /pages/:page/csv: a page as a sheet. */
export function sheetOf(board: BoardFaces): Route {
  return {
    method: "GET",
    path: "/pages/:page/csv",
    doc: {
      tag: "board",
      summary: "A page as CSV",
      description: "RFC 4180, in UTF-8. Each record as it is when its line is written.",
      parameters: [pageParameter],
      answers: { 200: { description: "The sheet", content: { "text/csv": csv } } },
      problems: [404, 429],
    },
    handle: (c) => {
      const page = tokenParam(c, "page");
      const sheet = board.sheet(page);
      const headers = {
        "content-type": "text/csv; charset=utf-8; header=present",
        "content-disposition": `attachment; filename*=UTF-8''${encodeURIComponent(page)}.csv`,
        "cache-control": "no-store",
      };
      if (c.req.method !== "HEAD") return new Response(streamOf(sheet), { headers });
      sheet.end();
      return new Response(null, { headers });
    },
  };
}

const SHEETS: ReadonlySet<string> = new Set(["text/csv", "text/tab-separated-values", "text/plain"]);

/** POST /pages/:page/csv: takes a sheet in, all of it or nothing. */
export function importSheet(board: BoardFaces, bodies: Bodies, unnamed: string): Route {
  return {
    method: "POST",
    path: "/pages/:page/csv",
    doc: {
      tag: "board",
      summary: "Import a sheet",
      description:
        "A line for each record, found by its key cells or else made; cells that differ are written, columns that are not in the sheet stay. Commas, semicolons or tabs. With a mistake in it nothing is changed.",
      parameters: [
        pageParameter,
        principalParameter,
        {
          name: "dryRun",
          in: "query",
          description: "1: only look what it would change.",
          schema: z.enum(["0", "1"]).optional(),
        },
      ],
      body: { description: "The sheet.", required: true, content: { "text/csv": csv } },
      answers: { 200: { description: "What has changed", content: { "application/json": sheetReceipt } } },
      problems: [400, 404, 409, 413, 415, 429, 503, 507],
    },
    handle: (c) =>
      answering(async () => {
        const dryRun = dryRunQuery(c);
        const media = requestHeader(c, "content-type") === undefined ? null : wrongMedia(c, SHEETS);
        if (media !== null) throw new Refusal("unsupported", media);
        const { by, headers } = askedBy(c, unnamed);
        const receipt = await board.importSheet(tokenParam(c, "page"), await bodies.read(c), { by, headers, dryRun });
        return c.json(receipt);
      }),
  };
}

function dryRunQuery(c: Context): boolean {
  const text = c.req.query("dryRun") ?? "0";
  if (text === "0" || text === "1" || text === "true" || text === "false") return text === "1" || text === "true";
  throw badParameter("dryRun", "wrong-type", `dryRun '${text.slice(0, 40)}' is neither 1 nor 0`);
}
