// `npm run bench [-- --quick] [-- --only NAME] [-- --write] [-- --profile DIR]`
//
// Runs every `bench/*.bench.ts`, each in a process of its own so that they don't share a heap, a compiler's guesses or
// a garbage collector, and one after the other so that they don't share a core. Prints a table and writes
// `bench/results.json`. A value that misses its target is marked, and no more: machines differ. A bench that fails is
// a failure.
//
//   --quick      short runs, for seeing that everything works; the values are rough, and not written
//   --only NAME  the benches whose file name contains NAME; not written
//   --write      written all the same; what was not measured now stays as it was
//   --profile DIR  leaves a CPU profile of each process that a bench starts, and of its own, in DIR: not written

import { fork, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const HERE = join(ROOT, "bench");
const BUILT = join(ROOT, "dist/bench");
const RESULTS = join(HERE, "results.json");
/** The longest that one file may take, ms. */
const PATIENCE = { quick: 3 * 60_000, full: 20 * 60_000 };

/** @typedef {{ figures: Record<string, number>, ratios: Record<string, number> }} Measured */
/** @typedef {{ atLeast: number } | { below: number }} Target */

if (process.env.AISLE_BENCH_FILE !== undefined) await measure(process.env.AISLE_BENCH_FILE);
else await main();

async function main() {
  const { quick, only, write, profile } = options();
  if (profile !== null) process.env.AISLE_BENCH_PROFILE = resolve(profile);
  const names = readdirSync(HERE)
    .filter((file) => file.endsWith(".bench.ts") && file.includes(only))
    .map((file) => file.slice(0, -".ts".length))
    .sort();
  if (names.length === 0) end(`no bench is called '${only}'`);
  compile();

  /** @type {Measured} */
  const all = { figures: {}, ratios: {} };
  const failed = [];
  for (const [i, name] of names.entries()) {
    process.stderr.write(`[${i + 1}/${names.length}] ${name} … `);
    const start = performance.now();
    try {
      const measured = await inProcess(name, quick);
      Object.assign(all.figures, measured.figures);
      Object.assign(all.ratios, measured.ratios);
      process.stderr.write(`${((performance.now() - start) / 1_000).toFixed(1)} s\n`);
    } catch (error) {
      failed.push(name);
      process.stderr.write(`failed: ${error.message}\n`);
    }
  }

  print(all);
  const isWhole = only === "" && failed.length === 0;
  if (profile === null && (write || (!quick && isWhole))) save(all, isWhole);
  if (failed.length > 0) end(`${failed.length} of ${names.length} failed: ${failed.join(", ")}`);
}

function options() {
  try {
    const { values } = parseArgs({
      options: {
        quick: { type: "boolean" },
        only: { type: "string" },
        write: { type: "boolean" },
        profile: { type: "string" },
      },
    });
    const { quick = false, only = "", write = false, profile = null } = values;
    return { quick, only, write, profile };
  } catch (error) {
    process.stderr.write(
      `${error.message}\nusage: npm run bench -- [--quick] [--only NAME] [--write] [--profile DIR]\n`,
    );
    process.exit(2);
  }
}

/** Types are the business of `npm run check`. */
function compile() {
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", HERE, "--noCheck"], { encoding: "utf8" });
  if (status !== 0) end(`the benches don't compile:\n${stdout}`);
  // What was compiled stands beside `dist/runtime` and looks for its peers from there.
  const modules = join(BUILT, "node_modules");
  mkdirSync(BUILT, { recursive: true });
  if (existsSync(join(HERE, "node_modules")) && !existsSync(modules)) {
    symlinkSync(join(HERE, "node_modules"), modules, "junction");
  }
}

/**
 * @param {string} name
 * @param {boolean} quick
 * @returns {Promise<Measured>}
 */
function inProcess(name, quick) {
  return new Promise((done, reject) => {
    const child = fork(fileURLToPath(import.meta.url), quick ? ["--quick"] : [], {
      cwd: ROOT,
      env: { ...process.env, AISLE_BENCH_FILE: join(BUILT, `${name}.js`) },
      execArgv: ["--expose-gc", ...profiling()],
      detached: true, // a group of its own, so that what it started ends with it, however it ends
    });
    const timeout = quick ? PATIENCE.quick : PATIENCE.full;
    const timer = setTimeout(() => {
      endGroup(child.pid);
      reject(new Error(`not done after ${timeout / 60_000} minutes`));
    }, timeout);
    let answer = null;
    child.on("message", (message) => {
      answer = message;
    });
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      clearTimeout(timer);
      endGroup(child.pid);
      if (code !== 0) reject(new Error(`${signal ?? `exit code ${code}`}, see above`));
      else if (!isMeasured(answer)) reject(new Error("gave no {figures, ratios} of finite numbers"));
      else done(answer);
    });
  });
}

