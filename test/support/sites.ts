// Small sites for tests that need coupons, a model or settings of their own: the store's, with parts of it replaced.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { onTestFinished } from "vitest";
import { type Document, isMap, isSeq, parseDocument } from "yaml";

const STORE = resolve("deploy/sites/store");

/** A cell as it stands in a CSV file. */
export type Cells = Readonly<Record<string, string | number>>;

/** What differs from the store site. A table that is not here is the store's. */
export interface SiteParts {
  readonly customers?: readonly Cells[];
  readonly coupons?: readonly Cells[];
  readonly products?: readonly Cells[];
  /** Which products a coupon is for. */
  readonly links?: readonly Cells[];
  /** Text of a model file. */
  readonly model?: string;
  /** Dotted path in `site.yml` → value. */
  readonly site?: Readonly<Record<string, unknown>>;
  /** Goal in `plan.yml` → settings of its actor. */
  readonly plan?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

const TABLES = { customers: "customers", coupons: "coupons", products: "products", links: "couponProducts" } as const;

/** Writes a site's folder, which is removed when the test ends; nothing is played there. */
export function writeSite(parts: SiteParts): string {
  const dir = mkdtempSync(join(tmpdir(), "aisle-site-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  mkdirSync(join(dir, "catalog"));

  const site = parseDocument(readFileSync(join(STORE, "site.yml"), "utf8"));
  site.delete("play");
  const place = (path: readonly string[], name: string, text: string | undefined) => {
    if (text === undefined) return site.setIn(path, join(STORE, String(site.getIn(path))));
    writeFileSync(join(dir, name), text);
    site.setIn(path, name);
  };
  for (const [part, table] of Object.entries(TABLES) as [keyof typeof TABLES, string][]) {
    place(["catalog", table, "file"], `catalog/${part}.csv`, parts[part] && csv(parts[part]));
  }
  place(["scorer", "model"], "model.json", parts.model);
  for (const [path, value] of Object.entries(parts.site ?? {})) site.setIn(path.split("."), site.createNode(value));
  writeFileSync(join(dir, "site.yml"), site.toString());

  const plan = parseDocument(readFileSync(join(STORE, "plan.yml"), "utf8"));
  for (const [goal, settings] of Object.entries(parts.plan ?? {})) setWith(plan, goal, settings);
  writeFileSync(join(dir, "plan.yml"), plan.toString());
  return dir;
}

/** Columns as in the first row. */
function csv(rows: readonly Cells[]): string {
  if (rows.length === 0) throw new Error("a table needs a row, for its columns");
  const columns = Object.keys(rows[0]!);
  const lines = rows.map((row) => columns.map((column) => row[column]).join(","));
  return `${[columns.join(","), ...lines].join("\n")}\n`;
}

function setWith(plan: Document, goal: string, settings: Readonly<Record<string, unknown>>): void {
  const actors = plan.get("actors");
  const index = isSeq(actors) ? actors.items.findIndex((actor) => isMap(actor) && actor.get("goal") === goal) : -1;
  if (index < 0) throw new Error(`the store's plan has no actor '${goal}'`);
  for (const [name, value] of Object.entries(settings)) plan.setIn(["actors", index, "with", name], value);
}
