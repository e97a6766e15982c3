// Pages, records and cells as people name them on a command line.
import { keyOf } from "../board/board.ts";
import { AisleError, didYouMean } from "../errors.ts";
import type { PageHead } from "../http/ports.ts";
import type { Owner } from "./client.ts";

export async function pagesOf(owner: Owner): Promise<readonly PageHead[]> {
  const { pages } = await owner.call<{ pages: readonly PageHead[] }>("GET", "/pages");
  return pages;
}

/** @throws AisleError `not-found` with the pages that there are */
export async function pageNamed(owner: Owner, name: string): Promise<PageHead> {
  const pages = await pagesOf(owner);
  const page = pages.find((each) => each.name === name);
  if (page !== undefined) return page;
  const names = pages.map((each) => each.name);
  const instead = didYouMean(name, names) || `: there are ${names.join(", ")}`;
  throw new AisleError("not-found", `the board has no page '${name}'${instead}`);
}

/** Where a record is. @param key  its key cells in rank order; optional ones at the end may be left out */
export async function keyPath(owner: Owner, page: string, key: readonly string[]): Promise<string> {
  return recordPath(await pageNamed(owner, page), key);
}

export function recordPath(page: PageHead, key: readonly string[]): string {
  const names = keyNames(page);
  const required = page.columns.filter((column) => column.required === true).length;
  if (key.length > names.length || key.length < required) throw wrongKey(page, key.length);
  return `/pages/${encodeURIComponent(page.name)}/records/${keyOf([...key, ...names.slice(key.length).map(() => "")])}`;
}

function keyNames({ columns }: PageHead): string[] {
  return columns.filter(({ role }) => role === "key").map(({ name }) => name);
}

function wrongKey(page: PageHead, found: number): AisleError {
  const names = page.columns
    .filter(({ role }) => role === "key")
    .map(({ name, required }) => (required === true ? name : `[${name}]`));
  const cells = `${found} ${found === 1 ? "cell" : "cells"}`;
  return new AisleError("invalid", `the key of a record of page '${page.name}' is: ${names.join(" ")}; found ${cells}`);
}

/**
 * Reads key cells in rank order, up to the first word with an `=`, followed by `<column>=<text>`. A key cell that has an
 * `=` in it can be given like the others: `sample=a=b`.
 *
 * @throws AisleError `invalid` for more key cells than there are, and for a word without its `=`
 */
export function cellsOf(page: PageHead, words: readonly string[]): Record<string, string> {
  const names = keyNames(page);
  const begun = words.findIndex((word) => word.includes("="));
  const rank = begun < 0 ? words.length : begun;
  if (rank > names.length) throw wrongKey(page, rank);
  const cells = words.slice(rank).map((word) => {
    const at = word.indexOf("=");
    if (at > 0) return [word.slice(0, at), word.slice(at + 1)] as const;
    throw new AisleError("invalid", `'${word}' is no <column>=<text>`);
  });
  const keys = words.slice(0, rank).map((word, place) => [names[place]!, word] as const);
  return Object.fromEntries([...keys, ...cells]);
}
