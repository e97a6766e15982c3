// Values whose sizes change over time: the memory of a spec stays about what is in use, whatever sizes were there before.
import { describe, expect, it } from "vitest";
import type { Entry } from "../../../runtime/journal/journal.ts";
import { batchOf } from "../../../runtime/live/batch.ts";
import type { Live } from "../../../runtime/live/live.ts";
import { Recent } from "../../../runtime/live/recent.ts";
import { liveOn, recordSpec } from "../../support/lives.ts";

const MIB = 1024 * 1024;
const START = Date.parse("2026-01-01T00:00:00Z");

class Work {
  readonly live: Live;
  #seq = 0;
  #ms = 0;

  constructor(field: string, memoryBytes: number) {
    const recent = new Recent(() => {
      throw new Error("nothing comes late here");
    });
    // What is older than a second is settled.
    this.live = liveOn([], recordSpec("1s", [field]), memoryBytes, { recent });
  }

  /** All of the WebAssembly memory, MiB. */
  get memory(): number {
    return this.live.fold.core.memory.buffer.byteLength / MIB;
  }

  feed(bodies: readonly { readonly who: string }[]): void {
    this.live.feed(batchOf(bodies.map((body) => this.#entry(body))));
  }

  #entry(body: object): Entry {
    this.#ms += 2_000;
    const receivedAt = START + this.#ms;
    const payload = Buffer.from(JSON.stringify({ ...body, at: new Date(receivedAt).toISOString() }));
    return { seq: ++this.#seq, receivedAt, kind: "event", principal: "test", subject: "events", headers: {}, payload };
  }
}

describe("the memory of a spec", () => {
  it("serves texts of one size after those of another", () => {
    const limit = 8 * MIB;
    const work = new Work("Name: text, Type: string, Value: source.text", limit);
    let who = 0;
    for (const size of [60_000, 45_000, 30_000, 22_000, 15_000, 11_000, 7_500, 5_500, 3_700])
      for (let bytes = 0; bytes < 1.2 * limit; bytes += 16 * size)
        work.feed(Array.from({ length: 16 }, () => ({ who: `p${who++}`, text: "x".repeat(size) })));

    expect(work.live.cold.size).toBeGreaterThan(0);
    expect(work.live.counts.folded).toBe(who);
    expect(work.memory).toBeLessThanOrEqual(32);
  });

  it("serves lists that grow", () => {
    const work = new Work("Name: seen, Type: list, Value: n.seen.append(source.x)", 4 * MIB);
    for (let x = 0; x < 160; x++)
      for (let from = 0; from < 1_500; from += 100)
        work.feed(Array.from({ length: 100 }, (_, i) => ({ who: `p${from + i}`, x })));

    expect(work.live.counts.folded).toBe(160 * 1_500);
    expect(work.memory).toBeLessThanOrEqual(16);
  });
});
