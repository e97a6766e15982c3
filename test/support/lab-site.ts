// A site of a test's own in a folder that goes with the test: a plan, scripts and modules; and places that work on it.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { onTestFinished, vi } from "vitest";
import { actors } from "../../actors/index.ts";
import { rowOf } from "../../runtime/board/board.ts";
import { type Change, changeOf } from "../../runtime/board/change.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { loadSitePlan, openSite, type SiteOptions } from "../../runtime/config.ts";
import type { RecordView } from "../../runtime/http/ports.ts";
import type { Entry } from "../../runtime/journal/journal.ts";
import { Place, type StartOptions } from "../../runtime/main.ts";
import type { Notice } from "../../runtime/runs/job.ts";
import { script, shell } from "./scripts.ts";

const DECLARED = actors as unknown as SiteOptions["actors"];

/** Processes take their time, above all on a busy machine. */
export const until = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 15_000, interval: 10 });

export interface LabSite {
  readonly dir: string;
  readonly data: string;
  /** Writes `plan.yml`. */
  plan(text: string): void;
  /** An executable for /bin/sh in `scripts/`; returns its path. */
  script(name: string, lines: string, mode?: number): string;
  /** Any other file; returns its path. */
  file(name: string, text: string): string;
  open(options?: OpenOptions): Promise<LabPlace>;
}

export interface OpenOptions extends Pick<StartOptions, "pace" | "admits" | "machine"> {
  readonly clock?: Clock;
  /** As for tools: nothing is started. */
  readonly attach?: boolean;
}

/** A site of its own. */
export function labSite(plan: string): LabSite {
  const dir = mkdtempSync(join(tmpdir(), "aisle-lab-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  mkdirSync(join(dir, "scripts"));
  const write = (text: string) => void script(dir, "plan.yml", text, 0o644);
  write(plan);
  const data = join(dir, "data");
  return {
    ...{ dir, data, plan: write },
    script: (name, lines, mode) =>
      mode === undefined ? shell(dir, `scripts/${name}`, lines) : script(dir, `scripts/${name}`, lines, mode),
    file: (name, text) => script(dir, name, text, 0o644),
    open: (options) => openLab(dir, data, options),
  };
}

/** A place at work, in this process. */
export class LabPlace {
  readonly place: Place;
  readonly notices: Notice[] = [];
  /** Warnings and faults. */
  readonly logged: Record<string, unknown>[];

  constructor(place: Place, logged: Record<string, unknown>[]) {
    this.place = place;
    this.logged = logged;
    place.bus.subscribe(`${place.base}.notices`, ({ payload }) => {
      this.notices.push(JSON.parse(Buffer.from(payload).toString()) as Notice);
    });
  }

  /** As over HTTP: the body of the answer, and its status. */
  async ask(method: string, path: string, cells?: Record<string, unknown>, headers: Record<string, string> = {}) {
    const isText = "content-type" in headers;
    const body = cells === undefined ? {} : { body: isText ? String(cells.text) : JSON.stringify(cells) };
    const response = await fetch(new URL(path, this.place.url), {
      method,
      ...body,
      headers: { ...(cells === undefined || isText ? {} : { "content-type": "application/json" }), ...headers },
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? null : JSON.parse(text) };
  }

  async make(page: string, cells: Record<string, string>): Promise<void> {
    const { status, body } = await this.ask("POST", `/pages/${page}/records`, { cells });
    if (status >= 300) throw new Error(JSON.stringify(body));
  }

  async set(page: string, key: string, cells: Record<string, string>, by = "tester"): Promise<void> {
    const { status, body } = await this.ask(
      "PATCH",
      `/pages/${page}/records/${key}`,
      { cells },
      { "aisle-principal": by },
    );
    if (status >= 300) throw new Error(JSON.stringify(body));
  }

  async view(page: string, key: string): Promise<RecordView> {
    return (await this.ask("GET", `/pages/${page}/records/${key}`)).body as RecordView;
  }

  row(page: string, key: string): Record<string, string> {
    const record = this.place.runner.board.page(page).find(key);
    if (record === undefined) throw new Error(`no record '${key}' on page '${page}'`);
    return rowOf(record);
  }

  idle(): Promise<void> {
    return this.place.runner.idle();
  }

  /** Changes of the board that are on disk. */
  changes(): { readonly change: Change; readonly entry: Entry }[] {
    return changesIn(this.place.journal.read());
  }

  stop(): Promise<void> {
    return this.place.stop();
  }
}

export function changesIn(entries: Iterable<Entry>): { readonly change: Change; readonly entry: Entry }[] {
  return [...entries].flatMap((entry) => {
    const change = changeOf(entry);
    return change === null ? [] : [{ change, entry }];
  });
}

/** A place at work on a site's folder, until the test ends. */
export async function openLab(dir: string, dataDir: string, options: OpenOptions = {}): Promise<LabPlace> {
  const { clock = systemClock, attach = false, ...rest } = options;
  const read = { env: {}, hostname: "test", actors: DECLARED };
  const opened = openSite(dir, { ...read, overrides: { port: 0, play: null, place: "n1", logLevel: "warn" } });
  const { events } = opened.site;
  const logged: Record<string, unknown>[] = [];
  const log = pino({ level: "warn", base: null }, { write: (line: string) => void logged.push(JSON.parse(line)) });
  const place = new Place({
    ...{ ...opened, ...rest, dataDir, log, clock, version: "test", env: { PATH: process.env.PATH } },
    rereadPlan: () => loadSitePlan(dir, { ...read, events }),
  });
  onTestFinished(() => place.stop());
  const lab = new LabPlace(place, logged);
  await (attach ? place.attach() : place.open());
  return lab;
}
