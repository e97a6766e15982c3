import type { ServerResponse } from "node:http";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { MemoryBus } from "../../../runtime/bus/memory.ts";
import { ManualClock } from "../../../runtime/clock.ts";
import { limits } from "../../../runtime/limits.ts";
import type { Notice } from "../../../runtime/runs/job.ts";
import { openWebhook, type Webhook } from "../../../runtime/runs/webhook.ts";
import { type Answer, deadUrl, HttpService, hangUp, silence, text } from "../../support/http-service.ts";

const BASE = "aisle.pipeline.box-1";
const NOTICE: Notice = {
  ...{ at: "2026-03-01T00:00:00.000Z", site: "pipeline", place: "box-1", host: "box-1", page: "samples", key: "a" },
  ...{ keys: { sample: "a" }, goal: "taskA", run: "r1", attempt: 1, outcome: "failed", detail: "exit 3", log: "" },
};

let bus: MemoryBus;
let clock: ManualClock;
let lost: string[];
/** Calls that have no answer yet. */
let asking: number;

beforeEach(() => {
  bus = new MemoryBus();
  clock = new ManualClock();
  lost = [];
  asking = 0;
});

const counted: typeof fetch = async (input, init) => {
  asking++;
  try {
    return await fetch(input, init);
  } finally {
    asking--;
  }
};

/** Time passes while nobody is asked: what is asked has all its time. */
const wait = (ms: number) => {
  if (asking === 0) clock.advance(ms);
};

function open(url: string): Webhook {
  const webhook = openWebhook({
    url,
    bus,
    base: BASE,
    clock,
    fetch: counted,
    random: () => 0,
    onLost: (why) => lost.push(why),
  });
  onTestFinished(async () => {
    const closed = webhook.close();
    clock.advance(limits.drainMs);
    await closed;
  });
  return webhook;
}

const tell = async (...details: string[]) => {
  for (const detail of details) bus.publish(`${BASE}.notices`, Buffer.from(JSON.stringify({ ...NOTICE, detail })));
  await bus.flush();
};
const until = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 5 });
const detailsOf = (service: HttpService) => service.asked.map(({ body }) => JSON.parse(body).detail);

/** One answer after the other; the last one stays. */
const inTurn = (...answers: Answer[]): Answer => {
  let next = 0;
  return (asked, response) => answers[Math.min(next++, answers.length - 1)]!(asked, response);
};

