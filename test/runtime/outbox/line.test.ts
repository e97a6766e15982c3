import { describe, expect, it } from "vitest";
import { MemoryBus } from "../../../runtime/bus/memory.ts";
import { ManualClock } from "../../../runtime/clock.ts";
import { type Ack, Line, type LinePorts } from "../../../runtime/outbox/line.ts";
import type { Owed } from "../../../runtime/outbox/owed.ts";

const owed = (id: string, port: Owed["port"] = "offers"): Owed => {
  return { port, subject: `box.${port}`, id, payload: Buffer.from("x") };
};

function lineWith(ack: Ack, learned = () => {}, kept: LinePorts["kept"] = () => {}) {
  const bus = new MemoryBus();
  const clock = new ManualClock(1_000);
  const line = new Line({ bus, clock, ack, learned, kept });
  const settled: [id: string, why: string | null][] = [];
  const send = (id: string, port?: Owed["port"]) => line.send(owed(id, port), (why) => settled.push([id, why]));
  /** Until everything is said that is said without time passing. */
  const quiet = async () => {
    for (let turn = 0; turn < 5; turn++) {
      await bus.flush();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  /** As a stream on the subject. */
  const keep = (answer: (id: string) => object | null) =>
    bus.subscribe("box.offers", (message) => {
      const said = answer(message.headers["Nats-Msg-Id"]!);
      if (said !== null && message.wantsReply) message.respond(Buffer.from(JSON.stringify(said)));
    });
  return { bus, clock, line, settled, send, quiet, keep };
}

describe("the word that a message has arrived", () => {
  it("is the bus's where nobody listens", async () => {
    const { send, settled, quiet, line } = lineWith("auto");

    send("1");
    await quiet();

    expect(settled).toEqual([["1", null]]);
    expect(line.isStream("offers")).toBe(false);
  });

  it("is the stream's where one listens, for each port by itself", async () => {
    const { send, settled, quiet, line, keep } = lineWith("auto");
    keep((id) => ({ stream: "S", seq: Number(id) }));

    send("1");
    send("2", "predictions");
    await quiet();

    expect(settled.sort()).toEqual([
      ["1", null],
      ["2", null],
    ]);
    expect([line.isStream("offers"), line.isStream("predictions")]).toEqual([true, false]);
  });

  it("is no stream's when it has an error", async () => {
    const { send, settled, quiet, keep } = lineWith("auto");
    keep(() => ({ error: { code: 503, description: "insufficient resources" }, stream: "S", seq: 0 }));

    send("1");
    await quiet();

    expect(settled).toEqual([["1", "the stream says: insufficient resources"]]);
  });

  it("never comes where the message is larger than the stream takes; from a full one it may", async () => {
    const { line, quiet, keep } = lineWith("auto");
    const errors: Record<string, object> = {
      large: { code: 400, err_code: 10054, description: "message size exceeds maximum allowed" },
      full: { code: 503, err_code: 10077, description: "maximum messages exceeded" },
    };
    keep((id) => ({ error: errors[id], stream: "S", seq: 0 }));
    const settled: unknown[] = [];

    for (const id of ["large", "full"]) line.send(owed(id), (why, isLost) => settled.push([id, why, isLost]));
    await quiet();

    expect(settled).toEqual([
      ["large", "the stream says: message size exceeds maximum allowed", true],
      ["full", "the stream says: maximum messages exceeded", false],
    ]);
  });

  it("is the bus's, after a while, where those who listen keep nothing, and a stream's again once there is one", async () => {
    const { send, settled, quiet, clock, keep, line } = lineWith("auto");
    const listener = keep(() => null);
    send("1");
    await quiet();
    expect(settled).toEqual([]);
    clock.advance(2_000);
    send("2");
    await quiet();
    expect(settled).toEqual([
      ["1", null],
      ["2", null],
    ]);

    listener.unsubscribe();
    keep((id) => ({ stream: "S", seq: Number(id) }));
    clock.advance(60_000);
    send("3");
    await quiet();

    expect(settled.at(-1)).toEqual(["3", null]);
    expect(line.isStream("offers")).toBe(true);
  });

  it("is missing when a stream that was there says nothing any more", async () => {
    const { send, settled, quiet, clock, keep, line } = lineWith("auto");
    let isSilent = false;
    keep((id) => (isSilent ? null : { stream: "S", seq: Number(id) }));
    send("1");
    await quiet();
    isSilent = true;

    send("2");
    await quiet();
    clock.advance(7_000);

    const gone = "the stream that kept 'offers' can't be reached: no stream has confirmed what came on 'box.offers'";
    expect(settled.at(-1)).toEqual(["2", `${gone}; set 'bus.outbox.ack: server' if there is none any more`]);
    expect(line.isStream("offers")).toBe(true);
  });

  it("stays missing, however often it is tried, while a stream that was there can't be reached", async () => {
    const { send, settled, quiet, clock, keep, line } = lineWith("auto");
    const stream = keep((id) => ({ stream: "S", seq: Number(id) }));
    send("1");
    await quiet();
    stream.unsubscribe();

    for (const listens of [false, true, true]) {
      const listener = listens ? keep(() => null) : null;
      send("2");
      await quiet();
      clock.advance(70_000);
      await quiet();
      listener?.unsubscribe();
    }
    keep((id) => ({ stream: "S", seq: Number(id) }));
    send("2");
    await quiet();

    const why = (said: string) => expect.stringContaining(`the stream that kept 'offers' can't be reached: ${said}`);
    expect(settled).toEqual([
      ["1", null],
      ["2", why("no stream listens on")],
      ["2", why("no stream has confirmed")],
      ["2", why("no stream has confirmed")],
      ["2", null],
    ]);
    expect(line.streams).toEqual(["offers"]);
  });

  it("is a stream's from the beginning where one was known before, unless the site says that there is none", async () => {
    const auto = lineWith("auto");
    auto.line.remember("offers");
    auto.send("1");
    auto.send("2", "predictions");
    await auto.quiet();
    expect(auto.settled.sort()).toEqual([
      ["1", expect.stringContaining("no stream listens on 'box.offers'")],
      ["2", null],
    ]);

    const server = lineWith("server");
    server.line.remember("offers");
    server.send("1");
    await server.quiet();
    expect(server.settled).toEqual([["1", null]]);
    expect(server.line.streams).toEqual([]);
  });

  it("makes the stream known at once, also when it has no room", async () => {
    let learned = 0;
    const { send, quiet, keep, line } = lineWith("auto", () => learned++);
    keep(() => ({ error: { code: 503, description: "insufficient resources" }, stream: "S", seq: 0 }));

    send("1");
    send("2");
    await quiet();

    expect([learned, line.streams]).toEqual([1, ["offers"]]);
  });

  it("names the stream and its domain, where it has kept the message", async () => {
    const kept: unknown[] = [];
    const { send, quiet, keep } = lineWith("auto", undefined, (keeper) => kept.push(keeper));
    const more: Record<string, object> = { 1: {}, 2: { domain: "hub" }, 3: { error: { description: "full" } } };
    keep((id) => ({ stream: "S", seq: Number(id), ...more[id] }));

    for (const id of Object.keys(more)) send(id);
    await quiet();

    expect(kept).toEqual([
      { stream: "S", domain: null },
      { stream: "S", domain: "hub" },
    ]);
  });

  it("is only a stream's where the site says so", async () => {
    const { send, settled, quiet } = lineWith("stream");

    send("1");
    await quiet();

    expect(settled).toEqual([["1", "no stream listens on 'box.offers'"]]);
  });
});
