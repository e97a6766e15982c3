// Everything that a fresh clone needs before it runs, and nothing when all is there:
//
//   node deploy/setup.mjs                packages, dist/core.wasm, dist/runtime
//   node deploy/setup.mjs --for test     the same, a nats-server, and a C compiler for a disk that fails on purpose
//   node deploy/setup.mjs --for bench    the same, and the peers that benches measure against
//
// npm runs it before `start`, `dev`, `test` and `bench`. It uses Node's own modules only: it is what installs the rest.
// A step is fresh when the hash of its inputs is the one noted after its last success, and what it makes is there.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import { delimiter, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));
const NODE_MAJOR = 20;

const DIST = join(ROOT, "dist");
const STAMPS = join(DIST, ".stamps");
const LOCK = join(DIST, ".lock");
const TOOLS = join(DIST, "tools");
const INSTALL_MS = 15 * 60_000;
const BUILD_MS = 5 * 60_000;

/** What the user has to know; anything else that is thrown is a bug. */
export class SetupError extends Error {}

/** @typedef {{ name: string, isFresh: () => boolean, run: () => void }} Step */

/** @type {Step} */
const packages = {
  name: "installing packages (npm ci)",
  isFresh: () => isInstalled(ROOT),
  run: () => install(ROOT, []),
};

/** @type {Step} */
const core = {
  name: "building core.wasm",
  isFresh: () => isStamped("core", coreInputs()) && fs.existsSync(join(DIST, "core.wasm")),
  run() {
    const hash = hashOf(coreInputs());
    unstamp("core");
    node("assemblyscript", "bin/asc.js", [
      "assembly/index.ts",
      "--config",
      "assembly/asconfig.json",
      "--target",
      "release",
    ]);
    stamp("core", hash);
  },
};

/** @type {Step} */
const runtime = {
  name: "building runtime",
  isFresh: () =>
    isStamped("runtime", runtimeInputs()) && outputsOf(runtimeInputs()).every((file) => fs.existsSync(file)),
  run() {
    const inputs = runtimeInputs();
    const hash = hashOf(inputs);
    unstamp("runtime");
    const info = join(DIST, ".tsbuildinfo");
    // The compiler trusts its notes and does not write again what somebody deleted.
    if (!outputsOf(inputs).every((file) => fs.existsSync(file))) fs.rmSync(info, { force: true });
    const options = [
      "--incremental",
      "--tsBuildInfoFile",
      info,
      "--noUnusedLocals",
      "false",
      "--noUnusedParameters",
      "false",
    ];
    node("typescript", "bin/tsc", ["-p", "tsconfig.build.json", ...options]); // what is unused is for `npm run check`
    for (const file of inputs.filter(isAsset)) copy(file, join(DIST, file));
    prune(new Set(outputsOf(inputs)));
    stamp("runtime", hash);
  },
};

/** @type {Step} */
const peers = {
  name: "installing the peers of the benches (npm ci --prefix bench)",
  isFresh: () => !fs.existsSync(join(ROOT, "bench/package.json")) || isInstalled(join(ROOT, "bench")),
  run: () => install(join(ROOT, "bench"), ["--ignore-scripts"]),
};

/** @type {Step} */
const natsServer = {
  name: "fetching nats-server (Debian's package, into dist/tools)",
  isFresh: () => findNatsServer() !== null || !hasDebianTools(),
  run: () => fetchPackage("nats-server"),
};

/** @type {Step} */
const compiler = {
  name: "fetching tcc (Debian's package, into dist/tools)",
  isFresh: () => process.platform !== "linux" || findCompiler() !== null || !hasDebianTools(),
  run: () => fetchPackage("tcc"),
};

/**
 * Does what is missing or stale. Silent when nothing is.
 *
 * @param {"start" | "test" | "bench"} purpose
 */
export function setUp(purpose) {
  checkNode();
  const steps = [packages, core, runtime];
  if (!steps.every((step) => step.isFresh())) withLock(() => doStale(steps));
  if (purpose === "test") setUpNatsServer();
  if (purpose === "test") setUpCompiler();
  if (purpose === "bench") setUpPeers();
}

/** The part that a change of the sources makes stale. */
export function build() {
  withLock(() => doStale([core, runtime]));
}

/** @param {Step[]} steps */
function doStale(steps) {
  for (const step of steps) if (!step.isFresh()) timed(step);
}

