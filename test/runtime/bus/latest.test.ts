import { beforeEach, describe, expect, it } from "vitest";
import { Latest } from "../../../runtime/bus/latest.ts";

describe("what a watcher hears of a bucket that is read again", () => {
  let told: string[];
  let latest: Latest;

  beforeEach(() => {
    told = [];
    latest = new Latest({
      began: () => void told.push("began"),
      changed: (key, value, revision) => void told.push(`${key}=${value}@${revision}`),
      current: () => void told.push("current"),
    });
    latest.begin();
    latest.see("a", "1", 1);
    latest.see("b", "1", 2);
    latest.end();
    told.length = 0;
  });

  const read = (entries: readonly [string, string | null, number][], anew = false) => {
    latest.begin(anew);
    for (const [key, value, revision] of entries) latest.see(key, value, revision);
    latest.end();
    return told;
  };

  it("nothing that is as it was", () => {
    expect(
      read([
        ["a", "1", 1],
        ["b", "1", 2],
      ]),
    ).toEqual(["began", "current"]);
  });

  it("what has changed, what is new, what was removed", () => {
    expect(
      read([
        ["a", "2", 3],
        ["c", "1", 4],
      ]),
    ).toEqual(["began", "a=2@3", "c=1@4", "b=null@0", "current"]);
    told.length = 0;
    expect(read([["c", null, 5]])).toEqual(["began", "c=null@5", "a=null@0", "current"]);
  });

  it("everything, if it is another bucket", () => {
    expect(read([["a", "1", 1]], true)).toEqual(["began", "a=null@0", "b=null@0", "a=1@1", "current"]);
  });

  it("what was written here, and is lost", () => {
    latest.wrote("a", 3);
    latest.wrote("c", 4);

    expect(
      read([
        ["a", "1", 1],
        ["b", "1", 2],
      ]),
    ).toEqual(["began", "a=1@1", "c=null@0", "current"]);
  });

  it("its own writing once, when it comes by", () => {
    latest.wrote("a", 3);
    latest.see("a", "2", 3);
    latest.see("a", "2", 3);

    expect(told).toEqual(["a=2@3"]);
    expect(
      read([
        ["a", "2", 3],
        ["b", "1", 2],
      ]),
    ).toEqual(["a=2@3", "began", "current"]);
  });

  it("ends once", () => {
    latest.end();

    expect(told).toEqual([]);
  });
});
