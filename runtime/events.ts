// From payload bytes to an event that the site understands: which form, which type, who, when, with which fields.
import { type Scanned, Scanner, type Split } from "./core/scanner.ts";
import { fromSeconds, parseEpoch, parseIso } from "./data/time.ts";
import { didYouMean, nearest } from "./errors.ts";
import { limits } from "./limits.ts";
import type { EventsConfig, EventType, FieldType, Form, TimePath } from "./site.ts";

/** What a customer can do with an offer, and what analytics tools call it. */
export const ACTIONS: ReadonlyMap<string, readonly string[]> = new Map([
  ["shown", ["view_promotion"]],
  ["selected", ["select_promotion"]],
  ["dismissed", []],
  ["redeemed", ["purchase"]],
  ["returned", ["refund"]],
]);

/** An event as the runtime works with it. */
export interface EventIn {
  readonly type: string;
  /** Null only for an outcome that names its decision. */
  readonly identity: string | null;
  /** Event time, ms since epoch; null: it brought none, the receive time counts. */
  readonly at: number | null;
  readonly id: string | null;
  /** Within which ids are unique; "" when the form names none. */
  readonly source: string;
  readonly fields: Readonly<Record<string, string | number>>;
}

/** Why a payload is no event of this site. */
export interface Problem {
  readonly code: string;
  readonly detail: string;
  /** JSON pointer, "" for the whole payload. */
  readonly pointer: string;
  /** Byte in the payload, when it is not well-formed. */
  readonly offset?: number;
}

/** What came with a payload: the type of the URL or subject, and headers. */
export interface Envelope {
  readonly type: string | null;
  readonly headers: Readonly<Record<string, string>>;
}

export function isProblem(result: object): result is Problem {
  return "code" in result && "detail" in result;
}

/** One value found: in the payload, or in a `ce-` header of a binary CloudEvent. */
interface Found {
  readonly path: string;
  readonly kind: "string" | "number" | "other";
  readonly text: string;
}

/** Reads payloads by the table of forms of a site. Holds a scanner of its own. */
export class EventReader {
  readonly #events: EventsConfig;
  readonly #timeZone: string;
  readonly #scanner: Scanner;
  readonly #paths = new Map<string, number>();
  /** Lower-case name or alias → type. */
  readonly #types = new Map<string, EventType>();
  readonly #vocabularies: Readonly<Record<"department" | "action", Map<string, string>>>;

  constructor(events: EventsConfig, departments: ReadonlyMap<string, readonly string[]>, timeZone: string) {
    this.#events = events;
    this.#timeZone = timeZone;
    this.#vocabularies = { department: vocabulary(departments), action: vocabulary(ACTIONS) };
    for (const form of events.forms) for (const path of pathsOf(form)) this.#learn(path);
    for (const type of events.types.values()) {
      for (const name of [type.name, ...type.aliases]) this.#types.set(name.toLowerCase(), type);
    }
    this.#scanner = new Scanner([...this.#paths.keys()]);
  }

