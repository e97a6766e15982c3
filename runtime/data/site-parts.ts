// What the parts of `site.yml` say about each other: the shapes of a site, out of what the schema let through.
import { didYouMean } from "../errors.ts";
import type { Area, CatalogConfig, EventsConfig, FeatureConfig, Site, TableConfig } from "../site.ts";
import { departmentNames } from "./departments.ts";
import { oneOf } from "./mistakes.ts";
import type { EventSiteFile } from "./site-file.ts";
import type { Path } from "./yaml.ts";

/** Told of a mistake, and of the value or key that it is about. */
export type Say = (path: Path, message: string, about?: "value" | "key") => void;

/** Sections of `site.yml` that are there. */
type Parts<Key extends keyof EventSiteFile> = Pick<EventSiteFile, Key>;

export function readDepartments({ departments }: Parts<"departments">, say: Say): Site["departments"] {
  const named = Object.entries(departments);
  if (named.length === 0) say(["departments"], "expected at least one department");
  unique(
    "department",
    named.map(([name, aliases]) => ({ name, aliases, path: ["departments", name], under: ["departments", name] })),
    say,
  );
  return new Map(named);
}

interface Named {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly path: Path;
  /** Path of the list of aliases. */
  readonly under: Path;
}

/** Names and aliases mean one thing each, in any case of letters. */
function unique(what: string, all: readonly Named[], say: Say): void {
  const owners = new Map<string, string>();
  const claim = (written: string, owner: string, path: Path, about: "key" | "value") => {
    const other = owners.get(written.toLowerCase());
    if (other === undefined) owners.set(written.toLowerCase(), owner);
    else say(path, `'${written}' already names the ${what} '${other}'`, about);
  };
  for (const { name, path } of all) claim(name, name, path, "key");
  for (const { name, aliases, under } of all) {
    for (const [index, alias] of aliases.entries()) claim(alias, name, [...under, index], "value");
  }
}

export function readEvents({ events }: Parts<"events">, say: Say): EventsConfig {
  const types = Object.entries(events.types);
  const places = types.map(([name, { aliases }]) => {
    const path = ["events", "types", name];
    return { name, aliases, path, under: [...path, "aliases"] };
  });
  unique("type", places, say);
  const always = events.forms.findIndex(({ when }) => when === null);
  events.forms.forEach((form, index) => {
    if (always >= 0 && index > always) {
      say(
        ["events", "forms", index],
        `form '${form.name}' is never reached: '${events.forms[always]!.name}' before it has no 'when'`,
      );
    }
    for (const field of Object.keys(form.fields)) {
      if (types.some(([, type]) => Object.hasOwn(type.fields, field))) continue;
      const known = types.flatMap(([, type]) => Object.keys(type.fields));
      say(
        ["events", "forms", index, "fields", field],
        `no type of event has a field '${field}'${didYouMean(field, known)}`,
        "key",
      );
    }
  });
  for (const [name, { fields }] of types) {
    for (const field of Object.keys(fields)) {
      if (events.forms.some((form) => Object.hasOwn(form.fields, field))) continue;
      say(["events", "types", name, "fields", field], `no form says where the field '${field}' stands`, "key");
    }
  }
  return {
    identity: events.identity,
    forms: events.forms.map(({ time, ...form }) => ({ ...form, time: { paths: time.path, unit: time.unit } })),
    types: new Map(types.map(([name, type]) => [name, { name, ...type }])),
    dedupeIds: events.dedupe,
  };
}

export function readAreas({ floor, departments }: Parts<"floor" | "departments">, say: Say): Area[] {
  if (floor === null) return [];
  const canonical = departmentNames(new Map(Object.entries(departments)));
  const areas = floor.areas.map((area, index): Area => {
    const path = ["floor", "areas", index];
    const department = canonical(area.department);
    if (department === null) {
      const near = didYouMean(area.department, Object.keys(departments));
      say(
        [...path, "department"],
        `there is no department '${area.department}'${near || `: expected ${oneOf(Object.keys(departments))}`}`,
      );
    }
    if (!(area.x0 < area.x1 && area.y0 < area.y1)) say(path, "expected x0 below x1 and y0 below y1");
    else if (area.x0 < 0 || area.y0 < 0 || area.x1 > floor.width || area.y1 > floor.height) {
      say(path, `lies outside the store plan of ${floor.width} × ${floor.height}`);
    }
    return { ...area, department: department ?? area.department };
  });
  areas.forEach((area, index) => {
    const other = areas
      .slice(0, index)
      .find((before) => before.department !== area.department && overlap(before, area));
    if (other !== undefined)
      say(["floor", "areas", index], `overlaps the area of '${other.department}': a place is in one department`);
  });
  return areas;
}

