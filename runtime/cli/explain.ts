import { readFileSync } from "node:fs";
import { Command } from "commander";
import { type Explained, explain, type Step } from "../batch/explain.ts";
import { formatMistake, reasonOf } from "../errors.ts";
import { readTransform } from "../spec/load.ts";
import type { Shell } from "./shell.ts";

interface Options {
  readonly streamingBts: string;
  readonly event?: string;
  readonly source?: string;
  readonly json?: boolean;
}

/** `aisle explain`: what one event does to a spec. */
export function explainCommand(shell: Shell): Command {
  const command = new Command("explain")
    .description("Show for one event each condition, each value and each error of a spec")
    .requiredOption("--streaming-bts <file>", "the streaming spec")
    .option("--event <json>", "the event; default: the last of --source")
    .option("--source <file>", "events that come before it, a JSON object on each line")
    .option("--json", "print JSON");
  return command.action((options: Options) => {
    const { streamingBts: file, json } = options;
    const { spec, mistakes } = readTransform({ streaming: { file, text: read(command, file) } });
    if (spec === null) {
      for (const mistake of mistakes) shell.warn(formatMistake(mistake));
      shell.exit(1);
    }
    const payloads = eventsOf(command, options);
    if (payloads.length === 0) command.error("error: name an event: --event '{…}', or a file with --source");
    const explained = explain(spec, payloads);
    if (json === true) shell.write(JSON.stringify(explained, null, 2));
    else for (const line of linesOf(explained)) shell.write(line);
    if (explained.outcome !== "folded") shell.exit(1);
  });
}

function read(command: Command, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    command.error(`error: '${file}' can't be read: ${reasonOf(error)}`);
  }
}

function eventsOf(command: Command, { event, source }: Options): Buffer[] {
  const lines = source === undefined ? [] : read(command, source).split("\n");
  return [...lines, event ?? ""].filter((line) => line.trim() !== "").map((line) => Buffer.from(line));
}

const OUTCOMES: Readonly<Record<Explained["outcome"], string>> = {
  folded: "The event was folded.",
  malformed: "The event is no well-formed JSON object: nothing was done.",
  nobody: "The event has no identity: nothing was done.",
  timeless: "The event has no time: nothing was done.",
  late: "The event is later than the spec allows: nothing was done.",
  failed: "The event would have cost more than is allowed: nothing of it is left.",
};

function* linesOf({ outcome, error, steps, records }: Explained): Iterable<string> {
  let aggregate: string | null | undefined;
  const width = Math.min(40, Math.max(...steps.map(({ expression }) => expression.length), 0));
  for (const step of steps) {
    if (step.aggregate !== aggregate) yield `${aggregate === undefined ? "" : "\n"}${step.aggregate ?? "header"}`;
    aggregate = step.aggregate;
    yield `  ${nameOf(step)}  ${step.expression.padEnd(width)}  ${step.error ?? step.value}`;
  }
  yield `\n${OUTCOMES[outcome]}${error === null ? "" : ` (${error})`}`;
  for (const record of records) yield record;
}

function nameOf({ field, what, line }: Step): string {
  return `${String(line).padStart(4)}  ${(field ?? "").padEnd(20)}${what.padEnd(9)}`;
}
