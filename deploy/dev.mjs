// `npm run dev [-- SITE] [-- OPTIONS OF aisle up]`: runs a site and starts it again when a source or the site changes.
//
// A build that fails leaves the site stopped, says why, and goes on watching. Files are looked at, not subscribed to:
// watching folders recursively is not reliable on Node 20, nor on shared folders; a look at all of them takes
// a few ms.

import { spawn } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { build, filesUnder, ROOT, SetupError } from "./setup.mjs";

const FOLDERS = ["assembly", "runtime", "actors", "deploy/sites"];
const LOOK_MS = 400;
const STOP_MS = 12_000; // a little more than `aisle up` takes to drain
const SITE = "deploy/sites/store";

const given = process.argv.slice(2);
const args = given[0] === undefined || given[0].startsWith("-") ? [SITE, ...given] : given;

/** @type {import("node:child_process").ChildProcess | null} */
let child = null;
let ending = false;

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, async () => {
    if (ending) process.exit(1);
    ending = true;
    await stop();
    process.exit(0);
  });
}

let seen = look();
restart();
for (;;) {
  await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  const now = look();
  const changed = differences(seen, now);
  if (changed.length === 0 || ending) continue;
  // Editors and git write several files: wait until a look finds nothing new.
  seen = await settled(now);
  say(`changed: ${changed.slice(0, 3).join(", ")}${changed.length > 3 ? ` and ${changed.length - 3} more` : ""}`);
  await stop();
  restart();
}

function restart() {
  if (ending) return;
  try {
    build();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(`${error.message}\nstopped until the next change.`);
    return;
  }
  say(`aisle up ${args.join(" ")}`);
  const started = spawn(process.execPath, [join(ROOT, "dist/runtime/cli.js"), "up", ...args], {
    cwd: ROOT,
    stdio: "inherit",
  });
  child = started;
  started.on("exit", (code, signal) => {
    if (child !== started) return;
    child = null;
    say(`ended by itself (${signal ?? `exit code ${code}`}); waiting for a change.`);
  });
}

async function stop() {
  const stopping = child;
  if (stopping === null) return;
  child = null;
  const ended = new Promise((resolve) => stopping.once("exit", resolve));
  stopping.kill("SIGTERM");
  const force = setTimeout(() => stopping.kill("SIGKILL"), STOP_MS);
  await ended;
  clearTimeout(force);
}

/** @returns {Map<string, string>} path → what tells one version from the next */
function look() {
  const found = new Map();
  for (const file of FOLDERS.flatMap(filesUnder)) {
    const stat = statSync(join(ROOT, file), { throwIfNoEntry: false });
    if (stat !== undefined) found.set(file, `${stat.mtimeMs} ${stat.size}`);
  }
  return found;
}

/** @param {Map<string, string>} first */
async function settled(first) {
  for (let before = first; ; ) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS / 2));
    const now = look();
    if (differences(before, now).length === 0) return now;
    before = now;
  }
}

/**
 * @param {Map<string, string>} before
 * @param {Map<string, string>} after
 */
function differences(before, after) {
  const paths = new Set([...before.keys(), ...after.keys()]);
  return [...paths].filter((path) => before.get(path) !== after.get(path));
}

/** @param {string} text */
function say(text) {
  process.stderr.write(`aisle dev: ${text}\n`);
}
