import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { Command } from "commander";
import { AisleError, reasonOf } from "../errors.ts";
import { START_FILES, type StartFile } from "./init-files.ts";
import type { Shell } from "./shell.ts";

const HELP = `
Makes plan.yml, two scripts that it names, and a few records to import. Nothing that is there is written over.`;

/** `aisle init`: a small site with a board, to begin with. */
export function initCommand(shell: Shell): Command {
  const command = new Command("init")
    .description("Make a small site: a plan, scripts named after its goals, records to import")
    .argument("[folder]", "where; default: this folder, if it is empty")
    .addHelpText("after", HELP);
  return command.action((folder: string | undefined) => {
    if (folder === undefined && !isEmpty("."))
      command.error("error: this folder is not empty: name one for the site, as in 'aisle init board'");
    init(shell, folder ?? ".");
  });
}

function init(shell: Shell, folder: string): void {
  const inTheWay = START_FILES.map(({ name }) => join(folder, name)).filter((path) => existsSync(path));
  if (inTheWay.length > 0) {
    const files = inTheWay.map((path) => `\n  ${path}`).join("");
    throw new AisleError("conflict", `nothing was written, as there is already:${files}\nName another folder.`);
  }
  for (const file of START_FILES) write(folder, file);
  shell.write(`Made a site in ${relative("", folder) || "this folder"}:`);
  for (const { name, about } of START_FILES) shell.write(`  ${name.padEnd(18)}  ${about}`);
  shell.write(`\nNext:${relative("", folder) === "" ? "" : `\n  cd ${quoted(folder)}`}`);
  for (const [command, does] of NEXT) shell.write(`  ${command.padEnd(44)}  # ${does}`);
}

/** Exclusively: who made the file meanwhile keeps it. */
function write(folder: string, { name, text, mode }: StartFile): void {
  const path = resolve(folder, name);
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { flag: "wx", mode });
  } catch (cause) {
    throw new AisleError("invalid", `'${join(folder, name)}' can't be written: ${reasonOf(cause)}`, { cause });
  }
}

/** Nothing in it that people made: what begins with a dot is left out of account. */
function isEmpty(folder: string): boolean {
  return readdirSync(folder).every((name) => name.startsWith("."));
}

/** As a shell takes it for one word. */
function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

const NEXT = [
  ["aisle board import samples samples.csv", "three records"],
  ["aisle run", "measures them"],
  ["aisle board list samples", "what was found"],
  ["aisle board set samples S-1 approved=1", "your part"],
  ["aisle run", "reports S-1"],
  ["aisle why-not reported S-2", "and why not the others"],
] as const;