export function readCatalog({ catalog }: Parts<"catalog">, place: (file: string) => string, say: Say): CatalogConfig {
  const tables = {
    customers: catalog.customers,
    coupons: catalog.coupons,
    ...(catalog.products === null ? {} : { products: catalog.products }),
  };
  for (const [name, table] of Object.entries(tables)) {
    const path = ["catalog", name];
    column(say, table.columns, table.key, [...path, "key"], ["integer", "text"]);
    for (const ranged of Object.keys(table.ranges))
      column(say, table.columns, ranged, [...path, "ranges", ranged], ["integer", "number"]);
    if (!("publish" in table)) continue;
    for (const [field, published] of Object.entries(table.publish))
      column(say, table.columns, published, [...path, "publish", field]);
  }
  const { coupons } = catalog;
  column(say, coupons.columns, coupons.department, ["catalog", "coupons", "department"], ["text"]);
  for (const key of ["validFrom", "validTo"] as const)
    column(say, coupons.columns, coupons[key], ["catalog", "coupons", key], ["date"]);
  if (catalog.couponProducts !== null && catalog.products === null)
    say(["catalog", "couponProducts"], "there are no 'products' that it could point to", "key");
  if (catalog.products !== null && Object.hasOwn(coupons.publish, "products")) {
    say(
      ["catalog", "coupons", "publish", "products"],
      "'products' is the list of the coupon's products: expected another name",
      "key",
    );
  }
  const placed = <T extends { readonly file: string }>(table: T): T => ({ ...table, file: place(table.file) });
  return {
    shiftDays: catalog.shiftDays,
    customers: placed(catalog.customers),
    coupons: placed(catalog.coupons),
    products: catalog.products === null ? null : placed(catalog.products),
    couponProducts: catalog.couponProducts === null ? null : placed(catalog.couponProducts),
  };
}

/** Says so when a column isn't declared, or has a type that can't serve. */
function column(say: Say, columns: TableConfig["columns"], name: string, path: Path, types?: readonly string[]): void {
  const type = Object.hasOwn(columns, name) ? columns[name]! : null;
  if (type === null) {
    const near = didYouMean(name, Object.keys(columns));
    say(path, `there is no column '${name}'${near || `: expected ${oneOf(Object.keys(columns))}`}`);
  } else if (types !== undefined && !types.includes(type)) {
    say(path, `the column '${name}' has the type ${type}: expected ${oneOf(types)}`);
  }
}

export function readFeatures({ scorer, catalog }: Parts<"scorer" | "catalog">, say: Say): FeatureConfig[] {
  const names = scorer.features.map(({ name }) => name);
  return scorer.features.map((feature, index): FeatureConfig => {
    const path = ["scorer", "features", index];
    const { name, from, is, atLeast, below } = feature;
    const [of, source] = from.split(".") as [FeatureConfig["of"], string];
    if (names.indexOf(name) !== index) say([...path, "name"], `the feature '${name}' stands twice`);
    const { columns } = of === "customer" ? catalog.customers : catalog.coupons;
    column(say, columns, source, [...path, "from"], is === undefined ? ["integer", "number"] : ["integer", "text"]);
    if (is !== undefined) return { name, of, column: source, encode: { kind: "is", text: is } };
    if (atLeast === undefined && below === undefined) return { name, of, column: source, encode: { kind: "value" } };
    const range = { from: atLeast ?? Number.NEGATIVE_INFINITY, below: below ?? Number.POSITIVE_INFINITY };
    if (!(range.from < range.below)) say(path, `no number is at least ${range.from} and below ${range.below}`);
    return { name, of, column: source, encode: { kind: "range", ...range } };
  });
}

function overlap(a: Area, b: Area): boolean {
  return a.x0 <= b.x1 && b.x0 <= a.x1 && a.y0 <= b.y1 && b.y0 <= a.y1;
}
