import { describe, expect, it } from "vitest";
import { DAY, ManualClock } from "../../../runtime/clock.ts";
import { Block } from "../../../runtime/journal/block.ts";
import { blockOf, draft, journalIn, START, seqs, tempDir } from "../../support/journal.ts";

const YEAR = 365 * DAY;

/** A clock that stands where it is put. */
class JumpingClock extends ManualClock {
  at = START;

  override now(): number {
    return this.at;
  }
}

describe("the receive time, when the clock jumps,", () => {
  it("stands still at 1970 after a restart, until the clock has caught up", async () => {
    const dir = tempDir();
    const clock = new JumpingClock();
    const before = journalIn(dir, { clock });
    await before.append([draft("a")]);
    await before.close();

    clock.at = 0; // no battery, and no network to ask
    const after = journalIn(dir, { clock });
    await after.append([draft("b")]);
    await after.appendBlock(blockOf([draft("c"), draft("d")]));
    clock.at = START + 7;
    await after.append([draft("e")]);

    const entries = [...after.read()];
    expect(seqs(entries)).toEqual([1, 2, 3, 4, 5]);
    expect(entries.map(({ receivedAt }) => receivedAt - START)).toEqual([0, 0, 0, 0, 7]);
    const block = [...after.parts()].find((part) => part instanceof Block);
    expect(block).toMatchObject({ receivedAt: START, lastAt: START });
  });

  it("stays a year ahead once it was there, also over restarts, and nothing is lost or kept for ever", async () => {
    const dir = tempDir();
    const clock = new JumpingClock();
    const before = journalIn(dir, { clock });
    await before.append([draft("a")]);
    clock.at = START + YEAR;
    await before.append([draft("b")]);
    clock.at = START + 1;
    await before.append([draft("c")]);
    await before.close();

    const after = journalIn(dir, { clock });
    await after.append([draft("d")]);
    after.appliedSeq = 4;
    clock.at = START + YEAR + 1;
    await after.append([draft("e")]);

    expect([...after.read()].map(({ receivedAt }) => receivedAt - START)).toEqual([0, YEAR, YEAR, YEAR, YEAR + 1]);

    clock.at = START + YEAR + 2 * DAY;
    await after.append([draft("f")]);
    expect((await after.retain({ ageMs: DAY })).entries).toBe(4); // of the fifth it isn't on disk that it is applied
    expect(seqs(after.read())).toEqual([5, 6]);
  });

  it("keeps what a clock far ahead would have removed, as long as it isn't applied", async () => {
    const clock = new JumpingClock();
    const journal = journalIn(tempDir(), { clock });
    await journal.append([draft("a")]);
    clock.at = START + YEAR;

    expect((await journal.retain({ ageMs: DAY, bytes: 0 })).entries).toBe(0);
    expect(seqs(journal.read())).toEqual([1]);
  });
});
