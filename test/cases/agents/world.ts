// What a case happens in: a spreadsheet, a host, a clock; and what was seen of it.
import { Agent, type AgentParams } from "../../../runtime/compat/agent.ts";
import { type CompatConfig, configOf } from "../../../runtime/compat/config.ts";
import type { Process } from "../../../runtime/compat/conflicts.ts";
import type { Dialect } from "../../../runtime/compat/dialect.ts";
import { MemorySheet } from "../../../runtime/compat/memory-sheet.ts";
import type { CompatNotice } from "../../../runtime/compat/notice.ts";
import type { CompatRunner } from "../../../runtime/compat/runner.ts";
import { VirtualTime } from "../../support/virtual-time.ts";
import { type Case, dialectOf, type Json, refuseOthers, type Setup } from "./cases.ts";
import { fail, withFaults } from "./faults.ts";
import { ScriptFolder } from "./scripts.ts";

const AGENT = [
  ...["agentName", "pageName", "keys", "debug", "prerequisites", "maxSelves", "conflictsWith", "subsumes"],
  ...["hostname", "selfName", "selfPid", "config"],
];

const SETUP = [
  ...["configKeyFields", "hostname", "processes", "processTable", "pages", "agent", "selfName", "selfPid", "faults"],
  ...["agentBin", "runner", "agents", "hosts"],
];

export class World {
  readonly setup: Setup;
  readonly dialect: Dialect;
  readonly time = new VirtualTime();
  readonly sheet: MemorySheet;
  /** Since the action began. */
  terminal = "";
  notices: CompatNotice[] = [];
  processes: readonly Process[];
  /** Scripts at work. */
  readonly scripts: Process[] = [];
  /** Kept from one action to the next. */
  runner: CompatRunner | null = null;
  readonly folder = new ScriptFolder(this);
  /** What a script of a case was to do and nobody knows: the runner lets go of what its agents throw. */
  complaint: Error | null = null;
  /** By the runner, in its last run. */
  sleptMs = 0;

  constructor(each: Case) {
    refuseOthers("setup", each.setup as unknown as Json, SETUP);
    this.setup = each.setup;
    this.dialect = dialectOf(each);
    this.sheet = new MemorySheet(this.time, each.setup.pages ?? {});
    this.processes = each.setup.processes ?? [];
  }

  get host(): string {
    return this.setup.hostname ?? "host-a";
  }

  config(value: unknown = { key_fields: this.setup.configKeyFields }): CompatConfig {
    return configOf(value);
  }

  pageTitles(): string[] {
    return Object.keys(this.setup.pages ?? {});
  }

  /** The agent that a case means when it names none: of the first goal of the first row. */
  usualAgent(): Json {
    if (this.setup.agent !== undefined) return this.setup.agent;
    const [pageName = ""] = this.pageTitles();
    const { header, rows } = this.setup.pages![pageName]!;
    const { keys } = this.config();
    const names = keys.map(({ name }) => name);
    const others = header.filter((name) => ![...names, "ready", "complete"].includes(name));
    const [row = {}] = rows;
    const bound = names.filter((name) => row[name] !== undefined).map((name) => [name, row[name]]);
    return { agentName: others.includes("goal") ? "goal" : others[0], pageName, keys: Object.fromEntries(bound) };
  }

  /** @param table  the processes of its host */
  agent(params: Json, table: () => readonly Process[] = () => this.#processTable()): Agent {
    refuseOthers("agent", params, AGENT);
    const { hostname, selfName = this.setup.selfName, selfPid = this.setup.selfPid, ...own } = params;
    const host = String(hostname ?? this.host);
    const overwrite = (cells: Json) => this.#overwrite(String(own.pageName), String(own.agentName), host, cells);
    return new Agent(
      {
        dialect: this.dialect,
        ...own,
        config: this.config(own.config),
        ...(selfName === undefined ? {} : { selfName }),
      } as AgentParams,
      {
        sheet: withFaults(this.sheet, this.setup.faults ?? {}, overwrite),
        host,
        clock: this.time,
        sleep: this.time.sleep,
        processes: table,
        pid: selfPid === undefined ? null : Number(selfPid),
        terminal: (text) => this.print(text),
        notify: (notice) => {
          fail(this.setup.faults?.notify);
          this.notices.push(notice);
        },
      },
    );
  }

  print(text: string): void {
    this.terminal += text;
  }

  /** Whoever claimed the goal sees other cells than it wrote. */
  #overwrite(page: string, goal: string, host: string, cells: Json): void {
    const row = this.sheet.show(page).findIndex((texts) => texts[goal] === `r:${host}`);
    for (const [name, value] of Object.entries(cells)) this.sheet.put(page, row, name, value);
  }

  #processTable(): readonly Process[] {
    const { processTable } = this.setup;
    if (processTable !== undefined) fail(processTable);
    return [...this.processes, ...this.scripts];
  }
}
