import { Command, Option } from "commander";
import { describeSite } from "../config.ts";
import { siteJsonSchema } from "../data/site-file.ts";
import { printYaml } from "../data/yaml.ts";
import { load } from "../loaded.ts";
import { planJsonSchema } from "../plan.ts";
import { readSite, type Shell } from "./shell.ts";

const SCHEMAS = { site: siteJsonSchema, plan: planJsonSchema };

/** `aisle config`: what is in force, secrets masked; or the JSON Schema of a site's files. */
export function configCommand(shell: Shell): Command {
  return new Command("config")
    .description("Check a site and print what is in force, with secrets masked")
    .argument("[site]", "folder of the site; default: this one, or the one that ships")
    .option("--json", "print JSON instead of YAML")
    .addOption(new Option("--schema <file>", "print the JSON Schema of a file instead").choices(Object.keys(SCHEMAS)))
    .action((site: string | undefined, options: { json?: boolean; schema?: keyof typeof SCHEMAS }) => {
      const shown = options.schema === undefined ? check(shell, site) : SCHEMAS[options.schema]();
      const json = options.json === true || options.schema !== undefined;
      shell.write(json ? JSON.stringify(shown, null, 2) : printYaml(shown).trimEnd());
    });
}

/** Reads everything that a start would read, the tables and the model too. */
function check(shell: Shell, named: string | undefined): Record<string, unknown> {
  const opened = readSite(shell, named);
  load(opened);
  return describeSite(opened.site);
}
