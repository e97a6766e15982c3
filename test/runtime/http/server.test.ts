import { linkSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { Agent, request as httpRequest } from "node:http";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../runtime/clock.ts";
import { createApp } from "../../../runtime/http/app.ts";
import { type Listening, type ServeLimits, serve } from "../../../runtime/http/server.ts";
import { limits } from "../../../runtime/limits.ts";
import { LOOPBACK } from "../../support/http.ts";
import { MemoryPorts } from "../../support/ports.ts";

const ABOUT = { site: "store", place: "here", version: "0" };
const ENTRY = JSON.stringify({ type: "entry", id: "127" });

let ports: MemoryPorts;
let servers: Listening[] = [];
let folder: string;

const appOf = (bounds = {}) => createApp(ports, { http: LOOPBACK, about: ABOUT, clock: systemClock, limits: bounds });
const start = async (bounds: Partial<ServeLimits> = {}, app = appOf()) => {
  const server = await serve(app, { host: "127.0.0.1", port: 0 }, { limits: bounds });
  servers.push(server);
  return server;
};

beforeEach(() => {
  ports = new MemoryPorts();
  folder = mkdtempSync(join(tmpdir(), "aisle-http-"));
});

afterEach(async () => {
  await Promise.all(servers.map((server) => server.close()));
  servers = [];
  rmSync(folder, { recursive: true });
});

/** Sends raw bytes; resolves with what came back once the other side closes. */
function raw(port: number, text: string, leave = false): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect(port, "127.0.0.1");
    let came = "";
    socket.on("data", (chunk) => {
      came += chunk;
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(came));
    socket.write(text, () => {
      if (leave) socket.destroy();
    });
  });
}

const head = (length: number, more = "") =>
  `POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n${more}\r\n`;
const post = (url: string, body: BodyInit, headers: Record<string, string> = {}) =>
  fetch(url, { method: "POST", body, headers: { "content-type": "application/json", ...headers } });
const until = async (holds: () => boolean) => {
  while (!holds()) await new Promise(setImmediate);
};

describe("POST /events over a socket", () => {
  it("takes in a body that comes in one piece, without copying it", async () => {
    const { port } = await start();

    const answer = await raw(port, head(ENTRY.length, "Connection: close\r\n") + ENTRY);

    expect(answer).toMatch(/^HTTP\/1\.1 202 Accepted/);
    expect(answer).toContain('{"accepted":1,"duplicate":0,"rejected":[]}');
    expect(new TextDecoder().decode(ports.inbound[0]!.body)).toBe(ENTRY);
  });

  it("takes in a body that comes in many pieces", async () => {
    const { url } = await start();
    const lines = `${ENTRY}\n`.repeat(5_000);
    const pieces = new ReadableStream({
      start(controller) {
        for (let at = 0; at < lines.length; at += 7_001) controller.enqueue(Buffer.from(lines.slice(at, at + 7_001)));
        controller.close();
      },
    });

    const response = await fetch(`${url}/events`, {
      method: "POST",
      body: pieces,
      duplex: "half",
      headers: { "content-type": "application/x-ndjson" },
    } as RequestInit);

    expect(await response.json()).toMatchObject({ accepted: 5_000 });
  });

  it("keeps the connection for the next request", async () => {
    const { url } = await start();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const sockets = new Set<Socket>();
    const send = () =>
      new Promise<number>((resolve, reject) => {
        const request = httpRequest(`${url}/events`, { method: "POST", agent }, (response) => {
          sockets.add(response.socket);
          response.resume().on("end", () => resolve(response.statusCode!));
        });
        request.on("error", reject).end(ENTRY);
      });

    const statuses = [await send(), await send(), await send()];
    agent.destroy();

    expect(statuses).toEqual([202, 202, 202]);
    expect(sockets.size).toBe(1);
  });

  it("accepts nothing of a request that is cut off, keeps what came, and goes on", async () => {
    const { url, port } = await start();

    await raw(port, head(500) + ENTRY, true);
    await until(() => ports.keptLetters.length === 1);

    expect(ports.inbound).toEqual([]);
    expect(ports.keptLetters[0]).toMatchObject({
      code: "cut-off",
      detail: `the request was cut off after ${ENTRY.length} of 500 bytes`,
    });
    expect(new TextDecoder().decode(ports.keptLetters[0]!.payload)).toBe(ENTRY);
    expect((await post(`${url}/events`, ENTRY)).status).toBe(202);
  });

  it("accepts nothing of a chunked request that is cut off between two whole events", async () => {
    const { port } = await start();
    const lines = `${ENTRY}\n${ENTRY}\n`;
    const chunked = "POST /events HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";

    await raw(port, `${chunked}${lines.length.toString(16)}\r\n${lines}\r\n`, true);
    await until(() => ports.keptLetters.length === 1);

    expect(ports.inbound).toEqual([]);
  });

  it.each([
    ["declared", (bytes: number) => new Uint8Array(bytes)],
    ["in pieces", (bytes: number) => new Blob([new Uint8Array(bytes)]).stream()],
  ])("refuses a body over the limit, %s", async (_, body) => {
    const { url } = await start({}, appOf({ bodyBytes: 100_000 }));

    const response = await fetch(`${url}/events`, {
      method: "POST",
      body: body(300_000),
      duplex: "half",
    } as RequestInit);

    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ code: "too-large" });
    expect((await post(`${url}/events`, ENTRY)).status).toBe(202);
  });

  it("stops inflating a gzip bomb at the limit", async () => {
    const { url } = await start({}, appOf({ bodyBytes: 100_000 }));
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    expect(bomb.length).toBeLessThan(100_000);

    const response = await post(`${url}/events`, bomb, { "content-encoding": "gzip" });

    expect(response.status).toBe(413);
    expect(ports.keptLetters).toMatchObject([{ code: "too-large" }]);
  });

  it("refuses bodies that are too many at once, until others are done", async () => {
    const { url, port } = await start({}, appOf({ bodiesBytes: 150_000 }));
    const first = connect(port, "127.0.0.1");
    first.write(head(120_000) + "x".repeat(100_000));
    await new Promise((resolve) => setTimeout(resolve, 50));

    const refused = await post(`${url}/events`, "x".repeat(100_000));
    first.destroy();
    await until(() => ports.keptLetters.length === 1);
    const taken = await post(`${url}/events`, `${" ".repeat(100_000)}${ENTRY}`);

    expect(refused.status).toBe(429);
    expect(taken.status).toBe(202);
  });

  it("gives up on a request that does not arrive in time", async () => {
    const { port } = await start({ requestMs: 100 });

    const answer = await raw(port, head(500) + ENTRY);

    expect(answer).toMatch(/^HTTP\/1\.1 408 Request Timeout/);
    expect(answer).toContain("application/problem+json");
    await until(() => ports.keptLetters.length === 1);
    expect(ports.inbound).toEqual([]);
  });
});