/** @param {Step} step */
function timed({ name, run }) {
  say(`${name} … `, "");
  const start = performance.now();
  try {
    run();
  } catch (error) {
    process.stderr.write("failed\n");
    throw error;
  }
  process.stderr.write(`${((performance.now() - start) / 1_000).toFixed(1)} s\n`);
}

function checkNode() {
  const major = Number(process.versions.node.split(".")[0]);
  if (major >= NODE_MAJOR) return;
  throw new SetupError(
    `Node ${NODE_MAJOR} or newer is needed; this is ${process.versions.node} (${process.execPath}).`,
  );
}

// Packages

/** @param {string} folder */
function isInstalled(folder) {
  const lock = readOr(join(folder, "package-lock.json"), "");
  const modules = join(folder, "node_modules");
  const hash = sha256(lock);
  if (readOr(join(modules, ".aisle-lock"), "") === hash) return true;
  // Somebody ran npm by hand: npm notes what it installed, and that may be just what the lock file wants.
  const noted = readOr(join(modules, ".package-lock.json"), "");
  if (lock === "" || noted === "" || !agrees(JSON.parse(lock), JSON.parse(noted))) return false;
  fs.writeFileSync(join(modules, ".aisle-lock"), hash);
  return true;
}

/**
 * Is everything that the lock file wants installed in its version, and nothing else? Optional packages are for other
 * systems, or failed to install where that may be.
 *
 * @typedef {{ packages?: Record<string, { version?: string, optional?: boolean, integrity?: string }> }} LockFile
 * @param {LockFile} wanted
 * @param {LockFile} installed
 */
export function agrees({ packages: wanted = {} }, { packages: installed = {} }) {
  const same = (path) =>
    installed[path].version === wanted[path]?.version && installed[path].integrity === wanted[path]?.integrity;
  const isMissing = (path) => path !== "" && !wanted[path].optional && installed[path] === undefined;
  return Object.keys(installed).every(same) && !Object.keys(wanted).some(isMissing);
}

/**
 * @param {string} folder
 * @param {string[]} options
 */
function install(folder, options) {
  const [program, ...first] = npm();
  // Development packages too, whatever the environment says: they build what runs.
  const args = [...first, "ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error", ...options];
  const { status, output } = run(program, args, folder, INSTALL_MS);
  if (status !== 0) {
    const offline = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED|network/.test(output);
    const why = offline
      ? "The package registry can't be reached. This is needed once, and again when package-lock.json changes."
      : "";
    throw new SetupError(
      `npm ci failed in ${relative(ROOT, folder) || "this folder"}:\n${indent(output)}\n${why}`.trim(),
    );
  }
  fs.writeFileSync(
    join(folder, "node_modules/.aisle-lock"),
    sha256(fs.readFileSync(join(folder, "package-lock.json"))),
  );
}

/** The npm that runs us, else the one on the PATH. */
function npm() {
  const own = process.env.npm_execpath ?? "";
  if (/npm-cli\.[cm]?js$/.test(own)) return [process.execPath, own];
  return [process.platform === "win32" ? "npm.cmd" : "npm"];
}

function setUpPeers() {
  try {
    if (!peers.isFresh()) withLock(() => doStale([peers]));
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(`${error.message}\nBenches that measure against those peers will fail; the others run.`);
  }
}

// Builds

const coreInputs = () => [...filesUnder("assembly"), "package-lock.json"];

const runtimeInputs = () => [
  ...filesUnder("runtime"),
  ...filesUnder("actors"),
  "tsconfig.json",
  "tsconfig.build.json",
  "package-lock.json",
];

/** @param {string} file */
const isModule = (file) => /^(runtime|actors)\/.*(?<!\.d)\.ts$/.test(file);
/** @param {string} file */
const isAsset = (file) => /^(runtime|actors)\//.test(file) && !file.endsWith(".ts");

/** @param {string[]} inputs */
function outputsOf(inputs) {
  const modules = inputs.filter(isModule).map((file) => join(DIST, file.replace(/\.ts$/, ".js")));
  return [...modules, ...inputs.filter(isAsset).map((file) => join(DIST, file))];
}

/**
 * Removes what was built from a file that is gone.
 *
 * @param {Set<string>} outputs
 */
