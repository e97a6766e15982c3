import { describe, expect, it } from "vitest";
import { maskSecret, maskUrls } from "../../../runtime/data/mask.ts";

describe("maskUrls", () => {
  it.each([
    ["nats://127.0.0.1:4222", "nats://127.0.0.1:4222"],
    ["nats://box:s3cret@host:4222", "nats://box:***@host:4222"],
    ["nats://s3cret@host", "nats://***@host"],
    ["nats://a:p@ss@host,nats://b:q@other", "nats://a:***@host,nats://b:***@other"],
    ["https://host/score?api_key=abc&x=1", "https://host/score?api_key=***&x=1"],
    ["https://host/score?x=1&Token=abc#top", "https://host/score?x=1&Token=***#top"],
    ["mail to someone@example.org", "mail to someone@example.org"],
  ])("%s is shown as %s", (url, masked) => {
    expect(maskUrls(url)).toBe(masked);
  });
});

describe("maskSecret", () => {
  it("tells only whether there is one", () => {
    expect([maskSecret("s3cret"), maskSecret(null)]).toEqual(["***", null]);
  });
});
