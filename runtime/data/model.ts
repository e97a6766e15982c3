import { createHash } from "node:crypto";
import type { Model } from "../core/model.ts";
import { didYouMean, SiteError } from "../errors.ts";
import { limits } from "../limits.ts";
import { readLightgbm } from "./model-lightgbm.ts";
import type { Fail } from "./model-tree.ts";
import { readXgboost } from "./model-xgboost.ts";

export type { Model } from "../core/model.ts";

/** Names listed in one message; the rest is a count. */
const NAMES_LISTED = 20;

/**
 * Reads a model file and checks it whole: a forest that is returned can't fail later. Its columns have to be the site's,
 * names and order: a model fed with exchanged columns answers without complaint, and wrong.
 *
 * @param text      XGBoost's JSON or LightGBM's text, told apart by how they begin
 * @param file      for messages
 * @param features  the site's columns, in order
 * @throws SiteError that names the first wrong column, or what else is wrong and where
 */
export function readModel(text: string, { file, features }: { file: string; features: readonly string[] }): Model {
  const fail: Fail = (message, line = 0) => {
    throw new SiteError([{ file, line, column: 0, message }]);
  };
  if (text.length > limits.modelBytes) fail(`the file is larger than ${limits.modelBytes} bytes`);
  const model = { ...read(text, fail), hash: createHash("sha256").update(text).digest("hex") };
  checkColumns(model.features, features, fail);
  return model;
}

function read(text: string, fail: Fail): Omit<Model, "hash"> {
  if (/^\s*\{\s*"/.test(text)) return readXgboost(text, fail);
  if (/^tree\r?\n/.test(text)) return readLightgbm(text, fail);
  if (/^\{L/.test(text)) return fail("is XGBoost's binary form (UBJSON); save it with a name that ends in .json");
  return fail("is neither XGBoost's JSON nor LightGBM's text");
}

/** Positions count from 1. */
function checkColumns(model: readonly string[], site: readonly string[], fail: Fail): void {
  const twice = model.find((name, i) => model.indexOf(name) !== i);
  if (twice !== undefined) fail(`the model has two columns named '${twice}'`);
  const length = Math.max(model.length, site.length);
  const wrong = Array.from({ length }, (_, i) => i).filter((i) => model[i] !== site[i]);
  const first = wrong[0];
  if (first === undefined) return;

  const inModel = new Set(model);
  const inSite = new Set(site);
  const unknown = model.filter((name) => !inSite.has(name));
  const unused = site.filter((name) => !inModel.has(name));
  const found = (name: string | undefined, whose: string) =>
    name === undefined ? `no column of the ${whose}` : `'${name}' in the ${whose}`;
  const parts = [`column ${first + 1} is ${found(model[first], "model")} and ${found(site[first], "site")}`];
  if (model.length !== site.length) parts.push(`the model has ${model.length} columns, the site ${site.length}`);
  if (unknown.length > 0) {
    const only = unknown[0]!;
    parts.push(`the site lacks ${listed(unknown.map(quoted))}${unknown.length === 1 ? didYouMean(only, unused) : ""}`);
  }
  if (unused.length > 0) parts.push(`the model lacks ${listed(unused.map(quoted))}`);
  if (unknown.length === 0 && unused.length === 0) {
    const moves = wrong.map((i) => `${i + 1} ${model[i]}`);
    parts.push(
      `the names are the same, only in another order; the model's at the ${wrong.length} that differ: ${listed(moves)}`,
    );
  }
  fail(parts.join("; "));
}

const quoted = (name: string) => `'${name}'`;

function listed(names: readonly string[]): string {
  const more = names.length - NAMES_LISTED;
  return names.slice(0, NAMES_LISTED).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
