import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ManualClock } from "../../../runtime/clock.ts";
import { Dedupe } from "../../../runtime/dedupe.ts";
import { AisleError } from "../../../runtime/errors.ts";
import { ACTIONS } from "../../../runtime/events.ts";
import { accessOf, createApp } from "../../../runtime/http/app.ts";
import { Bodies } from "../../../runtime/http/body.ts";
import type { Inbound } from "../../../runtime/http/ports.ts";
import { rawEvents } from "../../../runtime/http/raw-events.ts";
import { type Listening, serve } from "../../../runtime/http/server.ts";
import { EventIngest, type Refused } from "../../../runtime/ingest.ts";
import type { Ack } from "../../../runtime/intake/ack.ts";
import { acceptAt } from "../../../runtime/intake/answers.ts";
import { Intake } from "../../../runtime/intake/intake.ts";
import { NOW, readerOf, SITES } from "../../support/intake.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";
import { MemoryPorts } from "../../support/ports.ts";

const http = { host: "127.0.0.1", port: 0, auth: "token" as const, token: "secret", mock: false };
const EXIT = { type: "exit", id: 7, ts: NOW / 1_000 };
const lines = (...events: object[]) => events.map((event) => JSON.stringify(event)).join("\n");

/** The same place twice: with and without the way past the app. */
class Side {
  readonly clock = new ManualClock(NOW);
  readonly journal = new MemoryJournal(this.clock);
  readonly letters: Refused[] = [];
  readonly counted: string[] = [];
  readonly ports = new MemoryPorts();
  readonly replicated: number[] = [];
  /** The hub doesn't have it in time. */
  isHubAway = false;
  /** Requests that went past the app. */
  past = 0;
  listening!: Listening;
  backlog = 0;

  async open(isRaw: boolean, hears: (type: string) => boolean): Promise<this> {
    const site = SITES[0]!;
    const pending = new Map();
    const shared = {
      ...{ journal: this.journal, clock: this.clock, dedupe: new Dedupe(1_000), pending },
      backlog: () => this.backlog,
      count: (outcome: string, type: string, many = 1) =>
        void this.counted.push(...Array(many).fill(`${outcome} ${type}`)),
      letters: { hasRoom: () => true },
    };
    const ingest = new EventIngest({ ...shared, reader: readerOf(site), refuse: (each) => this.letters.push(each) });
    const replicated = async (seq: number) => {
      if (this.isHubAway) throw new AisleError("unavailable", "the hub has not confirmed it in time");
      this.replicated.push(seq);
    };
    const gate = { ...site, actions: ACTIONS, hears };
    const intake = new Intake({ ...shared, gate, base: "aisle.s.p", ingest, replicated, lost: () => {} });
    const ports = Object.assign(this.ports, {
      ingest: {
        hasHub: true,
        accept: async (inbound: Inbound, ack: Ack = "durable") =>
          acceptAt(ack, ingest.take(inbound), { replicated, lost: intake.lost }, () => this.journal.lastSeq),
        refused: (inbound: Inbound, code: string, detail: string) => ingest.refused(inbound, code, detail),
      },
    });
    const about = { site: "s", place: "p", version: "0", departments: [] };
    const faces = { http, about, clock: this.clock, bodies: new Bodies() };
    const raw = rawEvents({ ...ports, ...faces, intake, access: accessOf(faces) });
    const counting: typeof raw = (incoming, outgoing) => {
      const isTaken = raw(incoming, outgoing);
      if (isTaken) this.past++;
      return isTaken;
    };
    this.listening = await serve(
      createApp(ports, faces),
      { host: "127.0.0.1", port: 0 },
      isRaw ? { raw: counting } : {},
    );
    return this;
  }

  async post(path: string, body: string | Uint8Array, headers: Record<string, string> = {}) {
    const response = await fetch(`${this.listening.url}${path}`, { method: "POST", body: body as string, headers });
    const { status } = response;
    const kept = ["content-type", "retry-after", "cache-control"].map((name) => response.headers.get(name));
    return { status, kept, text: await response.text() };
  }

  /** What a request left behind, but for its times. */
  left() {
    return {
      entries: this.journal.disk.entries.map(({ seq: _, payload, value: __, ...rest }) => [
        rest,
        Buffer.from(payload).toString(),
      ]),
      letters: this.letters.map(({ payload, ...rest }) => [rest, Buffer.from(payload).toString()]),
      counted: this.counted.toSorted(),
      observed: this.ports.observed.map(({ route, status }) => [route, status]),
    };
  }
}

