import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { open } from "lmdb";
import { describe, expect, it } from "vitest";
import { META } from "../../../runtime/journal/meta.ts";
import { ownerOf, takeFolder } from "../../../runtime/journal/owner.ts";
import { openStore } from "../../../runtime/store/lmdb.ts";
import { draft, journalIn, tempDir, texts } from "../../support/journal.ts";

describe("a data folder", () => {
  it("is made when it isn't there, with an epoch from the given randomness", () => {
    const dir = join(tempDir(), "a", "b");

    expect(journalIn(dir).epoch).toBe("000g40r4");
  });

  it("gets another epoch when asked, and keeps its entries", async () => {
    const dir = tempDir();
    const before = journalIn(dir);
    await before.append([draft("a")]);
    await before.close();

    const after = journalIn(dir, { renewEpoch: true, random: () => Uint8Array.of(255, 255, 255, 255, 255) });

    expect(after.epoch).toBe("zzzzzzzz");
    expect(texts(after.read())).toEqual(["a"]);
    await after.close();
    expect(journalIn(dir).epoch).toBe("zzzzzzzz");
  });

  it("is not taken twice by the same process, but after it was closed", async () => {
    const dir = tempDir();
    const first = journalIn(dir);

    expect(() => journalIn(dir)).toThrow(`is in use by this process (pid ${process.pid})`);
    await first.close();

    expect(journalIn(dir).lastSeq).toBe(0);
  });

  it("is read beside its owner without being taken", async () => {
    const dir = tempDir();
    const owner = journalIn(dir);
    await owner.append([draft("a")]);

    const reader = journalIn(dir, { readOnly: true });

    expect(texts(reader.read())).toEqual(["a"]);
    expect(ownerOf(dir)).toBe(process.pid);
  });

  it.each([
    ["a process that is gone", { pid: 2 ** 22 + 1, startedAs: "1", boot: "same" }],
    ["a process that started at another time", { pid: process.pid, startedAs: "not then", boot: "same" }],
    ["another run of the machine", { pid: process.pid, startedAs: "same", boot: "before" }],
    ["nobody that can be made out", "{"],
  ])("is taken from %s", (_, owner) => {
    const dir = tempDir();
    const giveBack = takeFolder(dir);
    const own = JSON.parse(readFileSync(join(dir, "owner.json"), "utf8"));
    giveBack();
    const same = (name: "startedAs" | "boot") =>
      typeof owner === "object" && owner[name] !== "same" ? owner[name] : own[name];
    const text =
      typeof owner === "string"
        ? owner
        : JSON.stringify({ pid: owner.pid, startedAs: same("startedAs"), boot: same("boot") });
    writeFileSync(join(dir, "owner.json"), text);

    expect(ownerOf(dir)).toBe(null);
    takeFolder(dir)();

    expect(existsSync(join(dir, "owner.json"))).toBe(false);
  });

  it("opens after it was left in its first moments, before its meta record", async () => {
    const dir = tempDir();
    mkdirSync(join(dir, "journal"));
    const root = open(join(dir, "journal"), { encoding: "binary", maxDbs: 16 });
    root.openDB({ name: "meta" });
    await root.close();

    expect(journalIn(dir).lastSeq).toBe(0);
  });
});

describe("a data folder is refused", () => {
  it("when a newer version wrote it", async () => {
    const dir = tempDir();
    await journalIn(dir).close();
    const store = openStore({ path: join(dir, "journal") });
    const value = Buffer.from('{"format":3,"epoch":"abc","createdAt":1}');
    await store.commit([{ table: META, key: Buffer.from("journal"), value }]);
    await store.close();

    const refused = expect.objectContaining({
      code: "unsupported",
      message: expect.stringContaining("has format 3; this version of Aisle reads formats up to 2"),
    });
    expect(() => journalIn(dir)).toThrow(refused);
    expect(() => journalIn(dir, { readOnly: true })).toThrow(refused);
    expect(ownerOf(dir)).toBe(null); // and it was given back
  });

  it("when a file stands in its place", () => {
    const path = join(tempDir(), "data");
    writeFileSync(path, "");

    expect(() => journalIn(path)).toThrow(`'${path}' is no folder`);
  });

  it("when its journal folder holds something else", () => {
    const dir = tempDir();
    mkdirSync(join(dir, "journal"));
    writeFileSync(join(dir, "journal", "notes.txt"), "");

    expect(() => journalIn(dir)).toThrow("it has files, but no 'data.mdb' among them");
  });

  it.each([
    ["is none of LMDB's", Buffer.alloc(10_000, "x")],
    ["is cut off", Buffer.alloc(100)],
  ])("when its data file %s", (_, bytes) => {
    const dir = tempDir();
    mkdirSync(join(dir, "journal"));
    writeFileSync(join(dir, "journal", "data.mdb"), bytes);

    const refused = expect.objectContaining({ code: "invalid", message: expect.stringContaining("is no journal: ") });
    expect(() => journalIn(dir)).toThrow(refused);
    expect(() => journalIn(dir, { readOnly: true })).toThrow(refused);
    expect(ownerOf(dir)).toBe(null);
  });

  it("when its environment was made by something else", async () => {
    const dir = tempDir();
    mkdirSync(join(dir, "journal"));
    const root = open(join(dir, "journal"), { encoding: "binary", maxDbs: 16 });
    root.openDB({ name: "others" });
    await root.close();

    expect(() => journalIn(dir)).toThrow("its LMDB environment was made by something else");
    expect(() => journalIn(dir, { readOnly: true })).toThrow("its LMDB environment was made by something else");
  });

  it("for reading when there is nothing, and nothing is made", () => {
    const dir = join(tempDir(), "none");

    expect(() => journalIn(dir, { readOnly: true })).toThrow(expect.objectContaining({ code: "not-found" }));
    expect(existsSync(dir)).toBe(false);
  });
});
