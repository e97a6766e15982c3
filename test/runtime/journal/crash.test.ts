import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { emitJournal } from "../../support/emit.ts";
import { draft, journalIn, seqs, tempDir, textOf } from "../../support/journal.ts";
import { prng } from "../../support/prng.ts";

const ROUNDS = 24;

let emitted: ReturnType<typeof emitJournal>;
beforeAll(() => {
  emitted = emitJournal();
});
afterAll(() => emitted.remove());

/** Ended when the test ends, if not before. */
function start(args: readonly string[], shell?: string): { child: ChildProcess; lines: AsyncIterableIterator<string> } {
  const script = join(emitted.dir, "journal-child.mjs");
  const [command, ...all] =
    shell === undefined
      ? [process.execPath, script, ...args]
      : ["bash", "-c", `${shell}; exec "$0" "$@"`, process.execPath, script, ...args];
  const child = spawn(command!, all, { stdio: ["pipe", "pipe", "pipe"] });
  onTestFinished(() => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
  });
  return { child, lines: createInterface({ input: child.stdout! })[Symbol.asyncIterator]() };
}

describe("a journal whose process is ended by force", () => {
  it(`has every acknowledged entry once, whole and in order, ${ROUNDS} times`, { timeout: 120_000 }, async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const random = prng(seed);
    const dir = tempDir();
    let acknowledged = 0;

    for (let round = 0; round < ROUNDS; round++) {
      const context = `seed ${seed}, round ${round}`;
      const { child, lines } = start(["append", dir, String(seed + round)]);
      expect((await lines.next()).value, context).toBe("ready");
      await sleep(random() * 60);
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      const receipts: string[] = [];
      for await (const line of lines) receipts.push(line);
      await exited;

      const journal = journalIn(dir); // the dead owner doesn't keep the folder
      const entries = [...journal.read()]; // throws on any wrong checksum
      expect(seqs(entries), context).toEqual(Array.from({ length: journal.lastSeq }, (_, i) => i + 1));
      const payloads = entries.map(textOf);
      expect(
        payloads.filter((payload) => !isWhole(payload)),
        context,
      ).toEqual([]);
      expect(new Set(payloads.map(nameOf)).size, context).toBe(payloads.length); // nothing twice
      for (const receipt of receipts) {
        const [firstSeq, lastSeq, batch] = receipt.split(" ") as [string, string, string];
        const stored = payloads.slice(Number(firstSeq) - 1, Number(lastSeq)).map(nameOf);
        expect(stored, context).toEqual(
          Array.from({ length: Number(lastSeq) - Number(firstSeq) + 1 }, (_, place) => `${batch}/${place}`),
        );
      }
      acknowledged += receipts.length;
      await journal.close();
    }

    expect(acknowledged, `seed ${seed}`).toBeGreaterThan(ROUNDS);
  });

  it("gives the folder back to the next process, and only then", async () => {
    const dir = tempDir();
    const { child, lines } = start(["hold", dir]);
    await lines.next();

    expect(() => journalIn(dir)).toThrow(
      expect.objectContaining({ code: "conflict", message: expect.stringContaining(`pid ${child.pid}`) }),
    );
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;

    expect(journalIn(dir).lastSeq).toBe(0);
  });

  it("can be read while its owner lives", async () => {
    const dir = tempDir();
    const { child, lines } = start(["append", dir, "1"]);
    await lines.next();
    const [, lastSeq] = String((await lines.next()).value)
      .split(" ")
      .map(Number);

    const journal = journalIn(dir, { readOnly: true });
    const first = journal.lastSeq;
    expect(first).toBeGreaterThanOrEqual(lastSeq!);
    // The owner goes on writing while it is read.
    const read = seqs(journal.read());
    expect(read.length).toBeGreaterThanOrEqual(first);
    expect(read).toEqual(Array.from(read, (_, i) => i + 1));
    for (;;) {
      const [, later] = String((await lines.next()).value)
        .split(" ")
        .map(Number);
      if (later! > first) break;
    }
    expect(journal.lastSeq).toBeGreaterThan(first);
    await expect(journal.append([draft("x")])).rejects.toMatchObject({ code: "unavailable" });

    expect(child.exitCode).toBe(null);
  });
});

describe("a journal whose disk takes no more", () => {
  it("fails for good, says why, and keeps what was acknowledged", async () => {
    const dir = tempDir();
    const { child, lines } = start(["fill", dir], "ulimit -f 4096"); // KiB a file
    const exited = once(child, "exit");

    const said = JSON.parse(String((await lines.next()).value));
    expect(await exited).toEqual([0, null]);

    expect(said).toMatchObject({ code: "unavailable", message: expect.stringContaining("Input/output"), same: true });
    expect(said.acknowledged).toBeGreaterThan(10);
    expect(said.readable).toBe(said.acknowledged);
    const journal = journalIn(dir); // reopened, on a disk with room
    expect(journal.lastSeq).toBe(said.acknowledged);
    expect(await journal.append([draft("a")])).toMatchObject({ firstSeq: said.acknowledged + 1 });
  });
});

/** See the fixture: "BATCH/PLACE/LENGTH:LETTERS". */
function isWhole(payload: string): boolean {
  const colon = payload.indexOf(":");
  const letters = payload.slice(colon + 1);
  return letters.length === Number(payload.slice(payload.lastIndexOf("/") + 1, colon)) && new Set(letters).size <= 1;
}

function nameOf(payload: string): string {
  return payload.slice(0, payload.lastIndexOf("/"));
}
