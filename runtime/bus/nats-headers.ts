import type { Msg } from "nats";
import { type Headers, NO_HEADERS } from "./headers.ts";

/** The headers of a message; of those that stand there several times the first value. */
export function headersOf({ headers }: Msg): Headers {
  if (headers === undefined) return NO_HEADERS;
  return Object.fromEntries(headers.keys().map((name) => [name, headers.get(name)]));
}
