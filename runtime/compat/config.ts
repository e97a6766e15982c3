// The configuration of the original: `config/agent.conf.yml`, or the same as an object.
import { z } from "zod";
import { readText } from "../data/files.ts";
import { oneOf, refuse } from "../data/mistakes.ts";
import { says } from "../data/schema.ts";
import { check, parseYaml } from "../data/yaml.ts";
import { AisleError, type Mistake, reasonOf } from "../errors.ts";
import { limits } from "../limits.ts";

/** A column that names a record. */
export interface KeyRule {
  readonly name: string;
  readonly required: boolean;
}

/** What is used of it. The name and password of an account, which stand there too, are never read. */
export interface CompatConfig {
  /** In rank order: that of the arguments of an agent. */
  readonly keys: readonly KeyRule[];
  readonly spreadsheetName: string | null;
  /** From whom notices are sent, and to whom. */
  readonly replyEmail: string | null;
  readonly sendTo: string | null;
}

const text = () => z.string(says("text")).nullish();

/** `required: 1`, as the original writes it, or `true`. */
const required = z.preprocess(
  (value) =>
    !(value === undefined || value === null || value === "" || value === 0 || value === "0" || value === false),
  z.boolean(),
);

const keyField = z.object(
  {
    rank: z.coerce.number(says("a number, the place among the arguments")).default(Number.POSITIVE_INFINITY),
    required,
  },
  says("a map with rank and required"),
);

const configFile = z.object(
  {
    key_fields: z
      .record(z.string(), keyField, says("a map of names of columns, each with rank and required"))
      .default({}),
    spreadsheet_name: text(),
    reply_email: text(),
    send_to: text(),
  },
  says("a map with key_fields"),
);

/** Where the configuration of a script stands, unless it says otherwise. */
export function configPath(scriptDir: string, configFile: string | null = null): string {
  return configFile ?? `${scriptDir}/../config/agent.conf.yml`;
}

/** @throws AisleError `invalid`: without a required key field a record can't be found */
export function configOf(value: unknown): CompatConfig {
  const read = configFile.safeParse(value);
  if (!read.success) {
    const [{ path, message } = { path: [], message: "is no configuration" }] = read.error.issues;
    throw new AisleError("invalid", path.length === 0 ? message : `${path.join(".")}: ${message}`);
  }
  return fromFile(read.data);
}

/** @throws SiteError, AisleError `invalid`, `not-found` */
export function readConfig(path: string): CompatConfig {
  const mistakes: Mistake[] = [];
  const yaml = parseYaml(textOf(path), path, mistakes);
  const file = yaml === null ? null : check(yaml, configFile, mistakes);
  refuse(mistakes);
  return fromFile(file!);
}

function textOf(path: string): string {
  try {
    return readText(path, path, limits.yamlBytes);
  } catch (error) {
    throw new AisleError("not-found", reasonOf(error));
  }
}

function fromFile(file: z.output<typeof configFile>): CompatConfig {
  const ranked = Object.entries(file.key_fields).sort(([, a], [, b]) => a.rank - b.rank || 0);
  const keys = ranked.map(([name, { required }]) => ({ name, required }));
  if (!keys.some(({ required }) => required)) {
    const names = keys.map(({ name }) => name);
    const found = names.length === 0 ? "there is none" : `${oneOf(names)} may all be left out`;
    throw new AisleError("invalid", `expected at least one required key_fields key: ${found} (write 'required: 1')`);
  }
  return {
    keys,
    spreadsheetName: file.spreadsheet_name ?? null,
    replyEmail: file.reply_email ?? null,
    sendTo: file.send_to ?? null,
  };
}
