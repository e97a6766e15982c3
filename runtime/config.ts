// A site's folder → the site in force: `site.yml`, `plan.yml` and the files they name, held against each other.
import { isAbsolute, join, resolve } from "node:path";
import { buildCatalog, type Catalog, type CatalogFiles, readCatalogFiles, shortName } from "./data/catalog.ts";
import { departmentNames } from "./data/departments.ts";
import { hashOf, readBytes, readText } from "./data/files.ts";
import { maskSecret, maskUrls } from "./data/mask.ts";
import { found, oneOf, refuse } from "./data/mistakes.ts";
import { readScenario } from "./data/scenario.ts";
import { LOG_LEVEL_WORDS, type LogLevel, parseLogLevel, SiteFile } from "./data/site-file.ts";
import { type Substituted, substitute } from "./data/substitute.ts";
import { check, type Path, parseYaml, type YamlFile } from "./data/yaml.ts";
import { didYouMean, type Mistake, SiteError } from "./errors.ts";
import { limits } from "./limits.ts";
import { type Declared, readPlan } from "./plan.ts";
import type { Area, CatalogConfig, EventsConfig, FeatureConfig, PlayConfig, Site, TableConfig } from "./site.ts";

/** What a command line says; it goes before the environment, which goes before the file. */
export interface Overrides {
  readonly place?: string;
  readonly host?: string;
  readonly port?: number;
  readonly logLevel?: string;
  readonly nats?: string;
  /** Scenario files, absolute; null: nothing is played. */
  readonly play?: readonly string[] | null;
  readonly speed?: number;
}

export interface SiteOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly hostname: string;
  /** What the plan is checked against. */
  readonly actors: readonly Declared[];
  readonly overrides?: Overrides;
}

/** A site with the rows of its tables. */
export interface OpenedSite {
  readonly site: Site;
  readonly catalog: Catalog;
}

/**
 * Reads a site: what it says, and that all files it names are there. Rows and recorded paths are not looked at.
 *
 * @throws SiteError with every mistake of all files
 */
export function loadSite(dir: string, options: SiteOptions): Site {
  const loader = new Loader(dir, options);
  const site = loader.site();
  refuse(loader.mistakes);
  return site!.site;
}

/**
 * As `loadSite`, and reads the rows of the catalog and the recorded paths too.
 *
 * @throws SiteError with every mistake of all files
 */
export function openSite(dir: string, options: SiteOptions): OpenedSite {
  const loader = new Loader(dir, options);
  const loaded = loader.site();
  const catalog = loader.catalog();
  loader.scenarios();
  refuse(loader.mistakes);
  return { site: loaded!.site, catalog: catalog! };
}

/** The whole of what is in force as plain data, secrets masked; durations in ms, sizes in bytes. */
export function describeSite(site: Site): Record<string, unknown> {
  const { http, bus, source, scorer, ...rest } = site;
  const masked = {
    ...rest,
    http: { ...http, token: maskSecret(http.token) },
    bus: { ...bus, nats: maskUrl(bus.nats), credentials: maskSecret(bus.credentials), token: maskSecret(bus.token) },
    source: { ...source, url: maskUrl(source.url), token: maskSecret(source.token) },
    scorer: { ...scorer, url: maskUrl(scorer.url) },
  };
  return plain(masked) as Record<string, unknown>;
}

function maskUrl(url: string | null): string | null {
  return url === null ? null : maskUrls(url);
}

function plain(value: unknown): unknown {
  if (value === Number.POSITIVE_INFINITY) return "unlimited";
  if (value === Number.NEGATIVE_INFINITY) return "-unlimited";
  if (value instanceof Map) return plain(Object.fromEntries(value));
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
}

const SITE_FILE = "site.yml";
const PLAN_FILE = "plan.yml";

/** One pass over a site's folder; mistakes are collected, not thrown. */
class Loader {
  readonly mistakes: Mistake[] = [];
  readonly #dir: string;
  readonly #options: SiteOptions;
  readonly #overrides: Overrides;
  #yaml: YamlFile | null = null;
  #written: SiteFile | null = null;
  #catalogFiles: CatalogFiles | null = null;
  #play: PlayConfig | null = null;