const REQUESTS: [string, string, string | Uint8Array, Record<string, string>, boolean][] = [
  ["one event", "/events", JSON.stringify(EXIT), { "content-type": "application/json" }, true],
  ["one event of no content type", "/events", Buffer.from(JSON.stringify(EXIT)), {}, true],
  ["lines", "/events", lines(EXIT, { ...EXIT, id: 8 }), { "content-type": "application/x-ndjson" }, true],
  ["an array, with white space", "/events", ` [ ${JSON.stringify(EXIT)} ,\n {"type":"LEAVE","id":"9"} ]\n`, {}, true],
  [
    "events with ids, some twice",
    "/events",
    lines(...["a", "b", "a"].map((id) => ({ ...EXIT, event_id: id }))),
    {},
    true,
  ],
  ["an id that comes again", "/events", lines({ ...EXIT, event_id: "b" }), {}, true],
  ["an id that comes with other bytes", "/events", lines({ ...EXIT, id: 5, event_id: "b" }, EXIT), {}, true],
  ["a traceparent", "/events", lines(EXIT), { traceparent: "00-abc-def-01" }, true],
  ["an event that the board hears", "/events", lines(EXIT, { ...EXIT, type: "entry" }, EXIT), {}, true],
  ["an event that is none", "/events", lines(EXIT, { type: "exit" }, EXIT), {}, true],
  ["nothing of use", "/events", lines({ type: "shoes", id: 7 }), {}, true],
  ["a body that breaks off", "/events", `[${JSON.stringify(EXIT)},`, {}, true],
  ["no events", "/events", "[]", {}, true],
  ["white space", "/events", "  ", {}, true],
  [
    "an event from afar, with its source",
    "/events",
    lines({ specversion: "1.0", type: "exit", id: "1", source: "/t", data: { customer_id: 7 } }),
    {},
    true,
  ],
  ["a level by header", "/events", lines(EXIT), { "aisle-ack": "Received" }, true],
  ["a level by query", "/events?ack=replicated", lines(EXIT), {}, true],
  ["a level that there isn't", "/events?ack=durabel", lines(EXIT), {}, false],
  ["a content type that isn't taken", "/events", lines(EXIT), { "content-type": "text/csv" }, false],
  [
    "a content type with a charset",
    "/events",
    lines(EXIT),
    { "content-type": "application/json; charset=utf-8" },
    true,
  ],
  ["an idempotency key", "/events", lines(EXIT), { "idempotency-key": "k" }, false],
  [
    "a binary CloudEvent",
    "/events",
    '{"customer_id":7}',
    { "ce-specversion": "1.0", "ce-type": "exit", "ce-id": "7" },
    false,
  ],
  ["no body", "/events", "", {}, false],
  ["a type in the path", "/events/exit", lines({ id: 7 }), {}, false],
  ["another host", "/events", lines(EXIT), { origin: "https://elsewhere.example" }, false],
  [
    "another host, with the token",
    "/events",
    lines(EXIT),
    { origin: "https://elsewhere.example", authorization: "Bearer secret" },
    true,
  ],
  ["a parameter that means nothing", "/events?x=1", lines(EXIT), {}, false],
];

