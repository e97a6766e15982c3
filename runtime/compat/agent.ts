// An agent of spreadsheet_agent: one goal of one record, found by its key.
import type { Clock } from "../clock.ts";
import { AisleError, reasonOf } from "../errors.ts";
import { type Claimed, claim, isTakenOver } from "./claim.ts";
import type { CompatConfig } from "./config.ts";
import { findConflict, type ProcessTable, patternOf } from "./conflicts.ts";
import { type Dialect, isSuccess } from "./dialect.ts";
import { findGuard, findRow, type Keys } from "./guards.ts";
import { type CompatNotice, namesOf, noticeOf } from "./notice.ts";
import { type Outcome, type Processed, processed } from "./outcome.ts";
import { Output } from "./output.ts";
import { asText, type Sheet, type SheetRow, type Worksheet } from "./sheet.ts";

/** Settings of an agent. `agentName` is its goal, and the name of the column. */
export interface AgentParams {
  readonly agentName: string;
  readonly pageName: string;
  /** Cells of the record's key, by name. */
  readonly keys: Keys;
  readonly config: CompatConfig;
  readonly prerequisites?: readonly string[];
  readonly maxSelves?: number;
  /** Pattern on command lines → the number of such processes that keeps it from running. */
  readonly conflictsWith?: Readonly<Record<string, number>>;
  /** Goals that are done when this one is. */
  readonly subsumes?: readonly string[];
  /** It says why it does not run, and its output goes to the terminal; else it is kept for a notice. Default false. */
  readonly debug?: boolean;
  /** Default `ruby`. */
  readonly dialect?: Dialect;
  /** Default 3 s, as the original. */
  readonly settleMs?: number;
  /** A claim that was not renewed for so long has run out; the original waits for ever. Default 10 min. */
  readonly leaseMs?: number;
  /** Base name of its script, by which selves are known. Default `<agentName>_agent`. */
  readonly selfName?: string;
}

/** The world of an agent. */
export interface AgentPorts {
  readonly sheet: Sheet;
  readonly host: string;
  readonly clock: Pick<Clock, "now" | "after">;
  readonly sleep: (ms: number) => Promise<void>;
  readonly processes: ProcessTable;
  /** Its own number in that table; null: the table holds others only. */
  readonly pid: number | null;
  readonly terminal: (text: string) => void;
  readonly notify: (notice: CompatNotice) => void | Promise<void>;
}

/** Success or not, or that with fields to write in either case. Nothing at all is a failure. */
export type BodyResult = unknown | readonly [unknown, Readonly<Record<string, unknown>>];

/** The work: gets the row as texts, which shows the claim already, and a way to print. */
export type Body = (
  row: Readonly<Record<string, string>>,
  print: (text: string) => void,
) => BodyResult | Promise<BodyResult>;

const SETTLE_MS = 3_000;
const LEASE_MS = 10 * 60_000;
/** A claim is renewed so often within its lease. */
const RENEWALS = 3;

export class Agent {
  readonly agentName: string;
  readonly pageName: string;
  readonly keys: Keys;
  readonly config: CompatConfig;
  readonly prerequisites: readonly string[];
  readonly maxSelves: number | null;
  readonly conflictsWith: Readonly<Record<string, number>> | null;
  readonly subsumes: readonly string[];
  readonly debug: boolean;
  readonly dialect: Dialect;
  readonly #ports: AgentPorts;
  readonly #selfName: string;
  readonly #settleMs: number;
  readonly #leaseMs: number;

  /** @throws AisleError `invalid`: a name or the key is missing, in Perl also a required cell of it */
  constructor(params: AgentParams, ports: AgentPorts) {
    const { agentName, pageName, keys, config, dialect = "ruby" } = params;
    for (const [name, value] of Object.entries({ agentName, pageName, keys, config })) {
      if (value === undefined || value === null) throw new AisleError("invalid", `'${name}' of an agent is missing`);
    }
    const unbound = config.keys.find(({ name, required }) => required && keys[name] === undefined);
    if (dialect === "perl" && unbound !== undefined)
      throw new AisleError("invalid", `the key of ${agentName} lacks '${unbound.name}', which is required`);
    for (const pattern of Object.keys(params.conflictsWith ?? {})) patternOf(pattern);
    this.agentName = agentName;
    this.pageName = pageName;
    this.keys = { ...keys };
    this.config = config;
    this.prerequisites = [...(params.prerequisites ?? [])];
    this.maxSelves = params.maxSelves ?? null;
    this.conflictsWith = params.conflictsWith === undefined ? null : { ...params.conflictsWith };
    this.subsumes = [...(params.subsumes ?? [])];
    this.debug = params.debug ?? false;
    this.dialect = dialect;
    this.#selfName = params.selfName ?? `${agentName}_agent`;
    this.#settleMs = params.settleMs ?? SETTLE_MS;
    this.#leaseMs = params.leaseMs ?? LEASE_MS;
    this.#ports = ports;
  }

