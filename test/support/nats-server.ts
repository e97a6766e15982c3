import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

// A real `nats-server` on a free port of the loopback, with a folder of its own.

export interface NatsServerOptions {
  /** Default: a free one. */
  readonly port?: number;
  readonly jetStream?: boolean;
  /** Further lines of its configuration, as in `authorization: { token: secret }`. */
  readonly config?: string;
  /** A whole configuration instead, that listens on `port`. */
  readonly file?: string;
  /** What its configuration takes from the environment. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface NatsServer {
  readonly url: string;
  readonly port: number;
  /** 0 while it is down. */
  readonly pid: number;
  /** Lets it end in its own way. */
  stop(): Promise<void>;
  /** As if the plug were pulled. */
  kill(): Promise<void>;
  /** Comes back on the same port, with the same folder. */
  restart(): Promise<void>;
  /** Ends it and removes its folder. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Beside the PATH: Debian puts it where only root looks, and deploy/setup.mjs where it harms nobody. */
const FOLDERS = [
  ...(process.env.PATH ?? "").split(delimiter),
  "/usr/sbin",
  "/usr/local/sbin",
  "/opt/homebrew/bin",
  fileURLToPath(new URL("../../dist/tools/usr/sbin", import.meta.url)),
];
const READY_MS = 10_000;
const ATTEMPTS = 3;

/** The path of `nats-server`, or null. */
export const natsServerPath: string | null =
  FOLDERS.filter((folder) => folder !== "")
    .map((folder) => join(folder, "nats-server"))
    .find(isExecutable) ?? null;

/** Like `describe`; skipped where there is no `nats-server`, except with `CI=true`, where that is a failure. */
export function describeWithNats(name: string, suite: () => void): void {
  if (natsServerPath !== null) describe(name, suite);
  else if (process.env.CI !== "true") describe.skip(`${name} (no nats-server found)`, suite);
  else it(`${name}: needs nats-server`, () => expect(natsServerPath, "nats-server on the PATH").not.toBeNull());
}

export async function startNatsServer(options: NatsServerOptions = {}): Promise<NatsServer> {
  if (natsServerPath === null) throw new Error("nats-server is not installed");
  for (let attempt = 1; ; attempt++) {
    const server = new Server(natsServerPath, options.port ?? (await freePort()), options);
    try {
      await server.restart();
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      // Somebody may have taken the port between our look and its start.
      if (options.port !== undefined || attempt === ATTEMPTS) throw error;
    }
  }
}

/** Below those from which systems take the ports of connections: whoever connects meanwhile can't get one of these. */
const [PORT_FIRST, PORTS] = [20_000, 12_000];
/** Each process begins elsewhere, and gives none twice. */
let nextPort = process.pid * 64;

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < PORTS; tries++) {
    const port = PORT_FIRST + (nextPort++ % PORTS);
    if (await isFree(port)) return port;
  }
  throw new Error("no port is free");
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

class Server implements NatsServer {
  readonly port: number;
  readonly #path: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "aisle-nats-"));
  readonly #file: string | undefined;
  readonly #env: Readonly<Record<string, string | undefined>>;
  #child: ChildProcess | null = null;
  #output = "";

  constructor(path: string, port: number, { jetStream = false, config = "", file, env = {} }: NatsServerOptions) {
    this.port = port;
    this.#path = path;
    this.#file = file;
    this.#env = env;
    if (file !== undefined) return;
    const store = jetStream ? `jetstream: { store_dir: ${JSON.stringify(join(this.#folder, "store"))} }\n` : "";
    writeFileSync(this.#config, `listen: "127.0.0.1:${port}"\n${store}${config}\n`);
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async restart(): Promise<void> {
    await this.#end("SIGTERM");
    this.#output = "";
    const env = { ...process.env, ...this.#env };
    const child = spawn(this.#path, ["-c", this.#config], { stdio: ["ignore", "pipe", "pipe"], env });
    this.#child = child;
    child.once("exit", () => {
      if (this.#child === child) this.#child = null;
    });
    const keep = (chunk: Buffer) => {
      this.#output = (this.#output + chunk).slice(-8_192);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    await this.#ready();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end("SIGKILL");
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #config(): string {
    return this.#file ?? join(this.#folder, "server.conf");
  }

  async #ready(): Promise<void> {
    const end = Date.now() + READY_MS;
    while (this.#child !== null && Date.now() < end) {
      if (await greets(this.port)) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`nats-server is not ready on port ${this.port}:\n${this.#output}`);
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await ended;
    this.#child = null;
  }
}

/** A NATS server speaks first: `INFO {…}`. */
function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const answer = (yes: boolean) => {
      socket.destroy();
      resolve(yes);
    };
    socket.setTimeout(1_000, () => answer(false));
    socket.once("error", () => answer(false));
    socket.once("data", (data) => answer(data.toString("latin1").startsWith("INFO ")));
  });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