function prune(outputs) {
  for (const file of [...filesUnder("dist/runtime"), ...filesUnder("dist/actors")]) {
    const path = join(ROOT, file);
    if (!outputs.has(path.replace(/\.map$/, ""))) fs.rmSync(path);
  }
}

/**
 * Runs a program of an installed package with this Node.
 *
 * @param {string} name
 * @param {string} file
 * @param {string[]} args
 */
function node(name, file, args) {
  const { status, output } = run(process.execPath, [join(ROOT, "node_modules", name, file), ...args], ROOT, BUILD_MS);
  if (status !== 0) throw new SetupError(`${name} found mistakes:\n${indent(output)}`);
}

// nats-server

function setUpNatsServer() {
  try {
    if (!natsServer.isFresh()) withLock(() => doStale([natsServer]));
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(error.message);
  }
  if (findNatsServer() !== null) return;
  const hint = process.platform === "darwin" ? " (brew install nats-server)" : "";
  if (process.env.CI === "true") throw new SetupError(`no nats-server found${hint}, and CI=true demands its tests.`);
  say(`no nats-server found${hint}: the tests that need one will be skipped.`);
}

/** The same places as in test/support/nats-server.ts. */
function findNatsServer() {
  const path = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  const folders = [...path, "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin", join(TOOLS, "usr/sbin")];
  return folders.map((folder) => join(folder, "nats-server")).find(isExecutable) ?? null;
}

function setUpCompiler() {
  try {
    if (!compiler.isFresh()) withLock(() => doStale([compiler]));
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(error.message);
  }
  if (process.platform !== "linux" || findCompiler() !== null) return;
  if (process.env.CI === "true") throw new SetupError("no C compiler found, and CI=true demands its tests.");
  say("no C compiler found: the tests of a failing disk will be skipped.");
}

/** The same as in test/support/faulty-disk.ts. */
function findCompiler() {
  const path = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  const folders = [...path, join(TOOLS, "usr/bin")];
  const files = ["cc", "gcc", "clang", "tcc"].flatMap((name) => folders.map((folder) => join(folder, name)));
  return files.find(isExecutable) ?? null;
}

function hasDebianTools() {
  return ["apt-get", "dpkg-deb"].every((tool) => run(tool, ["--version"], ROOT, 10_000).status === 0);
}

/**
 * Unpacks the package instead of installing it: that needs no root, and starts no server of the system's own. Only
 * fetching the lists of packages, where a fresh machine has none, needs root.
 *
 * @param {string} name
 */
function fetchPackage(name) {
  fs.mkdirSync(TOOLS, { recursive: true });
  const archives = () => fs.readdirSync(TOOLS).filter((file) => file.startsWith(`${name}_`) && file.endsWith(".deb"));
  for (const left of archives()) fs.rmSync(join(TOOLS, left));
  let fetched = run("apt-get", ["download", name], TOOLS, INSTALL_MS);
  if (fetched.status !== 0) {
    const root = asRoot();
    if (root === null) throw new SetupError(`apt-get knows no ${name}, and only root may fetch newer lists.`);
    const [program, ...args] = [...root, "apt-get", "update", "-qq"];
    run(program, args, ROOT, INSTALL_MS);
    fetched = run("apt-get", ["download", name], TOOLS, INSTALL_MS);
  }
  const [file] = archives();
  if (file === undefined) throw new SetupError(`${name} can't be fetched:\n${indent(fetched.output)}`);
  const unpacked = run("dpkg-deb", ["-x", file, "."], TOOLS, INSTALL_MS);
  fs.rmSync(join(TOOLS, file));
  if (unpacked.status !== 0) throw new SetupError(`${name} can't be unpacked:\n${indent(unpacked.output)}`);
}

/** The words in front of a command that make root run it; null where a password would be asked for. */
function asRoot() {
  if (process.getuid?.() === 0) return [];
  return run("sudo", ["-n", "true"], ROOT, 10_000).status === 0 ? ["sudo", "-n"] : null;
}

// One at a time

/**
 * Two set-ups in one checkout take turns. A folder is made by one of them only, whatever the file system.
 *
 * @param {() => void} work
 */