  /**
   * Does the work if nothing is in its way. What is thrown on the way is an outcome too.
   *
   * @throws whatever the sheet throws when the page can't be opened; in Perl with `debug` also what was thrown later
   */
  async process(body: Body): Promise<Processed> {
    const page = await this.#ports.sheet.open(this.pageName);
    const output = new Output(this.debug ? this.#ports.terminal : null);
    let outcome: Outcome;
    try {
      outcome = await this.#work(page, body, output);
    } catch (error) {
      output.line(reasonOf(error));
      if (this.dialect === "perl" && this.debug) throw error;
      outcome = { kind: "error", reason: "thrown", detail: reasonOf(error), error };
    }
    await this.#notify(outcome, output);
    return processed(outcome);
  }

  async #work(page: Worksheet, body: Body, output: Output): Promise<Outcome> {
    const { agentName: goal, dialect, config, keys } = this;
    const { host, sleep, pid, processes, clock } = this.#ports;
    const say = (detail: string) => {
      if (this.debug) output.line(detail);
    };
    const conflict = await findConflict(this, { name: this.#selfName, pid }, processes, dialect);
    if (conflict !== null) {
      say(conflict.detail);
      return { kind: "skipped", ...conflict };
    }
    const row = findRow(page.rows, config.keys, keys);
    if (row === null) return this.#noRow(output);
    const { prerequisites } = this;
    const guard = findGuard(row, page.header, { goal, prerequisites, leaseMs: this.#leaseMs, dialect }, clock.now());
    if (guard !== null) {
      say(`${namesOf(config, keys)} ${guard.detail}`);
      return { kind: "skipped", ...guard };
    }
    const claimed = await claim(page, row, { goal, host, settleMs: this.#settleMs, sleep, rules: config.keys, keys });
    if ("lost" in claimed) {
      say(`${namesOf(config, keys)} has ${goal} lost on '${host}': ${claimed.lost}`);
      return { kind: "lost", ran: false, detail: claimed.lost };
    }
    return this.#finish(page, claimed, await this.#run(body, claimed, output));
  }

  async #run(body: Body, { row }: Held, output: Output): Promise<BodyResult> {
    const stop = this.#renewing(row);
    try {
      return await body(row.texts(), (text) => output.print(text));
    } finally {
      stop();
    }
  }

  /** Merged into the row as it is then, wherever it stands by now. */
  async #finish(page: Worksheet, { writing }: Held, result: BodyResult): Promise<Outcome> {
    const { agentName: goal, subsumes, config, keys } = this;
    const { host } = this.#ports;
    const [value, fields = {}] = Array.isArray(result) ? result : [result];
    const isDone = isSuccess(value, this.dialect);
    await page.reload();
    const row = findRow(page.rows, config.keys, keys);
    if (row === null) throw new AisleError("not-found", `the row of ${namesOf(config, keys)} is gone`);
    if (isTakenOver(row, goal, writing)) return { kind: "lost", ran: true, detail: `the cell says '${row.get(goal)}'` };
    const done = isDone ? Object.fromEntries(subsumes.map((name) => [name, "1"])) : {};
    const cells = { ...fields, ...done, [goal]: isDone ? "1" : `F:${host}` };
    for (const [name, text] of Object.entries(cells)) row.set(name, text);
    await page.save();
    return isDone ? { kind: "done" } : { kind: "failed", detail: `the work on ${goal} failed: ${asText(value)}` };
  }

  #noRow(output: Output): Outcome {
    const detail = `${namesOf(this.config, this.keys)} is not on page '${this.pageName}'`;
    output.line(detail);
    return { kind: "error", reason: "no-row", detail, error: new AisleError("not-found", detail) };
  }

  /** Keeps the claim from running out; the returned function ends that. */
  #renewing(row: SheetRow): () => void {
    const { clock } = this.#ports;
    let cancel = () => {};
    const next = () => {
      cancel = clock.after(this.#leaseMs / RENEWALS, () => {
        row.renew(this.agentName);
        next();
      });
    };
    next();
    return () => cancel();
  }

  /** On an error; in Perl also when the body failed and something was printed. A notice that can't be sent is let go. */
  async #notify(outcome: Outcome, output: Output): Promise<void> {
    const isTold =
      outcome.kind === "error" || (this.dialect === "perl" && outcome.kind === "failed" && output.kept !== "");
    if (this.debug || !isTold) return;
    const { config, pageName: page, agentName: goal, keys } = this;
    const { host, notify } = this.#ports;
    try {
      await notify(noticeOf({ host, page, keys, goal, outcome, config, printed: output.kept }));
    } catch {
      // As the original: the work counts, not the mail about it.
    }
  }
}

type Held = Extract<Claimed, { readonly row: SheetRow }>;
