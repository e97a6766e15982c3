// Who does the work of a line of the plan: an actor that ships, a file of the site, a service on the bus, a person.
import { isAbsolute, join } from "node:path";
import { shorten } from "../data/mistakes.ts";
import type { Say } from "../data/site-parts.ts";
import type { Path } from "../data/yaml.ts";
import { didYouMean } from "../errors.ts";
import type { ActorKind, PersonConfig } from "../site.ts";
import type { PlanFile, WrittenActor } from "./file.ts";
import { commandFault, isFolder, isThere, moduleFault } from "./files.ts";

const KINDS = ["command", "module", "remote", "person"] as const;
const SCRIPTS = "scripts";

export interface Work {
  readonly kind: ActorKind;
  readonly file: string | null;
  readonly person: PersonConfig | null;
}

/** Finds out who works, and says why nobody could. */
export class Workers {
  readonly #dir: string;
  readonly #scripts: string | undefined;
  readonly #shipped: ReadonlySet<string>;
  readonly #say: Say;

  /** @param dir  what paths are relative to  @param shipped  goals of actors that ship */
  constructor(dir: string, { scripts }: PlanFile, shipped: Iterable<string>, say: Say) {
    this.#dir = dir;
    this.#scripts = scripts;
    this.#shipped = new Set(shipped);
    this.#say = say;
    if (scripts !== undefined && !isFolder(this.#path(scripts)))
      say(["scripts"], `there is no folder '${shorten(scripts)}': expected one with executables named after goals`);
  }

  /** Null: nobody does, and that was said. */
  of(line: WrittenActor, path: Path): Work | null {
    const [kind, second] = KINDS.filter((each) => line[each] !== undefined);
    if (second !== undefined)
      this.#say(
        [...path, second],
        `'${shorten(line.goal)}' has '${kind}' and '${second}': expected one of them`,
        "key",
      );
    switch (kind) {
      case "command":
        return this.#file("command", line.command!, path);
      case "module":
        return this.#file("module", line.module!, path);
      case "remote":
        return { kind: "remote", file: null, person: null };
      case "person":
        return { kind: "person", file: null, person: personOf(line.person!) };
      default:
        return this.#unsaid(line.goal, path);
    }
  }

  /** The line says nothing but its goal: an actor that ships, else an executable of that name. */
  #unsaid(goal: string, path: Path): Work | null {
    if (this.#shipped.has(goal)) return { kind: "shipped", file: null, person: null };
    const scripts = this.#scripts ?? SCRIPTS;
    const isName = !/[/\\\p{Cc}]/u.test(goal) && goal !== "." && goal !== "..";
    if (isName && isFolder(this.#path(scripts))) {
      const name = join(scripts, goal);
      const near = didYouMean(goal, this.#shipped);
      if (isThere(this.#path(name)) || near === "") return this.#file("command", name, path, "goal");
    }
    const near = didYouMean(goal, this.#shipped);
    const there = `: there are ${[...this.#shipped].join(", ")}; another needs 'command', 'module', 'remote' or 'person'`;
    this.#say([...path, "goal"], `no actor owns the goal '${shorten(goal)}'${near || there}`);
    return null;
  }

  #file(kind: "command" | "module", written: string, path: Path, at: "goal" | typeof kind = kind): Work | null {
    const file = this.#path(written);
    const fault = kind === "command" ? commandFault(file, written) : moduleFault(file, written);
    if (fault !== null) {
      const whose = at === "goal" ? "no actor of that name ships, and " : "";
      this.#say([...path, at], `${whose}${fault}`);
    }
    return { kind, file, person: null };
  }

  #path(written: string): string {
    return isAbsolute(written) ? written : join(this.#dir, written);
  }
}

function personOf(written: Exclude<WrittenActor["person"], undefined>): PersonConfig {
  if (written === true) return { who: [], dueMs: null };
  return { who: written.who, dueMs: written.due ?? null };
}
