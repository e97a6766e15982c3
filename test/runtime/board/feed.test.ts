import { beforeEach, describe, expect, it } from "vitest";
import { BoardFeed } from "../../../runtime/board/feed.ts";
import type { BoardMessage } from "../../../runtime/board/message.ts";

const said = (seq: number, page = "jobs"): BoardMessage => ({
  ...{ seq, at: 0, by: "bob", page, key: "1", keys: { id: "1" }, cells: {}, do: "set" },
});
const seqs = (messages: readonly { seq: number }[]) => messages.map(({ seq }) => seq);

describe("a feed", () => {
  let feed: BoardFeed;

  beforeEach(() => {
    feed = new BoardFeed(10, { boardRecent: 3 });
  });

  it("hands messages to those who follow their page", () => {
    const heard: number[] = [];
    const stop = feed.follow("jobs", ({ seq }) => heard.push(seq));
    feed.tell(said(11));
    feed.tell(said(12, "other"));
    stop();
    feed.tell(said(13));

    expect(heard).toEqual([11]);
    expect(feed.seq).toBe(13);
  });

  it("keeps the youngest of a page that somebody has followed", () => {
    feed.follow("jobs", () => {})();
    for (const seq of [11, 12, 13]) feed.tell(said(seq));

    expect(seqs(feed.since("jobs", 10))).toEqual([11, 12, 13]);
    expect(seqs(feed.since("jobs", 12))).toEqual([13]);
    expect(feed.since("jobs", 13)).toEqual([]);
  });

  it("says when some are gone: those that did not fit, and those before anybody followed", () => {
    feed.follow("jobs", () => {})();
    for (const seq of [11, 12, 13, 14]) feed.tell(said(seq));

    expect(feed.since("jobs", 10)).toEqual([{ do: "reset", seq: 14, page: "jobs" }]);
    expect(seqs(feed.since("jobs", 11))).toEqual([12, 13, 14]);
    expect(feed.since("other", 13)).toEqual([{ do: "reset", seq: 14, page: "other" }]);
    expect(feed.since("other", 14)).toEqual([]);
  });

  it("keeps nothing of a page that nobody has followed", () => {
    feed.tell(said(11));

    expect(feed.follows("jobs")).toBe(false);
    feed.follow("jobs", () => {});
    expect(feed.follows("jobs")).toBe(true);
    expect(feed.since("jobs", 11)).toEqual([]);
  });

  it("knows nothing of what came before it began", () => {
    feed.begin(20);

    expect(feed.since("jobs", 19)).toEqual([{ do: "reset", seq: 20, page: "jobs" }]);
  });
});