  /** The types that the site knows, for messages and schemas. */
  get types(): readonly string[] {
    return [...this.#events.types.keys()];
  }

  /** Reads payloads in order; one result each. */
  read(payloads: readonly Uint8Array[], envelopes: readonly Envelope[]): (EventIn | Problem)[] {
    const scanned = this.#scanner.scan(payloads);
    return payloads.map((_, item) => this.#event(scanned, item, envelopes[item]!));
  }

  /** Reads the items of a body, one result each, and says where they lie and where it breaks off: see `Scanner.split`. */
  readBody(body: Uint8Array, envelope: Envelope): Split & { readonly results: readonly (EventIn | Problem)[] } {
    const { form, items, broken, scanned } = this.#scanner.scanBody(body);
    return { form, items, broken, results: items.map((_, item) => this.#event(scanned, item, envelope)) };
  }

  #learn(path: string): void {
    if (!this.#paths.has(path)) this.#paths.set(path, this.#paths.size);
  }

  #event(scanned: Scanned, item: number, envelope: Envelope): EventIn | Problem {
    const error = scanned.error(item);
    if (error !== null) {
      const { offset, expected } = error;
      return { code: "malformed", pointer: "", offset, detail: `byte ${offset}: expected ${expected}` };
    }
    const found = (paths: readonly string[]): Found | null => this.#find(scanned, item, envelope, paths);
    const form = this.#form(scanned, item, envelope);

    const type = this.#type(found(form.type), envelope.type);
    if (isProblem(type)) return type;
    const fields = this.#fields(form, type, found);
    if (isProblem(fields)) return fields;
    const identity = this.#identity(found(form.identity), form, type, fields);
    if (typeof identity === "object" && identity !== null) return identity;
    const aimless = this.#aim(type, fields);
    if (aimless !== null) return aimless;
    const at = this.#time(found(form.time.paths), form.time);
    if (typeof at === "object" && at !== null) return at;
    const id = token(found(form.id), "id");
    if (typeof id === "object" && id !== null) return id;
    const source = token(found(form.source), "source");
    if (typeof source === "object" && source !== null) return source;
    return { type: type.name, identity, at, id, source: source ?? "", fields };
  }

  #form(scanned: Scanned, item: number, { headers }: Envelope): Form {
    const binary = headers["ce-specversion"] !== undefined;
    for (const form of this.#events.forms) {
      if (form.when === null) return form;
      if (binary && headers[`ce-${form.when}`] !== undefined) return form;
      if (scanned.kind(item, this.#paths.get(form.when)!) !== "missing") return form;
    }
    return this.#events.forms.at(-1)!;
  }

  /** The first of the paths that is there and not null. */
  #find(scanned: Scanned, item: number, { headers }: Envelope, paths: readonly string[]): Found | null {
    const binary = headers["ce-specversion"] !== undefined;
    for (const written of paths) {
      const header = binary ? headers[`ce-${written}`] : undefined;
      if (header !== undefined) return { path: written, kind: "string", text: header };
      // The body of a binary CloudEvent is its data.
      const path = binary && written.startsWith(DATA) ? written.slice(DATA.length) : written;
      const index = this.#paths.get(path)!;
      const kind = scanned.kind(item, index);
      if (kind === "missing" || kind === "null") continue;
      if (kind === "string" || kind === "number") return { path, kind, text: scanned.text(item, index) };
      return { path, kind: "other", text: kind };
    }
    return null;
  }

  #type(found: Found | null, told: string | null): EventType | Problem {
    const own = found?.kind === "string" ? this.#types.get(found.text.toLowerCase()) : undefined;
    const known = own ?? (told === null ? undefined : this.#types.get(told.toLowerCase()));
    if (known !== undefined) return known;
    const expected = `one of ${this.types.join(", ")}`;
    if (found === null && told === null)
      return {
        code: "missing-type",
        pointer: "",
        detail: `no type: expected ${expected}, in the body, the URL or the subject`,
      };
    const text = found?.text ?? told!;
    return {
      code: "unknown-type",
      pointer: pointer(found?.path),
      detail: `'${clip(text)}' is no type of event${didYouMean(text, this.#types.keys())}: expected ${expected}`,
    };
  }

  #fields(
    form: Form,
    type: EventType,
    found: (paths: readonly string[]) => Found | null,
  ): Record<string, string | number> | Problem {
    const fields: Record<string, string | number> = {};
    for (const name in type.fields) {
      const paths = form.fields[name] ?? [];
      const value = found(paths);
      if (value === null) {
        if (!type.fields[name]!.required) continue;
        return {
          code: "missing-field",
          pointer: pointer(paths[0]),
          detail: `an event of type '${type.name}' needs '${paths[0] ?? name}'`,
        };
      }
      const read = this.#field(value, type.fields[name]!.type);
      if (typeof read === "object") return read;
      fields[name] = read;
    }
    return fields;
  }

  #field(found: Found, type: FieldType): string | number | Problem {
    if (type === "number") {
      const value = found.kind === "number" ? Number(found.text) : Number.NaN;
      if (Number.isFinite(value)) return value;
      return {
        code: "invalid-field",
        pointer: pointer(found.path),
        detail: `'${found.path}' is ${shown(found)}: expected a number`,
      };
    }
    if (found.kind === "other" || found.text === "" || Buffer.byteLength(found.text) > limits.tokenBytes) {
      return {
        code: "invalid-field",
        pointer: pointer(found.path),
        detail: `'${found.path}' is ${shown(found)}: expected text of 1 to ${limits.tokenBytes} bytes`,
      };
    }
    if (type === "text") return found.text;
    const names = this.#vocabularies[type];
    const canonical = names.get(found.text.toLowerCase());
    if (canonical !== undefined) return canonical;
    const near = nearest(found.text, names.keys());
    const hint = near === null ? "" : ` (did you mean '${names.get(near)}'?)`;
    const expected = [...new Set(names.values())].join(", ");
    return {
      code: `unknown-${type}`,
      pointer: pointer(found.path),
      detail: `'${clip(found.text)}' is no ${type} of this site${hint}: expected one of ${expected}`,
    };
  }

  #identity(
    found: Found | null,
    form: Form,
    type: EventType,
    fields: Readonly<Record<string, unknown>>,
  ): string | null | Problem {
    if (found === null) {
      if (type.name === "outcome" && fields.decision !== undefined) return null;
      return {
        code: "missing-identity",
        pointer: pointer(form.identity[0]),
        detail: `no identity: expected ${form.identity.map((path) => `'${path}'`).join(" or ")}`,
      };
    }
    if (this.#events.identity === "text") return token(found, "identity");
    // As the original reads it: 7, "7" and 7.0 are one customer.
    const isWhole = found.kind === "number" || (found.kind === "string" && /^\d{1,15}(\.0+)?$/.test(found.text));
    const value = isWhole ? Number(found.text) : Number.NaN;
    if (Number.isSafeInteger(value) && value >= 0) return String(value);
    return {
      code: "invalid-identity",
      pointer: pointer(found.path),
      detail: `'${found.path}' is ${shown(found)}: expected a whole number`,
    };
  }

  /** An outcome says of which offer it is: by its decision, or by customer and coupon. */
  #aim(type: EventType, { decision, coupon }: Readonly<Record<string, unknown>>): Problem | null {
    if (type.name !== "outcome" || decision !== undefined || coupon !== undefined) return null;
    return { code: "missing-field", pointer: "", detail: "an outcome needs 'decision', or 'customer' and 'coupon'" };
  }

