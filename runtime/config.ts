// A site's folder → the site in force: `site.yml`, `plan.yml` and the files they name, held against each other.
import { existsSync } from "node:fs";
import { basename, isAbsolute, join, resolve } from "node:path";
import { httpAddress } from "./address.ts";
import { parseServers } from "./bus/servers.ts";
import { subjectBase } from "./bus/subject.ts";
import { buildCatalog, type Catalog, type CatalogFiles, readCatalogFiles, shortName } from "./data/catalog.ts";
import { hashOf, readBytes, readText } from "./data/files.ts";
import { maskAddress, maskSecret } from "./data/mask.ts";
import { found, foundAddress, refuse } from "./data/mistakes.ts";
import { emptyCatalog, NO_CATALOG } from "./data/no-catalog.ts";
import { readScenario } from "./data/scenario.ts";
import { readCredentials, readStreams } from "./data/site-bus.ts";
import { EventSiteFile, LOG_LEVEL_WORDS, type LogLevel, parseLogLevel, SiteFile } from "./data/site-file.ts";
import { readAreas, readCatalog, readDepartments, readEvents, readFeatures, type Say } from "./data/site-parts.ts";
import { type Substituted, substitute } from "./data/substitute.ts";
import { check, parseYaml, type YamlFile } from "./data/yaml.ts";
import { didYouMean, type Mistake, SiteError } from "./errors.ts";
import { limits } from "./limits.ts";
import { readSpecs, type Specs } from "./live/specs.ts";
import { isLoopback } from "./loopback.ts";
import { type Declared, loadPlan, opensRecords, type PlanOptions, readPlan } from "./plan.ts";
import type {
  BusConfig,
  CatalogConfig,
  EventsConfig,
  HubConfig,
  Plan,
  PlayConfig,
  ScorerConfig,
  Site,
  SiteTransform,
} from "./site.ts";

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
  /** Name of the plan's file in the site's folder; default `plan.yml`. */
  readonly planFile?: string;
  readonly overrides?: Overrides;
}

/** A site with the rows of its tables. */
export interface OpenedSite {
  readonly site: Site;
  readonly catalog: Catalog;
}

/**
 * The specs of a site's `transforms/` as they are now.
 *
 * @throws SiteError with every mistake of all of them
 */
