// The built command line in a process of its own, as a user runs it.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";

export const CLI = resolve("dist/runtime/cli.js");

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function aisle(args: readonly string[], env: Record<string, string>): ChildProcess {
  if (!existsSync(CLI)) throw new Error("dist is not built: run 'npm run build'");
  return spawn(process.execPath, [CLI, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
}

/** Runs a command to its end. */
export function run(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const child = aisle(args, env);
  const [stdout, stderr] = [gather(child.stdout!), gather(child.stderr!)];
  return new Promise((done) => child.once("close", (code) => done({ code, stdout: stdout(), stderr: stderr() })));
}

export interface Up {
  readonly url: string;
  readonly pid: number;
  output(): string;
  /** Sends a signal to this process and resolves when it has ended. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** `aisle up …`; resolves when the place says its address, rejects with its words when it ends before. */
export function up(args: readonly string[], env: Record<string, string> = {}): Promise<Up> {
  const child = aisle(["up", ...args], env);
  const [stdout, stderr] = [gather(child.stdout!), gather(child.stderr!)];
  const ended = new Promise<number | null>((done) => child.once("close", done));
  return new Promise((done, failed) => {
    void ended.then((code) => failed(new Error(`ended with ${code}: ${stderr()}`)));
    child.stdout!.on("data", () => {
      const url = /^ {2}open {2}(\S+)$/m.exec(stdout())?.[1];
      if (url === undefined) return;
      done({
        url,
        pid: child.pid!,
        output: () => stdout() + stderr(),
        end(signal) {
          child.kill(signal);
          return ended;
        },
      });
    });
  });
}

function gather(stream: NodeJS.ReadableStream): () => string {
  let text = "";
  stream.setEncoding("utf8");
  stream.on("data", (part: string) => {
    text += part;
  });
  return () => text;
}
