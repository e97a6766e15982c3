import { AisleError } from "../errors.ts";

export type Headers = Readonly<Record<string, string>>;

export const NO_HEADERS: Headers = Object.freeze({});

/** `NATS/1.0` and the empty line at the end, with their line breaks. */
const FRAME_BYTES = 12;

/**
 * The headers as the other side will see them: a copy with trimmed values.
 *
 * @throws AisleError `invalid` for a name or value that the wire cannot carry
 */
export function checkHeaders(headers: Headers | undefined): Headers {
  if (headers === undefined) return NO_HEADERS;
  const names = Object.keys(headers);
  if (names.length === 0) return NO_HEADERS;
  return Object.fromEntries(names.map((name) => [checkName(name), checkValue(name, headers[name]!)]));
}

/** Bytes that checked headers take on the wire; they count against the message's bound. */
export function headerBytes(headers: Headers): number {
  if (headers === NO_HEADERS) return 0;
  let bytes = FRAME_BYTES;
  for (const [name, value] of Object.entries(headers)) bytes += name.length + Buffer.byteLength(value) + 4; // ": ", CRLF
  return bytes;
}

function checkName(name: string): string {
  if (!/^[!-9;-~]+$/.test(name)) {
    throw new AisleError("invalid", `header name ${JSON.stringify(name)} is not printable ASCII without a colon`);
  }
  return name;
}

function checkValue(name: string, value: string): string {
  if (/[\r\n]/.test(value)) throw new AisleError("invalid", `header '${name}' has a line break in its value`);
  return value.trim();
}
