import { z } from "zod";
import { AisleError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { wholeQuery } from "../params.ts";
import type { DeadLetters, Letter } from "../ports.ts";
import type { Context, Parameter, Route } from "../route.ts";
import { letter, letters as lettersBody, receipt } from "../schemas.ts";
import { answer } from "./events.ts";

const PAGE = 100;

const idParameter: Parameter = { name: "id", in: "path", description: "The letter.", schema: z.int().min(1) };

/** GET /deadletters: what could not be used, newest first, without the payloads. */
export function deadletters(letters: DeadLetters): Route {
  return {
    method: "GET",
    path: "/deadletters",
    doc: {
      tag: "dead letters",
      summary: "What could not be used",
      parameters: [
        {
          name: "before",
          in: "query",
          description: "Only letters with a smaller id: the `next` of a page.",
          schema: z.int().min(1).optional(),
        },
        {
          name: "limit",
          in: "query",
          description: `Letters on a page; ${PAGE} if not given.`,
          schema: z.int().min(1).max(limits.lettersPage).optional(),
        },
        { name: "code", in: "query", description: "Only letters with this reason.", schema: z.string().optional() },
      ],
      answers: { 200: { description: "A page of letters", content: { "application/json": lettersBody } } },
      problems: [400],
    },
    handle: (c) => {
      const limit = wholeQuery(c, "limit", limits.lettersPage) ?? PAGE;
      const before = wholeQuery(c, "before", Number.MAX_SAFE_INTEGER);
      const code = c.req.query("code");
      const page = letters.list({ limit, ...(before !== null && { before }), ...(code && { code }) });
      const next = page.length === limit ? page.at(-1)!.id : null;
      return c.json({ letters: page.map(head), count: letters.count(), next });
    },
  };
}

/** GET /deadletters/:id: one letter with its payload. */
export function deadletter(letters: DeadLetters): Route {
  return {
    method: "GET",
    path: "/deadletters/:id",
    doc: {
      tag: "dead letters",
      summary: "A dead letter with its payload",
      parameters: [idParameter],
      answers: { 200: { description: "The letter", content: { "application/json": letter } } },
      problems: [404],
    },
    handle: (c) => {
      const found = find(c, letters);
      return c.json({ ...head(found), payload: readable(found.payload) });
    },
  };
}

/** POST /deadletters/:id/replay: takes a letter in again, once its cause is mended. */
export function replayDeadletter(letters: DeadLetters): Route {
  return {
    method: "POST",
    path: "/deadletters/:id/replay",
    doc: {
      tag: "dead letters",
      summary: "Take a dead letter in again",
      description: "As a new entry that passes the deduplication and names what it replays.",
      parameters: [idParameter],
      answers: { 202: { description: "Taken", content: { "application/json": receipt } } },
      problems: [400, 404, 409, 429, 503, 507],
    },
    handle: async (c) => answer(await letters.replay(find(c, letters).id)),
  };
}

function find(c: Context, letters: DeadLetters): Letter {
  const id = c.req.param("id")!;
  const found = /^[1-9]\d{0,14}$/.test(id) ? letters.get(Number(id)) : null;
  if (found === null)
    throw new AisleError(
      "not-found",
      `no dead letter '${id.slice(0, 200)}': ids are whole numbers from 1; GET /deadletters lists them`,
    );
  return found;
}

function head({ payload: _, ...rest }: Letter): Omit<Letter, "payload"> {
  return rest;
}

function readable(payload: Uint8Array): { text: string } | { base64: string } {
  try {
    return { text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(payload) };
  } catch {
    return { base64: Buffer.from(payload).toString("base64") };
  }
}