describe.each<[string, (type: string) => boolean]>([
  ["some types", (type) => type === "entry"],
  ["every type", () => true],
  ["no type", () => false],
])("POST /events past the app, where the board hears %s,", (_, hears) => {
  let raw: Side;
  let app: Side;

  beforeAll(async () => {
    raw = await new Side().open(true, hears);
    app = await new Side().open(false, hears);
  });

  afterAll(async () => {
    await raw.listening.close();
    await app.listening.close();
  });

  it.each(["entry", "exit"])(
    "takes an event in as bytes only where the board hears nothing of it: %s",
    async (type) => {
      await raw.post("/events", lines({ ...EXIT, type }));
      await app.post("/events", lines({ ...EXIT, type }));

      const { disk, lastSeq } = raw.journal;
      expect(disk.plain.has(lastSeq)).toBe(!hears(type));
    },
  );

  it.each(REQUESTS)("answers %s as the app does", async (_, path, body, headers, isPast) => {
    const before = raw.past;

    const answers = [await raw.post(path, body, headers), await app.post(path, body, headers)];

    expect(answers[0]).toEqual(answers[1]);
    expect(raw.left()).toEqual(app.left());
    expect(raw.past - before).toBe(isPast ? 1 : 0);
  });

  it("says what else a level could be", async () => {
    const { status, text } = await raw.post("/events", lines(EXIT), { "aisle-ack": "replicate" });

    expect(status).toBe(400);
    expect(JSON.parse(text).detail).toContain("did you mean 'replicated'?");
  });

  it("answers 429 when too much waits for decisions, and says when to come again", async () => {
    raw.backlog = app.backlog = Number.POSITIVE_INFINITY;
    const answers = [await raw.post("/events", lines(EXIT)), await app.post("/events", lines(EXIT))];
    raw.backlog = app.backlog = 0;

    expect(answers[0]).toEqual(answers[1]);
    expect(answers[0]).toMatchObject({ status: 429, kept: ["application/problem+json", "1", "no-store"] });
  });

  it("answers 503 when the journal takes no more", async () => {
    for (const { journal } of [raw, app]) journal.failNext(new AisleError("unavailable", "the disk is away"));
    const answers = [await raw.post("/events", lines(EXIT)), await app.post("/events", lines(EXIT))];

    expect(answers[0]).toEqual(answers[1]);
    expect(answers[0]!.status).toBe(503);
  });

  it("answers a level of `received` before it is on disk, `durable` after", async () => {
    raw.journal.hold();
    const received = await raw.post("/events?ack=received", lines(EXIT));
    const before = raw.journal.disk.entries.length;
    const durable = raw.post("/events", lines(EXIT));
    const first = await Promise.race([durable, new Promise((resolve) => setTimeout(resolve, 50, "not yet"))]);
    raw.journal.release();

    expect([received.status, first, (await durable).status]).toEqual([202, "not yet", 202]);
    expect(raw.journal.disk.entries.length).toBe(before + 2);
  });

  it("keeps headers apart that come with bodies of one commit", async () => {
    const before = raw.journal.disk.entries.length;
    raw.journal.hold();
    const bodies = Array.from({ length: 300 }, (_, i) => raw.post("/events", lines(EXIT), { traceparent: `00-${i}` }));
    await new Promise((resolve) => setTimeout(resolve, 300));
    raw.journal.release();
    await Promise.all(bodies);
    const seen = raw.journal.disk.entries.slice(before).map(({ headers }) => headers.traceparent);

    expect(seen.toSorted()).toEqual(Array.from({ length: 300 }, (_, i) => `00-${i}`).toSorted());
  });

  it("answers `replicated` when the hub has it", async () => {
    await raw.post("/events?ack=replicated", lines(EXIT, EXIT));

    expect(raw.replicated.at(-1)).toBe(raw.journal.lastSeq);
  });

  it.each([
    ["an event", [EXIT]],
    ["several", [EXIT, EXIT]],
    ["one that the board hears", [{ ...EXIT, type: "entry" }]],
  ])("answers 202, and says so, when %s is on disk and the hub doesn't have it in time", async (_, events) => {
    raw.isHubAway = app.isHubAway = true;
    const post = (side: Side) => side.post("/events?ack=replicated", lines(...events));
    const answers = [await post(raw), await post(app)];
    raw.isHubAway = app.isHubAway = false;

    expect(answers[0]).toEqual(answers[1]);
    expect(answers[0]).toMatchObject({ status: 202, kept: ["application/json", null, null] });
    const short = { level: "durable", detail: "the hub has not confirmed it in time" };
    expect(JSON.parse(answers[0]!.text)).toEqual({ accepted: events.length, duplicate: 0, rejected: [], ...short });
  });

  it("keeps what came of a request that is cut off", async () => {
    const before = raw.letters.length;
    const { port } = raw.listening;
    const socket = connect(port, "127.0.0.1");
    socket.write(`POST /events HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n${lines(EXIT)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    socket.destroy();
    while (raw.letters.length === before) await new Promise((resolve) => setTimeout(resolve, 5));

    expect(raw.letters.at(-1)).toMatchObject({ code: "cut-off", payload: Buffer.from(lines(EXIT)) });
  });
});
