// The long runs, which `npm test` has short ones of:
//
//   node test/faults/run.mjs seeds [COUNT] [FIRST]   the simulator; stops at the first seed that fails, and names it
//   node test/faults/run.mjs crash [KILLS] [SERVER]  real processes ended by force
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const SEEDS = 20_000;
const KILLS = 200;
const SERVER_KILLS = 50;

const root = fileURLToPath(new URL("../..", import.meta.url));
const [what, first, second] = process.argv.slice(2);

const runs = {
  seeds: {
    files: ["test/faults/seeds-"],
    env: { AISLE_FAULT_SEEDS: first ?? SEEDS, AISLE_FAULT_FIRST: second ?? 1 },
  },
  crash: {
    files: ["test/faults/kill.test.ts"],
    env: { AISLE_KILLS: first ?? KILLS, AISLE_SERVER_KILLS: second ?? SERVER_KILLS },
  },
};

const run = runs[what];
if (run === undefined) {
  process.stderr.write(`usage: node test/faults/run.mjs ${Object.keys(runs).join("|")} [COUNT] [COUNT]\n`);
  process.exit(1);
}
const env = Object.fromEntries(Object.entries(run.env).map(([name, value]) => [name, String(value)]));
const vitest = fileURLToPath(new URL("node_modules/vitest/vitest.mjs", new URL(`file://${root}/`)));
const child = spawn(process.execPath, [vitest, "run", "--bail", "1", ...run.files], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, ...env },
});
child.once("exit", (code) => {
  process.exitCode = code ?? 1;
});
