// Customers, coupons and products of a site, read from its CSV files once, at start.
import { isAbsolute, relative } from "node:path";
import type { Coupon } from "../decide/decision.ts";
import { didYouMean, type Mistake } from "../errors.ts";
import { limits } from "../limits.ts";
import type { CatalogConfig, Range, Row, Site, TableConfig, Value } from "../site.ts";
import { type Adapt, readCsv, type Table } from "./csv.ts";
import { dayStart } from "./day.ts";
import { departmentNames } from "./departments.ts";
import { hashOf, readBytes } from "./files.ts";
import { oneOf, refuse, shorten } from "./mistakes.ts";

/** The files of a catalog, as read. */
export interface CatalogFiles {
  readonly customers: Buffer;
  readonly coupons: Buffer;
  readonly products: Buffer | null;
  readonly couponProducts: Buffer | null;
  /** sha256 over all of them, hex. */
  readonly hash: string;
}

/** A coupon as the wire of the original shows it, products within. */
export type Published = Readonly<Record<string, Value | readonly Readonly<Record<string, Value>>[]>>;

/** What of a site its catalog depends on. */
export type CatalogSite = Pick<Site, "dir" | "timeZone" | "departments"> & { readonly catalog: CatalogConfig };

export class Catalog {
  readonly customers: {
    /**
     * A customer's row; null for nobody. The id is text and canonical: of an integer column the digits without
     * leading zeros, so "007" is nobody even where 7 is somebody.
     */
    get(id: string): Row | null;
    readonly size: number;
  };
  /** All of them, ascending by row; `index` is the place in this list. */
  readonly coupons: readonly Coupon[];
  /** sha256 over all files, hex. */
  readonly hash: string;
  readonly #config: CatalogConfig;
  readonly #couponTable: Table;
  readonly #products: Table | null;
  readonly #links: Links;
  readonly #byDepartment: ReadonlyMap<string, readonly Coupon[]>;
  readonly #byId: ReadonlyMap<string, Coupon>;
  /** Published coupons, least recently used first. */
  readonly #published = new Map<number, Published>();
  #publishedProducts = 0;

  constructor(
    config: CatalogConfig,
    hash: string,
    customers: Table,
    coupons: Table,
    products: Table | null,
    links: Links,
    list: readonly Coupon[],
  ) {
    this.customers = {
      size: customers.length,
      get(id) {
        const index = customers.find(id);
        return index < 0 ? null : customers.row(index);
      },
    };
    this.coupons = list;
    this.hash = hash;
    this.#config = config;
    this.#couponTable = coupons;
    this.#products = products;
    this.#links = links;
    this.#byId = new Map(list.map((coupon) => [coupon.id, coupon]));
    const byDepartment = new Map<string, Coupon[]>();
    for (const coupon of list) {
      const same = byDepartment.get(coupon.department);
      if (same === undefined) byDepartment.set(coupon.department, [coupon]);
      else same.push(coupon);
    }
    this.#byDepartment = byDepartment;
  }

  /** Coupons of a department (its canonical name), valid or not, ascending by row. */
  couponsOf(department: string): readonly Coupon[] {
    return this.#byDepartment.get(department) ?? [];
  }

  coupon(id: string): Coupon | null {
    return this.#byId.get(id) ?? null;
  }

  /** A coupon's columns; days are moved already, the department has its canonical name. */
  couponRow(index: number): Row {
    return this.#couponTable.row(index);
  }

  /**
   * A coupon as it is published, with the products it is for. Keys of tables are published as text. The object
   * is shared: don't change it.
   */
  publish(index: number): Published {
    const kept = this.#published.get(index);
    this.#published.delete(index);
    const published = kept ?? this.#publish(index);
    this.#published.set(index, published);
    if (kept === undefined) this.#trim(index);
    return published;
  }

