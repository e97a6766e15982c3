import { describe, expect, it } from "vitest";
import { BlockRoom, type Lent } from "../../../runtime/intake/block-room.ts";
import { BLOB_HEADER, BlobWriter, entryBytesMax } from "../../../runtime/journal/blob.ts";
import { PLAIN } from "../../../runtime/journal/block.ts";
import type { BlockDraft, Draft, Journal } from "../../../runtime/journal/journal.ts";
import { entriesOf } from "../../../runtime/journal/walk.ts";
import { Dice } from "../../support/dice.ts";
import { draft, journalIn, tempDir, texts } from "../../support/journal.ts";
import { prng } from "../../support/prng.ts";

const SEED = Number(process.env.AISLE_SEED ?? 20_261_126);

/** What a block of the intake is: its bytes come from a room, go back when it is settled, and are spoiled then. */
async function append(journal: Journal, room: BlockRoom, drafts: readonly Draft[]): Promise<void> {
  const bytes = drafts.reduce((sum, each) => sum + entryBytesMax(each), 0);
  let lent: Lent | null = null;
  const encode: BlockDraft["encode"] = (firstSeq, receivedAt) => {
    const writer = new BlobWriter(bytes);
    for (const [i, each] of drafts.entries()) writer.add(firstSeq + i, receivedAt, each, PLAIN);
    const entries = writer.entries();
    lent = room.lend(entries.length - BLOB_HEADER);
    entries.copy(lent.bytes, BLOB_HEADER, BLOB_HEADER);
    return lent.bytes;
  };
  await journal.appendBlock({ count: drafts.length, bytesMax: bytes, encode });
  lent!.bytes.fill(0xff, BLOB_HEADER);
  room.giveBack(lent!);
}

describe("the room for blocks", () => {
  it("lends what nobody else has, and fresh bytes where it has none", () => {
    const dice = new Dice(prng(SEED));
    const room = new BlockRoom(4_096);
    const held: { lent: Lent; mark: number }[] = [];
    let fresh = 0;
    for (let round = 0; round < 5_000; round++) {
      const lent = room.lend(1 + dice.below(900));
      if (lent.start < 0) fresh++;
      const mark = round % 251;
      lent.bytes.fill(mark, BLOB_HEADER);
      held.push({ lent, mark });
      // Mostly in order.
      while (held.length > 0 && dice.chance(0.55)) {
        const [{ lent: back, mark: its }] = held.splice(dice.chance(0.9) ? 0 : dice.below(held.length), 1) as [
          (typeof held)[0],
        ];
        expect(
          back.bytes.subarray(BLOB_HEADER).every((byte) => byte === its),
          `seed ${SEED}`,
        ).toBe(true);
        room.giveBack(back);
      }
    }
    expect(fresh).toBeGreaterThan(0);
    expect(fresh).toBeLessThan(5_000);
  });

  it("keeps the header's room free of what is not settled", () => {
    const room = new BlockRoom(BLOB_HEADER + 650);
    const [first, second] = [room.lend(300), room.lend(300)];
    expect(second.start - first.start).toBe(300);
    room.giveBack(first);
    // It would lie up to where the header of `second` goes.
    expect(room.lend(300 - BLOB_HEADER + 1).start).toBe(-1);
    expect(room.lend(300 - BLOB_HEADER).start).toBe(BLOB_HEADER);
  });
});

it("blocks are on the disk as they were, though their bytes are used again", async () => {
  const dice = new Dice(prng(SEED + 1));
  const dir = tempDir();
  const journal = journalIn(dir);
  const room = new BlockRoom(4_096);
  const [expected, heard]: string[][] = [[], []];
  journal.onCommit((_, { parts }) => {
    for (const part of parts) heard!.push(...texts("count" in part ? entriesOf(part) : part));
  });
  for (let round = 0; round < 200; round++) {
    const turn: Promise<unknown>[] = [];
    for (let block = dice.below(6); block >= 0; block--) {
      const some = Array.from(
        { length: 1 + dice.below(5) },
        () => `${round}/${expected!.length}/${"x".repeat(dice.below(200))}`,
      );
      expected!.push(...some);
      const drafts = some.map((text) => draft(text));
      turn.push(dice.chance(0.1) ? journal.append(drafts) : append(journal, room, drafts));
    }
    if (dice.chance(0.5)) await Promise.all(turn);
    else await turn[0];
  }
  await journal.close();

  expect(heard, `seed ${SEED}`).toEqual(expected);
  expect(texts(journalIn(dir).read()), `seed ${SEED}`).toEqual(expected);
});