function withLock(work) {
  fs.mkdirSync(DIST, { recursive: true });
  let told = false;
  while (!take()) {
    if (clearAway()) continue;
    if (!told) say(`waiting for another set-up (process ${readOr(join(LOCK, "pid"), "?")}) …`);
    told = true;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
  try {
    work();
  } finally {
    fs.rmSync(LOCK, { recursive: true, force: true });
  }
}

function take() {
  try {
    fs.mkdirSync(LOCK);
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
  fs.writeFileSync(join(LOCK, "pid"), String(process.pid));
  return true;
}

/** Takes away the lock of a process that is gone, and no other: somebody may have taken it since we looked. */
function clearAway() {
  const holder = readOr(join(LOCK, "pid"), "");
  if (!isGone(holder)) return false;
  const aside = `${LOCK}.${process.pid}`;
  try {
    fs.renameSync(LOCK, aside);
  } catch {
    return true; // another one was faster
  }
  if (readOr(join(aside, "pid"), "") !== holder) fs.renameSync(aside, LOCK);
  else fs.rmSync(aside, { recursive: true, force: true });
  return true;
}

/** @param {string} holder  empty where it is just made, or its maker died in that instant */
function isGone(holder) {
  if (holder === "") return ageMs(LOCK) > 10_000;
  try {
    process.kill(Number(holder), 0);
    return false;
  } catch (error) {
    return error.code === "ESRCH";
  }
}

// Small things

/**
 * Paths relative to the root, with `/`, sorted: the hash must not depend on the file system's order.
 *
 * @param {string} folder
 * @returns {string[]}
 */
export function filesUnder(folder) {
  const path = join(ROOT, folder);
  if (!fs.existsSync(path)) return [];
  return fs
    .readdirSync(path, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(ROOT, join(entry.parentPath ?? entry.path, entry.name)).replaceAll("\\", "/"))
    .sort();
}

/** @param {string[]} files */
function hashOf(files) {
  const hash = createHash("sha256");
  for (const file of files) hash.update(`${file}\0`).update(sha256(fs.readFileSync(join(ROOT, file))));
  return hash.digest("hex");
}

/**
 * @param {string} name
 * @param {string[]} files
 */
function isStamped(name, files) {
  const noted = readOr(join(STAMPS, name), "");
  return noted !== "" && noted === hashOf(files);
}

/**
 * @param {string} name
 * @param {string} hash  of the inputs as they were before the work: a change meanwhile makes it stale
 */
function stamp(name, hash) {
  fs.mkdirSync(STAMPS, { recursive: true });
  fs.writeFileSync(join(STAMPS, name), hash);
}

/**
 * Before the work: what fails half-way has overwritten some of what the old stamp vouches for.
 *
 * @param {string} name
 */
function unstamp(name) {
  fs.rmSync(join(STAMPS, name), { force: true });
}

/** @param {string | Buffer} data */
function sha256(data) {
  return createHash("sha256").update(data).digest("hex");
}

/**
 * @param {string} program
 * @param {string[]} args
 * @param {string} cwd
 * @param {number} timeout  ms
 */
function run(program, args, cwd, timeout) {
  const shell = program.endsWith(".cmd");
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    timeout,
    shell,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 64 * 1024 * 1024,
  });
  return { status, output: `${stdout ?? ""}${stderr ?? ""}${error ? error.message : ""}` };
}

function copy(from, to) {
  fs.mkdirSync(dirname(to), { recursive: true });
  fs.copyFileSync(join(ROOT, from), to);
}

function readOr(path, otherwise) {
  try {
    return fs.readFileSync(path, "utf8");
  } catch {
    return otherwise;
  }
}

function ageMs(path) {
  try {
    return Date.now() - fs.statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}

function isExecutable(path) {
  try {
    fs.accessSync(path, fs.constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The end of a long output, where the reason stands. */
function indent(output) {
  const lines = output.trim().split("\n");
  return lines
    .slice(-40)
    .map((line) => `  ${line}`)
    .join("\n");
}

/** To stderr: what npm's scripts print to stdout may be read by a program. */
function say(text, end = "\n") {
  process.stderr.write(`aisle setup: ${text}${end}`);
}

function purposeOf(args) {
  if (args.length === 0) return "start";
  if (args.length === 2 && args[0] === "--for" && ["start", "test", "bench"].includes(args[1])) return args[1];
  throw new SetupError("usage: node deploy/setup.mjs [--for start|test|bench]");
}

if (process.argv[1] !== undefined && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    setUp(purposeOf(process.argv.slice(2)));
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(error.message);
    process.exitCode = 1;
  }
}
