import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { BusState } from "../../../runtime/bus/bus.ts";
import { NatsBus, type NatsOptions } from "../../../runtime/bus/nats.ts";
import { limits } from "../../../runtime/limits.ts";
import { busContract, bytes, text, until } from "../../contracts/bus.ts";
import { layCable } from "../../support/cable.ts";
import { describeWithNats, freePort, type NatsServer, startNatsServer } from "../../support/nats-server.ts";

describeWithNats("NatsBus", () => {
  let server: NatsServer;
  let buses: NatsBus[];

  beforeAll(async () => {
    server = await startNatsServer();
  });

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  beforeEach(() => {
    buses = [];
  });

  afterEach(async () => {
    await Promise.all(buses.map((bus) => bus.drain()));
  });

  const open = (options: Partial<NatsOptions> = {}): NatsBus => {
    const bus = new NatsBus({ servers: server.url, onError: () => {}, ...options });
    buses.push(bus);
    return bus;
  };

  const openHere = async (options: Partial<NatsOptions> = {}): Promise<NatsBus> => {
    const bus = open(options);
    await bus.whenHere();
    return bus;
  };

  describe("on one connection", () => {
    busContract((options) => openHere(options));
  });

  describe("between two connections", () => {
    it("carries messages, answers and headers", async () => {
      const [store, till] = [await openHere(), await openHere()];
      store.subscribe("events.*", (message) => message.respond(message.payload.slice(), { id: message.headers.id! }));
      await store.flush();

      const answer = await till.request("events.entry", bytes("4711"), { headers: { id: "7" } });

      expect([text(answer.payload), answer.headers]).toEqual(["4711", { id: "7" }]);
    });

    it("shares a queue group", async () => {
      const workers = [await openHere(), await openHere()];
      const got = [0, 0];
      workers.forEach((bus, i) => void bus.subscribe("work", () => void got[i]!++, { queue: "q" }));
      await Promise.all(workers.map((bus) => bus.flush()));
      const till = await openHere();

      for (let i = 0; i < 500; i++) till.publish("work", bytes(String(i)));
      await till.flush();
      await until(() => got[0]! + got[1]! === 500);

      expect(Math.min(...got)).toBeGreaterThan(0);
    });

    it("delivers on drain what the server holds for it", async () => {
      const [store, till] = [await openHere(), await openHere()];
      let got = 0;
      store.subscribe("a", () => got++);
      await store.flush();

      for (let i = 0; i < 5_000; i++) till.publish("a", bytes(String(i)));
      await till.flush();
      await store.drain();

      expect(got).toBe(5_000);
    });
  });

  describe("while the server is away", () => {
    let own: NatsServer;

    beforeEach(async () => {
      own = await startNatsServer();
    });

    afterEach(async () => {
      await own[Symbol.asyncDispose]();
    });

    it("says so, refuses at once, and comes back with its subscriptions", async () => {
      const bus = await openHere({ servers: own.url });
      const states: BusState[] = [];
      bus.onState((state) => states.push(state));
      const got: string[] = [];
      bus.subscribe("a.*", ({ payload }) => got.push(text(payload)));
      await bus.flush();

      await own.kill();
      await until(() => bus.state === "away");
      expect(bus.lastError).not.toBeNull();
      expect(() => bus.publish("a.b", bytes("lost"))).toThrow(expect.objectContaining({ code: "unavailable" }));
      await expect(bus.request("a.b", bytes("lost"))).rejects.toMatchObject({ code: "unavailable" });
      await expect(bus.flush()).rejects.toMatchObject({ code: "unavailable" });
      bus.subscribe("b", ({ payload }) => got.push(text(payload)));

      await own.restart();
      await bus.whenHere(20_000);
      bus.publish("a.b", bytes("1"));
      bus.publish("b", bytes("2"));
      await bus.flush();

      expect(got).toEqual(["1", "2"]);
      expect([states, bus.stats().losses, bus.lastError]).toEqual([["away", "here"], 1, null]);
    });

    it("comes back time and again", async () => {
      const bus = await openHere({ servers: own.url });
      let got = 0;
      bus.subscribe("a", () => got++);

      for (let round = 1; round <= 3; round++) {
        await (round % 2 === 0 ? own.stop() : own.kill());
        await until(() => bus.state === "away");
        await own.restart();
        await bus.whenHere(20_000);
        bus.publish("a", bytes(""));
        await bus.flush();
        expect(got).toBe(round);
      }
    });

    it("ends what was under way when the server died", async () => {
      const bus = await openHere({ servers: own.url });
      bus.subscribe("mute", () => {});
      await bus.flush();

      const request = bus.request("mute", bytes(""), { timeoutMs: 60_000 });
      const refused = expect(request).rejects.toMatchObject({ code: "unavailable" });
      await own.kill();

      await refused;
    });

    it("tells whoever publishes that the server vanished in the midst of it, and forgets what was under way", async () => {
      const bus = await openHere({ servers: own.url });
      let published = 0;
      let killed: Promise<void> | null = null;
      const flood = async () => {
        for (;;) {
          bus.publish("a", new Uint8Array(1_000));
          if (++published === 5_000) killed = own.kill();
          if (published % 500 === 0) await new Promise((turn) => setImmediate(turn));
        }
      };

      await expect(flood()).rejects.toMatchObject({ code: expect.stringMatching(/^(unavailable|overloaded)$/) });
      await expect(bus.flush()).rejects.toMatchObject({ code: "unavailable" });
      await killed;
      await own.restart();
      await bus.whenHere(20_000);
      bus.publish("a", bytes("again"));
      await bus.flush();

      expect(bus.stats()).toMatchObject({ published: published + 1, losses: 1 });
      expect(bus.stats().waiting).toBeLessThan(1_000);
    });

    it("keeps an answer's failure from the handler and reports it", async () => {
      const errors: unknown[] = [];
      const bus = await openHere({ servers: own.url, onError: (error) => errors.push(error) });
      let answer = () => {};
      bus.subscribe("slow", (message) => {
        answer = () => message.respond(bytes("too late"));
      });
      const refused = expect(bus.request("slow", bytes(""))).rejects.toThrow();
      await bus.flush();

      await own.kill();
      await refused;
      await until(() => bus.state === "away");
      errors.length = 0;
      answer();

      expect(errors).toMatchObject([{ code: "unavailable" }]);
    });

    it("answers what comes while it is being reached", async () => {
      await using cable = await layCable(own.port);
      cable.holdAfter("SUB ask");
      const till = await openHere({ servers: own.url });
      const errors: unknown[] = [];
      const bus = open({ servers: `127.0.0.1:${cable.port}`, onError: (error) => errors.push(error) });
      const states: BusState[] = [];
      bus.subscribe("ask", (message) => {
        states.push(bus.state);
        message.respond(bytes("here"));
      });
      await until(() => cable.held.includes("PONG"));

      const answer = till.request("ask", bytes(""));
      await until(() => cable.held.includes("MSG ask"));
      cable.mend();

      expect([text((await answer).payload), states, errors]).toEqual(["here", ["away"], []]);
    });

    it("can be started before the server", async () => {
      const port = await freePort();
      const errors: unknown[] = [];
      const bus = open({ servers: `127.0.0.1:${port}`, onError: (error) => errors.push(error) });
      let got = 0;
      bus.subscribe("a", () => got++);
      await expect(bus.whenHere(50)).rejects.toMatchObject({ code: "unavailable" });
      expect(bus.state).toBe("away");

      await using late = await startNatsServer({ port });
      await bus.whenHere(20_000);
      bus.publish("a", bytes(""));
      await bus.flush();

      expect([got, errors.length, late.port]).toEqual([1, 1, port]);
    });

    it("can be closed", async () => {
      const bus = open({ servers: `127.0.0.1:${await freePort()}` });
      await until(() => bus.lastError !== null);

      await bus.drain();

      expect(bus.state).toBe("closed");
    });

    it("can be closed while it is being reached", async () => {
      const bus = open();
      await bus.drain();
      await new Promise((resolve) => setTimeout(resolve, 100));

      expect(bus.state).toBe("closed");
    });

    it("finds the server of the list that is there", async () => {
      const bus = await openHere({ servers: [`127.0.0.1:${await freePort()}`, server.url] });

      await bus.flush();

      expect(bus.state).toBe("here");
    });
  });

  it("refuses to pile up what the server does not take", async () => {
    await using mute = await muteServer(server.port);
    const bus = await openHere({ servers: `127.0.0.1:${mute.port}` });
    mute.stopReading();
    const payload = new Uint8Array(1_000_000);

    const flood = () => {
      for (let i = 0; i < 1_000; i++) bus.publish("a", payload);
    };

    expect(flood).toThrow(expect.objectContaining({ code: "overloaded" }));
    expect(bus.stats().waiting).toBeGreaterThan(limits.busPendingBytes - 2_000_000);
    expect(bus.stats().waiting).toBeLessThanOrEqual(limits.busPendingBytes);
  });

  it("takes more once the server has confirmed", async () => {
    const bus = await openHere();
    const payload = new Uint8Array(1_000_000);

    for (let i = 0; i < 100; i++) {
      bus.publish("a", payload);
      if (i % 20 === 19) await bus.flush();
    }

    expect(bus.stats().published).toBe(100);
  });

  it("holds to the server's own bound on a message", async () => {
    await using small = await startNatsServer({ config: "max_payload: 1000" });
    const bus = await openHere({ servers: small.url });

    bus.publish("a", new Uint8Array(1_000));

    expect(() => bus.publish("a", new Uint8Array(1_001))).toThrow(expect.objectContaining({ code: "too-large" }));
  });

  it("counts a handler that holds up the connection", async () => {
    const bus = await openHere();
    bus.subscribe("a", () => {
      const end = performance.now() + 2 * limits.busSlowMs;
      while (performance.now() < end);
    });
    bus.subscribe("b", () => {});

    bus.publish("a", bytes(""));
    bus.publish("b", bytes(""));
    await bus.flush();

    expect(bus.stats().slow).toBe(1);
  });

  it("survives being thrown out for reading too slowly", async () => {
    await using strict = await startNatsServer({ config: 'max_pending: 1MB\nwrite_deadline: "200ms"' });
    const bus = await openHere({ servers: strict.url });
    const publisher = await openHere({ servers: strict.url });
    let got = 0;
    bus.subscribe("a", () => {
      got++;
      if (got > 1) return;
      // Nothing is read meanwhile, and the publisher is another process's worth of pressure.
      publishFrom(strict.port, "a", 30);
      const end = performance.now() + 1_000;
      while (performance.now() < end);
    });
    await bus.flush();

    publisher.publish("a", bytes(""));
    await until(() => bus.stats().losses > 0);
    await bus.whenHere(20_000);
    const before = got;
    bus.publish("a", bytes(""));
    await bus.flush();

    expect(got).toBe(before + 1);
    expect(bus.stats().slow).toBe(1);
  });

  describe("credentials", () => {
    const secret = "s3cret-&@:/";

    it.each([
      ["a token", "authorization: { token: TOKEN }", { token: secret }],
      ["user and password", "authorization: { user: box, password: TOKEN }", { user: "box", password: secret }],
    ])("%s open the server, and errors don't repeat them", async (_, config, options) => {
      await using guarded = await startNatsServer({ config: config.replace("TOKEN", JSON.stringify(secret)) });
      const errors: unknown[] = [];
      const shut = open({ servers: guarded.url, onError: (error) => errors.push(error) });
      const wrong = open({ servers: guarded.url, token: `${secret}!`, onError: (error) => errors.push(error) });

      const bus = await openHere({ servers: guarded.url, ...options });
      await bus.flush();
      await until(() => errors.length === 2);

      expect(errors).toMatchObject([{ code: "unauthorized" }, { code: "unauthorized" }]);
      expect(`${shut.lastError}${wrong.lastError}${JSON.stringify([errors, bus, wrong])}`).not.toContain(secret);
    });

    it("may stand in the address", async () => {
      await using guarded = await startNatsServer({
        config: `authorization: { user: box, password: ${JSON.stringify(secret)} }`,
      });

      const bus = await openHere({ servers: `nats://box:${encodeURIComponent(secret)}@127.0.0.1:${guarded.port}` });

      expect(bus.state).toBe("here");
    });

    it("in an address that can't be read are refused at once", () => {
      expect(() => new NatsBus({ servers: "http://box" })).toThrow(expect.objectContaining({ code: "invalid" }));
    });

    it("that don't allow a subject are reported as forbidden", async () => {
      await using guarded = await startNatsServer({
        config: `authorization: { users: [{ user: box, password: b, permissions: {
          publish: ["open.>", "_INBOX.>"], subscribe: ["open.>", "_INBOX.>"] } }] }`,
      });
      const errors: unknown[] = [];
      const options = { servers: guarded.url, user: "box", password: "b" };
      const bus = await openHere({ ...options, onError: (error) => errors.push(error) });

      bus.publish("closed.a", bytes(""));
      bus.subscribe("closed.b", () => {});
      await bus.flush();
      await until(() => errors.length >= 2);
      await bus.flush();

      expect(errors).toContainEqual(expect.objectContaining({ code: "forbidden" }));
      expect(bus.state).toBe("here");
    });
  });

  const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;

  describe.skipIf(!hasOpenssl)("TLS", () => {
    let folder: string;
    let secured: NatsServer;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "aisle-tls-"));
      const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
      const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
      const files = ["-keyout", key, "-out", cert];
      execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", ...subject, ...files], {
        stdio: "ignore",
      });
      secured = await startNatsServer({ config: `tls: { cert_file: "${cert}", key_file: "${key}" }` });
    });

    afterAll(async () => {
      await secured?.[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    });

    it("carries messages when the authority is given", async () => {
      const servers = `tls://localhost:${secured.port}`;
      const bus = await openHere({ servers, tls: { caFile: join(folder, "cert.pem") } });
      bus.subscribe("a", (message) => message.respond(bytes("safe")));

      expect(text((await bus.request("a", bytes(""))).payload)).toBe("safe");
    });

    it("is refused when nobody vouches for the server", async () => {
      const bus = open({ servers: `tls://localhost:${secured.port}` });

      await until(() => bus.lastError !== null);

      expect([bus.state, bus.lastError]).toEqual(["away", expect.stringMatching(/certificate|self.signed/i)]);
    });

    it("is demanded by tls:// where the server has none", async () => {
      const bus = open({ servers: `tls://127.0.0.1:${server.port}` });

      await until(() => bus.lastError !== null);

      expect(bus.state).toBe("away");
    });
  });

  it("talks to a server with JetStream that keeps its streams over a restart", async () => {
    await using own = await startNatsServer({ jetStream: true });
    const bus = await openHere({ servers: own.url });
    const stream = { name: "kept", subjects: ["kept.>"], storage: "file" };
    const created = await bus.request("$JS.API.STREAM.CREATE.kept", bytes(JSON.stringify(stream)));
    expect(JSON.parse(text(created.payload))).toMatchObject({ config: { name: "kept" } });
    await bus.request("kept.a", bytes("1"));

    await own.stop();
    await own.restart();
    await bus.whenHere(20_000);

    const info = JSON.parse(text((await bus.request("$JS.API.STREAM.INFO.kept", bytes(""))).payload));
    expect(info.state.messages).toBe(1);
  });
});