  #publish(index: number): Published {
    const { coupons, products } = this.#config;
    const coupon = publishRow(this.#couponTable, index, coupons.publish);
    if (products === null || this.#products === null) return coupon;
    const rows = Array.from(this.#links.of(index), (row) => publishRow(this.#products!, row, products.publish));
    return { ...coupon, products: rows };
  }

  /** Keeps what is ready within `limits.publishedProducts`, the newest always. */
  #trim(newest: number): void {
    this.#publishedProducts += this.#weight(newest);
    for (const oldest of this.#published.keys()) {
      if (this.#publishedProducts <= limits.publishedProducts || oldest === newest) return;
      this.#published.delete(oldest);
      this.#publishedProducts -= this.#weight(oldest);
    }
  }

  #weight(index: number): number {
    return 1 + this.#links.of(index).length;
  }
}

/** Products of coupons: those of coupon i are `products[starts[i]]` to before `products[starts[i + 1]]`. */
class Links {
  readonly #starts: Uint32Array;
  readonly #products: Uint32Array;

  constructor(coupons: number, pairs: readonly (readonly [coupon: number, product: number])[]) {
    this.#starts = new Uint32Array(coupons + 1);
    this.#products = new Uint32Array(pairs.length);
    for (const [coupon] of pairs) this.#starts[coupon + 1]!++;
    for (let i = 0; i < coupons; i++) this.#starts[i + 1]! += this.#starts[i]!;
    const next = this.#starts.slice();
    for (const [coupon, product] of pairs) this.#products[next[coupon]!++] = product;
  }