export function loadSpecs(dir: string): Specs {
  const mistakes: Mistake[] = [];
  const specs = readSpecs(dir, mistakes);
  refuse(mistakes);
  return specs;
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

/** A plan as it stands in its file now. */
export interface LoadedPlan {
  readonly plan: Plan;
  /** sha256 of the file, hex: `hashes.plan` of a site. */
  readonly hash: string;
}

/**
 * Reads the plan of a running site again, and nothing else.
 *
 * @param dir  of the site
 * @param options  with the events that are in force
 * @throws SiteError with every mistake of the plan
 */
export function loadSitePlan(dir: string, options: SiteOptions & { readonly events: EventsConfig }): LoadedPlan {
  const folder = resolve(dir);
  const { actors, env, events, planFile = PLAN_FILE } = options;
  const mistakes: Mistake[] = [];
  const text = readNeeded(folder, planFile, mistakes);
  refuse(mistakes);
  const fill = filler(folder, env);
  const plan = loadPlan(text!, planFile, actors, { ...knownEvents(events.types), dir: folder, fill });
  return { plan, hash: hashOf([Buffer.from(text!)]) };
}

/** The whole of what is in force as plain data, secrets masked; durations in ms, sizes in bytes. */
export function describeSite(site: Site): Record<string, unknown> {
  const { http, bus, source, scorer, notices, transforms, catalog, ...rest } = site;
  const masked = {
    ...rest,
    catalog: catalog === NO_CATALOG ? null : catalog,
    transforms: { ...transforms, specs: transforms.specs.map(describeTransform) },
    http: { ...http, token: maskSecret(http.token) },
    bus: { ...bus, ...maskBus(bus) },
    source: { ...source, url: maskUrl(source.url), token: maskSecret(source.token) },
    scorer: { ...scorer, url: maskUrl(scorer.url) },
    notices: { webhook: maskSecret(notices.webhook) },
  };
  return plain(masked) as Record<string, unknown>;
}

function maskBus({ nats, credentials, token, password, seed }: BusConfig) {
  const secrets = { credentials, token, password, seed };
  return {
    nats: maskUrl(nats),
    ...Object.fromEntries(Object.entries(secrets).map(([key, secret]) => [key, maskSecret(secret)])),
  };
}

/** What a spec says stands in its files. */
function describeTransform({ name, transform: { streaming, window } }: SiteTransform) {
  return { name, streaming: streaming.file, window: window?.file ?? null, latenessMs: streaming.latenessMs };
}

function maskUrl(url: string | null): string | null {
  return url === null ? null : maskAddress(url);
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

const NO_EVENTS: EventsConfig = { identity: "text", forms: [], types: new Map(), dedupeIds: limits.dedupeIds };

/** What a plan may say of events. */
function knownEvents(types: ReadonlyMap<string, { readonly fields: object }>): PlanOptions {
  const eventFields = [...types.values()].flatMap(({ fields }) => Object.keys(fields));
  return { eventTypes: types.keys(), eventFields };
}

/** What a site is called that doesn't say it: as its folder, with the signs that a subject and a folder take. */
function nameOf(dir: string): string {
  const name = basename(dir)
    .replace(/[^A-Za-z0-9_-]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return name.slice(0, 64) || "site";
}

/** The text of a file that a site needs; null: it can't be read, and that was added to the mistakes. */
function readNeeded(dir: string, name: string, mistakes: Mistake[]): string | null {
  try {
    return readText(join(dir, name), name, limits.yamlBytes);
  } catch (error) {
    const message = `${(error as Error).message}: a site needs it, in ${dir}`;
    mistakes.push({ file: name, line: 0, column: 0, message });
    return null;
  }
}

function filler(dir: string, env: SiteOptions["env"]): (text: string) => Substituted {
  const path = (file: string) => (isAbsolute(file) ? file : join(dir, file));
  return (text) => substitute(text, { env, readFile: (file) => readText(path(file), file, limits.substitutedBytes) });
}

/** One pass over a site's folder; mistakes are collected, not thrown. */
class Loader {
  readonly mistakes: Mistake[] = [];
  readonly #dir: string;
  readonly #options: SiteOptions;
  readonly #overrides: Overrides;
  readonly #fill: (text: string) => Substituted;
  #yaml: YamlFile | null = null;
  #written: SiteFile | null = null;
  /** Null while `site.yml` has mistakes in it. */
  #catalogConfig: CatalogConfig | null = null;
  #catalogFiles: CatalogFiles | null = null;
  #play: PlayConfig | null = null;

  constructor(dir: string, options: SiteOptions) {
    this.#dir = resolve(dir);
    this.#options = options;
    this.#overrides = options.overrides ?? {};
    this.#fill = filler(this.#dir, options.env);
  }

  /** Null when there were mistakes. */
  site(): { site: Site } | null {
    const planFile = this.#options.planFile ?? PLAN_FILE;
    const planText = this.#read(planFile);
    const isFed = planText !== null && opensRecords(planText, planFile, this.#fill);
    const siteText = isFed || existsSync(join(this.#dir, SITE_FILE)) ? this.#read(SITE_FILE) : "";
    this.#written = siteText === null ? null : this.#readFile(siteText, isFed);
    const written = this.#written;
    const plan = planText === null ? null : this.#plan(planText, planFile, isFed);
    const specs = readSpecs(this.#dir, this.mistakes);
    if (written === null || siteText === null || planText === null) return null;

    const catalog = this.#readCatalog(written);
    const modelHash = this.#modelHash(written);
    this.#play = this.#playConfig(written);
    const { dir, hostname, env } = { dir: this.#dir, ...this.#options };
    const { name, timeZone, floor, departments = {} } = written;
    const place = this.#overrides.place ?? (env.AISLE_PLACE || (written.place ?? hostname));
    const site: Omit<Site, "plan" | "hashes"> = {
      name,
      place,
      dir,
      planFile,
      timeZone,
      log: { ...written.log, level: this.#logLevel(written.log.level) },
      http: this.#http(written),
      bus: this.#bus(written, place),
      hub: this.#hub(written, place),
      events: written.events === undefined ? NO_EVENTS : readEvents({ events: written.events }, this.#say),
      departments: written.departments === undefined ? new Map() : readDepartments({ departments }, this.#say),
      areas: readAreas({ floor, departments }, this.#say),
      floor:
        floor === null
          ? null
          : { width: floor.width, height: floor.height, entrance: floor.entrance, exit: floor.exit },
      catalog,
      source: { url: written.source.url, timeoutMs: written.source.timeout, token: written.source.token },
      scorer: this.#scorer(written),
      checkpoint: { everyMs: written.checkpoint.every },
      retention: {
        ageMs: written.retention.age,
        bytes: written.retention.size,
        decisionsMs: written.retention.decisions,
        deadLettersMs: written.retention.deadLetters,
      },
      notices: { webhook: this.#webhook(written.notices.webhook) },
      transforms: { memoryBytes: written.transforms.memory, specs: specs.list },
      play: this.#play,
    };
    this.#checkNeeds(written);
    if (plan === null || (this.#catalogFiles === null && catalog !== NO_CATALOG)) return null;
    const hashes = {
      site: hashOf(siteText === "" ? [] : [Buffer.from(siteText)]),
      plan: hashOf([Buffer.from(planText)]),
      catalog: this.#catalogFiles?.hash ?? hashOf([]),
      model: modelHash,
      transforms: specs.hash,
    };
    return { site: { ...site, plan, hashes } };
  }

  /** What `site.yml` says; where there is none, what a site is by default. */
  #readFile(text: string, isFed: boolean): SiteFile | null {
    if (text === "") return SiteFile.parse({ version: 1, name: nameOf(this.#dir) });
    this.#yaml = parseYaml(text, SITE_FILE, this.mistakes, this.#fill);
    return this.#yaml === null ? null : check(this.#yaml, isFed ? EventSiteFile : SiteFile, this.mistakes);
  }

  /** While the events are not known, only what can't be read at all is told. */
  #plan(text: string, file: string, isFed: boolean): Plan | null {
    const written = this.#written;
    if (isFed && written === null) {
      parseYaml(text, file, this.mistakes, this.#fill);
      return null;
    }
    const known = knownEvents(new Map(Object.entries(written?.events?.types ?? {})));
    return readPlan(text, file, this.#options.actors, { ...known, dir: this.#dir, fill: this.#fill }, this.mistakes);
  }

  #readCatalog({ catalog: written }: SiteFile): CatalogConfig {
    if (written === undefined) return NO_CATALOG;
    const before = this.mistakes.length;
    const catalog = readCatalog({ catalog: written }, (file) => this.#path(file), this.#say);
    this.#catalogConfig = this.mistakes.length > before ? null : catalog;
    this.#catalogFiles = readCatalogFiles(
      catalog,
      (path) => shortName(this.#dir, path),
      (key, message) => this.#say(["catalog", key, "file"], message),
    );
    return catalog;
  }

  #scorer({ scorer, catalog }: SiteFile): ScorerConfig {
    if (scorer === undefined) return { model: null, features: [], url: null, timeoutMs: 250, fallback: "none" };
    return {
      model: scorer.model === null ? null : this.#path(scorer.model),
      features: catalog === undefined ? [] : readFeatures({ scorer, catalog }, this.#say),
      url: scorer.url,
      timeoutMs: scorer.timeout,
      fallback: scorer.fallback,
    };
  }

  /** Sections that mean nothing without another one, which a site without events may leave out. */
  #checkNeeds({ floor, catalog, scorer, play, ...there }: SiteFile): void {
    const needs = (key: string, other: string, why: string) =>
      this.#say([key], `needs '${other}' beside it: ${why}`, "key");
    if (there.departments === undefined) {
      if (floor !== null) needs("floor", "departments", "its areas are theirs");
      if (catalog !== undefined) needs("catalog", "departments", "coupons belong to them");
    }
    if (scorer !== undefined && catalog === undefined) needs("scorer", "catalog", "features are made of its columns");
    if (play !== null && there.events === undefined) needs("play", "events", "recorded paths are played as events");
  }

  /** The rows, if `site.yml` said enough to read them. */
  catalog(): Catalog | null {
    const written = this.#written;
    if (written !== null && written.catalog === undefined) return emptyCatalog();
    const catalog = this.#catalogConfig;
    if (written?.departments === undefined || catalog === null || this.#catalogFiles === null) return null;
    const departments = new Map(Object.entries(written.departments));
    return buildCatalog(
      { dir: this.#dir, timeZone: written.timeZone, departments, catalog },
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
    return readNeeded(this.#dir, name, this.mistakes);
  }

  #path(file: string): string {
    return isAbsolute(file) ? file : join(this.#dir, file);
  }

  readonly #say: Say = (path, message, about) => {
    this.mistakes.push(this.#yaml?.mistake(path, message, about) ?? { file: SITE_FILE, line: 0, column: 0, message });
  };

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

  #bus({ bus, name, events }: SiteFile, place: string): BusConfig {
    const nats = this.#nats(bus.nats);
    const { env } = this.#options;
    const [say, sayOf] = [this.#say, (origin: string, message: string) => this.#sayOf(origin, message)];
    const hasServer = nats !== null;
    const who = readCredentials(bus, { env, hasServer, path: (file) => this.#path(file), say, sayOf });
    const where = { site: name, place, hasServer, hasEvents: events !== undefined };
    return { ...bus, ...who, nats, streams: readStreams(bus, where, say) };
  }

  #nats(written: string | null): string | null {
    const fromOutside = this.#overrides.nats ?? this.#options.env.AISLE_NATS_URL;
    const origin = this.#overrides.nats === undefined ? "AISLE_NATS_URL" : "--nats";
    const url = fromOutside === undefined || fromOutside === "" ? written : fromOutside;
    if (url !== null && !isNatsServer(url)) {
      const message = `expected the URL of a NATS server such as 'nats://127.0.0.1:4222', found ${foundAddress(url)}`;
      if (fromOutside === undefined || fromOutside === "") this.#say(["bus", "nats"], message);
      else this.#sayOf(origin, message);
    }
    return url;
  }

  #hub({ hub, bus, name }: SiteFile, place: string): HubConfig {
    const { accept } = hub;
    if (hub.place === null) return { base: null, accept };
    const { site, prefix } = { site: hub.site ?? name, prefix: hub.prefix ?? bus.prefix };
    if (hub.place === place && site === name && prefix === bus.prefix)
      this.#say(
        ["hub", "place"],
        `this place is '${place}' itself: expected another place, that takes over its entries`,
      );
    return { base: subjectBase({ prefix, site, place: hub.place }), accept };
  }

  #webhook(written: string | null): string | null {
    const fromOutside = this.#options.env.AISLE_NOTICES_URL;
    if (fromOutside === undefined || fromOutside === "") return written;
    try {
      httpAddress(fromOutside, "a webhook");
      return fromOutside;
    } catch (error) {
      this.#sayOf("AISLE_NOTICES_URL", (error as Error).message);
      return null;
    }
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

  #modelHash({ scorer }: SiteFile): string | null {
    if (scorer === undefined) return null;
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
}

/** One, or several with commas between. */
function isNatsServer(url: string): boolean {
  try {
    parseServers(url);
    return true;
  } catch {
    return false;
  }
}
