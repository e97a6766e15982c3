import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { KeyValue, Watch } from "../../runtime/bus/kv.ts";
import { until } from "./bus.ts";

/** Two lines to one new, empty bucket, both here. */
export type BucketFactory = () => Promise<readonly [KeyValue, KeyValue]>;

/** What a watch was told. */
export interface Told {
  /** Each key's value and revision, as it would be after all that was told. */
  readonly values: Map<string, string>;
  /** `key=value@revision`, in order; `began`, `current` among them. */
  readonly lines: string[];
  readonly watch: Watch;
}

export function listen(kv: KeyValue, filter = ">"): Told {
  const values = new Map<string, string>();
  const lines: string[] = [];
  const watch = kv.watch(filter, {
    began: () => void lines.push("began"),
    changed(key, value, revision) {
      if (value === null) values.delete(key);
      else values.set(key, value);
      lines.push(`${key}=${value}@${revision}`);
    },
    current: () => void lines.push("current"),
  });
  return { values, lines, watch };
}

/** What every bucket does. */
export function kvContract(make: BucketFactory): void {
  let kv: KeyValue;
  let other: KeyValue;

  beforeEach(async () => {
    [kv, other] = await make();
  });

  afterEach(async () => {
    await Promise.all([kv.close(), other.close()]);
  });

  describe("one key", () => {
    it("is nothing before it was written", async () => {
      expect(await kv.get("a.b")).toBeNull();
    });

    it("is read as it was written, by everybody", async () => {
      const revision = await kv.create("a.b", "å ✓ \n{}");

      expect(await other.get("a.b")).toEqual({ value: "å ✓ \n{}", revision });
    });

    it("holds an empty text and a large one", async () => {
      const large = "x".repeat(300_000);
      await kv.create("empty", "");
      await kv.create("large", large);

      expect((await other.get("empty"))?.value).toBe("");
      expect((await other.get("large"))?.value).toBe(large);
    });

    it("is created once", async () => {
      const first = await kv.create("a", "1");

      expect(await other.create("a", "2")).toBeNull();
      expect(await kv.get("a")).toEqual({ value: "1", revision: first });
    });

    it("is updated from the revision that it has, and from no other", async () => {
      const first = (await kv.create("a", "1"))!;
      const second = (await other.update("a", "2", first))!;

      expect(second).toBeGreaterThan(first);
      expect(await kv.update("a", "3", first)).toBeNull();
      expect(await kv.get("a")).toEqual({ value: "2", revision: second });
    });

    it("is not updated before it was created", async () => {
      await kv.create("b", "1");

      expect(await kv.update("a", "1", 1)).toBeNull();
      expect(await kv.get("a")).toBeNull();
    });

    it("has revisions of its own: changes of other keys don't disturb it", async () => {
      const first = (await kv.create("a", "1"))!;
      await kv.create("b", "1");
      await kv.put("c", "1");

      expect(await kv.update("a", "2", first)).not.toBeNull();
    });

    it("is put whatever stood there", async () => {
      await kv.put("a", "1");
      const revision = await other.put("a", "2");

      expect(await kv.get("a")).toEqual({ value: "2", revision });
    });

    it("goes to one of those who create it at once", async () => {
      const asked = Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? kv : other).create("a", String(i)));
      const won = (await Promise.all(asked)).filter((revision) => revision !== null);

      expect(won).toHaveLength(1);
    });

    it("goes to one of those who update it at once, a hundred times over", async () => {
      let revision = (await kv.create("a", "0"))!;
      for (let round = 0; round < 100; round++) {
        const asked = [kv, other, kv, other].map((each, i) => each.update("a", `${round}.${i}`, revision));
        const won = (await Promise.all(asked)).filter((each) => each !== null);
        expect(won).toHaveLength(1);
        revision = won[0]!;
      }
    });

    it("is refused when it is no key", async () => {
      for (const key of ["", "a..b", "a b", "a.*", ".a", "a."])
        await expect((async () => kv.put(key, "1"))(), key).rejects.toMatchObject({ code: "invalid" });
    });
  });

  describe("a removed key", () => {
    it("has no value, and a mark with a revision", async () => {
      const first = (await kv.create("a", "1"))!;
      const mark = (await kv.remove("a", first))!;

      expect(mark).toBeGreaterThan(first);
      expect(await other.get("a")).toEqual({ value: null, revision: mark });
    });

    it("is removed from the revision that it has, and from no other", async () => {
      const first = (await kv.create("a", "1"))!;
      await kv.update("a", "2", first);

      expect(await other.remove("a", first)).toBeNull();
      expect((await kv.get("a"))?.value).toBe("2");
    });

    it("can be created again", async () => {
      const mark = (await kv.remove("a", (await kv.create("a", "1"))!))!;
      const again = (await other.create("a", "2"))!;

      expect(again).toBeGreaterThan(mark);
      expect(await kv.create("a", "3")).toBeNull();
    });

    it("can be updated from its mark", async () => {
      const mark = (await kv.remove("a", (await kv.create("a", "1"))!))!;

      expect(await other.update("a", "2", mark)).not.toBeNull();
    });

    it("is forgotten, mark and all, unless it was written meanwhile", async () => {
      const mark = (await kv.remove("a", (await kv.create("a", "1"))!))!;
      await kv.forget("a", mark);
      expect(await kv.get("a")).toBeNull();

      const second = (await kv.remove("a", (await kv.create("a", "2"))!))!;
      const third = await other.update("a", "3", second);
      await kv.forget("a", second);
      expect(await kv.get("a")).toEqual({ value: "3", revision: third });
    });
  });

  describe("a watch", () => {
    it("tells an empty bucket", async () => {
      const told = listen(kv);
      await until(() => told.lines.length === 2);

      expect(told.lines).toEqual(["began", "current"]);
    });

    it("tells the latest of each key, then what changes, in order", async () => {
      const first = (await kv.create("a", "1"))!;
      const b = await kv.create("b", "1");
      const a = await kv.update("a", "2", first);
      const told = listen(other);
      await until(() => told.lines.includes("current"));
      expect(told.lines).toEqual(["began", `b=1@${b}`, `a=2@${a}`, "current"]);

      const later = await kv.put("b", "2");
      const last = await kv.put("c", "1");
      await until(() => told.lines.length === 6);
      expect(told.lines.slice(4)).toEqual([`b=2@${later}`, `c=1@${last}`]);
    });

    it("tells what its own line wrote, too", async () => {
      const told = listen(kv);
      await until(() => told.lines.includes("current"));
      const revision = await kv.put("a", "1");
      await until(() => told.lines.length === 3);

      expect(told.lines[2]).toBe(`a=1@${revision}`);
    });

    it("tells removals", async () => {
      const told = listen(other);
      await until(() => told.lines.includes("current"));
      const first = (await kv.create("a", "1"))!;
      // A server need not tell of a value that is gone before it could.
      await until(() => told.lines.includes(`a=1@${first}`));
      const mark = await kv.remove("a", first);
      await until(() => told.lines.length === 4);

      expect(told.lines.at(-1)).toBe(`a=null@${mark}`);
      expect(told.values.size).toBe(0);
    });

    it("tells only the keys that it asks for", async () => {
      await kv.put("c.p.k.g", "1");
      await kv.put("r.p.k", "1");
      const told = listen(other, "c.>");
      await until(() => told.lines.includes("current"));
      await kv.put("s.g.0", "1");
      await kv.put("c.p.k.h", "1");
      await until(() => told.values.size === 2);

      expect([...told.values.keys()]).toEqual(["c.p.k.g", "c.p.k.h"]);
    });

    it("is silent once it is stopped", async () => {
      const told = listen(kv);
      const still = listen(kv);
      await until(() => told.lines.includes("current") && still.lines.includes("current"));
      told.watch.stop();
      told.watch.stop();
      await other.put("a", "1");
      await until(() => still.values.size === 1);

      expect(told.values.size).toBe(0);
    });

    it("tells thousands", async () => {
      await Promise.all(Array.from({ length: 3_000 }, (_, i) => kv.put(`k.${i}`, String(i))));
      const told = listen(other);
      await until(() => told.lines.includes("current"));

      expect(told.values.size).toBe(3_000);
      expect(told.lines.at(-1)).toBe("current");
    });
  });

  it("refuses everything once it is closed", async () => {
    await kv.close();
    await kv.close();

    expect(kv.state).toBe("closed");
    await expect(kv.put("a", "1")).rejects.toMatchObject({ code: "unavailable" });
    await expect(kv.get("a")).rejects.toMatchObject({ code: "unavailable" });
  });
}