describe("serve", () => {
  it.each([
    ["what is not HTTP", "hello\r\n\r\n", 400],
    ["a head that is too long", `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, 431],
    ["a host that is none", "GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n", 400],
    ["a foreign host", "GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 403],
  ])("answers %s with a problem", async (_, text, status) => {
    const { port } = await start();

    const answer = await raw(port, text);

    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer.toLowerCase()).toContain("content-type: application/problem+json");
  });

  it("says which port is in use and what to do", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const { port } = other.address() as { port: number };

    const failed = serve(appOf(), { host: "127.0.0.1", port });

    await expect(failed).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringMatching(new RegExp(`port ${port} on 127\\.0\\.0\\.1 is in use.*--port`)),
    });
    other.close();
  });

  it("says when the machine has no such address", async () => {
    await expect(serve(appOf(), { host: "192.0.2.1", port: 0 })).rejects.toThrow(/192\.0\.2\.1.*no such address/);
  });

  it("lets requests under way finish when it closes, and takes no more", async () => {
    const { url, port, close } = await start();
    let finish = () => {};
    let begun = false;
    const take = ports.take.bind(ports);
    ports.take = (inbound) => {
      begun = true;
      return new Promise((resolve) => {
        finish = () => resolve(take(inbound));
      });
    };
    const underWay = post(`${url}/events`, ENTRY);
    await until(() => begun);

    const closed = close();
    await expect(raw(port, head(0))).rejects.toThrow(/ECONNREFUSED/);
    finish();

    expect((await underWay).status).toBe(202);
    await closed;
  });

  it("cuts what does not finish in time", async () => {
    const { url, close } = await start({ drainMs: 50 });
    let begun = false;
    ports.take = () => {
      begun = true;
      return new Promise(() => {});
    };
    const underWay = post(`${url}/events`, ENTRY);
    underWay.catch(() => {});
    await until(() => begun);

    await close();

    await expect(underWay).rejects.toThrow();
  });

  it("closes although a client keeps its connection open", async () => {
    const { url, close } = await start();
    const agent = new Agent({ keepAlive: true });
    await new Promise((resolve) =>
      httpRequest(`${url}/healthz`, { agent }, (response) => response.resume().on("end", resolve)).end(),
    );

    await close();

    agent.destroy();
  });

  it("closes once, however often it is asked", async () => {
    const { close } = await start();

    await Promise.all([close(), close()]);
    await close();
  });
});

describe("serve, on a unix socket", () => {
  const get = (socketPath: string) =>
    new Promise<number>((resolve, reject) => {
      httpRequest({ socketPath, path: "/readyz" }, (response) => resolve(response.resume().statusCode!))
        .on("error", reject)
        .end();
    });
  const serveAt = async (socketPath: string) => {
    const app = createApp(ports, { http: LOOPBACK, about: ABOUT, clock: systemClock, socket: true });
    const server = await serve(app, { socketPath });
    servers.push(server);
    return server;
  };

  it("answers there, for this user alone", async () => {
    const path = join(folder, "control.sock");

    const server = await serveAt(path);

    expect(await get(path)).toBe(200);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(server).toMatchObject({ url: path, port: 0 });
  });

  it("takes the place of a socket that a killed process left", async () => {
    const path = join(folder, "control.sock");
    const left = createServer().listen(path);
    await new Promise((resolve) => left.once("listening", resolve));
    // Closing removes the file; a killed process can't. A link to it is what stays.
    linkSync(path, `${path}.left`);
    await new Promise((resolve) => left.close(resolve));
    linkSync(`${path}.left`, path);

    await serveAt(path);

    expect(await get(path)).toBe(200);
  });

  it("leaves a socket alone that somebody answers on", async () => {
    const path = join(folder, "control.sock");
    await serveAt(path);

    await expect(serveAt(path)).rejects.toMatchObject({ code: "conflict" });
    expect(await get(path)).toBe(200);
  });
});

describe("the bounds", () => {
  it("relate: a body fits into what may arrive at once", () => {
    expect(limits.bodiesBytes).toBeGreaterThanOrEqual(limits.bodyBytes);
    expect(limits.streamStart).toBeLessThanOrEqual(limits.streamQueue);
  });
});
