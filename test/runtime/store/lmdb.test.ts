import { mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { keyOf, seqOf } from "../../../runtime/key.ts";
import { type LmdbStore, type LmdbStoreOptions, openStore } from "../../../runtime/store/lmdb.ts";
import { faultIn } from "../../../runtime/store/lmdb-file.ts";
import { MapFull, type Store, type Write } from "../../../runtime/store/store.ts";
import { Dice } from "../../support/dice.ts";
import { tempDir } from "../../support/journal.ts";
import { prng } from "../../support/prng.ts";

function storeIn(path: string, more: Partial<LmdbStoreOptions> = {}): LmdbStore {
  const store = openStore({ path, ...more });
  onTestFinished(() => store.close());
  return store;
}

const put = (table: string, id: number, text: string): Write => ({ table, key: keyOf(id), value: Buffer.from(text) });
const remove = (table: string, id: number): Write => ({ table, key: keyOf(id), value: null });
/** Of rows, and of keys alone, which are the same. */
const ids = (store: Store, ...range: Parameters<Store["range"]>): number[] => {
  const keys = [...store.keys(...range)];
  expect([...store.range(...range)].map(({ key }) => key)).toEqual(keys);
  return keys.map(seqOf);
};

describe("a store", () => {
  it("lets no commit begin while anybody holds it, and goes on in order", async () => {
    const store = storeIn(tempDir());
    const before = store.commit([put("a", 1, "before")]);
    const holds = await Promise.all([store.hold(), store.hold()]);
    expect(store.get("a", keyOf(1))!.toString()).toBe("before");
    await before;

    const during = [store.commit([put("a", 1, "one")]), store.commit([put("a", 1, "two"), put("a", 2, "two")])];
    holds[0]!();
    holds[0]!();
    const more = await store.hold();
    holds[1]!();
    expect([store.get("a", keyOf(1))!.toString(), store.get("a", keyOf(2))]).toEqual(["before", null]);

    more();
    await Promise.all(during);
    expect([1, 2].map((id) => store.get("a", keyOf(id))!.toString())).toEqual(["two", "two"]);
  });

  it("has what was committed, in all tables, also when it is opened again", async () => {
    const dir = tempDir();
    const before = storeIn(dir);
    await before.commit([put("a", 1, "one"), put("b", 1, "eins"), put("a", 2, "two"), remove("a", 1)]);
    await before.commit([put("a", 3, "three")]);
    await before.close();

    const after = storeIn(dir);

    expect([after.get("a", keyOf(1)), after.get("b", keyOf(1))!.toString()]).toEqual([null, "eins"]);
    expect([...after.range("a")].map(({ key, value }) => [seqOf(key), value.toString()])).toEqual([
      [2, "two"],
      [3, "three"],
    ]);
    expect(after.bytes("a")).toBeGreaterThan(0);
    expect([after.bytes("c"), [...after.range("c")]]).toEqual([0, []]);
  });

  it("shows a commit once it is on disk, and nothing of it before", async () => {
    const store = storeIn(tempDir());
    await store.commit([put("a", 1, "before")]);

    const committed = store.commit([put("a", 1, "after"), put("a", 2, "new")]);
    expect(store.get("a", keyOf(1))!.toString()).toBe("before");
    await committed;

    expect(store.get("a", keyOf(1))!.toString()).toBe("after");
  });

  it("gives ranges from either end, with bounds", async () => {
    const store = storeIn(tempDir());
    await store.commit([1, 2, 3, 4, 5].map((id) => put("a", id, "x")));

    expect(ids(store, "a", { start: keyOf(2), end: keyOf(4) })).toEqual([2, 3]);
    expect(ids(store, "a", { limit: 2 })).toEqual([1, 2]);
    expect(ids(store, "a", { start: keyOf(4), reverse: true })).toEqual([4, 3, 2, 1]);
    expect(ids(store, "a", { start: keyOf(9), reverse: true, limit: 1 })).toEqual([5]);
    expect(ids(store, "a", { start: keyOf(4), end: keyOf(2), reverse: true })).toEqual([4, 3]);
  });

  it("gives buffers that stay as they are", async () => {
    const store = storeIn(tempDir());
    await store.commit([put("a", 1, "one"), put("a", 2, "two")]);
    const [got, rows] = [store.get("a", keyOf(1))!, [...store.range("a")]];

    for (let i = 0; i < 20; i++) await store.commit([put("a", 1, "x".repeat(i * 100))]);
    for (const _ of store.range("a"));

    expect(got.toString()).toBe("one");
    expect(rows.map(({ key, value }) => [seqOf(key), value.toString()])).toEqual([
      [1, "one"],
      [2, "two"],
    ]);
  });

  it("is read beside its owner, which goes on writing", async () => {
    const dir = tempDir();
    const owner = storeIn(dir);
    await owner.commit([put("a", 1, "one")]);
    const reader = storeIn(dir, { readOnly: true });
    await owner.commit([put("a", 2, "two"), put("b", 1, "made since")]);

    expect([ids(reader, "a"), ids(reader, "b"), ids(reader, "none")]).toEqual([[1, 2], [1], []]);
    await expect(reader.commit([put("a", 3, "x")])).rejects.toMatchObject({ code: "unavailable" });
  });

  it("is copied as of one commit, while others go on", async () => {
    const store = storeIn(join(tempDir(), "store"));
    for (let id = 1; id <= 100; id++) await store.commit([put("a", id, "x".repeat(5_000)), put("b", id, "y")]);
    const dir = tempDir();

    const copied = store.copyTo(dir);
    const more = Promise.all([101, 102, 103].map((id) => store.commit([put("a", id, "x"), put("b", id, "y")])));
    await Promise.all([copied, more]);

    const copy = storeIn(dir);
    expect(ids(copy, "a").slice(0, 100)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    expect(ids(copy, "a")).toEqual(ids(copy, "b"));
  });

  it("writes what was handed over when it is closed, and then takes nothing", async () => {
    const dir = tempDir();
    const store = storeIn(dir);
    const committed = store.commit([put("a", 1, "one")]);

    await Promise.all([store.close(), store.close()]);
    await committed;

    await expect(store.commit([put("a", 2, "two")])).rejects.toMatchObject({ code: "unavailable" });
    expect(() => store.get("a", keyOf(1))).toThrow(expect.objectContaining({ code: "unavailable" }));
    expect(() => [...store.range("a")]).toThrow(expect.objectContaining({ code: "unavailable" }));
    expect(ids(storeIn(dir), "a")).toEqual([1]);
  });

  it("is refused when its folder is another's", () => {
    const dir = tempDir();
    writeFileSync(join(dir, "file"), "");
    mkdirSync(join(dir, "none"));

    expect(() => openStore({ path: dir, what: "checkpoint" })).toThrow(`'${dir}' is no checkpoint: it has files`);
    expect(() => openStore({ path: join(dir, "file") })).toThrow("is no folder");
    expect(() => openStore({ path: join(dir, "none"), readOnly: true })).toThrow("no store in");
    expect(readdirSync(join(dir, "none"))).toEqual([]);
  });
});

describe("a store without room", () => {
  it("refuses a commit with `full`, changes nothing, and goes on once something was removed", async () => {
    const store = storeIn(tempDir(), { mapSize: 2 ** 20 });
    const large = "x".repeat(100_000);
    let id = 0;
    const fill = async () => {
      for (;;) await store.commit([put("a", ++id, large), put("b", id, "y")]);
    };

    await expect(fill()).rejects.toMatchObject({ code: "full", retryable: true, passing: true });
    await expect(store.commit([put("a", id, large)])).rejects.toBeInstanceOf(MapFull);
    expect(ids(store, "a")).toEqual(Array.from({ length: id - 1 }, (_, i) => i + 1));
    expect(ids(store, "b")).toEqual(ids(store, "a"));

    await store.commit([remove("a", 1), remove("a", 2), remove("a", 3)]);
    await store.commit([put("a", id, large)]);

    expect(ids(store, "a").at(-1)).toBe(id);
  });

  it("leaves a reserve on the disk", async () => {
    const store = storeIn(tempDir(), { reserveBytes: 2 ** 60 });

    const refused = store.commit([put("a", 1, "one")]);
    await expect(refused).rejects.toThrow("bytes are free on its disk");
    await expect(refused).rejects.not.toBeInstanceOf(MapFull);
    await store.commit([remove("a", 1)]);
    await store.commit([remove("a", 1), put("b", 1, "a note of it")]);
  });
});

describe("a store's file", () => {
  const file = (dir: string) => join(dir, "data.mdb");

  /** Commits of all kinds: the file's last pages are used at times, free at others, and at times never written. */
  async function worn(dir: string, dice: Dice, each: () => void): Promise<void> {
    let store = openStore({ path: dir, tables: ["a"] });
    for (let id = 1; id <= 120; id++) {
      const key = dice.below(id);
      const text = (bytes: number) => "x".repeat(dice.below(bytes));
      const fresh = put(dice.one(["a", "b"]), id, text(dice.chance(0.2) ? 100_000 : 3_000));
      const again = dice.chance(0.3) ? [put("a", key, text(50_000)), put("a", key, text(5_000))] : [];
      await store.commit([fresh, ...again, ...(dice.chance(0.5) ? [remove("a", key), remove("b", key)] : [])]);
      each();
      if (!dice.chance(0.05)) continue;
      await store.close();
      store = openStore({ path: dir });
    }
    await store.close();
  }

  it("is whole however short it is, as long as nothing lies in what it lacks", { timeout: 60_000 }, async () => {
    const seed = Number(process.env.AISLE_SEED ?? 20_261_127);
    const dir = tempDir();
    let short = 0;
    await worn(dir, new Dice(prng(seed)), () => {
      expect(faultIn(file(dir)), `AISLE_SEED=${seed}`).toBeNull();
      short += Number(statSync(file(dir)).size < lastPage(file(dir)));
    });
    expect(short, `AISLE_SEED=${seed}`).toBeGreaterThan(0);
  });

  it.each([
    ["of three pages", () => 3 * 4096, /is cut off: 12288 bytes of \d+/],
    ["within a page", (bytes: number) => bytes - 5_000, /is cut off: \d+ bytes of \d+/],
    ["of a meta page and a half", () => 6_000, /isn't one of LMDB's, or is cut off/],
    ["without a byte", () => 0, /is empty/],
  ])("that is cut off is not read: %s", async (_, size, words) => {
    const dir = tempDir();
    const store = openStore({ path: dir });
    for (let id = 1; id <= 50; id++) await store.commit([put("a", id, "x".repeat(5_000))]);
    await store.close();
    truncateSync(file(dir), size(statSync(file(dir)).size));

    expect(() => openStore({ path: dir, readOnly: true, what: "checkpoint" })).toThrow(
      expect.objectContaining({ code: "invalid", message: expect.stringMatching(words) }),
    );
    if (size(0) !== 0) expect(() => openStore({ path: dir, what: "journal" })).toThrow("'aisle restore'");
  });

  it("is not made where no folder can be", () => {
    expect(() => openStore({ path: "/proc/none/store" })).toThrow("ENOENT");
  });
});

/** Bytes up to the end of the last page that the newer meta page speaks of. */
function lastPage(path: string): number {
  const bytes = readFileSync(path).subarray(0, 8_192);
  const [first, second] = [0, 4_096].map((at) => ({
    txn: bytes.readBigUInt64LE(at + 152),
    pages: Number(bytes.readBigUInt64LE(at + 144)) + 1,
  })) as [{ txn: bigint; pages: number }, { txn: bigint; pages: number }];
  return 4_096 * (second.txn > first.txn ? second : first).pages;
}
