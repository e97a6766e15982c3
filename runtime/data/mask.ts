// Secrets that must not reach a terminal, a log or an error message.
import { shownAddress } from "../address.ts";

const MASK = "***";
/** From the first address in a text on: where an address that can't be read ends, nobody can say. */
const URLS = /(?:(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{0,30}:)?\/\/.*/is;
const SECRET_QUERY = /([?&][^=&#\s]*(?:token|key|secret|password|passwd|auth)[^=&#\s]*=)[^&#\s]*/gi;

/** `***` for a secret that is set; null says that there is none. */
export function maskSecret(secret: string | null): string | null {
  return secret === null ? null : MASK;
}

/**
 * An address, or several with commas between, without the password, the token that NATS takes in place of a user, and
 * query parameters that are called like secrets: "nats://box:***@host", "***@host:4222", "?key=***".
 */
export function maskAddress(address: string): string {
  return shownAddress(address).replace(SECRET_QUERY, `$1${MASK}`);
}

/** The same in a text that may hold addresses with `//` in them. */
export function maskUrls(text: string): string {
  return text.replace(URLS, shownAddress).replace(SECRET_QUERY, `$1${MASK}`);
}
