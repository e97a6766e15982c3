// Whoever goes back to an older version is told what it can't read, and nothing of it is touched.
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { State } from "../../runtime/batch/state.ts";
import { backupCommand } from "../../runtime/cli/backup.ts";
import { journalCommand } from "../../runtime/cli/journal.ts";
import { replayCommand } from "../../runtime/cli/replay.ts";
import { restoreCommand } from "../../runtime/cli/restore.ts";
import { crc32 } from "../../runtime/crc32.ts";
import { AisleError } from "../../runtime/errors.ts";
import { readBatch } from "../../runtime/hub/batch.ts";
import { FORMAT } from "../../runtime/journal/blob.ts";
import { checksum, viewOf } from "../../runtime/journal/checksum.ts";
import { JOURNAL, META } from "../../runtime/journal/meta.ts";
import { ownerOf } from "../../runtime/journal/owner.ts";
import { openStore } from "../../runtime/store/lmdb.ts";
import { runCommand } from "../support/command.ts";
import { cutBefore, draft, journalIn, secondCommit, tempDir } from "../support/journal.ts";
import { MONDAY, STORE, startStore } from "../support/place.ts";
import { COUNTING, transformed, transformOf } from "../support/transforming.ts";

const NEWER = 99;

/** Changes a row of a store that nobody has open: the one under a key, or the first of the table. */
async function rewrite(path: string, table: string, name: string | null, change: (value: Buffer) => Buffer | null) {
  const store = openStore({ path });
  const [row] = store.range(table, { limit: 1, ...(name === null ? {} : { start: Buffer.from(name) }) });
  await store.commit([{ table, key: Buffer.from(row!.key), value: change(Buffer.from(row!.value)) }]);
  await store.close();
}

async function rowsOf(path: string): Promise<string[]> {
  const store = openStore({ path, readOnly: true });
  const rows = [META, JOURNAL, "deadletters"].flatMap((table) =>
    Array.from(store.range(table), ({ key, value }) => `${table} ${key.toString("hex")} ${value.toString("hex")}`),
  );
  await store.close();
  return rows;
}

/** The same commit as a newer version might write it: all that is known of its form is its head. */
function newerCommit(blob: Buffer): Buffer {
  blob.writeUInt16LE(NEWER, 4);
  blob.writeUInt32LE(checksum(viewOf(blob), 0, 44), 44);
  return blob;
}

/** Waits until it is on disk, so that the next one is in another commit. */
async function see({ url }: { readonly url: string }, id: number) {
  const response = await fetch(`${url}/events`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ type: "focus", event_id: `seen ${id}`, id, dep: "Sport", ts: MONDAY }),
  });
  expect(response.status).toBe(202);
}

describe("a journal of a newer version", () => {
  it("is refused by a place and every command, and stays as it is", async () => {
    const dir = tempDir();
    const journal = journalIn(dir);
    await journal.append([draft("a"), draft("b")]);
    await journal.close();
    const path = join(dir, "journal");
    await rewrite(path, JOURNAL, null, newerCommit);
    await rewrite(path, META, "journal", (meta) =>
      Buffer.from(JSON.stringify({ ...JSON.parse(meta.toString()), format: NEWER })),
    );
    const before = await rowsOf(path);
    const refusal = new RegExp(
      `has format ${NEWER}; this version of Aisle reads formats up to ${FORMAT}\\. Use the version`,
    );

    await expect(startStore({ dataDir: dir })).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringMatching(refusal),
    });
    for (const [make, ...args] of [
      [journalCommand, "verify"],
      [journalCommand, "repair", "--yes"],
      [backupCommand, join(tempDir(), "backup")],
      [replayCommand, STORE],
    ] as const) {
      const { code, err } = await runCommand(make, [...args, "--data", dir]);
      expect([code, err.join(" ")], args.join(" ")).toEqual([1, expect.stringMatching(refusal)]);
    }

    expect(ownerOf(dir)).toBe(null);
    expect(await rowsOf(path)).toEqual(before);
  });

  it("is refused by a hub that is older than its place", async () => {
    const journal = journalIn(tempDir());
    await journal.append([draft("a")]);
    const [row] = journal.store.range(JOURNAL, { limit: 1 });
    const batch = Buffer.from(row!.value);

    expect(readBatch(batch)).toEqual({ first: 1, last: 1 });
    expect(() => readBatch(newerCommit(batch))).toThrow(
      `the batch has format ${NEWER}, this version reads up to ${FORMAT}`,
    );
  });
});

