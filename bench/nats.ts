// A real nats-server on a free port of the loopback, for benches that measure the way over the bus.
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";

export interface NatsServer extends AsyncDisposable {
  readonly url: string;
}

/** The same places as in test/support/nats-server.ts. */
const FOLDERS = [
  ...(process.env.PATH ?? "").split(delimiter),
  "/usr/sbin",
  "/usr/local/sbin",
  "/opt/homebrew/bin",
  resolve("dist/tools/usr/sbin"),
];
const READY_MS = 10_000;

export interface NatsServerOptions {
  /** Bytes that wait for one client before it is dropped; default: the server's. */
  readonly maxPending?: number;
}

/** @throws Error when there is no nats-server on this machine */
export async function natsServer({ maxPending }: NatsServerOptions = {}): Promise<NatsServer> {
  const path = FOLDERS.map((folder) => join(folder, "nats-server")).find(isExecutable);
  if (path === undefined) throw new Error("needs nats-server: Debian's package, or one on the PATH");
  const port = await freePort();
  const store = mkdtempSync(join(tmpdir(), "aisle-bench-nats-"));
  const config = join(store, "server.conf");
  writeFileSync(config, maxPending === undefined ? "" : `max_pending: ${maxPending}\n`);
  const args = ["--config", config, "--addr", "127.0.0.1", "--port", String(port), "--jetstream", "--store_dir", store];
  const child = spawn(path, args, { stdio: "ignore" });
  await listening(port, child);
  return {
    url: `nats://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      const ended = new Promise((end) => child.once("exit", end));
      child.kill();
      await ended;
      rmSync(store, { recursive: true, force: true });
    },
  };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

async function listening(port: number, child: ChildProcess): Promise<void> {
  const end = performance.now() + READY_MS;
  while (performance.now() < end && child.exitCode === null) {
    const open = await new Promise<boolean>((answer) => {
      const socket = connect(port, "127.0.0.1", () => answer(true)).on("error", () => answer(false));
      socket.on("connect", () => socket.destroy());
    });
    if (open) return;
    await new Promise((done) => setTimeout(done, 20));
  }
  throw new Error("nats-server did not come up");
}
