import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boardBucket, claimKey, fits, placeOf, recordKey, slotKey } from "../../../runtime/claims/keys.ts";
import { readShown } from "../../../runtime/claims/mirror.ts";
import { readClaim, readSlot } from "../../../runtime/claims/values.ts";

describe("keys of the bucket", () => {
  it("stand as the protocol says", () => {
    expect(recordKey("samples", "lab1,a")).toBe("r.samples.lab1=2Ca");
    expect(claimKey("samples", "lab1,a", "taskA")).toBe("c.samples.lab1=2Ca.taskA");
    expect(slotKey("taskA", 3)).toBe("s.taskA.3");
  });

  it("say what they stand for, whatever the names", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme" }),
        fc.string(),
        fc.string(),
        fc.nat({ max: 255 }),
        (page, key, goal, number) => {
          expect(placeOf(recordKey(page, key))).toEqual({ family: "record", page, key });
          expect(placeOf(claimKey(page, key, goal))).toEqual({ family: "claim", page, key, goal });
          expect(placeOf(slotKey(goal, number))).toEqual({ family: "slot", goal, number });
        },
      ),
    );
  });

  it.each([
    "",
    "r",
    "r.a",
    "r.a.b.c",
    "c.a.b",
    "c.a.b.c.d",
    "s.a",
    "s.a.x",
    "s.a.-1",
    "s.a.256",
    "s.a.01",
    "x.a.b",
    "r.=zz.a",
  ])("others mean nothing: %j", (key) => {
    expect(placeOf(key)).toBeNull();
  });

  it("have a bound", () => {
    expect([fits("c".repeat(2_048)), fits("c".repeat(2_049))]).toEqual([true, false]);
  });

  it.each([
    ["aisle", "store", "aisle_store_board"],
    ["a.b", "store", "a_b_store_board"],
    ["aisle", "my_shop", "aisle_my_5Fshop_board"],
    ["aisle", "my shop.é", "aisle_my_20shop_2E_C3_A9_board"],
  ])("the bucket of %j and %j is %j", (prefix, site, bucket) => {
    expect(boardBucket(prefix, site)).toBe(bucket);
  });
});

describe("values of the bucket", () => {
  const claimed = { state: "claimed", node: "n", run: "r", attempt: 1, leaseMs: 1_000, onLapse: "retry" };

  it("are read as they were written", () => {
    for (const value of [
      claimed,
      { state: "open", attempt: 0 },
      {
        state: "finished",
        node: "n",
        run: "r",
        attempt: 2,
        result: { outcome: "retry", fields: { a: 1 }, detail: "x", told: true },
      },
      { state: "settled", outcome: "failed", run: "", attempt: 0, seq: 7 },
    ])
      expect(readClaim(JSON.stringify(value))).toEqual(value);
    expect(readSlot('{"state":"free"}')).toEqual({ state: "free" });
  });

  it("may say less, and more than this version knows", () => {
    expect(readClaim('{"state":"claimed","node":"n","run":"r","attempt":1,"leaseMs":5,"more":[]}')).toEqual({
      ...claimed,
      leaseMs: 5,
    });
    expect(
      readClaim('{"state":"finished","node":"n","run":"r","attempt":1,"result":{"outcome":"done"}}'),
    ).toMatchObject({
      result: { outcome: "done" },
    });
  });

  it.each([
    "",
    "1",
    "null",
    "[]",
    "{}",
    '{"state":"open"}',
    '{"state":"open","attempt":-1}',
    '{"state":"open","attempt":1.5}',
    '{"state":"claimed","attempt":1}',
    '{"state":"claimed","node":"","run":"r","attempt":1,"leaseMs":1}',
    '{"state":"claimed","node":"n","run":"r","attempt":1,"leaseMs":0}',
    `{"state":"claimed","node":"n","run":"${"r".repeat(300)}","attempt":1,"leaseMs":1}`,
    '{"state":"finished","node":"n","run":"r","attempt":1}',
    '{"state":"finished","node":"n","run":"r","attempt":1,"result":{"outcome":"fine"}}',
    '{"state":"settled","outcome":"open","attempt":1}',
    '{"state":"gone","attempt":1}',
  ])("are nobody's when they make no sense: %s", (text) => {
    expect(readClaim(text)).toBeNull();
    expect(readSlot(text)).toBeNull();
  });

  it("of records are read as far as they make sense", () => {
    const text = JSON.stringify({
      ...{ home: "n", seq: 3, keys: ["a"], ready: 1, complete: true, cells: { x: "1", y: 2 } },
      goals: {
        t: { state: "done" },
        u: { state: "odd" },
        v: 1,
        w: { state: "failed", host: "h", attempts: 2, detail: "d" },
      },
    });

    expect(readShown(text)).toEqual({
      ...{ home: "n", epoch: "", seq: 3, keys: ["a"], ready: false, complete: true, cells: { x: "1" } },
      goals: {
        t: { state: "done", host: "", run: "", by: "", attempts: 0, at: 0, notBefore: 0, detail: null },
        w: { state: "failed", host: "h", run: "", by: "", attempts: 2, at: 0, notBefore: 0, detail: "d" },
      },
    });
    for (const wrong of ["{}", '{"home":"n","seq":1}', '{"home":"n","seq":1,"keys":[1],"cells":{},"goals":{}}', "x"])
      expect(readShown(wrong)).toBeNull();
  });

  it("of any text never throw", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        readClaim(text);
        readSlot(text);
        readShown(text);
      }),
    );
  });
});
