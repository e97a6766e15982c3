// The pipeline that ships, on three nodes over a real NATS server, while nodes are killed at random: every goal finishes
// once, and each run beyond that stands somewhere.
import { randomBytes } from "node:crypto";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { isMap, parseDocument, type YAMLSeq } from "yaml";
import { systemClock } from "../../runtime/clock.ts";
import type { RecordsView } from "../../runtime/http/ports.ts";
import { openJournal } from "../../runtime/journal/lmdb.ts";
import { Dice } from "../support/dice.ts";
import { type GoalHistory, historiesOf } from "../support/goal-history.ts";
import { changesIn } from "../support/lab-site.ts";
import { describeWithNats, type NatsServer, startNatsServer } from "../support/nats-server.ts";
import { NodeProcess } from "../support/node-process.ts";
import { prng } from "../support/prng.ts";
import { type LoggedRun, overlaps, RunLog } from "../support/run-log.ts";

const PIPELINE = resolve("deploy/sites/pipeline");
const GOALS = ["taskA", "taskB", "taskC", "taskD", "taskE"];
/** Mice whose coverage is high enough, by the node that is their home; but for one. */
const MICE: Readonly<Record<string, readonly number[]>> = {
  n1: [1, 2, 3, 4, 5, 6, 7, 9],
  n2: [10, 11, 13, 14, 15, 16, 22, 23],
  n3: [25, 26, 27, 28, 29, 30, 31, 32],
};
const LOW = "mouse-2";
const KILLS = 8;
const LEASE_MS = 2_000;
/** For all to be done once nobody is killed any more, ms. */
const QUIET_MS = 60_000;
const SEED = Number(process.env.AISLE_SEED ?? Date.now() % 1e9);

const keysAt = (node: string) => MICE[node]!.map((mouse) => `mouse-${mouse}`);

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

/** Looks until it is so, and no longer than `QUIET_MS`. @param say  what is wrong if it never is */
async function until(check: () => Promise<boolean>, say: () => string | Promise<string>): Promise<void> {
  const end = Date.now() + QUIET_MS;
  while (!(await check())) {
    if (Date.now() > end) throw new Error(await say());
    await pause(50);
  }
}

/** A copy of the site in a folder: claims lapse soon, scripts take a while and write down when they run. */
function slowed(folder: string, log: RunLog): string {
  const site = join(folder, "pipeline");
  cpSync(PIPELINE, site, { recursive: true });
  const file = join(site, "plan.yml");
  const plan = parseDocument(readFileSync(file, "utf8"));
  for (const actor of (plan.get("actors") as YAMLSeq).items) {
    if (!isMap(actor) || actor.has("person")) continue;
    actor.set("lease", `${LEASE_MS}ms`);
    actor.set("retries", plan.createNode({ max: 60, backoff: "100ms", backoffMax: "500ms" }));
  }
  writeFileSync(file, plan.toString());
  for (const name of readdirSync(join(site, "scripts"))) log.tap(join(site, "scripts", name), "0.3");
  return site;
}

/** Looks at each count once taskA has counted, and overrules taskC where it has failed; at the home of the record. */
class Person {
  readonly overruled = new Set<string>();
  readonly #home: NodeProcess;

  constructor(home: NodeProcess) {
    this.#home = home;
  }

