import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Bus } from "../../../runtime/bus/bus.ts";
import { MemoryBus } from "../../../runtime/bus/memory.ts";
import { NatsBus } from "../../../runtime/bus/nats.ts";
import { limits } from "../../../runtime/limits.ts";
import type { Executor, Result } from "../../../runtime/runs/job.ts";
import { createRemoteExecutor } from "../../../runtime/runs/remote.ts";
import { openRuns, type RemoteRuns } from "../../../runtime/runs/remote-runs.ts";
import { jobOf } from "../../support/jobs.ts";
import { describeWithNats, type NatsServer, startNatsServer } from "../../support/nats-server.ts";

const BASE = "aisle.pipeline.box-1";

describe("a remote actor over the bus in the process", () => {
  remoteSuite(async () => new MemoryBus());

  it("is tried again while the bus is closed", async () => {
    const bus = new MemoryBus();
    await bus.drain();

    const result = await createRemoteExecutor({ bus, base: BASE, node: "box-1" }).run(jobOf());

    expect(result).toMatchObject({ outcome: "retry", detail: expect.stringContaining("the bus is closing") });
  });
});

describeWithNats("a remote actor over NATS", () => {
  let server: NatsServer;

  beforeAll(async () => {
    server = await startNatsServer();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  remoteSuite(async () => {
    const bus = new NatsBus({ servers: server.url, onError: () => {} });
    await bus.whenHere();
    return bus;
  });
});

function remoteSuite(make: () => Promise<Bus>): void {
  let bus: Bus;
  let executor: Executor;
  let asked: Record<string, unknown>[];

  beforeEach(async () => {
    bus = await make();
    executor = createRemoteExecutor({ bus, base: BASE, node: "box-1" });
    asked = [];
  });
  afterEach(() => bus.drain());

  /** A service that answers each question in the same way; null: not at all. */
  const serve = async (answer: string | Uint8Array | null, headers: Record<string, string> = {}) => {
    bus.subscribe(`${BASE}.goals.taskA`, (message) => {
      asked.push(JSON.parse(Buffer.from(message.payload).toString()));
      if (answer !== null) message.respond(Buffer.from(answer), headers);
    });
    await bus.flush();
  };

  it("is asked with all that a run is about", async () => {
    await serve('{"outcome":"done"}');
    const { run, row } = jobOf();

    await executor.run(jobOf({ run, row, attempt: 2, token: 41, actor: { leaseMs: 5_000 } }));

    expect(asked).toEqual([
      {
        ...{ page: "samples", key: "lab1,a", keys: { lab: "lab1", sample: "a" }, row, goal: "taskA" },
        ...{ run, attempt: 2, claim: 41, node: "box-1", leaseMs: 5_000 },
        renew: `${BASE}.runs.${run}.renew`,
        result: `${BASE}.runs.${run}.result`,
      },
    ]);
  });

  it.each([
    ["done", '{"outcome":"done","fields":{"note":"x","n":3}}', { outcome: "done", fields: { note: "x", n: 3 } }],
    ["failed", '{"outcome":"failed","detail":"no reagent"}', { outcome: "failed", detail: "no reagent" }],
    ["retry", '{"outcome":"retry","detail":null}', { outcome: "retry" }],
    ["accepted", '{"accepted":true}', { outcome: "accepted" }],
  ])("may answer: %s", async (_, answer, expected) => {
    await serve(answer);

    expect(await executor.run(jobOf())).toEqual(expected);
  });

  it.each([
    ["text", "done", /^its answer: not JSON: Unexpected token/],
    ["nothing", "", /^its answer: not JSON: nothing is there/],
    ["a list", "[]", /got a list/],
    ["no outcome", '{"fields":{}}', /got no outcome/],
    ["another outcome", '{"outcome":"great"}', /outcome must be 'done', 'failed' or 'retry', got 'great'/],
    ["an outcome that is no text", '{"outcome":{}}', /got an object/],
    ["a slip", '{"outcome":"done","feilds":{}}', /unknown 'feilds' \(did you mean 'fields'\?\)/],
    ["fields that are a list", '{"outcome":"done","fields":["a"]}', /fields must be an object/],
    ["a detail that is no text", '{"outcome":"failed","detail":3}', /detail must be a text, got a number/],
    ["bytes that are no UTF-8", Uint8Array.of(0x22, 0xff, 0x22), /not UTF-8/],
    ["too much", JSON.stringify({ outcome: "done", fields: { a: "x".repeat(limits.resultBytes) } }), /at most 262144/],
  ])("has failed when it answers with %s", async (_, answer, detail) => {
    await serve(answer);

    expect(await executor.run(jobOf())).toEqual({ outcome: "failed", detail: expect.stringMatching(detail) });
  });

  it("has failed when it answers with an error of a NATS service", async () => {
    await serve("", { "Nats-Service-Error-Code": "400", "Nats-Service-Error": "unknown sample" });

    expect(await executor.run(jobOf())).toEqual({ outcome: "failed", detail: "error 400: unknown sample" });
  });

  it("is tried again when nobody listens", async () => {
    const result = await executor.run(jobOf());

    expect(result).toMatchObject({
      outcome: "retry",
      detail: expect.stringMatching(/^no service for 'taskA': .*goals\.taskA/),
    });
  });

  it("is tried again when it does not answer in the actor's time", async () => {
    await serve(null);

    const result = await executor.run(jobOf({ actor: { timeoutMs: 30 } }));

    expect(result).toMatchObject({ outcome: "retry", detail: expect.stringContaining("no service for") });
  });

  it("is waited for no longer when the run is told to end", async () => {
    await serve(null);
    const job = jobOf({ actor: { timeoutMs: 500 } });
    const run = executor.run(job);

    job.abort();

    expect(await run).toMatchObject({ outcome: "failed", detail: expect.stringContaining("cancelled") });
  });

  it("may own a goal with any name", async () => {
    bus.subscribe(`${BASE}.goals.A=2E=C3=BC=20=3E`, (message) => {
      message.respond(Buffer.from('{"outcome":"done"}'));
    });
    await bus.flush();

    expect(await executor.run(jobOf({ actor: { goal: "A.ü >" } }))).toEqual({ outcome: "done" });
  });

  describe("that accepted a run", () => {
    let runs: RemoteRuns;
    let open: Map<string, Result | null>;
    let errors: unknown[];

    beforeEach(async () => {
      open = new Map([
        ["box-1-abc-1", null],
        ["a.b *", null],
      ]);
      errors = [];
      runs = openRuns(bus, BASE, {
        report(run, result) {
          if (open.get(run) !== null) return false;
          open.set(run, result);
          return true;
        },
        renew: (run) => open.get(run) === null,
        onError: (error) => errors.push(error),
      });
      await bus.flush();
    });

    const tell = async (tail: string, body: string | Uint8Array = "") => {
      const { payload, headers } = await bus.request(`${BASE}.runs.${tail}`, Buffer.from(body));
      const code = headers["Nats-Service-Error-Code"];
      return {
        ...JSON.parse(Buffer.from(payload).toString()),
        ...(code === undefined ? {} : { header: Number(code) }),
      };
    };

    it("brings its result once; a second one is told that the claim is lost", async () => {
      const result = { outcome: "done", fields: { note: "x" } };

      expect(await tell("box-1-abc-1.result", JSON.stringify(result))).toEqual({ ok: true });
      expect(await tell("box-1-abc-1.result", '{"outcome":"failed"}')).toMatchObject({
        ok: false,
        code: 409,
        header: 409,
      });

      expect(open.get("box-1-abc-1")).toEqual(result);
    });

    it("renews its lease until then", async () => {
      expect(await tell("box-1-abc-1.renew")).toEqual({ ok: true });

      await tell("box-1-abc-1.result", '{"outcome":"done"}');

      expect(await tell("box-1-abc-1.renew")).toMatchObject({
        code: 409,
        header: 409,
        error: expect.stringContaining("claim is lost"),
      });
    });

    it("is told when nobody knows its run", async () => {
      expect(await tell("other.renew")).toMatchObject({ code: 409 });
      expect(await tell("other.result", '{"outcome":"done"}')).toMatchObject({ code: 409 });
    });

    it("may have a run with any name", async () => {
      expect(await tell("a=2Eb=20=2A.result", '{"outcome":"retry"}')).toEqual({ ok: true });
      expect(open.get("a.b *")).toEqual({ outcome: "retry" });
    });

    it.each([
      ["no JSON", "done", /^its result: not JSON/],
      ["no outcome", "{}", /got no outcome/],
      ["too much", "x".repeat(limits.resultBytes + 1), /at most/],
    ])("has failed when its result is %s, and is told so", async (_, body, detail) => {
      expect(await tell("box-1-abc-1.result", body)).toMatchObject({ ok: false, code: 400, header: 400 });
      expect(open.get("box-1-abc-1")).toEqual({ outcome: "failed", detail: expect.stringMatching(detail) });
    });

    it("is told when the run's name is not encoded", async () => {
      expect(await tell("a=2eb.renew")).toMatchObject({ code: 400 });
    });

    it("may bring its result without asking for an answer", async () => {
      bus.publish(`${BASE}.runs.box-1-abc-1.result`, Buffer.from('{"outcome":"done"}'));
      await bus.flush();
      await tell("box-1-abc-1.renew");

      expect(open.get("box-1-abc-1")).toEqual({ outcome: "done" });
    });

    it("is told of a fault of ours, and so are we", async () => {
      runs.close();
      const broken = openRuns(bus, BASE, {
        report: () => Promise.reject(new Error("disk full")),
        renew: () => true,
        onError: (error) => errors.push(error),
      });
      await bus.flush();

      expect(await tell("box-1-abc-1.result", '{"outcome":"done"}')).toMatchObject({ code: 500, header: 500 });
      expect(errors).toEqual([new Error("disk full")]);
      broken.close();
    });

    it("finds nobody when the place is closed", async () => {
      runs.close();
      await bus.flush();

      await expect(tell("box-1-abc-1.renew")).rejects.toThrow(/nobody listens|no responders/i);
    });
  });
}
