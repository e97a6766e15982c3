import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { actors } from "../../actors/index.ts";
import type { SiteOptions } from "../../runtime/config.ts";
import { type Mistake, SiteError } from "../../runtime/errors.ts";

export const STORE = "deploy/sites/store";

/** An environment with nothing in it, and the real actors. */
export const OPTIONS: SiteOptions = { env: {}, hostname: "box-1", actors };

/** A copy of the store site that may be spoilt; it is removed when the test ends. Its model is a placeholder. */
export class SiteCopy {
  readonly dir: string;

  constructor() {
    this.dir = mkdtempSync(join(tmpdir(), "aisle-site-"));
    onTestFinished(() => rmSync(this.dir, { recursive: true, force: true }));
    cpSync(STORE, this.dir, { recursive: true, filter: (path) => !path.includes("/models/") });
    mkdirSync(join(this.dir, "models"), { recursive: true });
    this.write("models/coupon.json", "{}");
  }

  read(file: string): string {
    return readFileSync(join(this.dir, file), "utf8");
  }

  write(file: string, content: string | Buffer): this {
    writeFileSync(join(this.dir, file), content);
    return this;
  }

  remove(file: string): this {
    if (!existsSync(join(this.dir, file))) throw new Error(`${file} is not there to be removed`);
    rmSync(join(this.dir, file));
    return this;
  }

  /** Replaces the one place where `before` stands. */
  edit(file: string, before: string, after: string): this {
    const parts = this.read(file).split(before);
    if (parts.length !== 2) throw new Error(`'${before}' stands ${parts.length - 1} times in ${file}`);
    return this.write(file, parts.join(after));
  }
}

/** The mistakes that a call is refused with, as they are printed. */
export function mistakesOf(call: () => unknown): string[] {
  try {
    call();
  } catch (error) {
    if (error instanceof SiteError) return error.message.split("\n");
    throw error;
  }
  return [];
}

export function mistakeOf(call: () => unknown): Mistake[] {
  try {
    call();
  } catch (error) {
    if (error instanceof SiteError) return [...error.mistakes];
    throw error;
  }
  return [];
}
