import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../runtime/clock.ts";
import { createApp } from "../../../runtime/http/app.ts";
import { type Listening, serve } from "../../../runtime/http/server.ts";
import { LOOPBACK, type TestApp, testApp } from "../../support/http.ts";
import { MemoryPorts } from "../../support/ports.ts";

interface Message {
  id: number;
  event: string;
  data: { seq: number; customer: string };
}

/** Reads a stream of server-sent events message by message; comments are counted. */
class Reader {
  comments = 0;
  #rest = "";
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  readonly #messages: Message[] = [];

  constructor(response: Response) {
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    this.#reader = response.body!.getReader();
  }

  async take(count: number): Promise<Message[]> {
    while (this.#messages.length < count) if (!(await this.#more())) break;
    return this.#messages.splice(0, count);
  }

  async untilComment(): Promise<void> {
    const before = this.comments;
    while (this.comments === before && (await this.#more()));
  }

  /** What is left until the stream ends. */
  async rest(): Promise<Message[]> {
    while (await this.#more());
    return this.#messages.splice(0);
  }

  cancel(): Promise<void> {
    return this.#reader.cancel();
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#reader.read();
    if (done) return false;
    const parts = (this.#rest + this.#decoder.decode(value, { stream: true })).split("\n\n");
    this.#rest = parts.pop()!;
    for (const part of parts) {
      if (part.startsWith(":")) this.comments++;
      if (!part.includes("data: ")) continue;
      const [, id, event, data] = /^id: (\d+)\nevent: (\w+)\ndata: (.+)$/.exec(part)!;
      this.#messages.push({ id: Number(id), event: event!, data: JSON.parse(data!) });
    }
    return true;
  }
}

const seqs = (messages: Message[]) => messages.map(({ id }) => id);

describe("a stream, without a server", () => {
  let at: TestApp;

  beforeEach(() => {
    at = testApp({ limits: { streams: 3, streamQueue: 10, streamBeatMs: 1_000 } });
  });

  const open = async (path = "/offers/stream", headers: Record<string, string> = {}) =>
    new Reader(await at.app.request(path, { headers }));

  it("sends each decision with its sequence", async () => {
    const stream = await open();
    const [first] = [at.ports.decide("7")];

    const [message] = await stream.take(1);

    expect(message).toMatchObject({
      id: first.seq,
      event: "decision",
      data: { seq: first.seq, decision: first.decision.id, customer: "7", offers: [{ coupon: "1" }], none: null },
    });
  });

  it("sends decisions that offer nothing too, with the reason", async () => {
    const stream = await open();
    at.ports.decide("7", "Men");

    expect(await stream.take(1)).toMatchObject([{ data: { offers: [], none: { reason: "below-threshold" } } }]);
  });

  it("begins with what stands, oldest first", async () => {
    at.ports.decide("7");
    at.ports.decide("8");

    const stream = await open();
    at.ports.decide("9");

    expect(seqs(await stream.take(3))).toEqual([2, 4, 6]);
  });

  it("keeps to one customer", async () => {
    at.ports.decide("7");
    at.ports.decide("8");

    const stream = await open("/offers/7/stream");
    at.ports.decide("8");
    at.ports.decide("7");

    expect((await stream.take(2)).map(({ data }) => data.customer)).toEqual(["7", "7"]);
  });

  it.each([
    ["the header", "/offers/stream", { "last-event-id": "4" }],
    ["the query", "/offers/stream?lastEventId=4", {}],
  ])("resumes by %s, in as many pages as it takes", async (_, path, headers) => {
    for (let i = 0; i < 9; i++) at.ports.decide("7"); // sequences 2, 4 … 18, three to a page

    const stream = await open(path, headers as Record<string, string>);
    const replayed = await stream.take(7);
    at.ports.decide("7");

    expect(seqs([...replayed, ...(await stream.take(1))])).toEqual([6, 8, 10, 12, 14, 16, 18, 20]);
  });

  it("resumes from 0 with everything", async () => {
    at.ports.decide("7", "Men");

    expect(seqs(await (await open("/offers/stream?lastEventId=0")).take(1))).toEqual([2]);
  });

  it("neither loses nor repeats what is decided while it catches up", async () => {
    at.ports.decide("7");
    at.ports.decide("7");
    const since = at.ports.offers.since;
    let late = 3;
    Object.assign(at.ports.offers, {
      since: (customer: string | null, seq: number) => {
        const page = since(customer, seq);
        if (late-- > 0) at.ports.decide("7"); // committed right after the page was read
        return page;
      },
    });

    const stream = await open("/offers/stream?lastEventId=0");
    const messages = await stream.take(5);
    at.ports.decide("7");

    expect(seqs([...messages, ...(await stream.take(1))])).toEqual([2, 4, 6, 8, 10, 12]);
  });

  it("drops a live decision that the journal already gave", async () => {
    const { seq } = at.ports.decide("7");
    const stream = await open("/offers/stream?lastEventId=0");
    await stream.take(1);
    at.ports.announce(seq);
    at.ports.decide("7");

    expect(seqs(await stream.take(1))).toEqual([4]);
  });

  it.each(["-1", "x", "1.5", "1e3", "9".repeat(16)])("refuses to resume from '%s'", async (id) => {
    const response = await at.app.request("/offers/stream", { headers: { "last-event-id": id } });

    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errors: [{ pointer: "/lastEventId" }] });
  });

  it("says that it is there while nothing happens", async () => {
    const stream = await open();

    at.clock.advance(1_000);
    await stream.untilComment();
    at.clock.advance(1_000);
    await stream.untilComment();

    expect(stream.comments).toBe(2);
  });

  it("cuts off a client that doesn't read, which may resume", async () => {
    const response = await at.app.request("/offers/stream");

    for (let i = 0; i < 12; i++) at.ports.decide("7");

    expect(at.ports.followers).toBe(0);
    await expect(response.body!.getReader().read()).rejects.toThrow(/too slowly/);
    expect(seqs(await (await open("/offers/stream?lastEventId=20")).take(2))).toEqual([22, 24]);
  });

  it("gives its place back when the client leaves", async () => {
    const streams = [await open(), await open(), await open()];
    const refused = await at.app.request("/offers/stream");
    await streams[0]!.cancel();

    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBe("1");
    expect(at.ports.followers).toBe(2);
    await open();
  });

  it("ends and tells the log when the journal can't be read", async () => {
    at.ports.offers.since = () => {
      throw new Error("entry 7 is corrupt");
    };

    const response = await at.app.request("/offers/stream?lastEventId=0");

    await expect(new Reader(response).rest()).rejects.toThrow();
    expect(at.ports.logged).toHaveLength(1);
  });
});

describe("a stream, over a socket", () => {
  let ports: MemoryPorts;
  let server: Listening;

  beforeEach(async () => {
    ports = new MemoryPorts();
    const about = { site: "store", place: "here", version: "0" };
    const app = createApp(ports, { http: LOOPBACK, about, clock: systemClock, limits: { streamQueue: 100 } });
    server = await serve(app, { host: "127.0.0.1", port: 0 });
  });

  afterEach(() => server.close());

  const open = async (path = "/offers/stream") => new Reader(await fetch(server.url + path));
  const until = async (holds: () => boolean) => {
    while (!holds()) await sleep(2);
  };

  it("arrives as it is decided", async () => {
    const stream = await open();
    for (let i = 1; i <= 3; i++) {
      ports.decide("7");
      expect(seqs(await stream.take(1))).toEqual([2 * i]);
    }
    await stream.cancel();
  });

  it("stops following when the client goes", async () => {
    const stream = await open();
    await until(() => ports.followers === 1);

    await stream.cancel();

    await until(() => ports.followers === 0);
  });

  it("ends when the server closes, after what was decided", async () => {
    const stream = await open();
    await until(() => ports.followers === 1);
    ports.decide("7");
    ports.decide("7");

    const closed = server.close();

    expect(seqs(await stream.rest())).toEqual([2, 4]);
    await closed;
    expect(ports.followers).toBe(0);
  });

  it("is cut off by a client that doesn't read, and everybody else goes on", async () => {
    const slow = await fetch(`${server.url}/offers/stream`);
    const quick = await open();
    await until(() => ports.followers === 2);

    let sent = 0;
    while (ports.followers === 2) {
      for (let i = 0; i < 50; i++, sent++) ports.decide("7");
      await quick.take(50);
    }

    await expect(new Reader(slow).rest()).rejects.toThrow();
    ports.decide("7");
    expect(seqs(await quick.take(1))).toEqual([2 * (sent + 1)]);
    await quick.cancel();
  });
});
