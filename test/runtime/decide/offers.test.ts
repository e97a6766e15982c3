import { beforeEach, describe, expect, it } from "vitest";
import { ManualClock } from "../../../runtime/clock.ts";
import { OfferBook } from "../../../runtime/decide/offers.ts";
import type { Standing } from "../../../runtime/http/ports.ts";
import type { Draft } from "../../../runtime/journal/journal.ts";
import { limits } from "../../../runtime/limits.ts";
import { decisionOf, draftOf, emptied } from "../../support/decisions.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";
import { MINUTE, OPENING } from "../../support/shop.ts";

describe("the offer book", () => {
  let clock: ManualClock;
  let journal: MemoryJournal;
  let book: OfferBook;

  beforeEach(() => {
    clock = new ManualClock(OPENING);
    journal = new MemoryJournal(clock);
    book = new OfferBook(clock, journal, (id) => ({ id, type: "buy_all" }));
  });

  function write(draft: Draft): number {
    void journal.append([draft]);
    journal.commit();
    return journal.lastSeq;
  }

  /** Journals a decision and takes it into the book, as the runtime does. */
  function decide(customer: string, coupon: string | null): number {
    const decision = decisionOf(journal.lastSeq, customer, coupon, clock.now());
    const seq = write(draftOf(decision));
    book.add(seq, decision);
    return seq;
  }

  const seqs = (standings: readonly Standing[]) => standings.map(({ seq }) => seq);

  it("is empty at first", () => {
    expect([book.standing("7"), book.standing(null)]).toEqual([[], []]);
  });

  it("shows what stands for a customer, newest first, in the published form", () => {
    const first = decide("7", "1");
    decide("8", "2");
    const second = decide("7", "3");

    const standing = book.standing("7");

    expect(seqs(standing)).toEqual([second, first]);
    expect(standing[0]!.messages).toMatchObject([{ customer: { id: "7" }, coupon: { id: "3", type: "buy_all" } }]);
  });

  it("shows what stands for everybody, newest first", () => {
    const all = [decide("7", "1"), decide("8", "2"), decide("7", "3")];

    expect(seqs(book.standing(null))).toEqual(all.toReversed());
  });

  it("shows no decision without an offer", () => {
    decide("7", null);

    expect(book.standing("7")).toEqual([]);
  });

  it.each([
    [15 * MINUTE - 1, 1],
    [15 * MINUTE, 0],
  ])("lets an offer stand up to its time to live, not at it: after %d ms there are %d", (ms, count) => {
    decide("7", "1");
    clock.advance(ms);

    expect([book.standing("7").length, book.standing(null).length]).toEqual([count, count]);
  });

  it("keeps a bounded number of a customer, the newest", () => {
    const all = Array.from({ length: limits.standingOffers + 3 }, () => decide("7", "1"));

    expect(seqs(book.standing("7"))).toEqual(all.slice(3).toReversed());
  });

  it("shows nothing that was emptied since", () => {
    const seq = decide("7", "1");
    journal.disk.entries[seq - 1] = emptied(journal.disk.entries[seq - 1]!);

    expect(book.standing("7")).toEqual([]);
  });

  describe("a follower", () => {
    const tell = (customer: string) => book.tell({ seq: 1, decision: decisionOf(1, customer, "1"), messages: [] });

    it("hears of its customer, or of everybody", () => {
      const heard: string[] = [];
      book.follow("7", ({ decision }) => heard.push(`seven: ${decision.customer}`));
      book.follow(null, ({ decision }) => heard.push(`all: ${decision.customer}`));
      tell("7");
      tell("8");

      expect(heard).toEqual(["seven: 7", "all: 7", "all: 8"]);
    });

    it("hears nothing after it left, even while it is being told", () => {
      const heard: string[] = [];
      const leave = book.follow("7", () => {
        heard.push("first");
        leave();
        leaveToo();
      });
      const leaveToo = book.follow("7", () => heard.push("second"));
      tell("7");
      tell("7");

      expect(heard).toEqual(["first"]);
    });

    it("that leaves twice takes no later follower away", () => {
      const heard: string[] = [];
      const leave = book.follow("7", () => heard.push("first"));
      leave();
      book.follow("7", () => heard.push("second"));
      leave();
      tell("7");

      expect(heard).toEqual(["second"]);
    });
  });

  describe("since a sequence", () => {
    const NOISE: Draft = { kind: "event", principal: "", subject: "", headers: {}, payload: new Uint8Array() };

    it("gives the decisions after it, oldest first, with or without an offer", () => {
      const [first, second, third] = [decide("7", "1"), decide("8", null), decide("7", "3")];

      expect(seqs(book.since(null, first!))).toEqual([second, third]);
      expect(seqs(book.since("7", 0))).toEqual([first, third]);
      expect(book.since(null, third!)).toEqual([]);
    });

    it("gives no more than a stream can queue, and the rest when asked again", () => {
      const count = limits.streamQueue + 5;
      for (let i = 0; i < count; i++) decide("7", "1");

      const page = book.since("7", 0);

      expect(page.length).toBe(limits.streamQueue);
      expect(book.since("7", page.at(-1)!.seq).length).toBe(5);
    });

    it("passes over entries of other kinds, and emptied ones", () => {
      write(NOISE);
      const gone = decide("7", "1");
      write(NOISE);
      const kept = decide("7", "2");
      journal.disk.entries[gone - 1] = emptied(journal.disk.entries[gone - 1]!);

      expect(seqs(book.since(null, 0))).toEqual([kept]);
    });
  });
});