function profiling() {
  const dir = process.env.AISLE_BENCH_PROFILE;
  return dir === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${dir}`];
}

/** Ends a bench and all that it started and left. @param {number} pid */
function endGroup(pid) {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nothing of it is left.
  }
}

/**
 * In the child: one bench, its answer to the parent.
 *
 * @param {string} file
 */
async function measure(file) {
  const module = await import(pathToFileURL(file).href);
  const measured = await module.bench({ quick: process.argv.includes("--quick") });
  process.send?.(measured, () => process.exit(0)); // a bench that leaves a timer behind is done all the same
}

function isMeasured(value) {
  const isNumbers = (part) => typeof part === "object" && part !== null && Object.values(part).every(Number.isFinite);
  return typeof value === "object" && value !== null && isNumbers(value.figures) && isNumbers(value.ratios);
}

/** @param {Measured} all */
function print({ figures, ratios }) {
  /** @type {Record<string, Target>} */
  const targets = JSON.parse(readFileSync(join(HERE, "targets.json"), "utf8"));
  const rows = [...Object.entries(ratios), ...Object.entries(figures)].map(([name, value]) => [
    name,
    shown(value),
    targets[name] === undefined ? "" : wanted(targets[name]),
    targets[name] === undefined ? "" : isMet(targets[name], value) ? "ok" : "below target",
  ]);
  const table = [["name", "value", "target", ""], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => row[column].length)));
  for (const [name, value, target, verdict] of table) {
    const line = `${name.padEnd(widths[0])}  ${value.padStart(widths[1])}  ${target.padStart(widths[2])}  ${verdict}`;
    process.stdout.write(`${line.trimEnd()}\n`);
  }
}

/** @param {Target} target */
function wanted(target) {
  return "atLeast" in target ? `≥ ${target.atLeast}` : `< ${target.below}`;
}

/**
 * @param {Target} target
 * @param {number} value
 */
function isMet(target, value) {
  return "atLeast" in target ? value >= target.atLeast : value < target.below;
}

/** Three figures are more than the noise allows. */
function shown(value) {
  return Math.abs(value) >= 1_000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3)));
}

/**
 * @param {Measured} all
 * @param {boolean} isWhole  else what was not measured now stays as it was, and what was says where and when: `since`
 */
function save({ figures, ratios }, isWhole) {
  const machine = `${os.cpus()[0]?.model.trim() ?? "unknown"} × ${os.cpus().length}, ${Math.round(os.totalmem() / 2 ** 30)} GiB, ${os.type()} ${os.arch()}, Node ${process.versions.node}`;
  const date = new Date().toISOString().slice(0, 10);
  const before = !isWhole && existsSync(RESULTS) ? JSON.parse(readFileSync(RESULTS, "utf8")) : null;
  const now = Object.fromEntries(Object.keys({ ...figures, ...ratios }).map((name) => [name, `${machine}, ${date}`]));
  const results = {
    machine: before?.machine ?? machine,
    date: before?.date ?? date,
    figures: sorted({ ...before?.figures, ...figures }),
    ratios: sorted({ ...before?.ratios, ...ratios }),
    ...(before === null ? {} : { since: sorted({ ...before.since, ...now }) }),
  };
  writeFileSync(RESULTS, `${JSON.stringify(results, null, 2)}\n`);
}

function sorted(numbers) {
  return Object.fromEntries(Object.entries(numbers).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** @param {string} message */
function end(message) {
  process.stderr.write(`bench: ${message}\n`);
  process.exit(1);
}
