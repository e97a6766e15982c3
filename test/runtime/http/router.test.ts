import { describe, expect, it } from "vitest";
import { StaticFirstRouter } from "../../../runtime/http/router.ts";

describe("StaticFirstRouter", () => {
  const router = new StaticFirstRouter<string>();
  router.add("GET", "/offers/:customer", "of one");
  router.add("GET", "/offers/stream", "of all");
  router.add("POST", "/offers/stream", "posted");

  const handlers = (method: string, path: string) => router.match(method, path)[0].map(([handler]) => handler);

  it.each([
    ["GET", "/offers/stream", ["of all"]],
    ["POST", "/offers/stream", ["posted"]],
    ["GET", "/offers/7", ["of one"]],
    ["GET", "/offers/streams", ["of one"]],
    ["POST", "/offers/7", []],
    ["GET", "/offers", []],
    ["GET", "/offers/stream/", []],
  ])("%s %s goes to %j", (method, path, expected) => {
    expect(handlers(method, path)).toEqual(expected);
  });
});
