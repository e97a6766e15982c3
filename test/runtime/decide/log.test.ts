import { beforeEach, describe, expect, it } from "vitest";
import { ManualClock } from "../../../runtime/clock.ts";
import { DecisionLog } from "../../../runtime/decide/log.ts";
import type { Draft } from "../../../runtime/journal/journal.ts";
import { decisionOf, draftOf, emptied } from "../../support/decisions.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";
import { OPENING } from "../../support/shop.ts";

const EVENT: Draft = { kind: "event", principal: "http", subject: "/events", headers: {}, payload: new Uint8Array() };

describe("the decision log", () => {
  let journal: MemoryJournal;
  let log: DecisionLog;
  let settled: (cause: number) => Promise<void>;

  beforeEach(() => {
    journal = new MemoryJournal(new ManualClock(OPENING));
    settled = async () => {};
    log = new DecisionLog({
      journal,
      epoch: "e0",
      publish: (id) => ({ id }),
      settled: (cause) => settled(cause),
    });
    // 1 and 2 are events; 3 decides for 2, 4 for 1; 5 leads to nothing.
    const drafts = [EVENT, EVENT, draftOf(decisionOf(2, "8", null)), draftOf(decisionOf(1, "7", "12")), EVENT];
    void journal.append(drafts);
    journal.commit();
  });

  it("finds a decision by its id, though others came between", async () => {
    expect(await log.find("box-e0-1-0")).toEqual(decisionOf(1, "7", "12"));
    expect(await log.find("box-e0-2-0")).toEqual(decisionOf(2, "8", null));
  });

  it.each(["box-e0-5-0", "box-e0-3-0", "box-e0-99-0", "box-e0-1-1", "other-e0-1-0", "box-e9-1-0", "junk", ""])(
    "finds none by '%s'",
    async (id) => {
      expect(await log.find(id)).toBe(null);
    },
  );

  it("finds none that was emptied", async () => {
    journal.disk.entries[3] = emptied(journal.disk.entries[3]!);

    expect(await log.find("box-e0-1-0")).toBe(null);
  });

  it("tells what an event led to, with its messages and sequence", async () => {
    expect(await log.causedBy(1)).toMatchObject([
      { seq: 4, decision: { id: "box-e0-1-0" }, messages: [{ coupon: { id: "12" } }] },
    ]);
    expect(await log.causedBy(2)).toMatchObject([{ seq: 3, messages: [] }]);
    expect(await log.causedBy(5)).toEqual([]);
  });

  it("waits until what an event led to is settled", async () => {
    let settle = () => {};
    settled = () =>
      new Promise((resolve) => {
        settle = resolve;
      });
    const caused = log.causedBy(5);
    void journal.append([draftOf(decisionOf(5, "9", "1"))]);
    journal.commit();
    settle();

    expect(await caused).toMatchObject([{ seq: 6, decision: { customer: "9" } }]);
  });
});
