#!/usr/bin/env node
// The command line. Each command is a file in `cli/`; what they share of the world is gathered here.
import { readFileSync } from "node:fs";
import { homedir, hostname } from "node:os";
import { Command, CommanderError } from "commander";
import type { Shell } from "./cli/shell.ts";
import { AisleError } from "./errors.ts";

type Make = (shell: Shell) => Command;

/** In the order of the help. A command's code is loaded when it is named: a place is ready a little sooner. */
const COMMANDS: Readonly<Record<string, () => Promise<Make>>> = {
  up: async () => (await import("./cli/up.ts")).upCommand,
  init: async () => (await import("./cli/init.ts")).initCommand,
  run: async () => (await import("./cli/run.ts")).runCommand,
  board: async () => (await import("./cli/board.ts")).boardCommand,
  "why-not": async () => (await import("./cli/why-not.ts")).whyNotCommand,
  config: async () => (await import("./cli/config.ts")).configCommand,
  deadletters: async () => (await import("./cli/deadletters.ts")).deadlettersCommand,
  replay: async () => (await import("./cli/replay.ts")).replayCommand,
  backup: async () => (await import("./cli/backup.ts")).backupCommand,
  restore: async () => (await import("./cli/restore.ts")).restoreCommand,
  journal: async () => (await import("./cli/journal.ts")).journalCommand,
  wiring: async () => (await import("./cli/wiring.ts")).wiringCommand,
  validate: async () => (await import("./cli/validate.ts")).validateCommand,
  test: async () => (await import("./cli/test.ts")).testCommand,
  explain: async () => (await import("./cli/explain.ts")).explainCommand,
  transform: async () => (await import("./cli/transform.ts")).transformCommand,
};

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
for (const make of await makers(process.argv[2])) {
  const command = make(shell);
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

/** The command that is named; all of them for the help, and for what is no command. */
function makers(named: string | undefined): Promise<Make[]> {
  const known = named !== undefined && Object.hasOwn(COMMANDS, named);
  return Promise.all(
    Object.entries(COMMANDS)
      .map(([name, load]) => (known && name !== named ? null : load()))
      .filter((make) => make !== null),
  );
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
