import { describe, expect, it } from "vitest";
import { maskAddress, maskSecret, maskUrls } from "../../../runtime/data/mask.ts";

describe("maskUrls", () => {
  it.each([
    ["nats://127.0.0.1:4222", "nats://127.0.0.1:4222"],
    ["nats://box:s3cret@host:4222", "nats://box:***@host:4222"],
    ["nats://s3cret@host", "nats://***@host"],
    ["nats://a:p@ss@host,nats://b:q@other", "nats://a:***@host,nats://b:***@other"],
    ["https://host/score?api_key=abc&x=1", "https://host/score?api_key=***&x=1"],
    ["https://host/score?x=1&Token=abc#top", "https://host/score?x=1&Token=***#top"],
    ["nats://a:s3cret/x@host", "nats://a:***@host"],
    ["nats://a:1,nats://b:s3cret#x@other", "nats://a:1,nats://b:***@other"],
    ["ask http://a:s3cret x@host", "ask http://a:***@host"],
    ["mail to someone@example.org", "mail to someone@example.org"],
  ])("%s is shown as %s", (url, masked) => {
    expect(maskUrls(url)).toBe(masked);
  });
});

describe("maskAddress", () => {
  it.each([
    ["u:s3cret@h:1", "u:***@h:1"],
    ["h:1,s3cret@other", "h:1,***@other"],
    ["https://u:s3cret@host/score?api_key=abc&x=1", "https://u:***@host/score?api_key=***&x=1"],
  ])("%s is shown as %s", (address, masked) => {
    expect(maskAddress(address)).toBe(masked);
  });
});

describe("maskSecret", () => {
  it("tells only whether there is one", () => {
    expect([maskSecret("s3cret"), maskSecret(null)]).toEqual(["***", null]);
  });
});
