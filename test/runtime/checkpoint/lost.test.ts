// What a place does when its checkpoint knows of entries that its journal does not have.
import { cpSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { journalCommand } from "../../../runtime/cli/journal.ts";
import { JOURNAL } from "../../../runtime/journal/meta.ts";
import { keyOf, seqOf } from "../../../runtime/key.ts";
import { openStore } from "../../../runtime/store/lmdb.ts";
import { runCommand } from "../../support/command.ts";
import { cutBefore, damage, secondCommit, tempDir } from "../../support/journal.ts";
import { decisionsOf, MONDAY, type Store, startStore } from "../../support/place.ts";

let dataDir: string;
let store: Store;

beforeEach(async () => {
  dataDir = tempDir();
  store = await started();
});

afterEach(async () => {
  await store[Symbol.asyncDispose]();
});

const started = () => startStore({ dataDir, overrides: { logLevel: "warn" } });
const at = (name: string) => join(dataDir, name);

async function send(...events: object[]) {
  const body = Buffer.from(events.map((event) => JSON.stringify(event)).join("\n"));
  const inbound = { principal: "test", subject: "/events", type: null, headers: {}, body };
  const receipt = await store.place.ingest.accept(inbound);
  await store.place.runner.idle();
  return receipt;
}

const entry = (id: number) => ({ type: "entry", id, ts: MONDAY, event_id: `entry ${id}` });
const focus = (id: number) => ({ type: "focus", id, dep: "Sport", ts: MONDAY, event_id: `focus ${id}` });

/** In several commits. */
async function visit(id: number): Promise<void> {
  for (const event of [entry(id), focus(id)]) await send(event);
}

async function degraded(): Promise<string[]> {
  return ((await (await fetch(`${store.place.url}/readyz`)).json()) as { degraded: string[] }).degraded;
}

/** Ends as by force: no last checkpoint. */
async function kill(): Promise<void> {
  store.place.checkpoints.checkpointer!.stop = async () => {};
  await store.place.stop();
}

/** Removes the oldest commit, as retention does. */
const cut = async () => cutBefore(dataDir, await secondCommit(dataDir));

async function spoilCheckpoint(): Promise<void> {
  const checkpoint = openStore({ path: at("checkpoint") });
  const key = Buffer.from("checkpoint");
  const value = Buffer.from(checkpoint.get("meta", key)!);
  value[20]! ^= 1;
  await checkpoint.commit([{ table: "meta", key, value }]);
  await checkpoint.close();
}

/** The journal is as it was after the first customer; the checkpoint is as of the second. @returns where each ends */
async function putBack(): Promise<readonly [number, number]> {
  await visit(1);
  const { lastSeq } = store.place.journal;
  await store.place.stop();
  cpSync(at("journal"), at("old"), { recursive: true });
  store = await started();
  await send(entry(2), focus(2));
  const end = store.place.journal.lastSeq;
  await store.place.stop();
  rmSync(at("journal"), { recursive: true });
  renameSync(at("old"), at("journal"));
  return [lastSeq, end];
}

describe("a journal that ends before its checkpoint", () => {
  it("goes on under a new epoch, so that no id comes again, and the place says what is lost", async () => {
    const { epoch } = store.place.journal;
    const [last, end] = await putBack();
    store = await started();
    const lost = new RegExp(`ends at ${last}: entries ${last + 1} to ${end} are lost`);

    expect(store.place.journal.epoch).not.toBe(epoch);
    expect(store.logged).toMatchObject([{ msg: expect.stringMatching(lost) }]);
    expect(await degraded()).toEqual([expect.stringMatching(lost)]);
    // What was lost may be sent again.
    expect(await send(entry(2), focus(2))).toMatchObject({ accepted: 2 });
    expect(decisionsOf(store.place.journal).map(({ id }) => id.split("-")[1])).toEqual([
      epoch,
      store.place.journal.epoch,
    ]);
  });

  it("tells of it until there is a checkpoint, and the place is started again", async () => {
    await putBack();
    store = await started();
    const { epoch } = store.place.journal;
    await kill();
    store = await started();

    expect(store.place.journal.epoch).toBe(epoch);
    expect(await degraded()).toEqual([expect.stringMatching(/of a journal with epoch .* is lost/)]);
    await store.place.checkpoints.checkpointer!.now();
    expect(await degraded()).toHaveLength(1);
    await store.place.stop();
    store = await started();
    expect(store.place.journal.epoch).toBe(epoch);
    expect(await degraded()).toEqual([]);
  });

  it("is refused when it was cut, and has another epoch even then", async () => {
    await putBack();
    await cut();

    await expect(started()).rejects.toMatchObject({
      code: "corrupt",
      message: expect.stringMatching(/are lost, .*; and the journal no longer/),
    });
    await expect(started()).rejects.toMatchObject({ message: expect.stringMatching(/it is of a journal with epoch/) });
  });

  it("may have lost all", async () => {
    await send(entry(1), focus(1));
    await store.place.stop();
    rmSync(at("journal"), { recursive: true });
    store = await started();

    expect(store.logged).toMatchObject([{ msg: expect.stringMatching(/is lost, and the journal has no entries/) }]);
    expect(await degraded()).toEqual([expect.stringMatching(/is lost, and the journal has no entries/)]);
  });
});

describe("a checkpoint that can't be read, beside a journal that was cut,", () => {
  beforeEach(async () => {
    await visit(1);
    await store.place.stop();
    await cut();
  });

  it.each([
    ["in its record", spoilCheckpoint, /its record has a wrong checksum/],
    ["at all", async () => writeFileSync(at("checkpoint/data.mdb"), "none"), /can't be used: '.*checkpoint'/],
  ])("%s, is refused, and kept until it is moved away", async (_, spoil, why) => {
    await spoil();
    for (let times = 0; times < 2; times++) {
      const message = expect.stringMatching(/restore a backup .* move the folder 'checkpoint' away/);
      await expect(started()).rejects.toMatchObject({ code: "corrupt", message });
      await expect(started()).rejects.toThrow(why);
    }
    // As the refusal says.
    renameSync(at("checkpoint"), at("aside"));
    store = await started();
  });
});

describe("what was moved to the dead letters", () => {
  /** Turns over a bit of the event with that id. */
  async function spoilEvent(id: string): Promise<void> {
    const { seq, payload } = [...store.place.journal.read()].find(({ headers }) => headers.id === id)!;
    const [commit] = store.place.journal.store.range(JOURNAL, { start: keyOf(seq), reverse: true, limit: 1 });
    const first = seqOf(commit!.key);
    await store.place.stop();
    await damage(dataDir, first, (blob) => {
      blob[blob.indexOf(Buffer.from(payload)) + 2]! ^= 4;
      return blob;
    });
  }

  it("may be sent again: the state is made of what the journal still has", async () => {
    await visit(1);
    await spoilEvent("focus 1");
    const { out } = await runCommand(journalCommand, ["repair", "--data", dataDir, "--yes"]);
    store = await started();

    expect(out.at(-1)).toMatch(/makes the state of it again/);
    expect(store.place.checkpoints.fromSeq).toBe(1);
    expect(await send(focus(1))).toMatchObject({ accepted: 1, duplicate: 0 });
    expect(await send(entry(1))).toMatchObject({ accepted: 0, duplicate: 1 });
  });

  it("is no cut: a checkpoint that can't be used later is made of the journal again", async () => {
    await visit(1);
    await spoilEvent("focus 1");
    await runCommand(journalCommand, ["repair", "--data", dataDir, "--yes"]);
    store = await started();
    await store.place.stop();
    await spoilCheckpoint();
    store = await started();

    expect(store.logged).toMatchObject([
      { msg: expect.stringMatching(/wrong checksum.* replayed from its beginning/) },
    ]);
    expect(await send(focus(1), entry(1))).toMatchObject({ accepted: 1, duplicate: 1 });
  });

  it("lets a place start whose checkpoint could not be used already", async () => {
    await visit(1);
    await spoilEvent("focus 1");
    await spoilCheckpoint();
    await expect(started()).rejects.toMatchObject({ code: "corrupt" });
    await runCommand(journalCommand, ["repair", "--data", dataDir, "--yes"]);
    store = await started();

    expect(await send(focus(1))).toMatchObject({ accepted: 1 });
  });

  it("may be several times, of one commit too", async () => {
    await send(entry(1), focus(1), entry(2), focus(2));
    for (const id of ["focus 1", "entry 2", "focus 2"]) {
      await spoilEvent(id);
      const { out } = await runCommand(journalCommand, ["repair", "--data", dataDir, "--yes"]);
      expect(out.at(-1)).toMatch(/makes the state of it again/);
      store = await started();
    }

    const sent = await send(entry(1), focus(1), entry(2), focus(2));
    expect(sent).toMatchObject({ accepted: 3, duplicate: 1 });
  });

  it("stays in the state when the journal was cut, and that is said", async () => {
    await visit(1);
    await spoilEvent("focus 1");
    await cut();
    const { out } = await runCommand(journalCommand, ["repair", "--data", dataDir, "--yes"]);
    store = await started();

    expect(out.join("\n")).toMatch(/state that was saved stays.* sent again is a duplicate/);
    expect(store.place.checkpoints.fromSeq).toBeGreaterThan(1);
    expect(await send(focus(1))).toMatchObject({ accepted: 0, duplicate: 1 });
  });
});
