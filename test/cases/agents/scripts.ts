// The folder of agents of a case: scripts of which it says whether they can run, and what they do.
import { basename } from "node:path";
import type { Body } from "../../../runtime/compat/agent.ts";
import type { Launch, Scripts } from "../../../runtime/compat/runner.ts";
import type { World } from "./world.ts";

/** A script that was started. */
export interface Command {
  readonly goal: string;
  readonly args: readonly string[];
  /** As one would type it. */
  readonly text: string;
}

/** What scripts do: each is an agent for the goal in its name, on the record of its arguments. */
const DOES: Readonly<Record<string, Body>> = {
  "agent-success": () => true,
  "agent-failure": () => false,
  "agent-throws": () => {
    throw new Error("the script broke");
  },
};

export class ScriptFolder implements Scripts {
  readonly #world: World;
  commands: Command[] = [];
  maxConcurrent = 0;
  /** Did one run on while the runner went on? */
  isBackground = false;
  #running = 0;
  #pid = 20_000;

  constructor(world: World) {
    this.#world = world;
  }

  forget(): void {
    this.commands = [];
    this.maxConcurrent = 0;
    this.isBackground = false;
  }

  /** The runner goes on. */
  goesOn(): void {
    if (this.#running > 0) this.isBackground = true;
  }

  isExecutable({ script }: Launch): boolean {
    this.goesOn();
    return this.#find(script)?.executable ?? false;
  }

  async run({ script, args, goal, page }: Launch): Promise<void> {
    const { does } = this.#find(script)!;
    const body = DOES[does ?? ""];
    if (body === undefined) {
      const known = Object.keys(DOES).join(", ");
      this.#world.complaint ??= new Error(`not understood: a script that does '${does}'; known: ${known}`);
      return;
    }
    this.commands.push({ goal, args, text: [script, ...args].join(" ") });
    const self = { pid: this.#pid++, command: `ruby ${[script, ...args].join(" ")}` };
    const { scripts } = this.#world;
    scripts.push(self);
    this.maxConcurrent = Math.max(this.maxConcurrent, ++this.#running);
    try {
      await this.#agent(goal, args, page, basename(script), self.pid).process(body);
    } finally {
      this.#running--;
      scripts.splice(scripts.indexOf(self), 1);
    }
  }

  /** On the page that the key names, if it names one: so a plan page's rows point at records of others. */
  #agent(goal: string, args: readonly string[], page: string, selfName: string, selfPid: number) {
    const { setup } = this.#world;
    const names = this.#world.config().keys.map(({ name }) => name);
    const keys = Object.fromEntries(names.map((name, i) => [name, args[i]]));
    const pageName = args.find((arg) => this.#world.pageTitles().includes(arg)) ?? page;
    return this.#world.agent({ agentName: goal, pageName, keys, selfName, selfPid, ...setup.agents?.[goal] });
  }

  #find(script: string) {
    const { path, scripts } = this.#world.setup.agentBin ?? { path: "", scripts: {} };
    return script.startsWith(`${path}/`) ? scripts[script.slice(path.length + 1)] : undefined;
  }
}