describe("a webhook", () => {
  it("gets each notice as JSON, with a sentence that chats show", async () => {
    const service = await HttpService.start(text("ok"));
    const webhook = open(`${service.url}/hooks/s3cr3t?key=s3cr3t`);

    await tell("exit 3");
    await until(() => expect(webhook.stats().posted).toBe(1));

    const [{ method, url, headers, body }] = service.asked as [HttpService["asked"][number]];
    expect([method, url, headers["content-type"]]).toEqual(["POST", "/hooks/s3cr3t?key=s3cr3t", "application/json"]);
    expect(JSON.parse(body)).toEqual({ text: "'taskA' of samples a failed on box-1, run 1: exit 3", ...NOTICE });
  });

  it("gets them in order, one at a time", async () => {
    const held: ServerResponse[] = [];
    const service = await HttpService.start((_, response) => void held.push(response));
    const webhook = open(service.url);

    await tell("one", "two", "three");
    for (let count = 1; count <= 3; count++) {
      await until(() => expect(held.length).toBe(count));
      expect(webhook.stats()).toEqual({ posted: count - 1, lost: 0, waiting: 4 - count });
      held[count - 1]!.writeHead(204).end();
    }

    await until(() => expect(webhook.stats()).toEqual({ posted: 3, lost: 0, waiting: 0 }));
    expect(detailsOf(service)).toEqual(["one", "two", "three"]);
  });

  it("is told user and password in a header", async () => {
    const service = await HttpService.start(text("ok"));
    const webhook = open(service.url.replace("//", "//ann:p%40ss@"));

    await tell("exit 3");
    await until(() => expect(webhook.stats().posted).toBe(1));

    expect(service.asked[0]!.headers.authorization).toBe(`Basic ${Buffer.from("ann:p@ss").toString("base64")}`);
  });

  it.each([
    ["500", text("", 500)],
    ["503", text("", 503)],
    ["429", text("", 429)],
    ["408", text("", 408)],
    ["a closed connection", hangUp],
  ])("that answers with %s is asked again, after a pause", async (_, answer) => {
    const service = await HttpService.start(inTurn(answer, text("ok")));
    const webhook = open(service.url);

    await tell("exit 3");
    await until(() => expect(service.asked.length).toBe(1));
    await until(() => {
      wait(limits.webhookRetryMs);
      expect(webhook.stats()).toEqual({ posted: 1, lost: 0, waiting: 0 });
    });

    expect(service.asked.length).toBe(2);
  });

  it("may say when to ask again", async () => {
    const later: Answer = (_, response) => void response.writeHead(429, { "retry-after": "120" }).end();
    const service = await HttpService.start(inTurn(later, text("ok")));
    const webhook = open(service.url);
    await tell("exit 3");
    await until(() => expect(service.asked.length).toBe(1));
    await until(() => expect(asking).toBe(0));
    await new Promise((done) => setImmediate(done));

    clock.advance(119_999);
    expect(asking).toBe(0);
    clock.advance(1);

    await until(() => expect(webhook.stats().posted).toBe(1));
  });

  it("that does not answer in time is asked again", async () => {
    const service = await HttpService.start(inTurn(silence, text("ok")));
    const webhook = open(service.url);

    await tell("exit 3");
    await until(() => expect(service.asked.length).toBe(1));
    clock.advance(limits.webhookMs);

    await until(() => {
      wait(limits.webhookRetryMs);
      expect(webhook.stats().posted).toBe(1);
    });
  });

  it("that never takes a notice loses it after so many tries, and gets the next one", async () => {
    const service = await HttpService.start((asked, response) =>
      response.writeHead(JSON.parse(asked.body).detail === "bad" ? 500 : 200).end(),
    );
    const webhook = open(`${service.url}/s3cr3t`);

    await tell("bad", "good");
    await until(() => {
      wait(limits.webhookRetryMaxMs);
      expect(webhook.stats()).toEqual({ posted: 1, lost: 1, waiting: 0 });
    });

    expect(detailsOf(service)).toEqual([...Array(limits.webhookTries).fill("bad"), "good"]);
    expect(lost).toEqual([`notice not posted to ${new URL(service.url).host}: it answered 500`]);
  });

  it.each([
    ["404", text("", 404)],
    ["401", text("", 401)],
    ["a redirect", text("", 302)],
  ])("that answers with %s is not asked again", async (_, answer) => {
    const service = await HttpService.start(answer);
    const webhook = open(service.url);

    await tell("exit 3");
    await until(() => expect(webhook.stats()).toEqual({ posted: 0, lost: 1, waiting: 0 }));

    expect(service.asked.length).toBe(1);
  });

  it("where nobody listens loses notices, and tells nothing of its address but the host", async () => {
    const url = await deadUrl();
    const webhook = open(`${url.replace("//", "//ann:s3cr3t@")}/s3cr3t?s3cr3t`);

    await tell("exit 3");
    await until(() => {
      wait(limits.webhookRetryMaxMs);
      expect(webhook.stats().lost).toBe(1);
    });

    expect(lost[0]).toMatch(/ECONNREFUSED/);
    expect(lost.join()).not.toContain("s3cr3t");
  });

  it("that is slow has so many notices wait; those beyond are counted as lost", async () => {
    const service = await HttpService.start(silence);
    const webhook = open(service.url);

    await tell(...Array.from({ length: limits.webhookQueue + 2 }, (_, i) => `${i}`));

    expect(webhook.stats()).toEqual({ posted: 0, lost: 2, waiting: limits.webhookQueue });
    expect(lost.at(-1)).toMatch(/1000 others wait/);
  });

  it("passes over what is no notice", async () => {
    const service = await HttpService.start(text("ok"));
    const webhook = open(service.url);

    for (const junk of ["", "{", "null", "{}"]) bus.publish(`${BASE}.notices`, Buffer.from(junk));
    await tell("exit 3");
    await until(() => expect(webhook.stats()).toEqual({ posted: 1, lost: 4, waiting: 0 }));

    expect(service.asked.length).toBe(1);
  });

  it("gets what waits when the place stops, and nothing afterwards", async () => {
    const service = await HttpService.start(inTurn(text("", 500), text("ok")));
    const webhook = open(service.url);
    await tell("one", "two");
    await until(() => expect(service.asked.length).toBe(1));

    await webhook.close();
    await tell("three");

    expect(webhook.stats()).toMatchObject({ waiting: 0 });
    expect(new Set(detailsOf(service))).toEqual(new Set(["one", "two"]));
  });

  it.each(["", "nonsense", "ftp://host/x", "http://a%zz:b@host/", "http://:b%zz@host/"])(
    "is refused when its address is %j",
    (url) => {
      expect(() => open(url)).toThrow(expect.objectContaining({ code: "invalid" }));
    },
  );
});
