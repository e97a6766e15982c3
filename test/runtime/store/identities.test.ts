import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { IdentityStore } from "../../../runtime/store/identities.ts";
import { prng } from "../../support/prng.ts";

const bytes = (text: string) => Buffer.from(text);
const packed = (...keys: string[]) => keys.map((key) => ({ key: bytes(key), bytes: bytes(`state of ${key}`) }));

describe("a store of identities", () => {
  let root: string;
  let store: IdentityStore;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "aisle-identities-"));
    store = new IdentityStore(join(root, "identities"));
  });

  afterEach(async () => {
    await store.close();
    rmSync(root, { recursive: true, force: true });
  });

  const textOf = (found: Buffer | null) => found?.toString() ?? null;

  it("gives back what was put, once", () => {
    const part = store.newPart();
    part.put(packed("a", "b"));

    expect(textOf(part.take(bytes("a")))).toBe("state of a");
    expect(part.take(bytes("a"))).toBe(null);
    expect(part.size).toBe(1);
  });

  it("lets one be looked at, which stays", () => {
    const part = store.newPart();
    part.put(packed("a"));

    expect([textOf(part.peek(bytes("a"))), textOf(part.peek(bytes("a")))]).toEqual(["state of a", "state of a"]);
  });

  it("takes an identity again after it was taken", () => {
    const part = store.newPart();
    part.put(packed("a"));
    part.take(bytes("a"));
    part.put([{ key: bytes("a"), bytes: bytes("later") }]);

    expect(textOf(part.take(bytes("a")))).toBe("later");
    expect(part.size).toBe(0);
  });

  it("takes keys of any length", () => {
    const part = store.newPart();
    const long = "x".repeat(100_000);
    part.put(packed(long));

    expect(part.take(bytes(long))).not.toBe(null);
  });

  it("keeps parts apart, and clears one alone", async () => {
    const [one, other] = [store.newPart(), store.newPart()];
    one.put(packed("a"));
    other.put([{ key: bytes("a"), bytes: bytes("other") }]);

    await one.clear();

    expect([one.peek(bytes("a")), textOf(other.peek(bytes("a")))]).toEqual([null, "other"]);
  });

  it("shows all that are there, page by page", () => {
    const part = store.newPart();
    part.put(packed(...Array.from({ length: 25 }, (_, i) => `i${i}`)));
    part.take(bytes("i3"));

    const seen: string[] = [];
    let after: Buffer | null = null;
    do {
      const page: ReturnType<typeof part.page> = part.page(after, 10);
      seen.push(...page.packed.map(String));
      after = page.last;
    } while (after !== null);

    expect(seen.toSorted()).toEqual(
      Array.from({ length: 25 }, (_, i) => `state of i${i}`)
        .filter((state) => state !== "state of i3")
        .toSorted(),
    );
  });

  it("begins empty, whatever an earlier process left", () => {
    const dir = join(root, "left");
    mkdirSync(dir);
    writeFileSync(join(dir, "data.mdb"), "not LMDB");

    const part = new IdentityStore(dir).newPart();

    expect([part.take(bytes("a")), existsSync(dir)]).toEqual([null, false]);
  });

  it("equals a map, whatever is put and taken", () => {
    for (let seed = 1; seed <= 3; seed++) {
      const random = prng(seed);
      const part = store.newPart();
      const naive = new Map<string, string>();
      for (let step = 0; step < 3_000; step++) {
        const key = `k${Math.floor(random() * 700)}`;
        if (naive.has(key) || random() < 0.3) {
          expect(textOf(part.take(bytes(key))), `seed ${seed}, step ${step}`).toBe(naive.get(key) ?? null);
          naive.delete(key);
        } else {
          part.put([{ key: bytes(key), bytes: bytes(String(step)) }]);
          naive.set(key, String(step));
        }
        expect(part.size).toBe(naive.size);
      }
    }
  });
});