/** A relay in front of the server that can stop taking bytes, as a network does that has gone deaf. */
async function muteServer(target: number) {
  const sockets: Socket[] = [];
  const relay: Server = createServer((client) => {
    const upstream = connect(target, "127.0.0.1");
    sockets.push(client, upstream);
    client.pipe(upstream);
    upstream.pipe(client);
    client.on("error", () => {});
    upstream.on("error", () => {});
  });
  await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
  return {
    port: (relay.address() as { port: number }).port,
    stopReading() {
      for (const socket of sockets) {
        socket.unpipe();
        socket.pause();
      }
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => relay.close(resolve));
    },
  };
}

/** Publishes from a process of its own, and waits for it: `megabytes` messages of 1 MB, less what frames take. */
function publishFrom(port: number, subject: string, megabytes: number): void {
  const script = `
    const socket = require("net").connect(${port}, "127.0.0.1");
    const payload = Buffer.alloc(1_000_000, "x");
    socket.write("CONNECT {}\\r\\n");
    for (let i = 0; i < ${megabytes}; i++) socket.write(Buffer.concat([Buffer.from("PUB ${subject} 1000000\\r\\n"), payload, Buffer.from("\\r\\n")]));
    socket.write("PING\\r\\n");
    socket.on("data", (data) => { if (data.includes("PONG")) process.exit(0); });
    socket.on("error", () => process.exit(1));
  `;
  spawnSync(process.execPath, ["-e", script], { timeout: 10_000 });
}
