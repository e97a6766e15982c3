// The store site, running: in this process, or in one of its own, over a data folder that goes with it.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { actors } from "../actors/index.ts";
import { type Overrides, openSite, type SiteOptions } from "../runtime/config.ts";
import { createLog } from "../runtime/log.ts";
import { type Place, start } from "../runtime/main.ts";

const SITE = resolve("deploy/sites/store");
const CLI = resolve("dist/runtime/cli.js");

/** Longest wait for a place to be ready, ms. */
const READY_MS = 20_000;

export interface Running extends AsyncDisposable {
  readonly place: Place;
}

/** The store site within this process, on any free port; nothing is played. */
export function storeHere(overrides: Overrides = {}): Promise<Running> {
  return siteHere(SITE, overrides);
}

/** A site within this process, over a data folder that goes with it, unless one is given. */
export async function siteHere(site: string, overrides: Overrides = {}, data: string | null = null): Promise<Running> {
  const dataDir = data ?? mkdtempSync(join(tmpdir(), "aisle-bench-"));
  const options: SiteOptions = {
    env: {},
    hostname: "bench",
    actors: actors as unknown as SiteOptions["actors"],
    overrides: { port: 0, play: null, logLevel: "warn", ...overrides },
  };
  const opened = openSite(site, options);
  const log = await createLog(opened.site.log, false);
  const place = await start({ ...opened, dataDir, log, version: "bench" });
  return {
    place,
    async [Symbol.asyncDispose]() {
      await place.stop();
      if (data === null) rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

export interface Process extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  readonly dataDir: string;
  /** From the start of the process to its word that it is ready, ms. */
  readonly readyMs: number;
  /** Lines that it wrote so far. */
  readonly lines: readonly string[];
}

/** `aisle up` on the store site, as a user starts it. */
export function storeProcess(args: readonly string[] = ["--no-play"]): Promise<Process> {
  return siteProcess(SITE, args);
}

/** `aisle up` on a site. */
export async function siteProcess(site: string, args: readonly string[]): Promise<Process> {
  const dataDir = mkdtempSync(join(tmpdir(), "aisle-bench-"));
  const startedAt = performance.now();
  const profile = process.env.AISLE_BENCH_PROFILE;
  const node = profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`];
  const child = spawn(process.execPath, [...node, CLI, "up", site, "--port", "0", "--data", dataDir, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines: string[] = [];
  const { url, readyMs } = await ready(child, lines, startedAt);
  return {
    url,
    pid: child.pid!,
    dataDir,
    readyMs,
    lines,
    async [Symbol.asyncDispose]() {
      const ended = new Promise((done) => child.once("exit", done));
      child.kill("SIGTERM");
      await ended;
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

function ready(child: ChildProcess, lines: string[], startedAt: number): Promise<{ url: string; readyMs: number }> {
  return new Promise((done, failed) => {
    const timer = setTimeout(() => failed(new Error(`not ready within ${READY_MS} ms`)), READY_MS);
    let rest = "";
    let readyMs = 0;
    child.once("exit", (code) => failed(new Error(`ended with ${code} before it was ready`)));
    child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      const parts = (rest + text).split("\n");
      rest = parts.pop()!;
      for (const line of parts) {
        lines.push(line);
        if (line.includes("ready in")) readyMs = performance.now() - startedAt;
        const url = /^ {2}open {2}(\S+)/.exec(line)?.[1];
        if (url === undefined) continue;
        clearTimeout(timer);
        done({ url, readyMs });
      }
    });
  });
}

/** Memory of a process, MB: its own, and what it has mapped of files. Linux only. */
export function memoryOf(pid: number): { anonymous: number; files: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const megabytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? Number.NaN) / 1024;
  return { anonymous: megabytes("RssAnon"), files: megabytes("RssFile") };
}
