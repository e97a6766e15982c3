import { describe, expect, it } from "vitest";
import { parseServers } from "../../../runtime/bus/servers.ts";

describe("parseServers", () => {
  it.each([
    ["nats://box", { hosts: ["box:4222"], tls: false }],
    ["box", { hosts: ["box:4222"], tls: false }],
    ["127.0.0.1:4333", { hosts: ["127.0.0.1:4333"], tls: false }],
    ["nats://[::1]:4333", { hosts: ["[::1]:4333"], tls: false }],
    ["tls://box:4333", { hosts: ["box:4333"], tls: true }],
    ["nats://a, nats://b:1", { hosts: ["a:4222", "b:1"], tls: false }],
    [["nats://a", "tls://b"], { hosts: ["a:4222", "b:4222"], tls: true }],
    ["nats://till:pa%40ss@box", { hosts: ["box:4222"], tls: false, user: "till", password: "pa@ss" }],
    ["nats://t0ken@box", { hosts: ["box:4222"], tls: false, token: "t0ken" }],
  ])("reads %j", (servers, expected) => {
    expect(parseServers(servers)).toEqual(expected);
  });

  it.each([
    "",
    "http://box",
    "nats://",
    "nats://box:99999",
    "nats://u:s3cret@",
    "redis://u:s3cret@box",
    "nats://s3cret%@box",
    "nats://u:s3cret/x@box",
    "nats://u:s3cret#x@box",
    "nats://u:s3cret,x@box",
    "nats://12/s3cret@box",
    "nats://s3cret?x@box",
    "nats://box,http://u:s3cret@other",
  ])("refuses '%s' without repeating a secret", (servers) => {
    expect(() => parseServers(servers)).toThrow(expect.objectContaining({ code: "invalid" }));
    expect(() => parseServers(servers)).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining("s3cret") }),
    );
  });
});
