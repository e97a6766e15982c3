import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { readSite, type Shell, siteFolder } from "../../../runtime/cli/shell.ts";
import { scratch, script } from "../../support/scripts.ts";

const shell = { env: {}, hostname: "box-1", home: "nowhere", shippedSite: "shipped" } as unknown as Shell;
const plan = (page: string) => `version: 1\npages: { ${page}: { keys: [k] } }\nactors: []\n`;

describe("the site that a command line names", () => {
  it("is a folder, or the folder of a plan's file", () => {
    expect(siteFolder(shell, "sites/lab")).toBe(resolve("sites/lab"));
    expect(siteFolder(shell, "sites/lab/small.yml")).toBe(resolve("sites/lab"));
    expect(siteFolder(shell, "plan.yaml")).toBe(resolve("."));
  });

  it("is the one that ships where none is", () => {
    expect(siteFolder(shell, undefined)).toBe("shipped");
  });

  it("is read with the plan that is named", () => {
    const dir = scratch();
    script(dir, "plan.yml", plan("p"), 0o644);
    script(dir, "small.yml", plan("q"), 0o644);
    const pages = (named: string) => readSite(shell, named).site.plan.pages.map(({ name }) => name);

    expect([pages(dir), pages(`${dir}/plan.yml`), pages(`${dir}/small.yml`)]).toEqual([["p"], ["p"], ["q"]]);
  });

  it("has its plan in plan.yml when site.yml is named", () => {
    const dir = scratch();
    script(dir, "plan.yml", plan("p"), 0o644);
    script(dir, "site.yml", "version: 1\nname: lab\n", 0o644);

    expect(readSite(shell, `${dir}/site.yml`).site).toMatchObject({ name: "lab", planFile: "plan.yml" });
  });
});
