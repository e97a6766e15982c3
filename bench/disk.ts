import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";

/** One page: what a small commit writes at least, bytes. */
const PAGE = 4096;

/** What the disk itself takes to append a page and to sync it, ms: the floor of everything durable. */
export async function syncLatency(dir: string, n: number): Promise<{ p50: number; p99: number }> {
  const file = openSync(join(dir, "sync"), "w");
  const page = Buffer.alloc(PAGE, 7);
  const times: number[] = [];
  for (let i = 0; i < n; i++) {
    const start = performance.now();
    writeSync(file, page);
    fdatasyncSync(file);
    times.push(performance.now() - start);
    // Others want the disk and the core too; a loop without a pause would measure itself only.
    if (i % 16 === 0) await new Promise((done) => setImmediate(done));
  }
  closeSync(file);
  times.sort((a, b) => a - b);
  return { p50: times[Math.floor(n * 0.5)]!, p99: times[Math.floor(n * 0.99)]! };
}
