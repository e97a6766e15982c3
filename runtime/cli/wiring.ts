import { Command, Option } from "commander";
import { type Wiring, wiringOf } from "../wiring.ts";
import { readSite, type Shell } from "./shell.ts";
import { wiringMermaid } from "./wiring-mermaid.ts";
import { wiringText } from "./wiring-text.ts";

type Format = "text" | "mermaid" | "json";

const FORMATS: Readonly<Record<Format, (wiring: Wiring) => Iterable<string>>> = {
  text: wiringText,
  mermaid: wiringMermaid,
  json: (wiring) => [JSON.stringify(wiring, null, 2)],
};

/** `aisle wiring`: the actors of a plan by layer, and what connects them. */
export function wiringCommand(shell: Shell): Command {
  return new Command("wiring")
    .description("Print how the actors of a plan hang together: layers, prerequisites, conflicts, holds")
    .argument("[site]", "folder of the site, or its plan file; default: this one, or the one that ships")
    .addOption(new Option("--format <format>", "how to print it").choices(Object.keys(FORMATS)).default("text"))
    .option("--json", "as --format json")
    .action((site: string | undefined, { format, json }: { readonly format: Format; readonly json?: boolean }) => {
      const wiring = wiringOf(readSite(shell, site).site.plan);
      for (const line of FORMATS[json === true ? "json" : format](wiring)) shell.write(line);
    });
}
