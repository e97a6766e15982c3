// One child process, with all that it starts: its output bounded, its end certain.
import { spawn } from "node:child_process";
import type { Readable } from "node:stream";
import type { Clock } from "../clock.ts";
import { limits } from "../limits.ts";

export interface ChildOptions {
  /** Path of the executable. */
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** For its standard input; it need not read it. */
  readonly input: string;
  /** Ends it: SIGTERM, and SIGKILL after `limits.runKillMs`. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** It runs, under this number, which is that of its process group too. */
  readonly onStart: (pid: number) => void;
  /** What it prints, whole characters, to stdout and stderr alike. */
  readonly onOutput: (text: string) => void;
}

export interface ChildEnd {
  /** Null when a signal ended it, or nothing could. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it was told to end; null: it ended by itself. */
  readonly told: "aborted" | "flood" | null;
}

/**
 * Runs a child to its end, without a shell. What is left of its process group then is killed; what it put into a
 * session of its own lives on.
 *
 * @throws NodeJS.ErrnoException when it can't be started
 */
export function runChild(options: ChildOptions): Promise<ChildEnd> {
  return new Promise((resolve, reject) => {
    const { file, args, cwd, env, input, signal, clock, onStart, onOutput } = options;
    const child = spawn(file, args, { cwd, env, detached: true, stdio: "pipe" });
    const { pid, stdin, stdout, stderr } = child;
    let told: ChildEnd["told"] = null;
    let end: Omit<ChildEnd, "told"> = { code: null, signal: null };
    let printed = 0;
    let over = false;

    const aborted = () => tell("aborted");
    const tell = (why: ChildEnd["told"]) => {
      if (told !== null || child.exitCode !== null || child.signalCode !== null) return;
      told = why;
      signalGroup(pid, "SIGTERM");
      clock.after(limits.runKillMs, kill);
    };
    const kill = () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      signalGroup(pid, "SIGKILL");
      clock.after(limits.runFlushMs, finish); // even if it does not end: it may hang in the kernel
    };
    const finish = () => {
      if (over) return; // its number may be another's by now
      over = true;
      signal.removeEventListener("abort", aborted);
      signalGroup(pid, "SIGKILL");
      for (const stream of [stdin, stdout, stderr]) stream.destroy();
      resolve({ ...end, told });
    };
    const read = (stream: Readable) => {
      stream.setEncoding("utf8");
      stream.on("error", () => {});
      stream.on("data", (text: string) => {
        if (told === "flood") return;
        printed += Buffer.byteLength(text);
        onOutput(text);
        if (printed > limits.runOutputBytes) tell("flood");
      });
    };

    child.once("error", reject);
    child.once("exit", (code, signal) => {
      end = { code, signal };
      // Somebody in the background may hold the pipes open.
      clock.after(limits.runFlushMs, finish);
    });
    child.once("close", finish);
    read(stdout);
    read(stderr);
    stdin.on("error", () => {}); // it closed its end: it has read enough
    stdin.end(input);
    if (pid === undefined) return;
    try {
      onStart(pid);
    } catch (error) {
      reject(error);
      kill();
    }
    if (signal.aborted) aborted();
    else signal.addEventListener("abort", aborted, { once: true });
  });
}

/** To a process group, by the number of its first process. One that is gone is no matter. */
export function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined || pid < 2) return; // 0 is our own group, 1 everybody
  try {
    process.kill(-pid, signal);
  } catch {}
}
