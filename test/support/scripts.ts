// A folder with scripts, gone when the test ends.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import { type Clock, systemClock } from "../../runtime/clock.ts";

/** An empty folder. */
export function scratch(): string {
  const dir = mkdtempSync(join(tmpdir(), "aisle-work-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Writes a file with its run bit set, unless asked otherwise; returns its path. */
export function script(dir: string, name: string, text: string, mode = 0o755): string {
  const file = join(dir, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

/** A script for /bin/sh. */
export function shell(dir: string, name: string, lines: string): string {
  return script(dir, name, `#!/bin/sh\n${lines}\n`);
}

/** A clock on which waiting takes a hundredth of the time. */
export const hastyClock: Clock = {
  now: systemClock.now,
  monotonic: () => systemClock.monotonic() * 100,
  after: (ms, run) => systemClock.after(ms / 100, run),
};
