// Reads what a request says about the board: the key in its path, what it wants written, and who asks.
import { ChangeRefused, pointerTo } from "../board/refused.ts";
import { shorten } from "../data/mistakes.ts";
import { didYouMean } from "../errors.ts";
import { limits } from "../limits.ts";
import { type Bodies, requestHeader, wrongMedia } from "./body.ts";
import { badParameter } from "./params.ts";
import type { Writing } from "./ports.ts";
import { Refusal } from "./problem.ts";
import type { Context, Parameter } from "./route.ts";
import { key as keySchema, pageName, principal } from "./schemas.ts";

/** Where the key stands in `/pages/:page/records/:key`. */
const KEY_SEGMENT = 4;

/**
 * The key of a record as it stands in the path, not decoded: an encoded comma or slash belongs to a cell. Hono hands
 * out parameters decoded, where that could no longer be told apart.
 */
export function keyParam(c: Context): string {
  return c.req.path.split("/")[KEY_SEGMENT] ?? "";
}

export const pageParameter: Parameter = { name: "page", in: "path", description: "The page.", schema: pageName };

export const recordParameters: readonly Parameter[] = [
  pageParameter,
  {
    name: "key",
    in: "path",
    description: "The record: its key cells in rank order, each percent-encoded, joined by commas.",
    schema: keySchema,
  },
];

export const principalParameter: Parameter = {
  name: "aisle-principal",
  in: "header",
  description: "Who writes; `by` in the body says the same. It is believed as far as the token is.",
  schema: principal,
};

export const revisionParameter: Parameter = {
  name: "If-Match",
  in: "header",
  description: "The revision that was seen, in quotes, as `ETag` gives it: 409 when the record has another.",
  schema: keySchema.optional(),
};

/** What a body says that writes into cells. */
type Body = Pick<Writing, "cells" | "was"> & { readonly by: string | null };

/** Reads the body of a call that writes. @throws Refusal with the member that is wrong */
export async function readWriting(c: Context, bodies: Bodies, unnamed: string): Promise<Writing> {
  const { cells, was, by } = readBody(await jsonBody(c, bodies));
  return { cells, was, ...askedBy(c, unnamed, by) };
}

/** Who asks, and which revisions he has seen, by the headers. @param by  what the body says */
export function askedBy(
  c: Context,
  unnamed: string,
  by: string | null = null,
): Pick<Writing, "revisions" | "by" | "headers"> {
  const traceparent = requestHeader(c, "traceparent");
  const headers = traceparent === undefined ? {} : { traceparent };
  return { revisions: revisionsIn(c), by: by ?? namedIn(c) ?? unnamed, headers };
}

/** Turns what the board refuses into an answer that names each cell. */
export async function answering(work: () => Promise<Response>): Promise<Response> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ChangeRefused) throw new Refusal(error.code, error.message, { errors: error.mistakes });
    throw error;
  }
}

function namedIn(c: Context): string | null {
  const given = requestHeader(c, "aisle-principal");
  return given === undefined || given === "" ? null : checkedName(given, "aisle-principal");
}

function checkedName(name: string, where: string): string {
  const bytes = Buffer.byteLength(name);
  if (bytes > limits.tokenBytes || /\p{Cc}/u.test(name))
    throw badParameter(
      where,
      "invalid",
      `who writes is named by up to ${limits.tokenBytes} bytes without control characters`,
    );
  return name;
}

function revisionsIn(c: Context): readonly number[] | null {
  const header = requestHeader(c, "if-match")?.trim();
  if (header === undefined || header === "" || header === "*") return null;
  const tags = header.split(",").map((tag) => /^(?:W\/)?"(\d{1,15})"$/.exec(tag.trim())?.[1]);
  if (tags.every((tag) => tag !== undefined)) return tags.map(Number);
  const detail = `if-match '${shorten(header)}' is no revision: expected a number in quotes, such as "12", or *`;
  throw badParameter("if-match", "wrong-type", detail);
}

const JSON_TYPES: ReadonlySet<string> = new Set(["application/json", "application/merge-patch+json"]);

async function jsonBody(c: Context, bodies: Bodies): Promise<unknown> {
  const media = wrongMedia(c, JSON_TYPES);
  if (media !== null) throw new Refusal("unsupported", media);
  const bytes = await bodies.read(c);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw wrong("", "malformed", `the body is no JSON: ${(error as Error).message}`);
  }
}

const MEMBERS = ["cells", "was", "by"];

function readBody(value: unknown): Body {
  if (!isMap(value)) throw wrong("", "wrong-type", 'the body is not like {"cells": {"note": "text"}}');
  for (const name of Object.keys(value)) {
    if (MEMBERS.includes(name)) continue;
    const instead = didYouMean(name, MEMBERS) || `: expected ${MEMBERS.join(", ")}`;
    throw wrong(`/${name}`, "unknown-member", `the body has an unknown member '${shorten(name)}'${instead}`);
  }
  const { cells, was = {}, by = null } = value;
  if (cells === undefined) throw wrong("/cells", "missing", "'cells' is missing: the texts to write, by column");
  if (by !== null && typeof by !== "string") throw wrong("/by", "wrong-type", "'by' is no text: it names who writes");
  return { cells: textsIn("cells", cells), was: textsIn("was", was), by: by === null ? null : checkedName(by, "by") };
}

function textsIn(member: string, value: unknown): Record<string, string> {
  if (!isMap(value)) throw wrong(`/${member}`, "wrong-type", `'${member}' is no map of texts by column`);
  return Object.fromEntries(
    Object.entries(value).map(([name, cell]) => [name, textIn(pointerTo(name, member), name, cell)] as const),
  );
}

/** Numbers and truth values are written as JSON does, null is an empty cell. */
function textIn(pointer: string, name: string, cell: unknown): string {
  if (typeof cell === "string") return cell;
  if (cell === null) return "";
  if (typeof cell === "number" || typeof cell === "boolean") return String(cell);
  throw wrong(
    pointer,
    "wrong-type",
    `'${shorten(name)}' is ${Array.isArray(cell) ? "a list" : "a map"}: a cell holds text`,
  );
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function wrong(pointer: string, code: string, detail: string): Refusal {
  return new Refusal("invalid", detail, { errors: [{ index: 0, pointer, code, detail }] });
}
