import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import type { FieldType } from "../../runtime/spec/spec.ts";
import type { Evaluated } from "./evaluate.ts";

// One Python process that judges what the machine made of expressions: `python/judge.py`.

interface Request {
  readonly expressions: readonly string[];
  /** Of a field that keeps each value; null: as it is. */
  readonly type: FieldType | null;
  /** Objects as JSON. */
  readonly events: readonly string[];
  /** By event, by expression. */
  readonly ours: readonly (readonly Evaluated[])[];
}

/** Null: both agree. "skip: …": nothing to compare. Else what Python gives. */
export type Verdict = string | null;

/** Is there a Python whose meaning is that of 3.11? */
export function hasPython(): boolean {
  const check = spawnSync("python3", ["-c", "import sys; sys.exit(sys.version_info < (3, 11))"]);
  return check.status === 0;
}

export class Python {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  constructor() {
    const script = new URL("./python/judge.py", import.meta.url).pathname;
    const env = { ...process.env, TZ: "UTC", PYTHONUTF8: "1", PYTHONDONTWRITEBYTECODE: "1", LC_ALL: "C" };
    this.#process = spawn("python3", [script], { env, stdio: ["pipe", "pipe", "pipe"] });
    this.#process.stderr.pipe(process.stderr);
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  /** By event, by expression. */
  async judge(request: Request): Promise<Verdict[][]> {
    this.#process.stdin.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("python3 has ended");
    return JSON.parse(value);
  }

  close(): void {
    this.#process.stdin.end();
  }
}
