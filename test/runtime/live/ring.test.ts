import { describe, expect, it } from "vitest";
import type { Block } from "../../../runtime/journal/block.ts";
import type { Entry } from "../../../runtime/journal/journal.ts";
import { entriesOf } from "../../../runtime/journal/walk.ts";
import { Ring } from "../../../runtime/live/ring.ts";
import { blockOf } from "../../support/blocks.ts";
import { Dice } from "../../support/dice.ts";
import { prng } from "../../support/prng.ts";

const SEED = Number(process.env.AISLE_SEED ?? 20_261_126);

function made(firstSeq: number, sizes: readonly number[]): Block {
  const entries = sizes.map(
    (size, i): Entry => ({
      ...{ seq: firstSeq + i, receivedAt: 0, kind: "event", principal: "", subject: "", headers: {} },
      payload: Buffer.alloc(size, firstSeq + i),
    }),
  );
  return blockOf(entries);
}

const isWhole = (block: Block): boolean => {
  const entries = [...entriesOf(block)];
  return (
    entries.length === block.count &&
    entries.every(({ seq, payload }, i) => {
      return seq === block.firstSeq + i && payload.every((byte) => byte === (seq & 0xff));
    })
  );
};

describe("a ring of blocks", () => {
  it("keeps copies until it says that another takes their place", () => {
    const dice = new Dice(prng(SEED));
    const ring = new Ring(4_096);
    let held: Block[] = [];
    let overwritten = 0;
    for (let seq = 1; seq < 20_000; ) {
      const block = made(
        seq,
        Array.from({ length: 1 + dice.below(6) }, () => dice.below(200)),
      );
      const gone = ring.overwrites(block);
      if (gone > 0) overwritten++;
      held = held.filter(({ lastSeq }) => lastSeq > gone);
      held.push(ring.put(block));
      block.bytes.fill(0xff); // its bytes are used again
      seq += block.count;
      expect(held.every(isWhole), `seed ${SEED}, sequence ${seq}`).toBe(true);
      expect(held.reduce((sum, { start, end }) => sum + end - start, 0)).toBeLessThanOrEqual(4_096);
    }
    expect(overwritten).toBeGreaterThan(100);
  });

  it("gives bytes of its own to what is larger than all of it", () => {
    const ring = new Ring(200);
    const small = ring.put(made(1, [10]));
    const large = made(2, [100, 100]);

    expect(ring.overwrites(large)).toBe(0);
    expect([small, ring.put(large)].every(isWhole)).toBe(true);
  });
});
