import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { NatsBus } from "../../../runtime/bus/nats.ts";
import type { Executor, Result } from "../../../runtime/runs/job.ts";
import { createRemoteExecutor } from "../../../runtime/runs/remote.ts";
import { openRuns, type RemoteRuns } from "../../../runtime/runs/remote-runs.ts";
import { type JobOptions, jobOf } from "../../support/jobs.ts";
import { describeWithNats, type NatsServer, startNatsServer } from "../../support/nats-server.ts";

/** Processes take their time, above all on a busy machine. */
const until = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 10_000 });

const isThere = spawnSync("python3", ["--version"]).status === 0;
if (!isThere) console.warn("no python3: the actor in Python is not run");

describe.runIf(isThere)("an actor in Python", () => {
  describeWithNats("over a NATS server", () => {
    const base = "aisle.lab.box-1";
    const results = new Map<string, Result>();
    const renewed: string[] = [];
    const lost = new Set<string>();
    let server: NatsServer;
    let bus: NatsBus;
    let runs: RemoteRuns;
    let executor: Executor;
    let actor: ChildProcess;
    let printed = "";

    beforeAll(async () => {
      server = await startNatsServer();
      bus = new NatsBus({ servers: server.url });
      await bus.whenHere();
      executor = createRemoteExecutor({ bus, base, node: "box-1" });
      runs = openRuns(bus, base, {
        renew(run) {
          renewed.push(run);
          return !lost.has(run);
        },
        report(run, result) {
          if (results.has(run)) return false;
          results.set(run, result);
          return true;
        },
        onError: (error) => expect(error).toBeNull(),
      });
      actor = spawn("python3", ["test/fixtures/runs/actor.py", server.url, "aisle.lab.*"]);
      const keep = (part: Buffer) => {
        printed += part;
      };
      actor.stdout!.on("data", keep);
      actor.stderr!.on("data", keep);
      await until(() => expect(printed).toContain("ready"));
    });

    afterAll(async () => {
      actor.kill();
      runs.close();
      await bus.drain();
      await server[Symbol.asyncDispose]();
    });

    const ask = (goal: string, options: JobOptions = {}) => {
      const job = jobOf({ ...options, actor: { goal, kind: "remote", leaseMs: 300 } });
      // The server may hear of the subscription a little later than we of the actor.
      return until(async () => {
        const result = await executor.run(job);
        expect(result.outcome).not.toBe("retry");
        return { run: job.run, result };
      });
    };

    it("answers at once, with fields", async () => {
      const { result } = await ask("weighed", { attempt: 2 });

      expect(result).toEqual({ outcome: "done", fields: { grams: 12.5, by: "attempt 2" } });
    });

    it("answers with an error of a NATS service", async () => {
      const { result } = await ask("weighed", { keys: { sample: "unknown" } });

      expect(result).toEqual({ outcome: "failed", detail: "error 404: no such sample" });
    });

    it("accepts, renews its lease while it works, and brings its result", async () => {
      const { run, result } = await ask("dried");

      expect(result).toEqual({ outcome: "accepted" });
      await until(() => expect(printed).toContain(`told ${run} True`));
      expect(results.get(run)).toEqual({ outcome: "done", fields: { note: "grün" } });
      expect(renewed.filter((each) => each === run).length).toBe(3);
    });

    it("learns that its claim is lost, and brings nothing", async () => {
      const job = jobOf();
      lost.add(job.run);

      await ask("dried", { run: job.run });

      await until(() => expect(printed).toContain(`lost ${job.run}`));
      expect(results.has(job.run)).toBe(false);
    });
  });
});