describe("a checkpoint of a newer version", () => {
  const record = (change: (value: Buffer) => Buffer) => (dir: string) =>
    rewrite(join(dir, "checkpoint"), "meta", "checkpoint", change);
  const newerFormat = record((value) => {
    value.writeUInt16LE(NEWER, 4);
    value.writeUInt16LE(~NEWER & 0xffff, 6);
    return value;
  });

  it.each([
    [
      "as a whole",
      newerFormat,
      { told: /can't be used: it has format 99, and a newer version/, refused: /has format 99, which only a newer/ },
    ],
    [
      "in one of its parts",
      record((value) => {
        const { parts, ...rest } = JSON.parse(value.toString("utf8", 12)) as { parts: { name: string }[] };
        const newer = parts.map((part) => (part.name === "board" ? { ...part, version: NEWER } : part));
        const json = Buffer.from(JSON.stringify({ ...rest, parts: newer }));
        const head = Buffer.from(value.subarray(0, 12));
        head.writeUInt32LE(crc32(json, 0, json.length), 8);
        return Buffer.concat([head, json]);
      }),
      { told: /does not have 'board' as/, refused: /has 'board' in version 99, which only a newer/ },
    ],
  ])("%s, is not used where the journal has all, and refused where it was cut", async (_, makeNewer, expected) => {
    const dataDir = tempDir();
    const shown = async (url: string) => (await fetch(`${url}/offers/3`)).json();
    const first = await startStore({ dataDir });
    await see(first.place, 3);
    await see(first.place, 4);
    await first.place.runner.idle();
    const before = await shown(first.place.url);
    expect(before).toMatchObject({ standing: [{ department: "Sport" }] });
    await first.place.stop();

    await makeNewer(dataDir);
    {
      await using again = await startStore({ dataDir, overrides: { logLevel: "warn" } });
      expect(again.logged).toMatchObject([{ msg: expect.stringMatching(expected.told) }]);
      expect(await shown(again.place.url)).toEqual(before);
    }

    // Retention has removed its oldest commit.
    await makeNewer(dataDir);
    await cutBefore(dataDir, await secondCommit(dataDir));
    await expect(startStore({ dataDir })).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringMatching(expected.refused),
    });

    // As the refusal says.
    renameSync(join(dataDir, "checkpoint"), join(dataDir, "aside"));
    await (await startStore({ dataDir }))[Symbol.asyncDispose]();
  });

  it("is refused beside a journal that lost all that it had", async () => {
    const dataDir = tempDir();
    const { place } = await startStore({ dataDir });
    await see(place, 3);
    await place.stop();
    await newerFormat(dataDir);
    const journal = openStore({ path: join(dataDir, "journal") });
    await journal.commit(Array.from(journal.range(JOURNAL), ({ key }) => ({ table: JOURNAL, key, value: null })));
    await journal.close();

    await expect(startStore({ dataDir })).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringMatching(/has format 99, which only a newer/),
    });
  });
});

describe("of a newer version", () => {
  it("the state of a transform is refused, and given back", async () => {
    const stateDir = join(tempDir(), "state");
    await transformed({ streaming: COUNTING, events: [{ id: "a" }], stateDir });
    await rewrite(stateDir, "meta", "run", (meta) =>
      Buffer.from(JSON.stringify({ ...JSON.parse(meta.toString()), format: NEWER })),
    );

    for (let times = 0; times < 2; times++) {
      const opened = () => State.open(stateDir, transformOf({ streaming: COUNTING }), false);
      expect(opened).toThrow(AisleError);
      expect(opened).toThrow(`has format ${NEWER}; this version of Aisle reads up to 1`);
    }
    expect(ownerOf(stateDir)).toBe(null);
  });

  it("a backup is refused", async () => {
    const backup = join(tempDir(), "backup");
    mkdirSync(backup);
    writeFileSync(
      join(backup, "manifest.json"),
      JSON.stringify({ format: NEWER, all: "that this version can't know" }),
    );

    const { code, err } = await runCommand(restoreCommand, [backup, "--data", join(tempDir(), "data")]);

    expect([code, err.join(" ")]).toEqual([
      1,
      expect.stringMatching(/the backup has format 99; this version reads up to 1/),
    ]);
  });
});
