// What services read from their environment.
import { expect } from "vitest";
import { loadSite } from "../../../runtime/config.ts";
import { run } from "../../support/cli.ts";
import { json as answers, HttpService } from "../../support/http-service.ts";
import { OPTIONS } from "../../support/site.ts";
import { writeSite } from "../../support/sites.ts";
import { isObject, NOW, type Shape } from "./cases.ts";
import { Scene } from "./scene.ts";
import { dummySite, SAMPLE, scoredSite } from "./sites.ts";

type Env = Readonly<Record<string, string>>;

/** What `aisle config` needs of this process's environment: nothing that a case could be about. */
const BARE: Env = { AISLE_LOG_LEVEL: "", AISLE_NATS_URL: "", AISLE_TOKEN: "", AISLE_PLACE: "" };

const unset: Shape = {
  name: "a variable that is not set",
  fits: ({ input }) => typeof input.env_unset === "string",
  async run({ input, expect: original }) {
    const missing = String(input.env_unset);
    const needed = [missing, ...((original.also_required as string[] | undefined) ?? [])];
    // A site that needs them: `${NAME}` without a default, here as further names of a department.
    const site = writeSite({ site: { "departments.Boys": needed.map((name) => `\${${name}}`) } });
    const env = { ...BARE, ...Object.fromEntries(needed.map((name) => [name, `http://127.0.0.1:9/${name}`])) };
    const { [missing]: _, ...others } = env;

    const whole = await run(["config", site], env);
    const without = await run(["config", site], others);

    expect(whole).toMatchObject({ code: 0, stderr: "" });
    expect(without.code).toBe(original.exit_code ?? 1);
    const lines = without.stderr.trimEnd().split("\n");
    expect(lines).toEqual([expect.stringMatching(new RegExp(`^site\\.yml:\\d+:\\d+: .*'${missing}' is not set`))]);
    // What ships needs none of them.
    expect(await run(["config"], BARE)).toMatchObject({ code: 0, stderr: "" });
  },
};

const logLevel: Shape = {
  name: "a level of the log",
  fits: ({ input }) => isObject(input.env) && "LOG_LEVEL" in input.env,
  async run({ input, expect: original }) {
    const level = String((input.env as Env).LOG_LEVEL);
    const allowed = (original.allowed as string[] | undefined) ?? [];
    const fails = /fail/.test(String(original.start ?? ""));

    const ended = await run(["config", "--json"], { ...BARE, AISLE_LOG_LEVEL: level });

    expect(ended.code).toBe(fails ? 1 : 0);
    if (fails) {
      expect(ended.stderr).toContain(`'${level}'`);
      for (const word of allowed) expect(ended.stderr).toContain(levelOf(word));
    } else expect(JSON.parse(ended.stdout).log.level).toBe(levelOf(level));
    const site = writeSite({});
    const words = original.case_insensitive === true ? allowed.flatMap((word) => [word, word.toLowerCase()]) : allowed;
    for (const word of words) {
      const { log } = loadSite(site, { ...OPTIONS, env: { AISLE_LOG_LEVEL: word } });
      expect(log.level).toBe(levelOf(word));
    }
  },
};

/** "WARNING" → "warn" */
function levelOf(word: string): string {
  return word.toLowerCase().replace("warning", "warn");
}

const switches: Shape = {
  name: "switches that put stand-ins in the place of services",
  fits: ({ input }) =>
    isObject(input.env) && Object.keys(input.env).some((name) => name.startsWith("TESTING_NO_")) && !("POST" in input),
  async run({ input, expect: original }) {
    const env = input.env as Env;
    const same = /every coupon gets ([\d.]+)/.exec(String(original.behaviour))?.[1];
    if (same !== undefined) await everyCouponGets(Number(same));
    else await eachSwitchesItsOwn(env);
  },
};

/** The stand-in for a scorer is a model file, of one leaf: there is no second way to score. */
async function everyCouponGets(score: number): Promise<void> {
  const scene = await Scene.open(dummySite());

  for (const dep of ["Boys", "Sport"]) await scene.tell("focus", { id: "7", ts: NOW, dep });

  expect(scene.decisions).toHaveLength(2);
  for (const { candidates, scorer } of scene.decisions) {
    expect(scorer).toBe("core");
    expect(candidates).toEqual([expect.objectContaining({ score: expect.closeTo(score, 6) })]);
  }
}

/** Without the scoring service the model scores, without the database the table answers: each of its own accord. */
async function eachSwitchesItsOwn(env: Env): Promise<void> {
  const isOff = (service: string) => env[`TESTING_NO_${service}`] === "true";
  const scorer = await HttpService.start(answers([{ coupon_id: "1", customer_id: "7", prediction: 0.9 }]));
  const source = await HttpService.start(answers({ ...SAMPLE.customer, customer_id: 7 }));
  const scene = await Scene.open(scoredSite(["1"], 1), {
    COUPON_SCORER_URL: isOff("SCORING_SERVICE") ? "" : `${scorer.url}/score`,
    AISLE_CUSTOMERS_URL: isOff("POSTGRES") ? "" : source.url,
  });

  await scene.tell("focus", { id: "7", ts: NOW, dep: "Boys" });

  expect(scene.decisions).toMatchObject([{ scorer: isOff("SCORING_SERVICE") ? "core" : "rest", none: null }]);
  expect(scorer.asked).toHaveLength(isOff("SCORING_SERVICE") ? 0 : 1);
  expect(source.asked).toHaveLength(isOff("POSTGRES") ? 0 : 1);
}

export const environment: readonly Shape[] = [unset, logLevel, switches];
