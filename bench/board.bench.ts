import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type NatsConnection } from "nats";
import { actors } from "../actors/index.ts";
import { changeDraft } from "../runtime/board/change.ts";
import type { NatsBus } from "../runtime/bus/nats.ts";
import { subject } from "../runtime/bus/subject.ts";
import { openSite, type SiteOptions } from "../runtime/config.ts";
import { createLog } from "../runtime/log.ts";
import { Place } from "../runtime/main.ts";
import { median, quantileOf } from "./measure.ts";
import { natsServer } from "./nats.ts";

// Question: what does the board take of a goal: how many a second, how long from a cell's change to the actor's start,
//           does it matter how many records there are, and how long is the way to an actor on NATS and back?
// Shape:    the pipeline of five tasks, each a module that returns at once, on a page of its own; the whole place with
//           its journal on disk, so that a goal is two entries, a claim and a result.
// Clocks:   goals per second from the first record's entry to the last result on disk. Dispatch from the append of a
//           cell's change to the first line of the actor, in one process. Remote from the request to the answer in hand.

const TASKS = `  - { goal: taskA, module: noop.mjs }
  - { goal: taskB, module: noop.mjs, prerequisites: [taskA], conflicts: { taskC: { limit: 1, scope: record } } }
  - { goal: taskC, module: noop.mjs, prerequisites: [taskA], conflicts: { taskB: { limit: 1, scope: record } } }
  - { goal: taskD, module: noop.mjs, prerequisites: [taskC] }
  - { goal: taskE, module: noop.mjs, prerequisites: [taskB, taskD] }
`;
const PLAN = `version: 1\npages:\n  samples: { keys: [sample] }\nactors:\n${TASKS}`;
const GOALS = 5;

export async function bench({ quick }: { quick: boolean }) {
  const rates = [];
  for (let round = 0; round < (quick ? 2 : 5); round++) rates.push(await goalsPerSecond(quick ? 4_000 : 20_000));
  const costs = await costRatio(quick ? [1_000, 100_000] : [1_000, 1_000_000], quick ? 3 : 7);
  return {
    figures: {
      "board.goals_per_s": median(rates),
      "board.dispatch_us_p99": await dispatch(quick ? 3 : 12),
      "board.remote_goal_rtt_us_p50": await remote(quick ? 2_000 : 10_000),
    },
    ratios: { "board.cost_1m_records_vs_1k": costs },
  };
}

/** Records that become ready, until the last of their goals is on disk. */
export async function goalsPerSecond(records: number): Promise<number> {
  await using node = await nodeWith(PLAN);
  const start = performance.now();
  await addRecords(node.place, records, "1");
  await node.place.runner.idle();
  const seconds = (performance.now() - start) / 1_000;
  return (records * GOALS) / seconds;
}

/** Time per goal on a board of many records to that on one of few: rounds of each, in turns. */
async function costRatio([few, many]: readonly [number, number], rounds: number): Promise<number> {
  await using small = await nodeWith(PLAN);
  await using large = await nodeWith(PLAN);
  await addRecords(small.place, few, "");
  await addRecords(large.place, many, "");
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round++) {
    // The first thousand of each, and another thousand of the large one each time.
    const from = (round * few) % many;
    const onSmall = await timeOf(small.place, 0, few);
    const onLarge = await timeOf(large.place, from, few);
    if (round > 0) ratios.push(onLarge / onSmall);
  }
  return median(ratios);
}

/** Makes records ready, waits for all goals, and makes the board as it was; ms. */
async function timeOf(place: Place, from: number, count: number): Promise<number> {
  const start = performance.now();
  await setAll(place, from, count, { ready: "1" });
  await place.runner.idle();
  const ms = performance.now() - start;
  const cleared = Object.fromEntries(["taskA", "taskB", "taskC", "taskD", "taskE"].map((goal) => [goal, ""]));
  await setAll(place, from, count, { ready: "", ...cleared });
  return ms;
}

