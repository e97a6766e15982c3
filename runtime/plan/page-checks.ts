// What a plan says of its pages, held against what each kind of page can be.
import { oneOf, shorten } from "../data/mistakes.ts";
import type { Say } from "../data/site-parts.ts";
import type { Path } from "../data/yaml.ts";
import { didYouMean } from "../errors.ts";
import { limits } from "../limits.ts";
import type { CheckTypes } from "./event-types.ts";
import type { WrittenPage } from "./file.ts";
import { keysOf } from "./keys.ts";
import { checkName, OWN_COLUMNS } from "./names.ts";
import type { PageKind, Pages } from "./pages.ts";
import { checkRecords } from "./records.ts";

/** What a page of each kind has nothing to do with. */
const FOREIGN: Readonly<Record<PageKind, readonly (keyof WrittenPage)[]>> = {
  events: ["keys", "ready", "complete", "shared", "records"],
  within: ["keys", "ready", "complete", "shared", "records"],
  records: ["closes", "timeToLive"],
  ranks: ["keys", "data", "ready", "complete", "truth", "parent", "opens", "closes", "timeToLive"],
};

const WHY: Readonly<Record<PageKind, string>> = {
  events: "its records come from events",
  within: "its records come and go with those of its parent",
  records: "goes with 'opens', on a page whose records come from events",
  ranks: "a plan page has columns of its own",
};

export class PageChecks {
  readonly #pages: Pages;
  readonly #checkTypes: CheckTypes;
  readonly #say: Say;

  constructor(pages: Pages, checkTypes: CheckTypes, say: Say) {
    this.#pages = pages;
    this.#checkTypes = checkTypes;
    this.#say = say;
  }

