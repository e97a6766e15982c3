// What the disk itself takes: the floor under everything that is called durable. Quoted beside such figures, since a
// durable commit can't be quicker than this, and one laptop's disk is another's ten.
import { mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";

const PAGE_BYTES = 4096;

/**
 * Appends 4 KiB and syncs, `n` times, in a file of its own that is removed afterwards; fdatasync where there is one.
 *
 * @param dir folder on the disk that is meant
 * @returns ms
 */
export async function syncLatency(dir: string, n: number): Promise<{ p50: number; p99: number }> {
  const folder = mkdtempSync(join(dir, "sync-"));
  const file = await open(join(folder, "file"), "a");
  const page = Buffer.alloc(PAGE_BYTES, 1);
  const times: number[] = [];
  try {
    for (let i = 0; i < n; i++) {
      const start = performance.now();
      await file.write(page);
      await file.datasync();
      times.push(performance.now() - start);
    }
  } finally {
    await file.close();
    rmSync(folder, { recursive: true, force: true });
  }
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
}

/** The value below which the share `q` of the values lies; NaN when there are none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}