  of(coupon: number): Uint32Array {
    return this.#products.subarray(this.#starts[coupon], this.#starts[coupon + 1]);
  }
}

/**
 * Reads the files that a catalog names.
 *
 * @param missing  told which file can't be read, and why
 * @returns null when one can't
 */
export function readCatalogFiles(
  config: CatalogConfig,
  nameOf: (path: string) => string,
  missing: (key: CatalogFile, message: string) => void,
): CatalogFiles | null {
  const paths = {
    customers: config.customers.file,
    coupons: config.coupons.file,
    products: config.products?.file,
    couponProducts: config.couponProducts?.file,
  };
  const read: Partial<Record<CatalogFile, Buffer>> = {};
  let ok = true;
  for (const [key, path] of Object.entries(paths) as [CatalogFile, string | undefined][]) {
    if (path === undefined) continue;
    try {
      read[key] = readBytes(path, nameOf(path), limits.csvBytes);
    } catch (error) {
      missing(key, (error as Error).message);
      ok = false;
    }
  }
  if (!ok) return null;
  const files = Object.values(read);
  return {
    customers: read.customers!,
    coupons: read.coupons!,
    products: read.products ?? null,
    couponProducts: read.couponProducts ?? null,
    hash: hashOf(files),
  };
}

export type CatalogFile = "customers" | "coupons" | "products" | "couponProducts";

/** @throws SiteError with the mistakes of all files */
export function loadCatalog(site: CatalogSite): Catalog {
  const mistakes: Mistake[] = [];
  const nameOf = (path: string) => shortName(site.dir, path);
  const files = readCatalogFiles(site.catalog, nameOf, (_, message) =>
    mistakes.push({ file: "site.yml", line: 0, column: 0, message }),
  );
  const catalog = files === null ? null : buildCatalog(site, files, mistakes);
  refuse(mistakes);
  return catalog!;
}

/** A path as a person knows it: within the site without the site's folder. */
export function shortName(dir: string, path: string): string {
  const within = relative(dir, path);
  return within === "" || within.startsWith("..") || isAbsolute(within) ? path : within;
}

/** Reads the tables and joins them; null when there were mistakes, all of which are added. */
export function buildCatalog(site: CatalogSite, files: CatalogFiles, mistakes: Mistake[]): Catalog | null {
  const { catalog: config, dir, timeZone } = site;
  const before = mistakes.length;
  const read = (table: TableConfig, bytes: Buffer, adapt?: Readonly<Record<string, Adapt>>) =>
    readCsv(bytes, shortName(dir, table.file), table, mistakes, { ...adaptRanges(table), ...adapt });

  const customers = read(config.customers, files.customers);
  const coupons = read(config.coupons, files.coupons, adaptCoupons(site));
  const products = config.products === null || files.products === null ? null : read(config.products, files.products);
  if (coupons === null || customers === null || (config.products !== null && products === null)) return null;
  const list = couponList(config, coupons, shortName(dir, config.coupons.file), timeZone, mistakes);
  const links = readLinks(site, files, coupons, products, mistakes);
  if (mistakes.length > before) return null;
  return new Catalog(config, files.hash, customers, coupons, products, links, list);
}

/** Numbers within what the table declares. */
function adaptRanges({ ranges = {} }: TableConfig): Readonly<Record<string, Adapt>> {
  const within =
    ({ from, to }: Range): Adapt =>
    (value) =>
      (value as number) >= from && (value as number) <= to ? { value } : { expected: `a number from ${from} to ${to}` };
  return Object.fromEntries(Object.entries(ranges).map(([column, range]) => [column, within(range)]));
}

/** Departments by their canonical names, days moved. */
function adaptCoupons({ catalog: { coupons, shiftDays }, departments }: CatalogSite): Readonly<Record<string, Adapt>> {
  const canonical = departmentNames(departments);
  const adapt: Record<string, Adapt> = {};
  for (const [column, type] of Object.entries(coupons.columns)) {
    if (type === "date") adapt[column] = (day) => ({ value: (day as number) + shiftDays });
  }
  adapt[coupons.department] = (name) => {
    const value = canonical(String(name));
    if (value !== null) return { value };
    return {
      expected: `a department of this site${didYouMean(String(name), departments.keys())}, one of ${oneOf([...departments.keys()])}`,
    };
  };
  return adapt;
}

function couponList(
  { coupons }: CatalogConfig,
  table: Table,
  file: string,
  timeZone: string,
  mistakes: Mistake[],
): Coupon[] {
  const { department, validFrom, validTo } = coupons;
  const starts = new Map<number, number>(); // Many coupons share a day, and a zone's rules are slow to ask.
  const startOf = (day: number): number => {
    const known = starts.get(day) ?? dayStart(day, timeZone);
    starts.set(day, known);
    return known;
  };
  return Array.from({ length: table.length }, (_, index) => {
    const say = (message: string) => mistakes.push({ file, line: table.line(index), column: 0, message });
    for (const column of [department, validFrom, validTo]) {
      if (table.value(index, column) === null) say(`column '${column}': expected a value, found nothing`);
    }
    const [from, to] = [table.day(index, validFrom), table.day(index, validTo)];
    if (from > to)
      say(
        `column '${validTo}': the last day, ${table.value(index, validTo)}, comes before the first, ${table.value(index, validFrom)}`,
      );
    return {
      id: table.keyOf(index),
      index,
      department: String(table.value(index, department)),
      validFrom: Number.isNaN(from) ? 0 : startOf(from),
      validUntil: Number.isNaN(to) ? 0 : startOf(to + 1),
    };
  });
}

function readLinks(
  { catalog, dir }: CatalogSite,
  files: CatalogFiles,
  coupons: Table,
  products: Table | null,
  mistakes: Mistake[],
): Links {
  const { couponProducts: config } = catalog;
  if (config === null || files.couponProducts === null || products === null) return new Links(coupons.length, []);
  const file = shortName(dir, config.file);
  const columns = {
    [config.coupon]: coupons.columns[coupons.key!]!,
    [config.product]: products.columns[products.key!]!,
  };
  const table = readCsv(files.couponProducts, file, { key: null, columns }, mistakes);
  const pairs: [number, number][] = [];
  for (let index = 0; index < (table?.length ?? 0); index++) {
    const point = (column: string, target: Table, what: string): number => {
      const value = table!.value(index, column);
      const key = value === null ? null : String(value);
      const row = key === null ? -1 : target.find(key);
      const blame = row < 0 && (key === null || !target.refused(key));
      const message = `column '${column}': ${key === null ? "expected a value, found nothing" : `there is no ${what} '${shorten(key)}'`}`;
      if (blame) mistakes.push({ file, line: table!.line(index), column: 0, message });
      return row;
    };
    const coupon = point(config.coupon, coupons, "coupon");
    const product = point(config.product, products, "product");
    if (coupon >= 0 && product >= 0) pairs.push([coupon, product]);
  }
  return new Links(coupons.length, pairs);
}

function publishRow(
  table: Table,
  index: number,
  publish: Readonly<Record<string, string>>,
): Readonly<Record<string, Value>> {
  const published: Record<string, Value> = {};
  for (const name in publish) {
    const column = publish[name]!;
    published[name] = column === table.key ? table.keyOf(index) : table.value(index, column);
  }
  return published;
}
