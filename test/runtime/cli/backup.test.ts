import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Archive } from "../../../runtime/checkpoint/archive.ts";
import { checkpointStore } from "../../../runtime/checkpoint/open.ts";
import type { Manifest } from "../../../runtime/cli/backup-files.ts";
import { JOURNAL } from "../../../runtime/journal/meta.ts";
import { keyOf, seqOf } from "../../../runtime/key.ts";
import type { SiteTransform } from "../../../runtime/site.ts";
import { openStore } from "../../../runtime/store/lmdb.ts";
import { run } from "../../support/cli.ts";
import { cutBefore, damage, draft, lose, secondCommit, tempDir } from "../../support/journal.ts";
import { decisionsOf, MONDAY, STORE, type Store, startStore } from "../../support/place.ts";

const SECOND = 1_000; // ms

/** The built command line, on folders as places write them. */
describe("aisle", () => {
  let dir: string;
  let store: Store;

  beforeEach(async () => {
    dir = tempDir();
    store = await startStore({ dataDir: join(dir, "data") });
    for (let id = 1; id <= 5; id++) {
      await send(
        { type: "entry", id, ts: MONDAY },
        { type: "focus", id, dep: "Sport", ts: MONDAY, event_id: `e${id}` },
      );
    }
  });

  afterEach(async () => {
    await store[Symbol.asyncDispose]();
  });

  async function send(...events: object[]): Promise<void> {
    const body = Buffer.from(events.map((event) => JSON.stringify(event)).join("\n"));
    await store.place.ingest.accept({ principal: "test", subject: "/events", type: null, headers: {}, body });
    await store.place.runner.idle();
  }

  /** Ends the place, and turns over a bit of the event that the first decision rests on. @returns its sequence */
  async function damageOne(): Promise<number> {
    const [first] = decisionsOf(store.place.journal);
    const { seq, payload } = store.place.journal.find(first!.cause)!;
    const commit = commitOf(store, seq);
    await store.place.stop();
    await damage(data(), commit, (blob) => {
      blob[blob.indexOf(Buffer.from(payload)) + 2]! ^= 4;
      return blob;
    });
    return seq;
  }

  const data = () => join(dir, "data");
  const at = (name: string) => join(dir, name);

  describe("backup and restore", () => {
    it("take the journal where the checkpoint can't be read, and say so", async () => {
      const { lastSeq } = store.place.journal;
      await store.place.stop();
      truncateSync(join(data(), "checkpoint/data.mdb"), 20_000);

      const { code, stdout, stderr } = await run(["backup", at("backup"), "--data", data(), "--json"]);
      expect({ code, stderr }).toEqual({
        code: 0,
        stderr: expect.stringMatching(/the checkpoint is left out: .* is cut off: 20000 bytes of \d+/),
      });
      const said = JSON.parse(stdout);
      expect(said).toMatchObject({ checkpointSeq: null, files: [{ path: "journal/data.mdb" }] });
      expect(said.lastSeq).toBeGreaterThanOrEqual(lastSeq);
      expect(await run(["restore", at("backup"), "--data", at("again")])).toMatchObject({ code: 0, stderr: "" });
    });

    it("say it when the state that was saved can't be used", async () => {
      await store.place.checkpoints.checkpointer!.now();
      await store.place.stop();
      const checkpoint = openStore(checkpointStore(join(data(), "checkpoint")));
      await new Archive(checkpoint).condemn();
      await checkpoint.close();

      expect(await run(["backup", at("backup"), "--data", data()])).toMatchObject({
        code: 0,
        stdout: expect.stringContaining("without a checkpoint of the state"),
        stderr: expect.stringMatching(/can't be used: it was found damaged .* refused where that no longer has all/),
      });
      expect(readdirSync(at("backup/checkpoint"))).toEqual(["data.mdb"]);
    });

    it("say it when a folder can't be made, and what of the journal is cut off", async () => {
      const backup = await run(["backup", "/proc/none/backup", "--data", data()]);
      expect(backup).toMatchObject({ code: 1, stderr: expect.stringContaining("can't be made: ENOENT") });

      await store.place.stop();
      truncateSync(join(data(), "journal/data.mdb"), 20_000);
      for (const args of [
        ["backup", at("backup")],
        ["journal", "verify"],
        ["replay", STORE],
      ]) {
        expect(await run([...args, "--data", data()])).toMatchObject({
          code: 1,
          stderr: expect.stringMatching(/is cut off: 20000 bytes of \d+\. .*'aisle restore'/),
        });
      }
    });

    it("say which entries are missing", async () => {
      const [first] = decisionsOf(store.place.journal);
      const commit = commitOf(store, first!.cause);
      await store.place.stop();
      await lose(data(), commit);

      for (const args of [
        ["journal", "verify"],
        ["backup", at("backup")],
        ["replay", STORE],
      ]) {
        expect(await run([...args, "--data", data()])).toMatchObject({
          code: 1,
          stderr: expect.stringContaining("journal"),
        });
      }
      const verified = await run(["journal", "verify", "--data", data()]);
      expect(verified.stdout).toMatch(new RegExp(`damaged: entr(y|ies) ${commit}( to \\d+)?: missing`));
      expect(await run(["journal", "repair", "--yes", "--data", data()])).toMatchObject({ code: 0 });
      expect(await run(["journal", "verify", "--data", data()])).toMatchObject({ code: 0 });
    });

    it("bring a place back that was copied while it ran, under an epoch of its own", async () => {
      await store.place.checkpoints.checkpointer!.now();
      const backup = await run(["backup", at("backup"), "--data", data(), "--json"]);
      expect(backup).toMatchObject({ code: 0, stderr: "" });
      await send({ type: "focus", id: 1, dep: "Sport", ts: MONDAY + SECOND });
      const { lastSeq, checkpointSeq, files } = JSON.parse(backup.stdout);
      expect(lastSeq).toBeLessThan(store.place.journal.lastSeq);
      expect(checkpointSeq).toBe(lastSeq);
      expect(files.map(({ path }: { path: string }) => path)).toEqual(["checkpoint/data.mdb", "journal/data.mdb"]);

      const restored = await run(["restore", at("backup"), "--data", at("again")]);
      expect(restored).toMatchObject({ code: 0, stderr: "" });
      const { epoch } = store.place.journal;
      const known = decisionsOf(store.place.journal).slice(0, 5);
      await store.place.stop();
      store = await startStore({ dataDir: at("again") });

      expect(store.place.journal.epoch).not.toBe(epoch);
      expect(decisionsOf(store.place.journal)).toEqual(known);
      expect(store.place.checkpoints.fromSeq).toBe(lastSeq + 1);
      expect(store.logged).toEqual([]);
      expect(store.place.offers.standing("1")).toHaveLength(1);
    });

    it("take no state for their own that is of another journal", async () => {
      const { epoch } = store.place.journal;
      await store.place.checkpoints.checkpointer!.now();
      const saved = join(data(), "checkpoint/data.mdb");
      await run(["backup", at("backup"), "--data", data()]);
      await run(["restore", at("backup"), "--data", at("other")]);
      await store.place.stop();
      cpSync(saved, at("other/checkpoint/data.mdb"));
      expect((await run(["backup", at("again"), "--data", at("other")])).code).toBe(0);
      expect((await run(["restore", at("again"), "--data", at("restored")])).code).toBe(0);
      store = await startStore({ dataDir: at("restored") });

      expect(store.place.checkpoints.lost).toMatch(`it is of a journal with epoch '${epoch}'`);
      expect(decisionsOf(store.place.journal)).toHaveLength(5);
    });

    it("find a byte that was changed, and leave nothing behind", async () => {
      await run(["backup", at("backup"), "--data", data()]);
      const file = at("backup/journal/data.mdb");
      const bytes = readFileSync(file);
      bytes[5_000]! ^= 1;
      writeFileSync(file, bytes);
      const { code, stderr } = await run(["restore", at("backup"), "--data", at("again")]);

      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/damaged: .*another checksum/) });
      expect(readdirSync(dir).sort()).toEqual(["backup", "data"]);
    });

    it("write into no folder that has something in it", async () => {
      mkdirSync(at("full"));
      writeFileSync(at("full/file"), "");
      await run(["backup", at("backup"), "--data", data()]);

      for (const args of [
        ["backup", at("full"), "--data", data()],
        ["restore", at("backup"), "--data", at("full")],
        ["replay", STORE, "--data", data(), "--into", at("full")],
      ]) {
        expect(await run(args)).toMatchObject({ code: 1, stderr: expect.stringMatching(/full' is not empty/) });
      }
      expect(readdirSync(at("full"))).toEqual(["file"]);
    });

    it("keep a damaged journal, say so, and bring it back only if told to", async () => {
      const seq = await damageOne();
      const backup = await run(["backup", at("backup"), "--data", data(), "--json"]);

      expect(backup).toMatchObject({ code: 1, stderr: expect.stringContaining(`entry ${seq}: has checksum`) });
      expect(backup.stderr).toContain(`'aisle journal repair --data ${data()}'`);
      expect(JSON.parse(backup.stdout)).toMatchObject({ damaged: 1 });
      const refused = await run(["restore", at("backup"), "--data", at("again")]);
      expect(refused).toMatchObject({
        code: 1,
        stdout: "",
        stderr: expect.stringMatching(/is damaged: entry .*--damaged/),
      });
      expect(readdirSync(dir).sort()).toEqual(["backup", "data"]);

      const restored = await run(["restore", at("backup"), "--data", at("again"), "--damaged"]);
      expect(restored).toMatchObject({ code: 0, stderr: expect.stringContaining("aisle journal repair --data") });
      expect((await run(["journal", "repair", "--data", at("again"), "--yes"])).code).toBe(0);
      expect((await run(["backup", at("sound"), "--data", at("again")])).code).toBe(0);
    });

    it.each<[string, (manifest: Manifest) => object, RegExp]>([
      ["that was changed", ({ sha256, ...rest }) => ({ ...rest, at: 1, sha256 }), /was changed since it was written/],
      ["without a checksum", ({ sha256: _, ...rest }) => rest, /is not as a backup writes it/],
      ["without files", (rest) => signed({ ...rest, files: [] }), /names no journal among its files/],
      [
        "without the journal",
        ({ files, ...rest }) => signed({ ...rest, files: files.filter(({ path }) => path.startsWith("c")) }),
        /names no journal among its files/,
      ],
      ["of another journal", (rest) => signed({ ...rest, lastSeq: 999 }), /ends at entry \d+, not '.*' and 999/],
      ["of another place", (rest) => signed({ ...rest, epoch: "aaaaaaaa" }), /has epoch '\w+' .* not 'aaaaaaaa'/],
    ])("do not believe a manifest %s", async (_, change, expected) => {
      await store.place.checkpoints.checkpointer!.now();
      await run(["backup", at("backup"), "--data", data()]);
      const file = at("backup/manifest.json");
      writeFileSync(file, JSON.stringify(change(JSON.parse(readFileSync(file, "utf8")))));

      const { code, stderr } = await run(["restore", at("backup"), "--data", at("again")]);
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(expected) });
      expect(readdirSync(dir).sort()).toEqual(["backup", "data"]);
    });

    it("write nothing into the folder that they copy", async () => {
      await run(["backup", at("backup"), "--data", data()]);
      symlinkSync(data(), at("link"));

      for (const args of [
        ["backup", at("data/inside/deep"), "--data", data()],
        ["backup", at("link/inside"), "--data", data()],
        ["restore", at("backup"), "--data", at("backup/inside")],
        ["replay", STORE, "--data", data(), "--into", at("data/inside")],
      ]) {
        expect(await run(args)).toMatchObject({ code: 1, stderr: expect.stringMatching(/lies in '.*', which it is/) });
      }
      expect(existsSync(at("data/inside"))).toBe(false);
    });

    it("say what is missing", async () => {
      expect(await run(["backup", at("backup"), "--data", at("nosuch")])).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/there is no journal in .*--data/),
      });
      expect(await run(["restore", at("data"), "--data", at("again")])).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/is no backup/),
      });
      expect((await run(["restore", at("data")])).code).toBe(2);
      expect(existsSync(at("backup"))).toBe(false);
    });
  });

  describe("replay", () => {
    it("makes the decisions of a running place again, all alike", async () => {
      const { code, stdout } = await run(["replay", STORE, "--data", data()], { AISLE_PLACE: "test" });

      expect({ code, stdout }).toEqual({
        code: 0,
        stdout: expect.stringMatching(/5 decisions were made again, 0 differ/),
      });
    });

    it("compares those of a stretch, and tells what differs", async () => {
      const [, second] = decisionsOf(store.place.journal);
      const env = { AISLE_PLACE: "test" };
      const some = await run(["replay", STORE, "--data", data(), "--from", String(second!.cause), "--json"], env);
      expect(JSON.parse(some.stdout)).toMatchObject({ compared: 4, differences: [], gone: 0 });

      const other = await run(["replay", STORE, "--data", data()], { AISLE_PLACE: "other" });
      expect(other).toMatchObject({ code: 1, stderr: expect.stringMatching(/decisions differ/) });
      expect((await run(["replay", STORE, "--from", "soon"])).code).toBe(2);
    });

    it("plays no stretch that is none", async () => {
      const { lastSeq } = store.place.journal;
      const played = (...args: string[]) => run(["replay", STORE, "--data", data(), ...args], { AISLE_PLACE: "test" });
      expect(await played("--from", "9", "--to", "5")).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("--from 9 comes after --to 5"),
      });
      expect((await played("--from", "2026-03-03", "--to", "2026-03-02")).code).toBe(2);

      for (const args of [
        ["--from", "999"],
        ["--from", "2026-03-09"],
        ["--to", "2026-03-01T00:00:00Z"],
      ]) {
        const { code, stdout, stderr } = await played(...args, "--into", at("then"));
        expect([code, stdout]).toEqual([1, ""]);
        expect(stderr).toMatch(new RegExp(`nothing to play: .* has the entries 1 to ${lastSeq}, of 2026-03-02T`));
      }
      expect(existsSync(at("then"))).toBe(false);
      expect(await played("--to", "999")).toMatchObject({
        code: 0,
        stderr: `the journal ends at entry ${lastSeq}: it is played up to there\n`,
      });
    });

    it("prints what a spec makes of the events", async () => {
      const [{ transform }] = store.place.site.transforms.specs as [SiteTransform];
      const file = join(STORE, transform.streaming.file);
      const { code, stdout } = await run(["replay", STORE, "--data", data(), "--spec", file]);
      const lines = stdout.trim().split("\n");

      expect(code).toBe(0);
      expect(lines.map((line) => JSON.parse(line).identity).sort()).toEqual(["1", "2", "3", "4", "5"]);
      const into = await run(["replay", STORE, "--data", data(), "--spec", file, "--into", at("records")]);
      expect(into.code).toBe(0);
      expect(readFileSync(into.stdout.trim(), "utf8").trim().split("\n")).toHaveLength(5);
    });

    it("misses nothing that it was told to leave out, nor events of the mock endpoints", async () => {
      const [{ transform }] = store.place.site.transforms.specs as [SiteTransform];
      const inbound = { principal: "test", subject: "/events", type: null, headers: {}, test: true };
      const body = Buffer.from(JSON.stringify({ type: "entry", id: 6, ts: MONDAY }));
      await store.place.ingest.accept({ ...inbound, body });
      await send({ type: "entry", id: 7, ts: MONDAY });
      const file = join(STORE, transform.streaming.file);
      for (const from of ["1", "3"]) {
        const { code, stderr } = await run(["replay", STORE, "--data", data(), "--spec", file, "--from", from]);
        expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(/^\d+ events folded\n$/) });
      }
    });

    it("says when events of its stretch are gone", async () => {
      const [{ transform }] = store.place.site.transforms.specs as [SiteTransform];
      await store.place.stop();
      await cutBefore(data(), await secondCommit(data()));
      const args = ["replay", STORE, "--data", data(), "--spec", join(STORE, transform.streaming.file)];
      expect((await run(args)).stderr).toMatch(/events folded; the journal no longer has all that there were\n$/);
    });

    it("prints JSON in each of its forms", async () => {
      const [{ transform }] = store.place.site.transforms.specs as [SiteTransform];
      const { lastSeq } = store.place.journal;
      const json = async (...args: string[]) => {
        const all = ["replay", STORE, "--data", data(), "--from", "2", ...args, "--json"];
        const { code, stdout, stderr } = await run(all, { AISLE_PLACE: "test" });
        expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
        return JSON.parse(stdout);
      };
      const stretch = { fromSeq: 2, toSeq: lastSeq };
      const spec = ["--spec", join(STORE, transform.streaming.file)];

      expect(await json()).toMatchObject({ ...stretch, compared: 5, differences: [] });
      const { records, ...rest } = await json(...spec);
      expect(rest).toEqual({ ...stretch, folded: 10, incomplete: false });
      expect(records.map(({ identity }: { identity: string }) => identity).sort()).toEqual(["1", "2", "3", "4", "5"]);
      const path = join(at("records"), `${transform.streaming.name}.ndjson`);
      expect(await json(...spec, "--into", at("records"))).toEqual({ ...rest, path });
      const { epoch, ...folder } = await json("--into", at("then"));
      expect(folder).toEqual({ ...stretch, data: at("then") });
      expect(epoch).not.toBe(store.place.journal.epoch);
    });

    it("makes a data folder that begins within a commit, and lacks nothing behind", async () => {
      await store.place.journal.append(["a", "b", "c"].map((text) => draft(text, { kind: "tick" })));
      const { lastSeq } = store.place.journal;
      const args = ["replay", STORE, "--data", data(), "--from", String(lastSeq - 1), "--into", at("then")];
      expect(await run(args, { AISLE_PLACE: "test" })).toMatchObject({ code: 0, stderr: "" });
      expect(await run(["journal", "verify", "--data", at("then")])).toMatchObject({ code: 0 });
    });

    it("makes a data folder that ends where it is told", async () => {
      const [, second] = decisionsOf(store.place.journal);
      const args = ["replay", STORE, "--data", data(), "--to", String(second!.cause + 3), "--into", at("then")];
      const { code, stderr } = await run(args, { AISLE_PLACE: "test" });
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      await store.place.stop();
      store = await startStore({ dataDir: at("then") });

      expect(decisionsOf(store.place.journal).length).toBeLessThan(5);
      expect(decisionsOf(store.place.journal)[0]!.customer).toBe("1");
      expect(store.place.checkpoints.fromSeq).toBeGreaterThan(1);
      await send({ type: "focus", id: 9, dep: "Sport", ts: MONDAY + SECOND });
      expect(decisionsOf(store.place.journal).at(-1)!.customer).toBe("9");
    });
  });

  describe("journal", () => {
    it("can be read, beside a place that runs", async () => {
      expect(await run(["journal", "verify", "--data", data()])).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/entries in \d+ commits can be read/),
      });
    });

    it("is mended once somebody says so, and what was damaged stands in the dead letters", async () => {
      const seq = await damageOne();
      const verify = await run(["journal", "verify", "--data", data()]);
      expect(verify).toMatchObject({ code: 1, stderr: expect.stringMatching(/aisle journal repair/) });
      const asked = await run(["journal", "repair", "--data", data()]);
      expect(asked).toMatchObject({ code: 1, stderr: expect.stringMatching(/nothing was changed: say --yes/) });

      const mended = await run(["journal", "repair", "--data", data(), "--yes"]);
      expect(mended).toMatchObject({ code: 0, stdout: expect.stringMatching(/moved to the dead letters \d+/) });
      expect((await run(["journal", "verify", "--data", data()])).code).toBe(0);
      store = await startStore({ dataDir: data() });
      expect(store.place.letters.list({ limit: 5 })).toMatchObject([{ code: "corrupt", seq }]);
    });

    it("is looked at and mended by the very commands that a damaged one names", async () => {
      await damageOne();
      const { stderr } = await run(["replay", STORE, "--data", data()], { AISLE_PLACE: "test" });
      const [verify, repair] = [...stderr.matchAll(/'aisle (journal [^']+)'/g)].map(([, words]) => words!.split(" "));

      expect(await run(verify!)).toMatchObject({ code: 1, stdout: expect.stringMatching(/^damaged: entry \d+/m) });
      expect((await run([...repair!, "--yes"])).code).toBe(0);
      expect((await run(verify!)).code).toBe(0);
    });

    it("is not mended while a place is at work on it", async () => {
      const { code, stderr } = await run(["journal", "repair", "--data", data(), "--yes"]);

      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/in use by the process/) });
    });
  });
});

/** A manifest with the checksum that belongs to it, as somebody might make who means it. */
function signed({ sha256: _, ...rest }: Manifest): Manifest {
  return {
    ...rest,
    sha256: createHash("sha256")
      .update(JSON.stringify(rest, null, 2))
      .digest("hex"),
  };
}

/** First sequence of the commit that has an entry. */
function commitOf({ place }: Store, seq: number): number {
  for (const { key } of place.journal.store.range(JOURNAL, { start: keyOf(seq), reverse: true, limit: 1 }))
    return seqOf(key);
  throw new Error(`no commit has entry ${seq}`);
}