/** From a cell's change to the first line of the actor, µs: p99 of windows of a second, their median. */
async function dispatch(seconds: number): Promise<number> {
  const plan =
    "version: 1\npages:\n  cells: { keys: [cell], ready: true }\nactors:\n  - { goal: seen, module: stamp.mjs, prerequisites: [asked] }\n";
  await using node = await nodeWith(plan);
  const stamps = (globalThis as { boardStamps?: number[] }).boardStamps ?? [];
  (globalThis as { boardStamps?: number[] }).boardStamps = stamps;
  await addRecords(node.place, 1_000, null);
  const windows: number[] = [];
  for (let second = 0; second < seconds; second++) {
    const took: number[] = [];
    const end = performance.now() + 1_000;
    for (let i = 0; performance.now() < end; i++) {
      const key = `r${i % 1_000}`;
      await node.place.journal.append([
        changeDraft({ do: "set", page: "cells", key, cells: { seen: "", asked: "" } }, "bench"),
      ]);
      stamps.length = 0;
      const at = performance.now();
      const written = node.place.journal.append([
        changeDraft({ do: "set", page: "cells", key, cells: { asked: "1" } }, "bench"),
      ]);
      took.push((stamps[0]! - at) * 1_000);
      await written;
    }
    if (second > 0) windows.push(quantileOf(took, 0.99));
  }
  return median(windows);
}

/** From the request to a service on NATS to its answer in hand, µs. */
async function remote(count: number): Promise<number> {
  await using server = await natsServer();
  const service = await connect({ servers: server.url });
  try {
    const plan =
      "version: 1\npages:\n  cells: { keys: [cell], ready: true, shared: false }\nactors:\n  - { goal: answered, remote: true, maxSelves: 1 }\n";
    await using node = await nodeWith(plan, server.url);
    const { place } = node;
    await (place.bus as NatsBus).whenHere();
    serve(service, subject(place.base, "goals", "answered"));
    await service.flush();
    const took: number[] = [];
    const began = new Map<string, number>();
    const executor = place.workers.executors.remote!;
    const { run } = executor;
    executor.run = (job) => {
      began.set(job.run, performance.now());
      const answer = run.call(executor, job) as Promise<{ outcome: string }>;
      return answer.then((result) => {
        took.push((performance.now() - began.get(job.run)!) * 1_000);
        began.delete(job.run);
        return result as never;
      });
    };
    await addRecords(place, count, null);
    await place.runner.idle();
    if (took.length < count) throw new Error(`${took.length} of ${count} were answered`);
    return quantileOf(took.slice(count / 10), 0.5);
  } finally {
    await service.close();
  }
}

function serve(connection: NatsConnection, address: string): void {
  const answer = new TextEncoder().encode(JSON.stringify({ outcome: "done" }));
  connection.subscribe(address, { callback: (_, message) => void message.respond(answer) });
}

/** @param ready  null: the page's records are ready from the start */
async function addRecords(place: Place, count: number, ready: string | null): Promise<void> {
  await setAll(place, 0, count, ready === null ? {} : { ready });
}

async function setAll(place: Place, from: number, count: number, cells: Record<string, string>): Promise<void> {
  const page = [...place.runner.board.pages][0]!.name;
  for (let i = from; i < from + count; i += 1_000) {
    const batch = Array.from({ length: Math.min(1_000, from + count - i) }, (_, j) =>
      changeDraft({ do: "set", page, key: `r${i + j}`, cells }, "bench"),
    );
    await place.journal.append(batch);
  }
}

interface Node extends AsyncDisposable {
  readonly place: Place;
}

async function nodeWith(plan: string, nats?: string): Promise<Node> {
  const dir = mkdtempSync(join(tmpdir(), "aisle-bench-"));
  const site = join(dir, "bench");
  mkdirSync(site);
  writeFileSync(join(site, "plan.yml"), plan);
  writeFileSync(join(site, "noop.mjs"), "export default () => true;\n");
  writeFileSync(
    join(site, "stamp.mjs"),
    "const stamps = (globalThis.boardStamps ??= []);\nexport default () => { stamps.push(performance.now()); return true; };\n",
  );
  const declared = actors as unknown as SiteOptions["actors"];
  const overrides = { place: "n1", ...(nats === undefined ? {} : { nats }) };
  const opened = openSite(site, { env: {}, hostname: "n1", actors: declared, overrides });
  const log = await createLog({ level: "error", format: "json" }, false);
  const place = new Place({ ...opened, dataDir: join(dir, "data"), log, version: "bench" });
  await place.open(false);
  return {
    place,
    async [Symbol.asyncDispose]() {
      await place.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
