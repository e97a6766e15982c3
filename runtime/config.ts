// A site's folder → the site in force: `site.yml`, `plan.yml` and the files they name, held against each other.
import { isAbsolute, join, resolve } from "node:path";
import { buildCatalog, type Catalog, type CatalogFiles, readCatalogFiles, shortName } from "./data/catalog.ts";
import { hashOf, readBytes, readText } from "./data/files.ts";
import { maskSecret, maskUrls } from "./data/mask.ts";
import { found, refuse } from "./data/mistakes.ts";
import { readScenario } from "./data/scenario.ts";
import { LOG_LEVEL_WORDS, type LogLevel, parseLogLevel, SiteFile } from "./data/site-file.ts";
import { readAreas, readCatalog, readDepartments, readEvents, readFeatures, type Say } from "./data/site-parts.ts";
import { type Substituted, substitute } from "./data/substitute.ts";
import { check, parseYaml, type YamlFile } from "./data/yaml.ts";
import { didYouMean, type Mistake, SiteError } from "./errors.ts";
import { limits } from "./limits.ts";
import { readSpecs, type Specs } from "./live/specs.ts";
import { isLoopback } from "./loopback.ts";
import { type Declared, readPlan } from "./plan.ts";
import type { CatalogConfig, PlayConfig, Site, SiteTransform } from "./site.ts";

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

/** The whole of what is in force as plain data, secrets masked; durations in ms, sizes in bytes. */
export function describeSite(site: Site): Record<string, unknown> {
  const { http, bus, source, scorer, transforms, ...rest } = site;
  const masked = {
    ...rest,
    transforms: { ...transforms, specs: transforms.specs.map(describeTransform) },
    http: { ...http, token: maskSecret(http.token) },
    bus: { ...bus, nats: maskUrl(bus.nats), credentials: maskSecret(bus.credentials), token: maskSecret(bus.token) },
    source: { ...source, url: maskUrl(source.url), token: maskSecret(source.token) },
    scorer: { ...scorer, url: maskUrl(scorer.url) },
  };
  return plain(masked) as Record<string, unknown>;
}

/** What a spec says stands in its files. */
function describeTransform({ name, transform: { streaming, window } }: SiteTransform) {
  return { name, streaming: streaming.file, window: window?.file ?? null, latenessMs: streaming.latenessMs };
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
  /** Null while `site.yml` has mistakes in it. */
  #catalogConfig: CatalogConfig | null = null;
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
    const specs = readSpecs(this.#dir, this.mistakes);
    if (written === null || siteText === null || planText === null) return null;

    const before = this.mistakes.length;
    const catalog = readCatalog(written, (file) => this.#path(file), this.#say);
    this.#catalogConfig = this.mistakes.length > before ? null : catalog;
    this.#catalogFiles = readCatalogFiles(
      catalog,
      (path) => shortName(this.#dir, path),
      (key, message) => this.#say(["catalog", key, "file"], message),
    );
    const modelHash = this.#modelHash(written);
    this.#play = this.#playConfig(written);
    const { dir, hostname, env } = { dir: this.#dir, ...this.#options };
    const { name, timeZone, floor } = written;
    const { nats: _, ...bus } = written.bus;
    const site: Omit<Site, "plan" | "hashes"> = {
      name,
      place: this.#overrides.place ?? (env.AISLE_PLACE || (written.place ?? hostname)),
      dir,
      timeZone,
      log: { ...written.log, level: this.#logLevel(written.log.level) },
      http: this.#http(written),
      bus: { ...bus, nats: this.#nats(written.bus.nats) },
      events: readEvents(written, this.#say),
      departments: readDepartments(written, this.#say),
      areas: readAreas(written, this.#say),
      floor:
        floor === null
          ? null
          : { width: floor.width, height: floor.height, entrance: floor.entrance, exit: floor.exit },
      catalog,
      source: { url: written.source.url, timeoutMs: written.source.timeout, token: written.source.token },
      scorer: {
        model: written.scorer.model === null ? null : this.#path(written.scorer.model),
        features: readFeatures(written, this.#say),
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
      transforms: { memoryBytes: written.transforms.memory, specs: specs.list },
      play: this.#play,
    };
    if (plan === null || this.#catalogFiles === null) return null;
    const hashes = {
      site: hashOf([Buffer.from(siteText)]),
      plan: hashOf([Buffer.from(planText)]),
      catalog: this.#catalogFiles.hash,
      model: modelHash,
      transforms: specs.hash,
    };
    return { site: { ...site, plan, hashes } };
  }

  /** The rows, if `site.yml` said enough to read them. */
  catalog(): Catalog | null {
    const written = this.#written;
    const catalog = this.#catalogConfig;
    if (written === null || catalog === null || this.#catalogFiles === null) return null;
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

  readonly #say: Say = (path, message, about) => {
    this.mistakes.push(this.#yaml!.mistake(path, message, about));
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

  #nats(written: string | null): string | null {
    const fromOutside = this.#overrides.nats ?? this.#options.env.AISLE_NATS_URL;
    const origin = this.#overrides.nats === undefined ? "AISLE_NATS_URL" : "--nats";
    const url = fromOutside === undefined || fromOutside === "" ? written : fromOutside;
    const ok = url === null || url.split(",").every(isNatsServer);
    if (!ok) {
      const message = `expected the URL of a NATS server such as 'nats://127.0.0.1:4222', found ${found(url)}`;
      if (fromOutside === undefined || fromOutside === "") this.#say(["bus", "nats"], message);
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