  constructor(dir: string, options: SiteOptions) {
    this.#dir = resolve(dir);
    this.#options = options;
    this.#overrides = options.overrides ?? {};
  }

  /** Null when there were mistakes. */
  site(): { site: Site } | null {
    const siteText = this.#read(SITE_FILE);
    const planText = this.#read(PLAN_FILE);
    this.#yaml = siteText === null ? null : parseYaml(siteText, SITE_FILE, this.mistakes, this.#fill);
    this.#written = this.#yaml === null ? null : check(this.#yaml, SiteFile, this.mistakes);
    const written = this.#written;
    const eventTypes = written === null ? null : Object.keys(written.events.types);
    const plan =
      planText === null || eventTypes === null
        ? null
        : readPlan(planText, PLAN_FILE, this.#options.actors, { eventTypes, fill: this.#fill }, this.mistakes);
    if (planText !== null && eventTypes === null) parseYaml(planText, PLAN_FILE, this.mistakes, this.#fill);
    if (written === null || siteText === null || planText === null) return null;

    const catalog = this.#catalog(written);
    this.#catalogFiles = readCatalogFiles(
      catalog,
      (path) => shortName(this.#dir, path),
      (key, message) => this.#say(["catalog", key, "file"], message),
    );
    const modelHash = this.#modelHash(written);
    this.#play = this.#playConfig(written);
    const { dir, hostname, env } = { dir: this.#dir, ...this.#options };
    const { name, timeZone, departments, floor } = written;
    const { nats: _, ...bus } = written.bus;
    const site: Omit<Site, "plan" | "hashes"> = {
      name,
      place: this.#overrides.place ?? (env.AISLE_PLACE || (written.place ?? hostname)),
      dir,
      timeZone,
      log: { ...written.log, level: this.#logLevel(written.log.level) },
      http: this.#http(written),
      bus: { ...bus, nats: this.#nats(written.bus.nats) },
      events: this.#events(written),
      departments: this.#departments(departments),
      areas: this.#areas(written),
      floor:
        floor === null
          ? null
          : { width: floor.width, height: floor.height, entrance: floor.entrance, exit: floor.exit },
      catalog,
      source: { url: written.source.url, timeoutMs: written.source.timeout, token: written.source.token },
      scorer: {
        model: written.scorer.model === null ? null : this.#path(written.scorer.model),
        features: this.#features(written),
        url: written.scorer.url,
        timeoutMs: written.scorer.timeout,
        fallback: written.scorer.fallback,
      },
      retention: {
        ageMs: written.retention.age,
        bytes: written.retention.size,
        decisionsMs: written.retention.decisions,
        deadLettersMs: written.retention.deadLetters,
      },
      play: this.#play,
    };
    if (plan === null || this.#catalogFiles === null) return null;
    const hashes = {
      site: hashOf([Buffer.from(siteText)]),
      plan: hashOf([Buffer.from(planText)]),
      catalog: this.#catalogFiles.hash,
      model: modelHash,
    };
    return { site: { ...site, plan, hashes } };
  }

  /** The rows, if `site.yml` said enough to read them. */
  catalog(): Catalog | null {
    const written = this.#written;
    if (written === null || this.#catalogFiles === null || this.#catalogMistakes) return null;
    const departments = new Map(Object.entries(written.departments));
    return buildCatalog(
      {
        dir: this.#dir,
        timeZone: written.timeZone,
        departments,
        catalog: catalogConfig(written, (file) => this.#path(file)),
      },
      this.#catalogFiles,
      this.mistakes,
    );
  }

  /** Reads the recorded paths once, so that their mistakes are told at the start and not while they play. */
  scenarios(): void {
    for (const path of this.#play?.files ?? []) {
      try {
        const name = shortName(this.#dir, path);
        readScenario(readText(path, name, limits.scenarioBytes), name, { paceMs: 0, seed: 0, startAt: 0 });
      } catch (error) {
        // A file that isn't there was told where it is named.
        if (error instanceof SiteError) this.mistakes.push(...error.mistakes);
      }
    }
  }

  #read(name: string): string | null {
    try {
      return readText(join(this.#dir, name), name, limits.yamlBytes);
    } catch (error) {
      this.mistakes.push({
        file: name,
        line: 0,
        column: 0,
        message: `${(error as Error).message}: a site needs it, in ${this.#dir}`,
      });
      return null;
    }
  }

  readonly #fill = (text: string): Substituted =>
    substitute(text, {
      env: this.#options.env,
      readFile: (path) => readText(this.#path(path), path, limits.substitutedBytes),
    });

  #path(file: string): string {
    return isAbsolute(file) ? file : join(this.#dir, file);
  }

  #say(path: Path, message: string, about: "value" | "key" = "value"): void {
    this.mistakes.push(this.#yaml!.mistake(path, message, about));
  }

  /** Says what is wrong outside the files: in the environment, on the command line. */
  #sayOf(origin: string, message: string): void {
    this.mistakes.push({ file: origin, line: 0, column: 0, message });
  }

  // What the environment and the command line go before

  #logLevel(written: LogLevel): LogLevel {
    const [origin, level] =
      this.#overrides.logLevel === undefined
        ? ["AISLE_LOG_LEVEL", this.#options.env.AISLE_LOG_LEVEL]
        : ["--log-level", this.#overrides.logLevel];
    if (level === undefined || level === "") return written;
    const known = parseLogLevel(level);
    if (known === null)
      this.#sayOf(
        origin!,
        `expected ${LOG_LEVEL_WORDS}, found ${found(level)}${didYouMean(level.slice(0, 64), ["debug", "info", "warn", "error"])}`,
      );
    return known ?? written;
  }

  #nats(written: string | null): string | null {
    const fromOutside = this.#overrides.nats ?? this.#options.env.AISLE_NATS_URL;
    const origin = this.#overrides.nats === undefined ? "AISLE_NATS_URL" : "--nats";
    const url = fromOutside === undefined || fromOutside === "" ? written : fromOutside;
    const ok = url === null || url.split(",").every(isNatsServer);
    if (!ok) {
      const message = `expected the URL of a NATS server such as 'nats://127.0.0.1:4222', found ${found(url)}`;
      if (url === written) this.#say(["bus", "nats"], message);
      else this.#sayOf(origin, message);
    }
    return url;
  }

  #http({ http }: SiteFile): Site["http"] {
    const { host = http.host, port = http.port } = this.#overrides;
    const token = this.#options.env.AISLE_TOKEN || http.token;
    if (!Number.isSafeInteger(port) || port < 0 || port > 65_535)
      this.#sayOf("--port", `expected a whole number from 0 to 65535, found ${found(port)}`);
    if (!isLoopback(host) && http.auth === "token" && token === null) {
      const message = `'${host}' can be reached from elsewhere, which demands a token: set AISLE_TOKEN, or write 'auth: none' to let everyone in`;
      if (this.#overrides.host === undefined) this.#say(["http", "host"], message);
      else this.#sayOf("--host", message);
    }
    return { ...http, host, port, token };
  }

  #playConfig({ play }: SiteFile): PlayConfig | null {
    const { play: files, speed } = this.#overrides;
    if (speed !== undefined && !(speed > 0 && speed <= 100_000))
      this.#sayOf("--speed", `expected a number above 0, at most 100000, found ${found(speed)}`);
    if (files === null) return null;
    if (files !== undefined) for (const file of files) this.#exists(file, (message) => this.#sayOf("--play", message));
    for (const [index, file] of (files === undefined ? (play?.files ?? []) : []).entries()) {
      this.#exists(this.#path(file), (message) => this.#say(["play", "files", index], message));
    }
    const played = files ?? play?.files.map((file) => this.#path(file));
    if (played === undefined) return null;
    return { files: played, speed: speed ?? play?.speed ?? 1, paceMs: play?.pace ?? 30, seed: play?.seed ?? 1 };
  }

  #exists(path: string, say: (message: string) => void): void {
    try {
      readBytes(path, shortName(this.#dir, path), limits.scenarioBytes);
    } catch (error) {
      say((error as Error).message);
    }
  }

  // What parts of the file say about each other

  #modelHash({ scorer }: SiteFile): string | null {
    if (scorer.model === null) {
      if (scorer.url === null) this.#say(["scorer"], "has neither 'model' nor 'url': expected one that scores");
      return null;
    }
    try {
      return hashOf([readBytes(this.#path(scorer.model), scorer.model, limits.modelBytes)]);
    } catch (error) {
      this.#say(["scorer", "model"], (error as Error).message);
      return null;
    }
  }

  #departments(written: SiteFile["departments"]): Site["departments"] {
    this.#unique("departments", Object.entries(written), "department");
    if (Object.keys(written).length === 0) this.#say(["departments"], "expected at least one department");
    return new Map(Object.entries(written));
  }

  /** Names and aliases mean one thing each, in any case of letters. */
  #unique(
    section: string,
    entries: readonly (readonly [string, readonly string[]])[],
    what: string,
    under: Path = [],
  ): void {
    const owners = new Map<string, string>();
    const claim = (name: string, owner: string, path: Path, about: "key" | "value") => {
      const other = owners.get(name.toLowerCase());
      if (other === undefined) owners.set(name.toLowerCase(), owner);
      else this.#say(path, `'${name}' already names the ${what} '${other}'`, about);
    };
    for (const [owner] of entries) claim(owner, owner, [section, ...under, owner], "key");
    for (const [owner, aliases] of entries) {
      const place = what === "department" ? [section, owner] : [section, ...under, owner, "aliases"];
      for (const [index, alias] of aliases.entries()) claim(alias, owner, [...place, index], "value");
    }
  }

  #events({ events }: SiteFile): EventsConfig {
    const types = Object.entries(events.types);
    this.#unique(
      "events",
      types.map(([name, { aliases }]) => [name, aliases] as const),
      "type",
      ["types"],
    );
    const always = events.forms.findIndex(({ when }) => when === null);
    events.forms.forEach((form, index) => {
      if (always >= 0 && index > always) {
        this.#say(
          ["events", "forms", index],
          `form '${form.name}' is never reached: '${events.forms[always]!.name}' before it has no 'when'`,
        );
      }
      for (const field of Object.keys(form.fields)) {
        if (types.some(([, type]) => Object.hasOwn(type.fields, field))) continue;
        const known = types.flatMap(([, type]) => Object.keys(type.fields));
        this.#say(
          ["events", "forms", index, "fields", field],
          `no type of event has a field '${field}'${didYouMean(field, known)}`,
          "key",
        );
      }
    });
    for (const [name, { fields }] of types) {
      for (const field of Object.keys(fields)) {
        if (events.forms.some((form) => Object.hasOwn(form.fields, field))) continue;
        this.#say(["events", "types", name, "fields", field], `no form says where the field '${field}' stands`, "key");
      }
    }
    return {
      identity: events.identity,
      forms: events.forms.map(({ time, ...form }) => ({ ...form, time: { paths: time.path, unit: time.unit } })),
      types: new Map(types.map(([name, type]) => [name, { name, ...type }])),
    };
  }

  #areas({ floor, departments }: SiteFile): Area[] {
    if (floor === null) return [];
    const canonical = departmentNames(new Map(Object.entries(departments)));
    const areas = floor.areas.map((area, index): Area => {
      const path = ["floor", "areas", index];
      const department = canonical(area.department);
      if (department === null) {
        const near = didYouMean(area.department, Object.keys(departments));
        this.#say(
          [...path, "department"],
          `there is no department '${area.department}'${near || `: expected ${oneOf(Object.keys(departments))}`}`,
        );
      }
      if (!(area.x0 < area.x1 && area.y0 < area.y1)) this.#say(path, "expected x0 below x1 and y0 below y1");
      else if (area.x0 < 0 || area.y0 < 0 || area.x1 > floor.width || area.y1 > floor.height) {
        this.#say(path, `lies outside the store plan of ${floor.width} × ${floor.height}`);
      }
      return { ...area, department: department ?? area.department };
    });
    areas.forEach((area, index) => {
      const other = areas
        .slice(0, index)
        .find((before) => before.department !== area.department && overlap(before, area));
      if (other !== undefined)
        this.#say(
          ["floor", "areas", index],
          `overlaps the area of '${other.department}': a place is in one department`,
        );
    });
    return areas;
  }

  #catalogMistakes = false;

  #catalog(written: SiteFile): CatalogConfig {
    const { catalog } = written;
    const before = this.mistakes.length;
    const tables = {
      customers: catalog.customers,
      coupons: catalog.coupons,
      ...(catalog.products === null ? {} : { products: catalog.products }),
    };
    for (const [name, table] of Object.entries(tables)) {
      const path = ["catalog", name];
      this.#column(table.columns, table.key, [...path, "key"], ["integer", "text"]);
      for (const column of Object.keys(table.ranges))
        this.#column(table.columns, column, [...path, "ranges", column], ["integer", "number"]);
      if (!("publish" in table)) continue;
      for (const [field, column] of Object.entries(table.publish))
        this.#column(table.columns, column, [...path, "publish", field]);
    }
    const { coupons } = catalog;
    this.#column(coupons.columns, coupons.department, ["catalog", "coupons", "department"], ["text"]);
    for (const key of ["validFrom", "validTo"] as const)
      this.#column(coupons.columns, coupons[key], ["catalog", "coupons", key], ["date"]);
    if (catalog.couponProducts !== null && catalog.products === null)
      this.#say(["catalog", "couponProducts"], "there are no 'products' that it could point to", "key");
    if (catalog.products !== null && Object.hasOwn(coupons.publish, "products")) {
      this.#say(
        ["catalog", "coupons", "publish", "products"],
        "'products' is the list of the coupon's products: expected another name",
        "key",
      );
    }
    this.#catalogMistakes = this.mistakes.length > before;
    return catalogConfig(written, (file) => this.#path(file));
  }

  /** Says so when a column isn't declared, or has a type that can't serve. */
  #column(columns: TableConfig["columns"], column: string, path: Path, types?: readonly string[]): void {
    const type = Object.hasOwn(columns, column) ? columns[column]! : null;
    if (type === null) {
      const near = didYouMean(column, Object.keys(columns));
      this.#say(path, `there is no column '${column}'${near || `: expected ${oneOf(Object.keys(columns))}`}`);
    } else if (types !== undefined && !types.includes(type)) {
      this.#say(path, `the column '${column}' has the type ${type}: expected ${oneOf(types)}`);
    }
  }

  #features({ scorer, catalog }: SiteFile): FeatureConfig[] {
    const names = scorer.features.map(({ name }) => name);
    return scorer.features.map((feature, index): FeatureConfig => {
      const path = ["scorer", "features", index];
      const { name, from, is, atLeast, below } = feature;
      const [of, column] = from.split(".") as [FeatureConfig["of"], string];
      if (names.indexOf(name) !== index) this.#say([...path, "name"], `the feature '${name}' stands twice`);
      const { columns } = of === "customer" ? catalog.customers : catalog.coupons;
      this.#column(columns, column, [...path, "from"], is === undefined ? ["integer", "number"] : ["integer", "text"]);
      if (is !== undefined) return { name, of, column, encode: { kind: "is", text: is } };
      if (atLeast === undefined && below === undefined) return { name, of, column, encode: { kind: "value" } };
      const range = { from: atLeast ?? Number.NEGATIVE_INFINITY, below: below ?? Number.POSITIVE_INFINITY };
      if (!(range.from < range.below)) this.#say(path, `no number is at least ${range.from} and below ${range.below}`);
      return { name, of, column, encode: { kind: "range", ...range } };
    });
  }
}

function catalogConfig({ catalog }: SiteFile, path: (file: string) => string): CatalogConfig {
  const placed = <T extends { readonly file: string }>(table: T): T => ({ ...table, file: path(table.file) });
  return {
    shiftDays: catalog.shiftDays,
    customers: placed(catalog.customers),
    coupons: placed(catalog.coupons),
    products: catalog.products === null ? null : placed(catalog.products),
    couponProducts: catalog.couponProducts === null ? null : placed(catalog.couponProducts),
  };
}

function overlap(a: Area, b: Area): boolean {
  return a.x0 <= b.x1 && b.x0 <= a.x1 && a.y0 <= b.y1 && b.y0 <= a.y1;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}

function isNatsServer(url: string): boolean {
  const trimmed = url.trim();
  const full = trimmed.includes("://") ? trimmed : `nats://${trimmed}`; // "host:4222" is common
  return (
    trimmed !== "" &&
    URL.canParse(full) &&
    ["nats:", "tls:", "ws:", "wss:"].includes(new URL(full).protocol) &&
    new URL(full).host !== ""
  );
}
