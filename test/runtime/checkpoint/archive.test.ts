import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { Archive, type Meta } from "../../../runtime/checkpoint/archive.ts";
import type { Saved } from "../../../runtime/checkpoint/checkpoint.ts";
import { checkpointStore } from "../../../runtime/checkpoint/open.ts";
import { openStore } from "../../../runtime/store/lmdb.ts";
import { Dice } from "../../support/dice.ts";
import { FaultyDisk, FaultyStore } from "../../support/faulty-store.ts";
import { tempDir } from "../../support/journal.ts";
import { prng } from "../../support/prng.ts";
import { TextPart, textsIn } from "../../support/saved-part.ts";

const SEED = Number(process.env.AISLE_SEED ?? 20_261_126);
const JOURNAL = { epoch: "e0", lastSeq: 100 };

describe("an archive of checkpoints", () => {
  let disk: FaultyDisk;
  let archive: Archive;
  let meta: Meta | null;

  beforeEach(() => {
    disk = new FaultyDisk();
    disk.syncTurns = 0;
    open();
  });

  function open(): void {
    archive = new Archive(new FaultyStore(disk, new Dice(prng(SEED))));
    const standing = archive.standing(JOURNAL);
    meta = standing.state === "good" ? standing.meta : null;
  }

  /** A round, up to its end or not, and of the commits that remove what it replaces perhaps only so many. */
  async function round(parts: readonly Saved[], { seq = 7, ends = true, removals = 1_000 } = {}): Promise<number> {
    const writer = archive.begin({ round: (meta?.round ?? 0) + 1, epoch: "e0", seq, at: 1 }, meta);
    for (const part of parts) {
      const steps = part.save({ seq, whole: writer.part(part) });
      for (let { done, value } = steps.next(); done !== true; { done, value } = steps.next())
        if (value !== null) writer.put(value as never);
      await writer.flush();
    }
    if (!ends) return 0;
    const { meta: finished, written } = await writer.finish();
    meta = finished;
    let removed = 0;
    for (const part of parts) part.kept?.({ seq, whole: false });
    for (const found of [archive.sweepReplaced(meta, written), archive.sweepBefore(meta)]) {
      for (const writes of found) {
        if (writes === null) continue;
        if (removed === removals) return removed;
        await archive.commit(writes);
        removed++;
      }
    }
    return removed;
  }

  async function sweep(): Promise<void> {
    for (const writes of archive.sweep(meta)) if (writes !== null) await archive.commit(writes);
  }

  const partIn = ({ parts }: Meta, name: string) => parts.find((part) => part.name === name)!;
  const texts = (name: string) => Object.fromEntries(textsIn(archive.rows(partIn(meta!, name), meta!.round)));
  const rowsOnDisk = () => disk.table("rows").keys.length;

  it("has nothing at first", () => {
    expect(archive.standing(JOURNAL)).toEqual({ state: "none" });
  });

  it("can be condemned where there is room only to remove", async () => {
    const options = checkpointStore(tempDir());
    const before = openStore(options);
    await new Archive(before).condemn();
    await before.close();
    const store = openStore({ ...options, reserveBytes: 2 ** 60 });
    onTestFinished(() => store.close());
    const tight = new Archive(store);

    await expect(tight.begin({ round: 1, epoch: "e0", seq: 7, at: 1 }, null).finish()).rejects.toMatchObject({
      code: "full",
    });
    await tight.forget();
    expect(tight.standing(JOURNAL)).toEqual({ state: "none" });
    await tight.condemn();
    expect(tight.standing(JOURNAL)).toMatchObject({ state: "unusable" });
  });

  it("gives back what was saved, after a restart", async () => {
    const part = new TextPart("spec");
    part.set("a", "one");
    part.set("b", "two");
    await round([part]);
    open();

    expect(meta).toMatchObject({ seq: 7, epoch: "e0", at: 1 });
    expect(texts("spec")).toEqual({ a: "one", b: "two" });
  });

  it("keeps rows that are not given again, of parts that give what has changed", async () => {
    const part = new TextPart("spec");
    for (const name of ["a", "b", "c"]) part.set(name, "old");
    await round([part]);
    part.set("b", "new");
    part.set("c", null);
    await round([part]);

    expect(texts("spec")).toEqual({ a: "old", b: "new" });
    expect(rowsOnDisk()).toBe(2);
  });

  it("keeps none of a part that gives all each time", async () => {
    const part = new TextPart("board", { alwaysWhole: true });
    part.set("a", "old");
    await round([part]);
    part.texts = new Map([["b", "new"]]);
    await round([part]);

    expect(texts("board")).toEqual({ b: "new" });
    expect(rowsOnDisk()).toBe(1);
  });

  it("asks for all rows again when a part rests on something else", async () => {
    const part = new TextPart("spec", { basis: "one" });
    part.set("a", "old");
    await round([part]);
    const other = new TextPart("spec", { basis: "two" });
    other.set("b", "new");
    await round([other]);

    expect(texts("spec")).toEqual({ b: "new" });
    expect(rowsOnDisk()).toBe(1);
  });

  it("goes by the last round that came to its end", async () => {
    const part = new TextPart("spec");
    part.set("a", "old");
    await round([part]);
    part.set("a", "lost");
    part.set("b", "lost");
    await round([part], { ends: false });
    open();

    expect(texts("spec")).toEqual({ a: "old" });
    await sweep();
    expect(rowsOnDisk()).toBe(1);

    part.set("b", null);
    await round([part]);
    expect(texts("spec")).toEqual({ a: "lost" });
  });

  it("lets rows be asked for one by one, as of the round in force", async () => {
    const part = new TextPart("spec");
    for (const name of ["a1", "a2", "a3", "b1"]) part.set(name, name);
    await round([part]);
    const table = archive.table("spec", () => meta!);
    part.set("a2", "new");
    await round([part], { ends: false });

    expect(table.get(Buffer.from("a2"))?.toString()).toBe("a2");
    await sweep();
    await round([part]);
    expect(table.get(Buffer.from("a2"))?.toString()).toBe("new");
    expect(table.get(Buffer.from("zz"))).toBeNull();
    const page = (after: string | null, limit: number) =>
      table.page(Buffer.from("a"), after === null ? null : Buffer.from(after), limit).map(({ key }) => key.toString());
    expect(page(null, 2)).toEqual(["a1", "a2"]);
    expect(page("a2", 2)).toEqual(["a3"]);
  });

  it("is not used for another journal, or one that ends before it", async () => {
    await round([], { seq: 50 });

    expect(archive.standing({ epoch: "e1", lastSeq: 100 })).toMatchObject({ state: "lost", meta: { seq: 50 } });
    expect(archive.standing({ epoch: "e0", lastSeq: 49 })).toMatchObject({ state: "lost", meta: { seq: 50 } });
    expect(archive.standing({ epoch: "e0", lastSeq: 50 })).toMatchObject({ state: "good" });
  });

  it("is of a restored journal once it was told so", async () => {
    await round([]);
    await archive.adopt(JOURNAL, "e1");

    expect(archive.standing({ ...JOURNAL, epoch: "e1" })).toMatchObject({ state: "good", meta: { seq: 7 } });
  });

  it("says that a newer version wrote it", async () => {
    await round([]);
    const record = Buffer.from(disk.table("meta").values.get("checkpoint")!);
    record.writeUInt16LE(99, 4);
    record.writeUInt16LE(0xffff - 99, 6);
    disk.table("meta").put("checkpoint", record);

    expect(archive.standing(JOURNAL)).toEqual({ state: "newer", format: 99 });
  });

  it("finds every bit that was turned over, in its rows and in its record", async () => {
    const dice = new Dice(prng(SEED));
    const part = new TextPart("board", { alwaysWhole: true });
    for (let n = 0; n < 5; n++) part.set(`row ${n}`, "text ".repeat(1 + dice.below(100)));
    await round([part]);

    for (let n = 0; n < 200; n++) {
      const mend = disk.flipBit("rows", dice)!;
      expect(archive.damage(meta!.parts, meta!.round), `seed ${SEED}, ${n}`).toMatch(/^'board': row .* checksum/);
      mend();
      const mendRecord = disk.flipBit("meta", dice)!;
      expect(archive.standing(JOURNAL).state, `seed ${SEED}, ${n}`).not.toBe("good");
      mendRecord();
    }
    expect(archive.damage(meta!.parts, meta!.round)).toBeNull();
  });

  it.each([
    ["most rows", 0],
    ["few rows of many", 40],
  ])("is whole wherever the removal of what was replaced was cut off, where %s change", async (_, large) => {
    for (let removals = 0, isCut = true; isCut; removals++) {
      disk = new FaultyDisk();
      disk.syncTurns = 0;
      open();
      const part = new TextPart("spec");
      for (let n = 0; n < large; n++) part.set(`large ${n}`, "text ".repeat(3_000));
      for (let n = 0; n < 900; n++) part.set(`k${n}`, "old");
      await round([part]);
      for (let n = 0; n < 900; n++) part.set(`k${n}`, n % 3 === 0 ? null : "new");
      isCut = (await round([part], { removals })) === removals;
      open();

      expect(textsIn(archive.rows(partIn(meta!, "spec"), meta!.round)), `${removals}`).toEqual(part.texts);
      await sweep();
      expect(textsIn(archive.rows(partIn(meta!, "spec"), meta!.round)), `${removals}`).toEqual(part.texts);
      expect(rowsOnDisk(), `${removals}`).toBe(part.texts.size);
      expect(removals).toBeLessThan(10);
    }
  });

  it("keeps a row that was given as gone, and then again", async () => {
    const part: Saved = {
      name: "spec",
      version: 1,
      basis: "",
      *save() {
        yield { key: Buffer.from("a"), value: null };
        yield { key: Buffer.from("a"), value: Buffer.from("again") };
      },
      load: () => {},
    };
    await round([part]);
    await round([part]);

    expect(texts("spec")).toEqual({ a: "again" });
    expect(rowsOnDisk()).toBe(1);
  });

  it("misses a row that is gone", async () => {
    const part = new TextPart("board", { alwaysWhole: true });
    for (const name of ["a", "b"]) part.set(name, name);
    await round([part]);
    disk.table("rows").put(disk.table("rows").keys[0]!, null);

    expect(archive.damage(meta!.parts, meta!.round)).toBe("'board' has 1 rows of 2");
  });

  it.each([
    ["most rows", 0],
    ["few rows of many", 500],
  ])("gives what was last kept, whatever is lost on the way, where %s change", async (_, others) => {
    const dice = new Dice(prng(SEED));
    const part = new TextPart("spec");
    for (let n = 0; n < others; n++) part.set(`other ${n}`, "text");
    await round([part]);
    let kept = new Map(part.texts);
    for (let n = 0; n < 300; n++) {
      for (let change = dice.below(5); change >= 0; change--)
        part.set(`k${dice.below(12)}`, dice.chance(0.3) ? null : `v${n}`);
      const ends = dice.chance(0.6);
      await round([part], { ends });
      if (ends) kept = new Map(part.texts);
      else await sweep();
      if (dice.chance(0.2)) open();
      expect(textsIn(archive.rows(partIn(meta!, "spec"), meta!.round)), `seed ${SEED}, ${n}`).toEqual(kept);
      expect(rowsOnDisk(), `seed ${SEED}, ${n}`).toBe(kept.size);
    }
  });
});
