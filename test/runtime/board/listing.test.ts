import { describe, expect, it } from "vitest";
import { Board, type Page } from "../../../runtime/board/board.ts";
import { type Listed, Listing } from "../../../runtime/board/listing.ts";
import { pageConfig } from "../../support/plans.ts";

const newPage = (count: number): Page => {
  const page = new Board([pageConfig("jobs")]).page("jobs");
  for (let i = 1; i <= count; i++) page.add([String(i)], null);
  return page;
};
const all = () => true;
const keys = ({ records }: Listed) => records.map(({ key }) => key);
const BOUNDS = { listingScan: 1_000, listingCursors: 2 };

describe("a listing", () => {
  it("goes through a page in order, and ends", async () => {
    const page = newPage(5);
    const listing = new Listing(BOUNDS);

    const first = await listing.list(page, { after: null, limit: 2, matches: all });
    const second = await listing.list(page, { after: first.next, limit: 2, matches: all });
    const third = await listing.list(page, { after: second.next, limit: 2, matches: all });

    expect([first, second, third].map(keys)).toEqual([["1", "2"], ["3", "4"], ["5"]]);
    expect(third.next).toBe(null);
  });

  it("says that it ends when the last record is the last of the answer", async () => {
    expect(await new Listing(BOUNDS).list(newPage(2), { after: null, limit: 2, matches: all })).toMatchObject({
      next: null,
    });
  });

  it("gives the same answer to everybody who asks for it", async () => {
    const page = newPage(5);
    const listing = new Listing(BOUNDS);
    await listing.list(page, { after: null, limit: 2, matches: all });

    const answers = await Promise.all([1, 2, 3].map(() => listing.list(page, { after: "2", limit: 2, matches: all })));

    expect(answers.map(keys)).toEqual([
      ["3", "4"],
      ["3", "4"],
      ["3", "4"],
    ]);
  });

  it("goes on although the record it was at is gone, as long as its place is kept", async () => {
    const page = newPage(5);
    const listing = new Listing(BOUNDS);
    await listing.list(page, { after: null, limit: 2, matches: all });
    page.remove(page.find("2")!);
    page.remove(page.find("3")!);

    expect(keys(await listing.list(page, { after: "2", limit: 2, matches: all }))).toEqual(["4", "5"]);
    await expect(listing.list(page, { after: "2", limit: 2, matches: all })).rejects.toThrow("begin without 'after'");
  });

  it("finds its place again when it is no longer kept", async () => {
    const page = newPage(5_000);
    const listing = new Listing({ listingScan: 1_000, listingCursors: 1 });
    await listing.list(page, { after: null, limit: 4_000 - 1, matches: all });
    for (const limit of [1, 2, 3]) await listing.list(page, { after: null, limit, matches: all });

    expect(keys(await listing.list(page, { after: "4500", limit: 2, matches: all }))).toEqual(["4501", "4502"]);
  });

  it("sees records that came, and those that were touched, at the end", async () => {
    const page = newPage(4);
    const listing = new Listing(BOUNDS);
    await listing.list(page, { after: null, limit: 1, matches: all });
    page.touch(page.find("3")!);
    page.add(["5"], null);

    expect(keys(await listing.list(page, { after: "1", limit: 9, matches: all }))).toEqual(["2", "4", "3", "5"]);
  });
});
