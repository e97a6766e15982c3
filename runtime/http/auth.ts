import { createHash, timingSafeEqual } from "node:crypto";
import { AisleError } from "../errors.ts";
import { isLoopback } from "../loopback.ts";
import type { HttpConfig } from "../site.ts";
import { Refusal } from "./problem.ts";
import type { Context } from "./route.ts";

/** Who may call. `socket`: the control socket, which the file system guards. */
export type Access =
  | { readonly kind: "loopback"; readonly token: string | null }
  | { readonly kind: "token"; readonly token: string }
  | { readonly kind: "open" }
  | { readonly kind: "socket" };

/** A `Host` header that only somebody on this machine has reason to send. */
const LOOPBACK_HOST = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;
const LOOPBACK_ORIGIN = /^https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;

/**
 * What the binding means for who may call. Call it before listening.
 *
 * @throws AisleError `invalid`: reachable from other machines, but with neither a token nor `auth: none`
 */
export function checkBinding({ host, auth, token }: HttpConfig): Access {
  const given = token === null || token === "" ? null : token;
  if (isLoopback(host)) return { kind: "loopback", token: given };
  if (auth === "none") return { kind: "open" };
  if (given !== null) return { kind: "token", token: given };
  throw new AisleError(
    "invalid",
    `http.host '${host}' can be reached from other machines: set AISLE_TOKEN (sent as 'Authorization: Bearer …'), ` +
      "or write 'auth: none' under 'http:' to let everybody in, or bind to 127.0.0.1",
  );
}

/** Lets a request pass or throws. `open` routes need no token. Synchronous: it stands before every route. */
export type Guard = (c: Context, open: boolean) => void;

export function guard(access: Access): Guard {
  switch (access.kind) {
    case "socket":
    case "open":
      return () => {};
    case "token": {
      const bears = bearer(access.token);
      return (c, open) => {
        if (!open && !bears(c)) throw unauthorized();
      };
    }
    case "loopback": {
      const bears = access.token === null ? () => false : bearer(access.token);
      return (c) => {
        if (!fromThisMachine(c) && !bears(c)) throw foreign(c);
      };
    }
  }
}

/**
 * Without a token, the address alone says who calls, and a web page elsewhere can make a browser on this machine
 * call it: by a name of its own that resolves to 127.0.0.1 (DNS rebinding, told by `Host`), or by a plain
 * cross-site POST (told by `Origin`, which browsers always send with those).
 */
function fromThisMachine(c: Context): boolean {
  const incoming = c.env?.incoming?.headers;
  const host = incoming ? incoming.host : (c.req.header("host") ?? new URL(c.req.url).host);
  if (host === undefined || !LOOPBACK_HOST.test(host)) return false;
  const origin = incoming ? incoming.origin : c.req.header("origin");
  return origin === undefined || LOOPBACK_ORIGIN.test(origin);
}

/** Compares digests in constant time: neither the length nor the first wrong byte shows. */
function bearer(token: string): (c: Context) => boolean {
  const expected = digest(token);
  return (c) => {
    const given = /^Bearer +(\S+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
    return given !== undefined && timingSafeEqual(digest(given), expected);
  };
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function unauthorized(): Refusal {
  return new Refusal("unauthorized", "a token is needed: 'Authorization: Bearer <AISLE_TOKEN>'", {
    headers: { "www-authenticate": 'Bearer realm="aisle"' },
  });
}

function foreign(c: Context): AisleError {
  const origin = c.req.header("origin");
  const host = c.req.header("host") ?? "";
  const what = LOOPBACK_HOST.test(host) && origin !== undefined ? `origin '${origin}'` : `host '${host}'`;
  return new AisleError(
    "forbidden",
    `${what} is not this machine: call it by localhost, 127.0.0.1 or [::1], or with the token`,
  );
}
