import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { Command, Option } from "commander";
import { formatMistake, type Mistake, reasonOf } from "../errors.ts";
import { limits } from "../limits.ts";
import {
  kindOfSpec,
  type LoadedStreaming,
  loadStreaming,
  loadWindow,
  type Outline,
  type SpecFile,
} from "../spec/load.ts";
import { specJsonSchema } from "../spec/schema.ts";
import { translate } from "../spec/translate.ts";
import { validateLikeBlurr } from "../spec/validator.ts";
import type { Shell } from "./shell.ts";

interface Options {
  readonly fix?: boolean;
  readonly write?: boolean;
  readonly compat?: "blurr";
  readonly json?: boolean;
  readonly schema?: boolean;
}

/** What is said of one file. */
interface Finding {
  readonly file: string;
  readonly mistakes: readonly Mistake[];
  readonly notes: readonly Mistake[];
  /** Where its translation was written. */
  readonly written?: string;
}

/** `aisle validate`: checks transform specs, and translates old ones. */
export function validateCommand(shell: Shell): Command {
  const command = new Command("validate")
    .description("Check transform specs, each window spec against its streaming spec")
    .argument("[files...]", "spec files; default: all *.yml and *.yaml of this folder")
    .option("--fix", "translate specs in older dialects: <name>.yml becomes <name>.fixed.yml beside it")
    .option("--write", "with --fix: write the translation over the file itself")
    .addOption(new Option("--compat <system>", "find what that system finds, and say it as it does").choices(["blurr"]))
    .option("--json", "print JSON")
    .option("--schema", "print the JSON Schema of spec files, for editors, instead")
    .addHelpText(
      "after",
      "\nExit code: 0 when all files are valid, 1 when one is not, 2 when it was called in a wrong way.",
    );
  return command.action((files: string[], options: Options) => {
    if (options.schema === true) return shell.write(JSON.stringify(specJsonSchema(), null, 2));
    if (options.write === true && options.fix !== true) command.error("error: --write goes with --fix");
    if (options.compat !== undefined && (options.fix === true || options.json === true))
      command.error("error: --compat goes with neither --fix nor --json");
    const named = files.length > 0 ? files : specsHere(shell, options);
    if (named.length === 0) command.error("error: there is no transform spec in this folder: name the files");
    const valid = options.compat === "blurr" ? likeBlurr(shell, named) : tell(shell, findings(named, options), options);
    if (!valid) shell.exit(1);
  });
}

/** The specs of this folder; with `--compat` every YAML file, as Blurr has no other. */
function specsHere(shell: Shell, { fix, compat }: Options): string[] {
  return yamlIn(".").filter((file) => {
    if (compat !== undefined) return true;
    if (fix === true && file.endsWith(FIXED)) return false;
    const spec = readSpec(file);
    if (!("text" in spec) || kindOfSpec(spec.text) !== null) return true;
    shell.warn(`${file}: note: is no transform spec, passed over`);
    return false;
  });
}

const FIXED = ".fixed.yml";

export function yamlIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => /\.ya?ml$/.test(name))
    .sort();
}

function findings(files: readonly string[], { fix, write }: Options): Finding[] {
  const read = files.map((file) => readSpec(file));
  if (fix === true) return read.map((one) => ("text" in one ? fixed(one, write === true) : one));
  const streaming = new Map<unknown, LoadedStreaming>();
  for (const one of read)
    if ("text" in one && kindOfSpec(one.text) !== "window") streaming.set(one, loadStreaming(one.text, one.file));
  const outlines = [...streaming.values()].flatMap(({ outline }) => (outline === null ? [] : [outline]));
  return read.map((one) => {
    if (!("text" in one)) return one;
    const { mistakes, notes } = streaming.get(one) ?? window(one, outlines);
    return { file: one.file, mistakes, notes };
  });
}

/** A window spec, against the streaming spec that it names: among those given, else beside it, else the only one given. */
function window({ text, file }: SpecFile, given: readonly Outline[]): Omit<Finding, "file"> {
  const names = namedStreams(text);
  const isNamed = ({ name }: Outline) => names.has(name);
  const outline = given.find(isNamed) ?? beside(file, names) ?? (given.length === 1 ? given[0]! : null);
  const { mistakes, notes } = loadWindow(text, file, outline);
  if (outline !== null) return { mistakes, notes };
  const which = [...names].slice(0, 3).map((name) => `'${name}' `);
  const message = `the streaming spec ${which.join("or ")}is not at hand, so that names of it are not checked`;
  return { mistakes, notes: [...notes, { file, line: 0, column: 0, message }] };
}

