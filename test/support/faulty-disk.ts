// A real disk that is slow, full or broken for one process: a library that is loaded before the C library's
// (`test/faults/preload/faultsync.c`), and a control file.
import { execFileSync } from "node:child_process";
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const SOURCE = fileURLToPath(new URL("../faults/preload/faultsync.c", import.meta.url));
const COMPILERS = ["cc", "gcc", "clang", "tcc"];
/** Beside the PATH: where deploy/setup.mjs puts one. */
const FOLDERS = [
  ...(process.env.PATH ?? "").split(delimiter),
  fileURLToPath(new URL("../../dist/tools/usr/bin", import.meta.url)),
];

/** Path of a C compiler; null: there is none, or the system has no such way to load a library. */
export const compilerPath: string | null =
  process.platform !== "linux"
    ? null
    : (COMPILERS.flatMap((name) => FOLDERS.filter((each) => each !== "").map((each) => join(each, name))).find(
        isThere,
      ) ?? null);

/** Like `describe`; skipped where a disk can't be made to fail, except with `CI=true`, where that is a failure. */
export function describeWithFaultyDisk(name: string, suite: () => void): void {
  if (compilerPath !== null) describe(name, suite);
  else if (process.env.CI !== "true" || process.platform !== "linux")
    describe.skip(`${name} (no C compiler found)`, suite);
  else it(`${name}: needs a C compiler`, () => expect(compilerPath, "cc on the PATH").not.toBeNull());
}

/** What the disk does; nothing: it is well. */
export interface DiskFaults {
  /** Longer that a sync takes. */
  readonly syncMs?: number;
  /** errno */
  readonly syncError?: number;
  /** It has no room: what makes a file longer fails. */
  readonly full?: boolean;
}

export const EIO = 5;

export class FaultyRealDisk {
  readonly #folder = mkdtempSync(join(tmpdir(), "aisle-disk-"));

  /** @param file  the end of the path of the file meant */
  constructor(file: string) {
    const library = join(this.#folder, "faultsync.so");
    const flags = ["-shared", "-fPIC", "-nostdlib", "-o", library, SOURCE];
    execFileSync(compilerPath!, flags, { stdio: ["ignore", "ignore", "pipe"] });
    this.env = { LD_PRELOAD: library, AISLE_FAULT_FILE: file, AISLE_FAULT_CONTROL: join(this.#folder, "control") };
    this.set({});
  }

  /** Of the process whose disk it is. */
  readonly env: Readonly<Record<string, string>>;

  set({ syncMs, syncError, full }: DiskFaults): void {
    const words = { "sync-ms": syncMs, "sync-error": syncError, full: full === true ? 1 : undefined };
    const said = Object.entries(words).flatMap(([word, value]) => (value === undefined ? [] : `${word} ${value}\n`));
    writeFileSync(this.env.AISLE_FAULT_CONTROL!, said.join(""));
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function isThere(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