  /** Says what is wrong with the pages by themselves. */
  check(): void {
    const { names } = this.#pages;
    if (names.length === 0) this.#say(["pages"], "expected at least one page");
    if (names.length > limits.planPages)
      this.#say(["pages"], `there are ${names.length} pages: expected at most ${limits.planPages}`);
    for (const name of names) this.#check(name, this.#pages.writtenOf(name), ["pages", name]);
    const [first, second] = names.filter((name) => this.#pages.kindOf(name) === "events");
    if (second !== undefined)
      this.#say(["pages", second, "opens"], `events open the records of '${first}': expected one such page`, "key");
  }

  /** Says which columns stand twice. @param goals  with the place of each */
  checkColumns(name: string, goals: ReadonlyMap<string, Path>): void {
    const keys = this.#pages.keysOf(name).map((key) => key.name);
    for (const [goal, path] of goals) {
      if (keys.includes(goal)) this.#say(path, `the goal '${shorten(goal)}' is named like a key of the page '${name}'`);
    }
    const data = this.#pages.dataOf(name) ?? [];
    data.forEach((field, index) => {
      const path = ["pages", name, "data", index];
      if (goals.has(field)) this.#say(path, `'${shorten(field)}' is a goal of this page: expected other fields`);
      else if (keys.includes(field))
        this.#say(path, `'${shorten(field)}' is a key of this page: expected other fields`);
      else if (data.indexOf(field) !== index) this.#say(path, `the field '${shorten(field)}' stands twice`);
    });
    const columns = keys.length + goals.size + data.length + OWN_COLUMNS.length;
    if (columns > limits.pageColumns)
      this.#say(["pages", name], `has ${columns} columns: expected at most ${limits.pageColumns}`, "key");
  }

  #check(name: string, written: WrittenPage, path: Path): void {
    if (!checkName(name, "the page", this.#say, path, "key")) return;
    const kind = this.#pages.kindOf(name);
    const foreign = FOREIGN[kind].filter((key) => isWritten(written[key]));
    const nameless = kind === "records" && written.keys === undefined;
    if (nameless) {
      const expected =
        "expected the fields that name a record, such as 'keys: [sample]', or 'opens', 'parent' or 'ranks'";
      this.#say(path, `page '${name}' has no 'keys': ${expected}`, "key");
    } else for (const key of foreign) this.#say([...path, key], foreignText(key, kind), "key");
    this.#checkParent(name, written, path);
    this.#checkTypes(written.opens, [...path, "opens"]);
    this.#checkTypes(written.closes, [...path, "closes"]);
    const both = written.closes.find((type) => written.opens.includes(type));
    if (both !== undefined) this.#say([...path, "closes"], `'${both}' both opens and closes a record`);
    if (this.#pages.isFed(name) && this.#pages.timeToLiveOf(name) === undefined)
      this.#say(path, "'timeToLive' is missing: expected a duration such as '30m'");
    this.#checkFields(written, path);
    if (kind === "ranks") this.#checkRanks(written, path);
    if (!foreign.includes("records"))
      checkRecords(written.records ?? [], this.#pages.keysOf(name), this.#say, [...path, "records"]);
  }

  #checkParent(name: string, { parent }: WrittenPage, path: Path): void {
    if (parent === null || this.#pages.kindOf(name) === "ranks") return;
    const at = [...path, "parent"];
    if (!this.#pages.has(parent))
      this.#say(at, `there is no page '${shorten(parent)}'${didYouMean(parent, this.#pages.names)}`);
    else if (this.#pages.lineage(name) === null) this.#say(at, `page '${name}' is its own ancestor`);
    else if (!this.#pages.isFed(parent))
      this.#say(at, `no event opens records of '${parent}': expected a page that has 'opens'`);
  }

  /** Names of fields by themselves. */
  #checkFields({ keys, data }: WrittenPage, path: Path): void {
    const fields = keysOf(keys);
    const isMap = typeof keys === "object" && !Array.isArray(keys);
    if (keys !== undefined && fields.length === 0) this.#say([...path, "keys"], "expected at least one key field");
    else if (keys !== undefined && !fields.some(({ required }) => required))
      this.#say([...path, "keys"], "expected at least one key with 'required: true', which names a record");
    fields.forEach(({ name }, index) => {
      const at = [...path, "keys", isMap ? name : index];
      if (!checkName(name, "the key", this.#say, at, isMap ? "key" : "value")) return;
      if (OWN_COLUMNS.includes(name))
        this.#say(at, `every page has a column '${name}': expected another name`, isMap ? "key" : "value");
      if (fields.findIndex((field) => field.name === name) !== index)
        this.#say(at, `the key '${shorten(name)}' stands twice`);
    });
    if (isMap) this.#checkKeyRanks(keys, [...path, "keys"]);
    (data ?? []).forEach((name, index) => {
      const at = [...path, "data", index];
      if (!checkName(name, "the field", this.#say, at)) return;
      if (OWN_COLUMNS.includes(name)) this.#say(at, `every page has a column '${name}': expected other fields`);
    });
  }

  #checkKeyRanks(keys: Readonly<Record<string, { readonly rank: number }>>, path: Path): void {
    const owners = new Map<number, string>();
    for (const [name, { rank }] of Object.entries(keys)) {
      const other = owners.get(rank);
      if (other === undefined) owners.set(rank, name);
      else this.#say([...path, name, "rank"], `'${shorten(other)}' has the rank ${rank} too: expected one rank each`);
    }
  }

  #checkRanks({ ranks = [], records = [] }: WrittenPage, path: Path): void {
    const known = this.#pages.names.filter((name) => this.#pages.kindOf(name) !== "ranks");
    if (ranks.length === 0) this.#say([...path, "ranks"], "expected at least one page whose records it ranks");
    ranks.forEach((page, index) => {
      if (known.includes(page)) return;
      const what = this.#pages.has(page) ? "is a plan page itself" : "is no page of this plan";
      this.#say([...path, "ranks", index], `'${shorten(page)}' ${what}${didYouMean(page, known)}`);
    });
    records.forEach(([page = ""], index) => {
      if (ranks.includes(page)) return;
      this.#say(
        [...path, "records", index, 0],
        `expected ${oneOf(ranks)}, found '${shorten(page)}'${didYouMean(page, ranks)}`,
      );
    });
  }
}

function isWritten(value: unknown): boolean {
  return value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0);
}

function foreignText(key: string, kind: PageKind): string {
  return kind === "records" ? `'${key}' ${WHY[kind]}` : `this page has no '${key}': ${WHY[kind]}`;
}
