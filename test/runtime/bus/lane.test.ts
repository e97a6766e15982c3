import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Lane, LaneOptions } from "../../../runtime/bus/lane.ts";
import { whyNoLane } from "../../../runtime/bus/lane.ts";
import { NatsBus } from "../../../runtime/bus/nats.ts";
import { ManualClock } from "../../../runtime/clock.ts";
import { limits } from "../../../runtime/limits.ts";
import { bytes, text, until } from "../../contracts/bus.ts";
import { layCable } from "../../support/cable.ts";
import { type OpenLane, openLane } from "../../support/lane.ts";
import { newCredentials, newSeed } from "../../support/nats-credentials.ts";
import type { PlainMessage } from "../../support/nats-frames.ts";
import { describeWithNats, freePort, type NatsServer, startNatsServer } from "../../support/nats-server.ts";

const SUBJECTS = [{ subject: "box.events.>" }, { subject: "box.outcomes" }];

describeWithNats("Lane", () => {
  let server: NatsServer;
  let open: { readonly close: () => Promise<void> }[];

  beforeAll(async () => {
    server = await startNatsServer();
  });

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  beforeEach(() => {
    open = [];
  });

  afterEach(async () => {
    await Promise.all(open.map((each) => each.close()));
  });

  const lane = async (
    options: Partial<LaneOptions> = {},
    take?: (messages: readonly PlainMessage[], lane: Lane) => boolean,
  ): Promise<OpenLane> => {
    const opened = openLane({ servers: server.url, subjects: SUBJECTS, ...options }, take);
    open.push(opened.lane);
    await until(() => opened.lane.state === "here");
    return opened;
  };

  const till = async (servers = server.url, options = {}): Promise<NatsBus> => {
    const bus = new NatsBus({ servers, onError: () => {}, ...options });
    open.push({ close: () => bus.drain() });
    await bus.whenHere(20_000);
    return bus;
  };

  it("brings what is published, and nothing else", async () => {
    const [{ got }, bus] = [await lane(), await till()];

    bus.publish("box.events.entry", bytes("1"));
    bus.publish("box.events.entry.4711", bytes("2"));
    bus.publish("box.other", bytes("3"));
    bus.publish("box.outcomes", bytes("4"));
    await until(() => got.length === 3);

    expect(got.map(({ subject, payload }) => [subject, payload])).toEqual([
      ["box.events.entry", "1"],
      ["box.events.entry.4711", "2"],
      ["box.outcomes", "4"],
    ]);
  });

  it("brings headers", async () => {
    const [{ got }, bus] = [await lane(), await till()];

    bus.publish("box.events.entry", bytes("1"), { headers: { "ce-id": "7", test: "1" } });
    await until(() => got.length === 1);

    expect(got).toMatchObject([{ headers: "NATS/1.0\r\nce-id: 7\r\ntest: 1\r\n\r\n", payload: "1" }]);
  });

  it("answers, also with headers", async () => {
    const refuses = ([message]: readonly PlainMessage[], by: Lane) => {
      by.answer(message!.reply, "Größe", { "Nats-Service-Error-Code": "429", "Nats-Service-Error": "voll – später" });
      return true;
    };
    const [, bus] = [await lane({}, refuses), await till()];

    const answer = await bus.request("box.events.entry", bytes("1"));

    expect(text(answer.payload)).toBe("Größe");
    expect(answer.headers).toEqual({ "Nats-Service-Error-Code": "429", "Nats-Service-Error": "voll – später" });
  });

  it("answers what comes while it is being opened", async () => {
    await using cable = await layCable(server.port);
    cable.holdAfter("SUB box.events");
    const bus = await till();
    const states: string[] = [];
    const opened = openLane({ servers: `127.0.0.1:${cable.port}`, subjects: SUBJECTS }, ([message], by) => {
      states.push(by.state);
      by.answer(message!.reply, "taken");
      return true;
    });
    open.push(opened.lane);
    await until(() => cable.held.includes("PONG"));

    const answer = bus.request("box.events.entry", bytes("1"));
    await until(() => cable.held.includes("MSG box.events.entry"));
    cable.mend();

    expect([text((await answer).payload), states, opened.errors]).toEqual(["taken", ["away"], []]);
  });

  it("shares a queue group", async () => {
    const subjects = [{ subject: "box.events.>", queue: "q" }];
    const [one, two, bus] = [await lane({ subjects }), await lane({ subjects }), await till()];

    for (let i = 0; i < 500; i++) bus.publish("box.events.entry", bytes(String(i)));
    await bus.flush();
    await until(() => one.got.length + two.got.length === 500);

    expect(Math.min(one.got.length, two.got.length)).toBeGreaterThan(0);
  });

  it("brings large messages, and many small ones, in order and whole", async () => {
    const [{ got, lane: fast }, bus] = [await lane(), await till()];
    const sizes = Array.from({ length: 20_000 }, (_, i) => (i % 2_000 === 7 ? limits.busMessageBytes - i : i % 300));

    for (const [i, size] of sizes.entries()) {
      bus.publish("box.events.entry", Buffer.alloc(size, 97 + (i % 26)));
      if (i % 5_000 === 0) await bus.flush();
    }
    await until(() => got.length === sizes.length);

    expect(got.every(({ payload }, i) => payload === String.fromCharCode(97 + (i % 26)).repeat(sizes[i]!))).toBe(true);
    expect(fast.stats()).toMatchObject({ messages: sizes.length, large: 0, losses: 0 });
  });

  it("refuses a message that is too large, and goes on", async () => {
    await using generous = await startNatsServer({ config: "max_payload: 4MB" });
    const { got, errors, lane: fast } = await lane({ servers: generous.url });
    const bus = await till(generous.url);
    const huge = Buffer.alloc(3 * limits.busMessageBytes, 32);

    bus.publish("box.events.entry", huge);
    const answer = await bus.request("box.events.entry", huge);
    bus.publish("box.events.entry", bytes("small"));
    await until(() => got.length === 1);

    expect(answer.headers["Nats-Service-Error-Code"]).toBe("400");
    expect(JSON.parse(text(answer.payload))).toMatchObject({ code: "too-large" });
    expect([got[0]!.payload, fast.stats().large, errors.map(({ code }) => code)]).toEqual([
      "small",
      2,
      ["too-large", "too-large"],
    ]);
  });

  it("rests while there is no room, and loses nothing by that", async () => {
    let rests = 0;
    const full = () => {
      rests++;
      return false;
    };
    const [{ got, lane: fast }, bus] = [await lane({}, full), await till()];
    const payload = Buffer.alloc(1_000, 120);

    for (let i = 0; i < 5_000; i++) bus.publish("box.events.entry", payload);
    await bus.flush();
    await until(() => got.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(got.length).toBeLessThan(5_000);
    while (got.length < 5_000) {
      fast.resume();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }

    fast.resume();
    expect(rests).toBeGreaterThan(1);
    expect(got).toHaveLength(5_000);
  });

  it("brings on drain what the server holds for it, and answers after it", async () => {
    const [{ got, lane: fast }, bus] = [await lane(), await till()];
    for (let i = 0; i < 5_000; i++) bus.publish("box.events.entry", bytes(String(i)));
    const request = bus.request("box.events.entry", bytes("last"));
    await bus.flush();

    await fast.drain();
    expect(got).toHaveLength(5_001);
    fast.answer(got.at(-1)!.reply, "took it");
    await fast.close();

    expect([text((await request).payload), fast.state]).toEqual(["took it", "closed"]);
    await expect(bus.request("box.events.entry", bytes(""))).rejects.toMatchObject({ code: "unavailable" });
  });

  it("can be closed before it is here, and twice", async () => {
    const opened = openLane({ servers: `127.0.0.1:${await freePort()}`, subjects: SUBJECTS });
    await until(() => opened.lane.lastError !== null);

    await Promise.all([opened.lane.close(), opened.lane.close()]);

    expect(opened.lane.state).toBe("closed");
  });

  describe("when the server goes away", () => {
    it("comes back by itself", async () => {
      await using own = await startNatsServer();
      const { got, lane: fast } = await lane({ servers: own.url });
      const states: string[] = [];
      fast.onState((state) => states.push(state));

      for (let round = 1; round <= 2; round++) {
        await (round === 1 ? own.kill() : own.stop());
        await until(() => fast.state === "away");
        await own.restart();
        await until(() => fast.state === "here");
        const bus = await till(own.url);
        bus.publish("box.events.entry", bytes(String(round)));
        await until(() => got.length === round);
        await bus.drain();
      }

      expect([states, fast.stats().losses, fast.lastError]).toEqual([["away", "here", "away", "here"], 2, null]);
    });

    it("goes to another one of the list", async () => {
      await using other = await startNatsServer();
      await using own = await startNatsServer();
      const { got, lane: fast } = await lane({ servers: [own.url, other.url], random: () => 0 });

      await own.kill();
      await until(() => fast.state === "away");
      await until(() => fast.state === "here");
      (await till(other.url)).publish("box.events.entry", bytes("1"));
      await until(() => got.length === 1);

      expect(fast.stats().losses).toBe(1);
    });

    it("goes to one that the cluster has told of", async () => {
      const [port, otherPort] = [await freePort(), await freePort()];
      const cluster = (routes: string) => `cluster: { name: c, listen: "127.0.0.1:${routes}", routes: [
        "nats://127.0.0.1:${port}", "nats://127.0.0.1:${otherPort}"] }`;
      await using own = await startNatsServer({ config: cluster(String(port)) });
      await using other = await startNatsServer({ config: cluster(String(otherPort)) });
      const { got, lane: fast } = await lane({ servers: own.url });
      const bus = await till(other.url);
      while (got.length === 0) {
        bus.publish("box.events.entry", bytes("over the route"));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }

      await own.kill();
      await until(() => fast.state === "away");
      await until(() => fast.state === "here");
      bus.publish("box.events.entry", bytes("there"));
      await until(() => got.at(-1)!.payload === "there");

      expect(fast.stats().losses).toBe(1);
    });

    it("tells whoever is to be answered meanwhile", async () => {
      await using own = await startNatsServer();
      const { errors, lane: fast } = await lane({ servers: own.url });

      await own.kill();
      await until(() => fast.state === "away");
      errors.length = 0;
      fast.answer("_INBOX.x", "too late");

      expect(errors).toMatchObject([{ code: "unavailable" }]);
    });
  });

  describe("credentials", () => {
    const secret = "s3cret-&@:/";
    const { publicKey, seed } = newSeed();
    const { config, creds } = newCredentials();

    it.each([
      ["a token", `authorization: { token: ${JSON.stringify(secret)} }`, { token: secret }],
      [
        "user and password",
        `authorization: { user: box, password: ${JSON.stringify(secret)} }`,
        { user: "box", password: secret },
      ],
      ["an NKey", `authorization: { users: [{ nkey: ${publicKey} }] }`, { seed }],
      ["a credentials file", config, { credentials: creds }],
    ])("%s open the server, and errors don't repeat them", async (_, config, options) => {
      await using guarded = await startNatsServer({ config });
      const shut = openLane({ servers: guarded.url, subjects: SUBJECTS });
      const wrong = openLane({ servers: guarded.url, subjects: SUBJECTS, token: `${secret}!` });
      open.push(shut.lane, wrong.lane);

      const { got } = await lane({ servers: guarded.url, ...options });
      const bus = await till(guarded.url, options);
      bus.publish("box.events.entry", bytes("1"));
      await until(() => got.length === 1 && shut.errors.length > 0 && wrong.errors.length > 0);

      expect([...shut.errors, ...wrong.errors].filter(({ code }) => code !== "unauthorized")).toEqual([]);
      expect(`${shut.lane.lastError}${wrong.lane.lastError}${JSON.stringify([shut, wrong])}`).not.toContain(secret);
      expect(shut.handedOver).toEqual([]);
    });

    it("may stand in the address", async () => {
      await using guarded = await startNatsServer({
        config: `authorization: { user: box, password: ${JSON.stringify(secret)} }`,
      });

      await lane({ servers: `nats://box:${encodeURIComponent(secret)}@127.0.0.1:${guarded.port}` });
    });

    it("that can't be read are told of", async () => {
      const { lane: fast, errors } = openLane({ servers: server.url, subjects: SUBJECTS, credentials: "x" });
      open.push(fast);
      await until(() => errors.length > 0);

      expect([errors[0]!.code, fast.state]).toEqual(["unauthorized", "away"]);
    });

    it("that don't allow a subject are reported as forbidden, and the rest goes on", async () => {
      await using guarded = await startNatsServer({
        config: `authorization: { users: [
          { user: box, password: b, permissions: { publish: { deny: ">" }, subscribe: ["box.events.>"] } }, { user: till, password: t }] }`,
      });
      const { got, errors, lane: fast } = await lane({ servers: guarded.url, user: "box", password: "b" });
      const bus = await till(guarded.url, { user: "till", password: "t" });

      bus.publish("box.outcomes", bytes("0"));
      bus.publish("box.events.entry", bytes("1"));
      await until(() => got.length === 1);
      fast.answer("_INBOX.x", "");
      await until(() => errors.length === 2);

      expect(errors).toMatchObject([{ code: "forbidden" }, { code: "forbidden" }]);
      expect([got[0]!.payload, fast.state]).toEqual(["1", "here"]);
    });
  });

  describe("hands over, once and with the reason,", () => {
    it("when the server demands TLS", async () => {
      await using strict = await peer('INFO {"tls_required":true,"headers":true}\r\n');
      const { handedOver, lane: fast } = openLane({ servers: strict.url, subjects: SUBJECTS });
      open.push(fast);
      await until(() => handedOver.length > 0);

      expect([handedOver, fast.state]).toEqual([["the server demands TLS"], "closed"]);
    });

    it.each([
      ["knows no headers", "INFO {}\r\n", "the server knows no headers"],
      ["greets with no JSON", "INFO hello\r\n", "the server's INFO is no JSON object"],
      [
        "is none of NATS",
        "HTTP/1.1 400 Bad Request\r\n",
        'the server sent "HTTP/1.1 400 Bad Request\\r\\n", which is no known frame',
      ],
    ])("when the server %s", async (_, greeting, reason) => {
      await using strange = await peer(greeting);
      const { handedOver, lane: fast } = openLane({ servers: strange.url, subjects: SUBJECTS });
      open.push(fast);
      await until(() => handedOver.length > 0);

      expect([handedOver, fast.state]).toEqual([[reason], "closed"]);
    });

    it("when it meets a line that it does not know, after what came before", async () => {
      await using strange = await peer(
        'INFO {"headers":true}\r\n',
        "PONG\r\nMSG box.events.entry 1 1\r\n1\r\nXMSG a\r\nPING\r\n",
      );
      const { handedOver, got, lane: fast } = openLane({ servers: strange.url, subjects: SUBJECTS });
      open.push(fast);
      await until(() => handedOver.length > 0);

      expect(got).toMatchObject([{ payload: "1" }]);
      expect(handedOver).toEqual([expect.stringContaining("XMSG a")]);
      expect(strange.connections).toBe(1);
    });
  });

  it("counts being cut off for reading too slowly, and comes back", async () => {
    await using strict = await startNatsServer({ config: 'max_pending: 1MB\nwrite_deadline: "200ms"' });
    const { errors, got, lane: fast } = await lane({ servers: strict.url });
    const bus = await till(strict.url);
    const payload = Buffer.alloc(500_000);

    fast.pause();
    for (let i = 0; i < 60; i++) {
      bus.publish("box.events.entry", payload);
      await bus.flush();
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
    fast.resume();
    await until(() => fast.stats().losses === 1);
    await until(() => fast.state === "here");
    const before = got.length;
    bus.publish("box.events.entry", bytes("again"));
    await until(() => got.length > before);

    expect([fast.stats().slow, got.at(-1)!.payload]).toEqual([1, "again"]);
    expect(errors).toContainEqual(
      expect.objectContaining({ message: expect.stringContaining("was full and did not read") }),
    );
  });

  it("takes a server that gives no sign of life for gone", async () => {
    await using mute = await peer('INFO {"headers":true}\r\n', "PONG\r\n");
    const clock = new ManualClock();
    const { lane: fast, errors } = await lane({ servers: mute.url, clock });

    for (let i = 0; i < 3; i++) {
      clock.advance(limits.busPingMs);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await until(() => fast.state === "away");

    expect(errors.at(-1)!.message).toContain("no sign of life");
  });
});

describe("whyNoLane", () => {
  it.each([
    [{ servers: "nats://box:4222" }, null],
    [{ servers: "tls://box:4222" }, "the bus is reached by TLS"],
    [{ servers: "box", tls: {} }, "the bus is reached by TLS"],
  ])("says of %o: %s", (options, why) => {
    expect(whyNoLane(options)).toBe(why);
  });
});

/** Greets, and answers to the first thing that it hears; nothing else. */
async function peer(greeting: string, answer = "") {
  let connections = 0;
  const sockets = new Set<Socket>();
  const listening = createServer((socket) => {
    connections++;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("data", () => void socket.write(answer));
    socket.write(greeting);
  });
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  const { port } = listening.address() as AddressInfo;
  return {
    url: `nats://127.0.0.1:${port}`,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => listening.close(resolve));
    },
  };
}