  /** @param most  records looked at */
  async look(most: number): Promise<void> {
    let looked = 0;
    const records = (await recordsAt(this.#home)) ?? [];
    for (const { key, row } of records.filter(({ key }) => keysAt(this.#home.name).includes(key))) {
      if (looked < most && row.taskA === "1" && row.taskA_passes_qc === "") {
        await this.#write(key, "taskA_passes_qc");
        looked++;
      }
      if (row.taskC?.startsWith("F:")) {
        this.overruled.add(key);
        await this.#write(key, "taskC");
      }
    }
  }

  /** Of a node that is killed meanwhile, the cell shows whether it was written. */
  async #write(key: string, goal: string): Promise<void> {
    const body = JSON.stringify({ cells: { [goal]: "1" }, by: "alice" });
    await this.#home.ask("PATCH", `/pages/samples/records/${key}`, {
      body,
      headers: { "content-type": "application/json" },
    });
  }
}

async function recordsAt(node: NodeProcess): Promise<RecordsView["records"] | null> {
  return (await node.ask<RecordsView>("GET", "/pages/samples?limit=1000"))?.records ?? null;
}

describeWithNats(`the pipeline on three nodes, killed at random (seed ${SEED})`, () => {
  let folder: string;
  let server: NatsServer;
  let nodes: NodeProcess[];
  let people: Person[];
  let log: RunLog;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "aisle-nodes-"));
    server = await startNatsServer({ jetStream: true });
    log = new RunLog(join(folder, "runs.log"));
    const site = slowed(folder, log);
    nodes = Object.keys(MICE).map(
      (name) => new NodeProcess({ site, name, dataDir: join(folder, name), natsUrl: server.url }),
    );
    people = nodes.map((node) => new Person(node));
  });

  afterEach(async () => {
    await Promise.all(nodes.map((node) => node.end("SIGKILL")));
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  });

  const start = (node: NodeProcess) => {
    log.restarts(node.name);
    node.start();
  };

  const says = () => nodes.map(({ name, output }) => `--- ${name}\n${output}`).join("\n");

  /** What each node shows of records that are not complete. */
  const boards = async () => {
    const all = await Promise.all(nodes.map(recordsAt));
    const lines = nodes.map(({ name }, i) => {
      const left = all[i]?.filter(({ row }) => row.complete !== "1").map(({ row }) => Object.values(row).join(","));
      return `${name} shows ${all[i]?.length ?? "nothing, as it does not answer"}; not complete: ${left?.join(" | ")}`;
    });
    return lines.join("\n");
  };

  /** Every node shows every record as complete. */
  const isDone = async () => {
    const boards = await Promise.all(nodes.map(recordsAt));
    const all = Object.values(MICE).flat().length;
    return boards.every((records) => records?.length === all && records.every(({ row }) => row.complete === "1"));
  };

  async function importMice(node: NodeProcess): Promise<void> {
    const body = ["sample,ready", ...keysAt(node.name).map((key) => `${key},1`)].join("\n");
    const sent = { body, headers: { "content-type": "text/csv" } };
    await until(
      async () => (await node.ask("POST", "/pages/samples/csv", sent)) !== null,
      () => `'${node.name}' never answered\n${says()}`,
    );
  }

  /** Kills one node after another; once the server too, and once a node is held up beyond its leases. All are there in the end. */
  async function killAtRandom(dice: Dice): Promise<void> {
    for (let kill = 0; kill < KILLS; kill++) {
      if (kill === 2) await dice.one(nodes).holdUp(LEASE_MS * 1.5);
      await pause(500 + dice.below(1_000));
      if (kill === 4) {
        await server.kill();
        await pause(dice.below(1_500));
        await server.restart();
      }
      const node = dice.one(nodes);
      await node.end("SIGKILL");
      await pause(dice.below(500));
      start(node);
    }
  }

  /** What stands in the journals of the nodes, by node. */
  async function journals(): Promise<Map<string, Map<string, GoalHistory>>> {
    const histories = new Map<string, Map<string, GoalHistory>>();
    for (const { name, dataDir } of nodes) {
      const journal = openJournal({ dir: dataDir, clock: systemClock, random: randomBytes, readOnly: true });
      histories.set(name, historiesOf(changesIn(journal.read()).map(({ change }) => change)));
      await journal.close();
    }
    return histories;
  }

  it("finishes every goal once, and tells of each run beyond that", { timeout: 180_000 }, async () => {
    const dice = new Dice(prng(SEED));
    for (const node of nodes) start(node);
    await Promise.all(nodes.map(importMice));

    let isQuiet = false;
    const killing = killAtRandom(dice).finally(() => {
      isQuiet = true;
    });
    const looking = (async () => {
      for (; !isQuiet; await pause(1_000)) await Promise.all(people.map((person) => person.look(1)));
    })();
    await Promise.all([killing, looking]);
    await until(
      async () => {
        await Promise.all(people.map((person) => person.look(8)));
        return await isDone();
      },
      async () => `not all was done\n${await boards()}\n${says()}`,
    );
    await Promise.all(nodes.map((node) => node.end("SIGTERM")));
    expect(nodes.map(({ crashes }) => crashes)).toEqual([[], [], []]);

    const runs = log.runs();
    const extra = { lapsed: 0, told: 0, unseen: 0 };
    for (const [home, histories] of await journals()) {
      for (const key of keysAt(home)) {
        expect(histories.get(`${key} taskA_passes_qc`)?.written, key).toEqual(["1"]);
        for (const goal of GOALS) {
          const logged = runs.filter((run) => run.key === key && run.goal === goal);
          const sorted = sortedRuns(home, logged, histories.get(`${key} ${goal}`)!, key === LOW && goal === "taskC");
          for (const kind of ["lapsed", "told", "unseen"] as const) extra[kind] += sorted[kind];
        }
      }
    }
    process.stdout.write(
      `${runs.length} runs of ${Object.values(MICE).flat().length * GOALS.length} goals; extra: ${JSON.stringify(extra)}\n`,
    );
    expect(people.flatMap(({ overruled }) => [...overruled])).toEqual([LOW]);
    expect(new Set(runs.map(({ run }) => run)).size).toBe(runs.length);
    expect(overlaps(runs, "taskB", "taskC")).toEqual([]);
  });

  it("starts on a node alone while the server is away, and is shared once it is there", {
    timeout: 120_000,
  }, async () => {
    const [n1, n2] = nodes as [NodeProcess, NodeProcess];
    await server.kill();
    start(n1);
    start(n2);
    await Promise.all([importMice(n1), importMice(n2)]);
    const shows = async (node: NodeProcess, key: string, goal: string) =>
      (await recordsAt(node))?.find((record) => record.key === key)?.row[goal] === "1";
    await until(() => shows(n1, "mouse-1", "taskA"), says);
    await until(() => shows(n2, "mouse-10", "taskA"), says);
    await server.restart();
    await until(() => shows(n1, "mouse-10", "taskA"), says);
    await until(() => shows(n2, "mouse-1", "taskA"), says);
    expect([await n1.end("SIGTERM"), await n2.end("SIGTERM")]).toEqual([0, 0]);
    expect([n1.crashes, n2.crashes]).toEqual([[], []]);
  });
});

