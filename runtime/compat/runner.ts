// The runner of spreadsheet_agent: walks pages, records and goals, and starts the agent of each.
import { AisleError, reasonOf } from "../errors.ts";
import { limits } from "../limits.ts";
import type { CompatConfig } from "./config.ts";
import { type Dialect, isSet } from "./dialect.ts";
import { PageFilter } from "./pages.ts";
import type { Sheet, SheetRow, Worksheet } from "./sheet.ts";

export interface RunnerParams {
  readonly config: CompatConfig;
  /** One of these two at most. */
  readonly onlyPages?: readonly string[];
  readonly skipPages?: readonly string[];
  /** Runs nothing, prints what it would. It says so in any case, as with `debug`. */
  readonly dryRun?: boolean;
  /** Each agent ends before the next begins; else they run side by side. */
  readonly runInSerial?: boolean;
  readonly debug?: boolean;
  /** Between two records, and after each goal, in seconds. Default 5. */
  readonly sleepBetween?: number;
  /** Folder of the agents. Default `<scriptDir>/../agent_bin`. */
  readonly agentBin?: string;
  /** Folder of the script that runs. */
  readonly scriptDir?: string;
  /** Ends the names of scripts. Default `.rb` or `.pl`, by dialect. */
  readonly suffix?: string;
  /** The script of a goal; null: there is none. Default `<agentBin>/<goal>_agent<suffix>`. */
  readonly scriptOf?: (goal: string) => string | null;
  readonly dialect?: Dialect;
  /** Those of the Perl module: records that are not ready, or complete; goals whose cell is not empty, or without a script. */
  readonly defaultFilters?: boolean;
}

export interface RunnerPorts {
  readonly sheet: Sheet;
  readonly sleep: (ms: number) => Promise<void>;
  readonly terminal: (text: string) => void;
  readonly scripts: Scripts;
}

/** An agent to start for a goal of a record. */
export interface Launch {
  readonly script: string;
  /** The key's cells in rank order; an empty one keeps its place. */
  readonly args: readonly string[];
  readonly goal: string;
  /** The page on which the record was found. */
  readonly page: string;
}

export interface Scripts {
  isExecutable(launch: Launch): boolean | Promise<boolean>;
  /** Runs it without a shell. Resolves when it has ended, whatever with. */
  run(launch: Launch): Promise<void>;
}

/** Done for each record in the place of starting agents. It saves the page itself. */
export type EntryBody = (entry: SheetRow, page: Worksheet) => void | Promise<void>;

export interface RunReport {
  /** With at least one record that was not skipped. */
  readonly pages: readonly string[];
  readonly entries: number;
  readonly launched: number;
  /** Resolves when the last agent that was started has ended. */
  readonly ended: Promise<void>;
}

export class CompatRunner {
  readonly dryRun: boolean;
  readonly runInSerial: boolean;
  readonly debug: boolean;
  readonly sleepBetween: number;
  readonly agentBin: string;
  /** Names of key columns in rank order. */
  readonly queryFields: readonly string[];
  readonly #ports: RunnerPorts;
  readonly #pages: PageFilter;
  readonly #scriptOf: (goal: string) => string | null;
  readonly #dialect: Dialect;
  readonly #running = new Set<Promise<void>>();
  #skipEntry: (entry: SheetRow) => boolean;
  #skipGoal: (goal: string, entry: SheetRow) => boolean;
  /** Goals without a script are passed over before anything is printed, and cost no sleep. */
  #skipsScriptless: boolean;

  /** @throws AisleError `invalid`: pages to run and pages to skip */
  constructor(params: RunnerParams, ports: RunnerPorts) {
    const { config, onlyPages, skipPages, dryRun = false, dialect = "ruby", defaultFilters = false } = params;
    if (onlyPages !== undefined && skipPages !== undefined)
      throw new AisleError("invalid", "expected pages to run or pages to skip, found both: leave one out");
    this.dryRun = dryRun;
    this.runInSerial = params.runInSerial ?? false;
    this.debug = dryRun || (params.debug ?? false);
    this.sleepBetween = params.sleepBetween ?? 5;
    this.agentBin = params.agentBin ?? `${params.scriptDir ?? "."}/../agent_bin`;
    this.queryFields = config.keys.map(({ name }) => name);
    this.#ports = ports;
    this.#pages = new PageFilter(ports.sheet);
    if (onlyPages !== undefined) this.#pages.only(onlyPages);
    if (skipPages !== undefined) this.#pages.skip(skipPages);
    const suffix = params.suffix ?? (dialect === "ruby" ? ".rb" : ".pl");
    this.#scriptOf =
      params.scriptOf ?? ((goal) => (isFileName(goal) ? `${this.agentBin}/${goal}_agent${suffix}` : null));
    this.#dialect = dialect;
    this.#skipEntry = defaultFilters ? isUnready : () => false;
    this.#skipGoal = defaultFilters ? isTouched : () => false;
    this.#skipsScriptless = defaultFilters;
  }

