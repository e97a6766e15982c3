import { createHash } from "node:crypto";
import { Script } from "node:vm";
import { describe, expect, it } from "vitest";
import { testApp } from "../../support/http.ts";

const sha256 = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
const between = (html: string, tag: string) => new RegExp(`<${tag}>(.*?)</${tag}>`, "s").exec(html)![1]!;

describe.each(["/", "/docs"])("GET %s", (path) => {
  const { app } = testApp();

  it("is a page that nothing else may script, frame or feed", async () => {
    const response = await app.request(path);

    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("referrer-policy")).toBe("no-referrer");
    const policy = response.headers.get("content-security-policy")!.split("; ");
    expect(policy).toEqual(
      expect.arrayContaining(["default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'"]),
    );
    expect(policy.join()).not.toContain("unsafe");
  });

  it("allows exactly the script and the style that it brings", async () => {
    const response = await app.request(path);
    const html = await response.text();

    const policy = response.headers.get("content-security-policy")!.split("; ");

    expect(html.match(/<script/g)).toHaveLength(1);
    expect(policy).toContain(`script-src ${sha256(between(html, "script"))}`);
    expect(policy).toContain(`style-src ${sha256(between(html, "style"))}`);
    expect(html).not.toMatch(/ (?:style|on\w+)="/);
  });

  it("asks no other host for anything", async () => {
    const html = await (await app.request(path)).text();

    expect(html).not.toMatch(/(?:src|href)="(?!\/|data:|#)/);
    expect(html).not.toMatch(/https?:\/\//);
  });

  it("brings a script that parses and writes text only", async () => {
    const script = between(await (await app.request(path)).text(), "script");

    expect(() => new Script(script)).not.toThrow();
    expect(script).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/);
  });
});

describe("GET /", () => {
  it("shows names from outside as text", async () => {
    const about = { site: '<b onload="x">', place: "O'Neil & Sons", version: "1", departments: ['"><script>'] };

    const html = await (await testApp({ about }).app.request("/")).text();

    expect(html).toContain("O&#39;Neil &#38; Sons");
    expect(html).not.toContain("<b onload");
    expect(html.match(/<script/g)).toHaveLength(1);
  });
});
