import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../runtime/clock.ts";
import { createCommandExecutor } from "../runtime/runs/command.ts";
import { createModuleExecutor } from "../runtime/runs/module.ts";
import { jobOf } from "./support/jobs.ts";
import { scratch, script } from "./support/scripts.ts";

const CONTRIBUTING = readFileSync(new URL("../CONTRIBUTING.md", import.meta.url), "utf8");

/** The blocks that say which file they are, by its name within `lab/`. */
const FILES = new Map(
  [...CONTRIBUTING.matchAll(/^```\w+\n((?:#!.*\n)?(?:#|\/\/) lab\/(\S+)[\s\S]*?)^```$/gm)].map(([, text, name]) => [
    name!,
    text!,
  ]),
);

describe("the page on how to write an actor", () => {
  let dir: string;

  beforeEach(() => {
    dir = scratch();
    for (const [name, text] of FILES) script(dir, name, text);
  });

  it("has a plan, a command, a module and a service", () => {
    expect([...FILES.keys()]).toEqual(["plan.yml", "scripts/counted", "actors/graded.ts", "weighed.py"]);
  });

  it("shows a command that works", async () => {
    const job = jobOf({ actor: { file: join(dir, "scripts/counted") }, keys: { sample: "s1" } });
    const { env } = process;

    const result = await createCommandExecutor({
      ...{ cwd: dir, env, node: "box-1", dir: join(dir, "runs"), clock: systemClock },
    }).run(job);

    expect(result).toEqual({ outcome: "done", fields: { count: 12 } });
    expect(job.logged()).toBe("counting s1, attempt 1\n");
  });

  it("shows a module that works", async () => {
    const modules = createModuleExecutor({ clock: systemClock });
    const file = join(dir, "actors/graded.ts");
    await modules.load([file]);
    const run = (count: string) => modules.run(jobOf({ actor: { file }, row: { sample: "s1", count } }));

    expect(run("12")).toEqual({ outcome: "done", fields: { grade: "A" } });
    expect(run("7")).toEqual({ outcome: "done", fields: { grade: "B" } });
    expect(run("")).toEqual({ outcome: "retry", detail: "nobody has counted yet" });
  });
});
