import { Command } from "commander";
import { AisleError, didYouMean } from "../errors.ts";
import type { PageHead, Why } from "../http/ports.ts";
import { ask, type PlaceOptions, placeOptions } from "./ask.ts";
import { pageNamed, pagesOf, recordPath } from "./board-names.ts";
import type { Owner } from "./client.ts";
import type { Shell } from "./shell.ts";

interface Options extends PlaceOptions {
  readonly page?: string;
}

/** `aisle why-not`: the rules that keep a goal of a record from starting. */
export function whyNotCommand(shell: Shell): Command {
  return placeOptions(
    new Command("why-not").description("Why a goal of a record does not start, and what would let it"),
  )
    .argument("<goal>", "the goal")
    .argument("<key...>", "the key cells of the record, in rank order")
    .option("--page <name>", "the page, where several have such a goal")
    .action((goal: string, key: string[], options: Options) =>
      ask(shell, options, (owner) => whyNot(shell, owner, goal, key, options)),
    );
}

async function whyNot(
  shell: Shell,
  owner: Owner,
  goal: string,
  key: readonly string[],
  options: Options,
): Promise<void> {
  const page = options.page === undefined ? await pageWith(owner, goal) : await pageNamed(owner, options.page);
  const why = await owner.call<Why>("GET", `${recordPath(page, key)}/goals/${encodeURIComponent(goal)}/why`);
  if (options.json === true) return shell.write(JSON.stringify(why, null, 2));
  const [first] = why.reasons;
  const alone = why.reasons.length < 2 || why.state === "done" || why.state === "running";
  if (alone) shell.write(first === undefined ? why.says : `${why.says}\n  ${first.unblock}`);
  else shell.write(`'${goal}' does not start:`);
  if (!alone) for (const { says, unblock } of why.reasons) shell.write(`  ${says}\n    ${unblock}`);
}

/** The one page that has such a goal. */
async function pageWith(owner: Owner, goal: string): Promise<PageHead> {
  const pages = await pagesOf(owner);
  const goalsOf = ({ columns }: PageHead) => columns.filter(({ role }) => role === "goal").map(({ name }) => name);
  const found = pages.filter((page) => goalsOf(page).includes(goal));
  if (found.length === 1) return found[0]!;
  if (found.length > 1) {
    const names = found.map(({ name }) => name).join(", ");
    throw new AisleError("invalid", `several pages have a goal '${goal}': say which with --page (${names})`);
  }
  const goals = [...new Set(pages.flatMap(goalsOf))];
  const instead = didYouMean(goal, goals) || `: there are ${goals.join(", ") || "none"}`;
  throw new AisleError("not-found", `no page has a goal '${goal}'${instead}`);
}