/** Names of the streaming specs that a window spec takes its blocks of. */
function namedStreams(text: string): Set<string> {
  const sources = text.matchAll(/\bSource *: *["']?([\p{L}_][\p{L}\p{N}_]{0,200})\./gu);
  return new Set([...sources].map(([, name]) => name!));
}

function beside(file: string, names: ReadonlySet<string>): Outline | null {
  const folder = dirname(file);
  for (const name of yamlIn(folder).slice(0, limits.specItems)) {
    const path = join(folder, name);
    if (name === basename(file)) continue;
    const spec = readSpec(path);
    if (!("text" in spec) || kindOfSpec(spec.text) !== "streaming") continue;
    const { outline } = loadStreaming(spec.text, path);
    if (outline !== null && names.has(outline.name)) return outline;
  }
  return null;
}

function fixed({ text, file }: SpecFile, over: boolean): Finding {
  const translated = translate(text, file);
  if (translated.text === null) return { file, mistakes: translated.mistakes, notes: [] };
  if (!translated.changed) return { file, mistakes: [], notes: [] };
  const written = over ? file : file.replace(/(?:\.ya?ml)?$/, FIXED);
  try {
    writeFileSync(written, translated.text);
  } catch (error) {
    return { file, mistakes: [whole(written, `can't be written: ${reasonOf(error)}`)], notes: [] };
  }
  return { file, mistakes: [], notes: [], written };
}

/** A file's text; else what is wrong with it. */
function readSpec(file: string): SpecFile | Finding {
  try {
    const bytes = readFileSync(file);
    if (bytes.length <= limits.yamlBytes * 4) return { file, text: bytes.toString("utf8").replace(/^\uFEFF/, "") };
    return { file, mistakes: [whole(file, `is ${bytes.length} bytes long: no spec is`)], notes: [] };
  } catch (error) {
    return { file, mistakes: [whole(file, `can't be read: ${reasonOf(error)}`)], notes: [] };
  }
}

function whole(file: string, message: string): Mistake {
  return { file, line: 0, column: 0, message };
}

/** @returns whether all are valid */
function tell(shell: Shell, findings: readonly Finding[], { fix, json }: Options): boolean {
  const valid = findings.every(({ mistakes }) => mistakes.length === 0);
  if (json === true) {
    const shown = findings.map((finding) => ({ ...finding, valid: finding.mistakes.length === 0 }));
    shell.write(JSON.stringify(shown, null, 2));
    return valid;
  }
  for (const { file, mistakes, notes, written } of findings) {
    for (const mistake of mistakes) shell.warn(formatMistake(mistake));
    for (const note of notes) shell.warn(formatMistake({ ...note, message: `note: ${note.message}` }));
    if (mistakes.length > 0) continue;
    if (written !== undefined) shell.write(`${file}: translated to ${written}`);
    else shell.write(fix === true ? `${file}: is in today's form` : `${file}: valid`);
  }
  return valid;
}

/** Blurr's verdicts in Blurr's words. */
export function likeBlurr(shell: Shell, files: readonly string[]): boolean {
  let valid = true;
  for (const file of files) {
    shell.write(`Running validation on ${file}`);
    const spec = readSpec(file);
    if (!("text" in spec)) {
      for (const { message } of spec.mistakes)
        shell.warn(`There was an error parsing the document. Error:\n${message}`);
      valid = false;
      continue;
    }
    const verdict = validateLikeBlurr(spec.text, file);
    valid &&= verdict.valid;
    if (verdict.unreadable !== null) shell.warn(verdict.unreadable);
    else if (verdict.listed) {
      const list = verdict.errors.map(({ kind, path, attribute }) => `${kind}('${path}', '${attribute ?? ""}')`);
      shell.write(`[${list.join(", ")}]`);
    }
    if (verdict.valid) shell.write("Document is valid");
    const paths = new Set(verdict.errors.map(({ path }) => path));
    for (const path of paths) {
      shell.warn(`\n${path}\n${"=".repeat(path.length)}`);
      for (const error of verdict.errors) if (error.path === path) shell.warn(`--> ${error.message}`);
    }
  }
  return valid;
}
