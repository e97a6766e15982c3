const LINE = /^([^:]+):[ \t]*(.*?)[ \t]*$/;

/**
 * The headers of a NATS message, from its header block: `NATS/1.0`, lines of `Name: value`, an empty one. Of those
 * with one name the first counts, as in the package `nats`.
 *
 * @param block  its bytes, each a character
 */
export function natsHeaders(block: string): Readonly<Record<string, string>> {
  const headers = new Map<string, string>();
  for (const line of block.split("\r\n").slice(1)) {
    const [, name, value] = LINE.exec(line) ?? [];
    if (name !== undefined && !headers.has(name)) headers.set(name, Buffer.from(value!, "latin1").toString());
  }
  return Object.fromEntries(headers);
}
