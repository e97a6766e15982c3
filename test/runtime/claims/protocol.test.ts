import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { keyOf } from "../../../runtime/board/board.ts";
import { boardBucket, claimKey } from "../../../runtime/claims/keys.ts";
import { readShown } from "../../../runtime/claims/mirror.ts";
import { readClaim, readSlot } from "../../../runtime/claims/values.ts";

// What PROTOCOL.md promises to other programs is what this one reads.
const PAGE = readFileSync(new URL("../../../runtime/claims/PROTOCOL.md", import.meta.url), "utf8");
const blocks = [...PAGE.matchAll(/```json\n(.*?)```/gs)].map(([, block]) => block!.trim().split("\n"));
const [records, claims, slots] = blocks;

describe("the protocol's page", () => {
  it.each(claims!)("shows a claim: %s", (line) => {
    expect(readClaim(line)).toEqual(JSON.parse(line));
  });

  it("shows every state of a claim", () => {
    expect(claims!.map((line) => readClaim(line)?.state)).toEqual(["open", "claimed", "finished", "settled"]);
  });

  it.each(slots!)("shows a slot: %s", (line) => {
    expect(readSlot(line)).toEqual(JSON.parse(line));
  });

  it("shows a record", () => {
    expect(readShown(records![0]!)).toMatchObject(JSON.parse(records![0]!));
  });

  it("names keys as they are", () => {
    expect(PAGE).toContain(claimKey("samples", keyOf(["lab 1", "a"]), "taskA"));
    expect(PAGE).toContain(boardBucket("aisle", "lab"));
  });
});
