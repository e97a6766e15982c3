// Keys of records, as Blurr prints them: `<identity>/<aggregate>/<dimensions, joined by ':'>/` of what has dimensions, also
// none; `<identity>/<aggregate>//<start>` of a session. `/` and `:` within the parts are not escaped.
import { Datetime } from "../core/value.ts";
import { parseIso } from "../data/time.ts";
import { AisleError } from "../errors.ts";

/** How the records of an aggregate are told apart. */
export type KeyKind = "dimension" | "timestamp";

export interface Key {
  readonly kind: KeyKind;
  readonly identity: string;
  /** Name of the aggregate. */
  readonly group: string;
  readonly dimensions: readonly string[];
  /** Start of a session; one without an offset is of UTC. Null: it never began. */
  readonly start: Datetime | null;
}

/** @throws AisleError `invalid` for parts that make no key */
export function newKey({
  kind,
  identity,
  group,
  dimensions = [],
  start = null,
}: Partial<Key> & Pick<Key, "kind">): Key {
  if (typeof identity !== "string" || identity === "") throw new AisleError("invalid", "a key has an identity");
  if (typeof group !== "string" || group === "") throw new AisleError("invalid", "a key has the name of an aggregate");
  if (dimensions.length > 0 && start !== null)
    throw new AisleError("invalid", "a key has dimensions or a start, not both");
  if (kind === "dimension" && start !== null) throw new AisleError("invalid", "a key of dimensions has no start");
  if (kind === "timestamp" && dimensions.length > 0)
    throw new AisleError("invalid", "a key of a session has no dimensions");
  return { kind, identity, group, dimensions, start };
}

export function printKey({ identity, group, dimensions, start }: Key): string {
  return `${identity}/${group}/${dimensions.join(":")}/${start === null ? "" : isoOf(start)}`;
}

/** What the keys of all records of the same aggregate and dimensions begin with, behind the identity. */
export function sortPrefix({ kind, group, dimensions }: Key): string {
  return kind === "timestamp" ? `${group}//` : `${group}/${dimensions.join(":")}`;
}

/** @throws AisleError `invalid` for a text that is no key */
export function parseKey(text: string): Key {
  const [identity, group, dimensions, start, ...more] = text.split("/");
  if (!identity || !group || dimensions === undefined || start === undefined || more.length > 0)
    throw new AisleError("invalid", `'${text}' is no key: expected <identity>/<aggregate>/<dimensions>/<start>`);
  if (start === "") {
    return newKey({ kind: "dimension", identity, group, dimensions: dimensions === "" ? [] : dimensions.split(":") });
  }
  return newKey({ kind: "timestamp", identity, group, start: startOf(start, text) });
}

/** Does the key belong to what is asked for by its first dimensions? */
export function startsWith(dimensions: readonly string[], asked: readonly string[]): boolean {
  return asked.length <= dimensions.length && asked.every((value, i) => value === dimensions[i]);
}

function startOf(text: string, key: string): Datetime {
  const at = parseIso(text, "UTC");
  if (at === null) throw new AisleError("invalid", `'${key}' is no key: '${text}' is no time`);
  const zone = /([+-])(\d\d):(\d\d)$/.exec(text);
  const seconds = zone === null ? 0 : (Number(zone[2]) * 60 + Number(zone[3])) * 60;
  const fraction = /\.(\d{1,6})/.exec(text)?.[1] ?? "";
  const micros = BigInt(Math.floor(at / 1000)) * 1_000_000n + BigInt(fraction.padEnd(6, "0"));
  return new Datetime(micros, zone?.[1] === "-" ? -seconds : seconds);
}

function isoOf(start: Datetime): string {
  return (start.offset === null ? new Datetime(start.micros, 0) : start).toString();
}
