// Addresses of services, as people write them: with a user and a password in them, which nobody else may see.
import { AisleError } from "./errors.ts";

const MASK = "***";
/** An address, or a part of a list, that holds no secret: "nats://host:4222", "[::1]:4222", "host". */
const PLAIN = /^\s*([a-z][a-z0-9+.-]*:\/\/)?(\[[^\]]*\]|[^\s:/?#@]*)(:\d+)?\/?\s*$/i;
const USER_INFO = /^(\s*(?:[a-z][a-z0-9+.-]*:)?\/\/)?(.*)@/is;

/**
 * What may be shown of an address, or of several with commas between: whatever stands before the last `@` of each is
 * hidden but the user's name, also where the address can't be read. "nats://box:***@host", "***@host:4222"
 */
export function shownAddress(text: string): string {
  return partsOf(text).map(withoutSecret).join(",");
}

/** A comma may also belong to a password. */
function partsOf(text: string): string[] {
  const parts: string[] = [];
  let open: string[] = [];
  for (const piece of text.split(",")) {
    open.push(piece);
    const part = open.join(",");
    if (!part.includes("@") && !PLAIN.test(part)) continue;
    parts.push(part);
    open = [];
  }
  return open.length === 0 ? parts : [...parts, open.join(",")];
}

function withoutSecret(part: string): string {
  return part.replace(USER_INFO, (_, scheme: string | undefined, info: string) => {
    const user = /^([^:/?#@,\s]*):/.exec(info);
    return `${scheme ?? ""}${user === null ? "" : `${user[1]}:`}${MASK}@`;
  });
}

/** A service that is asked by `fetch`. */
export interface HttpAddress {
  /** Without user and password, which `fetch` refuses; never to be shown: what is secret may stand in its path. */
  readonly url: string;
  /** `host:port`: all that may be shown of it. */
  readonly host: string;
  /** The headers that say who asks. */
  readonly login: Readonly<Record<string, string>>;
}

/**
 * Reads the address of a service; user and password in it become a header.
 *
 * @param what  it is the address of, for messages: "a webhook"
 * @throws AisleError `invalid`, without repeating what may hold a secret
 */
export function httpAddress(text: string, what: string): HttpAddress {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new AisleError("invalid", `the address of ${what} must begin with http:// or https://`);
  const { username, password, host } = url;
  const login: Record<string, string> =
    username === "" && password === "" ? {} : { authorization: basic(username, password, what) };
  url.username = url.password = "";
  return { url: url.href, host, login };
}

/** Whether user and password of an address, if it has them, can be sent; true also for what is no address. */
export function hasReadableLogin(text: string): boolean {
  if (!URL.canParse(text)) return true;
  const { username, password } = new URL(text);
  try {
    decodeURIComponent(username + password);
    return true;
  } catch {
    return false;
  }
}

function basic(username: string, password: string, what: string): string {
  try {
    const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    return `Basic ${Buffer.from(login).toString("base64")}`;
  } catch {
    throw new AisleError("invalid", `the user and password in the address of ${what} have a stray '%'`);
  }
}

/**
 * Why a `fetch` failed, in words without secrets: what lies behind it ("connect ECONNREFUSED 127.0.0.1:8002"). What
 * `fetch` itself says may quote the address, or a header.
 */
export function whyUnanswered(error: unknown): string {
  const { cause } = error as { readonly cause?: unknown };
  if (!(cause instanceof Error)) return "the request can't be made: look at its address and token";
  // Several addresses of one host: what each of them said, and nothing of its own.
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  return (first instanceof Error && first.message) || cause.message || cause.name;
}