  #time(found: Found | null, { unit }: TimePath): number | null | Problem {
    if (found === null) return null;
    const at = this.#instant(found, unit);
    if (Number.isFinite(at) && Math.abs(at) <= LAST_INSTANT) return at;
    return {
      code: "invalid-time",
      pointer: pointer(found.path),
      detail: `'${found.path}' is ${shown(found)}: expected ${TIMES[unit]}`,
    };
  }

  #instant({ kind, text }: Found, unit: TimePath["unit"]): number {
    const isNumber = kind === "number" || (kind === "string" && /^-?\d+(\.\d+)?$/.test(text));
    if (!isNumber)
      return unit === "iso" || unit === "any" ? (parseIso(text, this.#timeZone) ?? Number.NaN) : Number.NaN;
    const value = Number(text);
    if (unit === "s") return fromSeconds(value);
    if (unit === "ms") return Math.trunc(value);
    return unit === "iso" ? Number.NaN : parseEpoch(value);
  }
}

const DATA = "data.";
/** What a `Date` can hold, ms. */
const LAST_INSTANT = 8.64e15;
const TIMES = {
  s: "seconds since 1970",
  ms: "milliseconds since 1970",
  epoch: "seconds or milliseconds since 1970",
  iso: "a time like 2026-03-01T09:30:00Z",
  any: "a time like 2026-03-01T09:30:00Z, or seconds or milliseconds since 1970",
} as const;

function pathsOf({ when, type, id, source, identity, time, fields }: Form): string[] {
  const paths = [
    ...(when === null ? [] : [when]),
    ...type,
    ...id,
    ...source,
    ...identity,
    ...time.paths,
    ...Object.values(fields).flat(),
  ];
  return [...paths, ...paths.filter((path) => path.startsWith(DATA)).map((path) => path.slice(DATA.length))];
}

function vocabulary(words: ReadonlyMap<string, readonly string[]>): Map<string, string> {
  const names = new Map<string, string>();
  for (const [word, aliases] of words) for (const name of [word, ...aliases]) names.set(name.toLowerCase(), word);
  return names;
}

/** Text of at most `limits.tokenBytes` bytes; null when it is not there. */
function token(found: Found | null, what: string): string | null | Problem {
  if (found === null) return null;
  const ok = found.kind !== "other" && found.text !== "" && Buffer.byteLength(found.text) <= limits.tokenBytes;
  if (ok) return found.text;
  return {
    code: `invalid-${what}`,
    pointer: pointer(found.path),
    detail: `'${found.path}' is ${shown(found)}: expected text of 1 to ${limits.tokenBytes} bytes`,
  };
}

function pointer(path: string | undefined): string {
  return path === undefined
    ? ""
    : `/${path
        .split(".")
        .map((key) => key.replaceAll("~", "~0").replaceAll("/", "~1"))
        .join("/")}`;
}

function shown({ kind, text }: Found): string {
  if (kind === "other") return text === "true" || text === "false" ? text : `an ${text}`;
  return kind === "number" ? clip(text) : `'${clip(text)}'`;
}

/** Untrusted text in a message stays short. */
function clip(text: string): string {
  return text.length <= 40 ? text : `${text.slice(0, 40)}…`;
}