  onlyPages(titles: readonly string[]): this {
    this.#pages.only(titles);
    return this;
  }

  skipPages(titles: readonly string[]): this {
    this.#pages.skip(titles);
    return this;
  }

  /** Asked of the pages that are there now. */
  onlyPagesIf(holds: (title: string) => boolean): this {
    this.#pages.onlyIf(holds);
    return this;
  }

  /** Asked of the pages that are there now. */
  skipPagesIf(holds: (title: string) => boolean): this {
    this.#pages.skipIf(holds);
    return this;
  }

  allPages(): this {
    this.#pages.clear();
    return this;
  }

  /** In the place of any such filter before. */
  skipEntry(skips: (entry: SheetRow) => boolean): this {
    this.#skipEntry = skips;
    return this;
  }

  /** In the place of any such filter before. Not asked when the records are somebody else's work. */
  skipGoal(skips: (goal: string, entry: SheetRow) => boolean): this {
    this.#skipGoal = skips;
    this.#skipsScriptless = false;
    return this;
  }

  /**
   * One walk: first the records of all pages are collected, then each is worked on.
   *
   * @param body  done for each record instead of starting its agents
   * @throws AisleError of the sheet; whatever `body` throws
   */
  async run(body: EntryBody | null = null): Promise<RunReport> {
    const entries: { page: Worksheet; entry: SheetRow }[] = [];
    for (const title of await this.#pages.selected()) {
      const page = await this.#ports.sheet.open(title);
      for (const entry of page.rows) if (!this.#skipEntry(entry)) entries.push({ page, entry });
    }
    let launched = 0;
    for (const { page, entry } of entries) {
      if (body === null) launched += await this.#startAgents(page, entry);
      else if (this.dryRun && this.#dialect === "ruby")
        this.#say(`Would run ${page.title} ${this.#args(page, entry).join(" ")}`);
      else await body(entry, page);
      await this.#sleep();
    }
    const pages = [...new Set(entries.map(({ page }) => page.title))];
    return { pages, entries: entries.length, launched, ended: this.#ended() };
  }

  /** Of every column that is not skipped: the original takes key columns, `ready` and `complete` for goals too. */
  async #startAgents(page: Worksheet, entry: SheetRow): Promise<number> {
    let launched = 0;
    for (const goal of page.header) {
      if (this.#skipGoal(goal, entry)) continue;
      const script = this.#scriptOf(goal);
      const launch = { script: script ?? goal, args: this.#args(page, entry), goal, page: page.title };
      const isExecutable = script !== null && (await this.#ports.scripts.isExecutable(launch));
      if (this.#skipsScriptless && !isExecutable) continue;
      this.#say([launch.script, ...launch.args].join(" "));
      if (!isExecutable) this.#say("AGENT RUNNER DOES NOT EXIST!");
      else if (!this.dryRun) {
        await this.#start(launch);
        launched++;
      }
      await this.#sleep();
    }
    return launched;
  }

  async #start(launch: Launch): Promise<void> {
    while (this.#running.size >= limits.outsideRuns) await Promise.race(this.#running);
    const ended: Promise<void> = this.#ports.scripts
      .run(launch)
      .catch((error) => this.#say(reasonOf(error)))
      .then(() => {
        this.#running.delete(ended);
      });
    this.#running.add(ended);
    if (this.runInSerial) await ended;
  }

  async #ended(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #args({ header }: Worksheet, entry: SheetRow): string[] {
    return this.queryFields.map((name) => (header.includes(name) ? entry.get(name) : ""));
  }

  #say(text: string): void {
    if (this.debug) this.#ports.terminal(`${text}\n`);
  }

  async #sleep(): Promise<void> {
    if (this.sleepBetween > 0) await this.#ports.sleep(this.sleepBetween * 1_000);
  }
}

/** A column's name is what people write: none of them leads out of the folder of agents. */
function isFileName(goal: string): boolean {
  return goal !== "" && !/[/\\\0]/.test(goal);
}

/** Perl's filter of records. */
function isUnready(entry: SheetRow): boolean {
  const { ready = "", complete = "" } = entry.texts();
  return !isSet(ready, "perl") || isSet(complete, "perl");
}

/** Perl's filter of goals, but for the one of scripts. */
function isTouched(goal: string, entry: SheetRow): boolean {
  return entry.get(goal) !== "";
}
