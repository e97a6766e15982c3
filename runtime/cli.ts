#!/usr/bin/env node
// The command line. Each command is a file in `cli/`; what they share of the world is gathered here.
import { readFileSync } from "node:fs";
import { homedir, hostname } from "node:os";
import { Command, CommanderError } from "commander";
import { boardCommand } from "./cli/board.ts";
import { configCommand } from "./cli/config.ts";
import { deadlettersCommand } from "./cli/deadletters.ts";
import { explainCommand } from "./cli/explain.ts";
import { initCommand } from "./cli/init.ts";
import { runCommand } from "./cli/run.ts";
import type { Shell } from "./cli/shell.ts";
import { testCommand } from "./cli/test.ts";
import { transformCommand } from "./cli/transform.ts";
import { upCommand } from "./cli/up.ts";
import { validateCommand } from "./cli/validate.ts";
import { whyNotCommand } from "./cli/why-not.ts";
import { wiringCommand } from "./cli/wiring.ts";
import { AisleError } from "./errors.ts";

const FAILURE = 1;
const USAGE = 2;

const shell: Shell = {
  env: process.env,
  home: homedir(),
  hostname: hostname(),
  version: version(),
  shippedSite: site(),
  terminal: process.stdout.isTTY === true,
  colour: process.stdout.isTTY === true && (process.env.NO_COLOR ?? "") === "",
  write: (line) => void process.stdout.write(`${line}\n`),
  warn: (line) => void process.stderr.write(`${line}\n`),
  stdout: process.stdout,
  stdin: () => (process.stdin.isTTY ? null : process.stdin),
  overwrite: process.stderr.isTTY ? (text) => void process.stderr.write(text) : null,
  onSignal(handle) {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => handle(signal));
  },
  exit: (code) => process.exit(code),
};

const program = new Command("aisle")
  .description("Turns what a customer does into an offer, on the device in the store.")
  .version(shell.version)
  .showSuggestionAfterError()
  .exitOverride()
  .addHelpText(
    "after",
    "\nA site is a folder with plan.yml, and site.yml where it takes events in. Start with: aisle up deploy/sites/store, or aisle init",
  );
for (const command of [
  upCommand(shell),
  initCommand(shell),
  runCommand(shell),
  boardCommand(shell),
  whyNotCommand(shell),
  configCommand(shell),
  deadlettersCommand(shell),
  wiringCommand(shell),
  validateCommand(shell),
  testCommand(shell),
  explainCommand(shell),
  transformCommand(shell),
]) {
  program.addCommand(command.exitOverride());
  for (const sub of command.commands) sub.exitOverride();
}

// A reader that went away, as `aisle … | head` does, is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : FAILURE));

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}

/** Says what went wrong, in words for who typed the command. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
  if (error instanceof AisleError) shell.warn(error.message);
  else shell.warn(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return FAILURE;
}

function version(): string {
  const { version } = JSON.parse(readFileSync(fromRoot("package.json"), "utf8")) as { version: string };
  return version;
}

function site(): string {
  return fromRoot("deploy/sites/store").pathname;
}

/** A file of the package: this one is at `dist/runtime/cli.js`. */
function fromRoot(path: string): URL {
  return new URL(`../../${path}`, import.meta.url);
}
