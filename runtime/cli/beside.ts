// Opening a data folder that another process may own and write to. Whoever opens an environment of LMDB sets the number of
// the last transaction, in the table that all share, to the one that it has just read from the file (`mdb_env_open2`): a
// commit that ends in between would be written over by the next. So the owner lets none be under way meanwhile.
import { existsSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { sleep, systemClock } from "../clock.ts";
import { AisleError } from "../errors.ts";
import { ownerOf, takeFolder } from "../journal/owner.ts";
import { limits } from "../limits.ts";

const RETRY_MS = 100;
/** System's words for a folder that nobody here can write to, and so nobody owns. */
const NOT_WRITABLE = ["EACCES", "EPERM", "EROFS"];

/**
 * Opens something in a data folder while no commit is under way there: by having the folder meanwhile, or its owner wait.
 *
 * @param waitMs  for an owner that does not answer yet
 * @throws AisleError `unavailable` when the owner does not answer; and what `open` throws
 */
export async function openBeside<T extends { close(): Promise<unknown> }>(
  dir: string,
  open: () => T,
  waitMs: number = limits.folderHoldWaitMs,
): Promise<T> {
  const giveUpAt = systemClock.monotonic() + waitMs;
  for (;;) {
    if (!existsSync(dir) || ownerOf(dir) === process.pid) return open();
    const giveBack = taken(dir);
    if (giveBack !== null) return opened(open, giveBack);
    const beganAt = systemClock.monotonic();
    const letGo = await held(join(dir, "control.sock"));
    if (letGo !== null) {
      const result = opened(open, letGo);
      if (systemClock.monotonic() - beganAt < limits.folderHoldMs) return result;
      await result.close(); // it took too long: the owner did not wait to the end
    }
    if (systemClock.monotonic() >= giveUpAt)
      throw new AisleError(
        "unavailable",
        `the data folder '${dir}' is in use by the process with pid ${ownerOf(dir)}, which does not answer: wait until it is ready, or stop it`,
      );
    await sleep(RETRY_MS);
  }
}

function opened<T>(open: () => T, done: () => void): T {
  try {
    return open();
  } finally {
    done();
  }
}

/** Null: another process has it. */
function taken(dir: string): (() => void) | null {
  try {
    return takeFolder(dir);
  } catch (error) {
    if (error instanceof AisleError && error.code === "conflict") return null;
    if (NOT_WRITABLE.includes((error as NodeJS.ErrnoException).code ?? "")) return () => {};
    throw error;
  }
}

/** Null: nobody answers there, or not as it should be. The returned function lets commits go on. */
function held(socketPath: string): Promise<(() => void) | null> {
  return new Promise((resolve) => {
    const asked = request(
      { socketPath, method: "POST", path: "/hold", timeout: limits.folderHoldWaitMs },
      (response) => {
        const letGo = () => void response.destroy();
        if (response.statusCode === 200) return resolve(letGo);
        letGo();
        resolve(null);
      },
    );
    asked.on("error", () => resolve(null));
    asked.on("timeout", () => asked.destroy(new Error("no answer")));
    asked.end();
  });
}