/**
 * Checks the runs of a goal against the journal of the record's home, and counts those that came to nothing: that lapsed
 * there, that the home was told of as extra ones, and that it never saw.
 */
function sortedRuns(home: string, logged: readonly LoggedRun[], history: GoalHistory, isLow: boolean) {
  const { fates, extras, written } = history;
  const of = (fate: string) => [...fates].filter(([, each]) => each === fate).map(([run]) => run);
  const where = `${logged[0]?.key} ${logged[0]?.goal}`;

  // It finished once; the one that failed was overruled, once.
  const [ended, never] = isLow ? ["failed", "done"] : ["done", "failed"];
  expect({ where, ended: of(ended).length, never: of(never), written }).toEqual({
    ...{ where, ended: 1, never: [] },
    written: isLow ? ["1"] : [],
  });
  expect([of("running"), of("retry"), of("written over")], where).toEqual([[], [], []]);
  const [winner] = of(ended);
  expect(
    logged.filter(({ run, isWhole }) => run === winner && isWhole),
    where,
  ).toHaveLength(1);

  const others = logged.filter(({ run }) => run !== winner);
  const lapsed = others.filter(({ run }) => fates.get(run) === "lapsed");
  const told = others.filter(({ run }) => !fates.has(run) && extras.has(run));
  const unseen = others.filter(({ run }) => !fates.has(run) && !extras.has(run));
  // What ran at home stands in its journal before it runs; others' claims may be taken over before the home sees them.
  expect(
    unseen.filter(({ node }) => node === home),
    where,
  ).toEqual([]);
  expect(logged.length - 1, where).toBe(lapsed.length + told.length + unseen.length);
  return { lapsed: lapsed.length, told: told.length, unseen: unseen.length };
}
