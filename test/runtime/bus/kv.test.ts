import { describe, expect, it } from "vitest";
import { ManualClock } from "../../../runtime/clock.ts";
import { until } from "../../contracts/bus.ts";
import { kvContract, listen } from "../../contracts/kv.ts";
import { MemoryBucket } from "../../support/memory-kv.ts";

describe("a bucket in memory", () => {
  kvContract(async () => {
    const bucket = new MemoryBucket();
    return [bucket.connect(), bucket.connect()];
  });

  it("tells after an absence what has changed, and no more", async () => {
    const bucket = new MemoryBucket();
    const [kv, other] = [bucket.connect(), bucket.connect()];
    const told = listen(kv);
    await other.put("same", "1");
    const gone = await other.put("gone", "1");
    await other.put("changed", "1");
    await until(() => told.values.size === 3);

    kv.cut();
    await other.forget("gone", (await other.remove("gone", gone))!);
    const revision = await other.put("changed", "2");
    kv.mend();
    await until(() => told.lines.filter((line) => line === "current").length === 2);

    expect(told.lines.slice(5)).toEqual(["began", `changed=2@${revision}`, "gone=null@0", "current"]);
  });

  it("lets a cut line's request arrive, or not", async () => {
    for (const [random, value] of [
      [0.9, "1"],
      [0.1, undefined],
    ] as const) {
      const clock = new ManualClock();
      const bucket = new MemoryBucket({ clock, delayMs: () => 10, random: () => random });
      const kv = bucket.connect();
      const put = kv.put("a", "1");
      const refused = expect(put).rejects.toMatchObject({ code: "unavailable" });
      kv.cut();
      clock.advance(10);
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(10);
      await refused;

      expect(bucket.find("a")?.value).toBe(value);
    }
  });

  it("loses answers, and requests, when told to", async () => {
    const kv = new MemoryBucket().connect();
    kv.loseNext("answer");
    kv.loseNext("request");

    await expect(kv.create("a", "1")).rejects.toMatchObject({ code: "unavailable" });
    await expect(kv.create("b", "1")).rejects.toMatchObject({ code: "unavailable" });
    expect([(await kv.get("a"))?.value, await kv.get("b")]).toEqual(["1", null]);
  });
});
