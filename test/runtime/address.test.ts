import { describe, expect, it } from "vitest";
import { httpAddress, shownAddress, whyUnanswered } from "../../runtime/address.ts";
import { deadUrl, HttpService, hangUp } from "../support/http-service.ts";

describe("shownAddress", () => {
  it.each([
    ["nats://box:4222", "nats://box:4222"],
    ["box:4222, [::1]:4333", "box:4222, [::1]:4333"],
    ["https://host/a,b?x=1", "https://host/a,b?x=1"],
    ["nats://till:s3cr3t@box,tls://s3cr3t@other:1", "nats://till:***@box,tls://***@other:1"],
    ["till:s3cr3t@box:1", "till:***@box:1"],
    ["s3cr3t@box", "***@box"],
    ["nats://till:s3cr3t/x@box", "nats://till:***@box"],
    ["nats://till:s3cr3t#x@box", "nats://till:***@box"],
    ["nats://till:s3cr3t?x@box", "nats://till:***@box"],
    ["nats://till:s3cr3t x@box", "nats://till:***@box"],
    ["nats://till:p@s3cr3t@box", "nats://till:***@box"],
    ["nats://till:s3cr3t,x@box,other:1", "nats://till:***@box,other:1"],
    ["nats://12/s3cr3t@box", "nats://***@box"],
    ["s3cr3t//x:y@box", "***@box"],
    ["a:1,till:s3cr3t@b:1", "a:1,till:***@b:1"],
    ["nats://a:1,nats://till:s3cr3t/x@b:1", "nats://a:1,nats://till:***@b:1"],
  ])("shows '%s' as '%s'", (address, shown) => {
    expect(shownAddress(address)).toBe(shown);
  });
});

describe("httpAddress", () => {
  it.each([
    ["http://host/c", { url: "http://host/c", host: "host", login: {} }],
    ["https://host:8443/c?x=1", { url: "https://host:8443/c?x=1", host: "host:8443", login: {} }],
    ["http://ann:p%40ss@host/c", { url: "http://host/c", host: "host", login: { authorization: basic("ann:p@ss") } }],
    ["http://ann@host/c", { url: "http://host/c", host: "host", login: { authorization: basic("ann:") } }],
    ["http://:pass@host/c", { url: "http://host/c", host: "host", login: { authorization: basic(":pass") } }],
  ])("reads '%s'", (text, expected) => {
    expect(httpAddress(text, "a service")).toEqual(expected);
  });

  it.each(["", "host:80", "ftp://u:s3cr3t@host", "http://u:s3cr3t%zz@host", "http://u:s3cr3t@"])(
    "refuses '%s' without repeating a secret",
    (text) => {
      expect(() => httpAddress(text, "a service")).toThrow(expect.objectContaining({ code: "invalid" }));
      expect(() => httpAddress(text, "a service")).toThrow(
        expect.not.objectContaining({ message: expect.stringContaining("s3cr3t") }),
      );
    },
  );
});

describe("whyUnanswered", () => {
  const failing = async (url: string, init: RequestInit = {}) =>
    whyUnanswered(
      await fetch(url, init).then(
        () => null,
        (error: unknown) => error,
      ),
    );

  it("says what the system says of the connection", async () => {
    const service = await HttpService.start(hangUp);

    expect(await failing(await deadUrl())).toMatch(/ECONNREFUSED 127\.0\.0\.1/);
    expect(await failing(service.url)).toMatch(/\w/);
    expect(await failing(service.url)).not.toContain("fetch failed");
  });

  it.each<[string, string, RequestInit]>([
    ["its address", "http://u:s3cr3t@127.0.0.1/s3cr3t", {}],
    ["an address that is none", "s3cr3t", {}],
    ["a header", "http://127.0.0.1/", { headers: { authorization: "Bearer s3cr3t\nx" } }],
  ])("does not repeat what fetch says of %s", async (_, url, init) => {
    const said = await failing(url, init);

    expect(said).toMatch(/\w/);
    expect(said).not.toContain("s3cr3t");
  });
});

function basic(login: string): string {
  return `Basic ${Buffer.from(login).toString("base64")}`;
}
