// The leaves of the schemas of `site.yml` and `plan.yml`: each says in words what it expects and what it found.
import { z } from "zod";
import { hasReadableLogin } from "../address.ts";
import { didYouMean } from "../errors.ts";
import { found, foundAddress, oneOf } from "./mistakes.ts";
import { DURATION_PATTERN, formatDuration, formatSize, parseDuration, parseSize, SIZE_PATTERN } from "./units.ts";

interface Issue {
  readonly input?: unknown;
  readonly path?: readonly PropertyKey[] | undefined;
}

/** "expected a whole number, found 'x'"; for what isn't there "'port' is missing: expected a whole number". */
export function says(
  expected: string,
  suggest: (input: unknown) => string = () => "",
  shown: (input: unknown) => string = found,
): { error: (issue: Issue) => string } {
  return {
    error: ({ input, path }) => {
      const key = path?.at(-1);
      if (input === undefined && typeof key === "string") return `'${key}' is missing: expected ${expected}`;
      return `expected ${expected}, found ${shown(input)}${suggest(input)}`;
    },
  };
}

/** As `says`, of an address. */
function saysAddress(expected: string) {
  return says(expected, undefined, foundAddress);
}

/** A map with these keys and no others. */
export function map<Shape extends z.core.$ZodShape>(shape: Shape) {
  return z.strictObject(shape, says(`a map with ${oneOf(Object.keys(shape)).replace(/ or (?=[^ ]+$)/, " and ")}`));
}

/** A map whose keys are names that the site chooses. */
export function named<Value extends z.core.SomeType>(value: Value, what: string) {
  return z.record(z.string(), value, says(`a map of ${what}`));
}

export function list<Item extends z.core.SomeType>(item: Item, what: string) {
  return z.array(item, says(`a list of ${what}`));
}

export function text(what = "text") {
  const error = says(what, (input) => (typeof input === "number" ? " (write it in quotes)" : ""));
  return z.string(error).min(1, error).max(4096, error);
}

/** One text or a list of them; a list in either case. */
export function texts(what: string, pattern = /./) {
  const error = says(`${what} or a list of them`);
  const item = z.string(error).regex(pattern, error);
  return z.union([item, z.array(item, error)], error).transform((one) => (typeof one === "string" ? [one] : one));
}

/** Null when it is empty, as `${NAME:-}` comes out. */
export function optionalText(what = "text") {
  return z.preprocess(emptyIsNull, z.string(says(what)).max(4096, says(what)).nullable()).default(null);
}

/** As `optionalText`, and no message repeats what was found. */
export function secret() {
  const error = { error: () => "expected text (what was found is not shown)" };
  return z
    .preprocess(
      emptyIsNull,
      z
        .string(error)
        .max(64 * 1024, error)
        .nullable(),
    )
    .default(null);
}

/** As `optionalText`, of what may hold a user and a password. */
export function optionalAddress(what: string) {
  const error = saysAddress(what);
  return z.preprocess(emptyIsNull, z.string(error).max(4096, error).nullable()).default(null);
}

/** The URL of a service; null when it is empty. */
export function optionalUrl(schemes: readonly string[]) {
  const expected = saysAddress(`a URL that begins with ${oneOf(schemes.map((scheme) => `${scheme}://`))}`);
  return z
    .preprocess(
      emptyIsNull,
      z
        .string(expected)
        .refine(
          (url) => url.length <= 4096 && URL.canParse(url) && schemes.includes(new URL(url).protocol.slice(0, -1)),
          expected,
        )
        .refine(hasReadableLogin, {
          error: "the user and password in the address have a stray '%': write it as %25",
        })
        .nullable(),
    )
    .default(null);
}

export function integer(min: number, max: number) {
  const error = says(`a whole number from ${min} to ${max}`);
  return z.preprocess(digitsAreNumbers, z.int(error).min(min, error).max(max, error));
}

export function number(min = -Number.MAX_VALUE, max = Number.MAX_VALUE) {
  const error = says(
    min === -Number.MAX_VALUE && max === Number.MAX_VALUE ? "a number" : `a number from ${min} to ${max}`,
  );
  return z.preprocess(digitsAreNumbers, z.number(error).min(min, error).max(max, error));
}

export function flag() {
  return z.preprocess(
    (value) => (value === "true" ? true : value === "false" ? false : value),
    z.boolean(says("true or false")),
  );
}

export function word<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(
    words,
    says(oneOf(words), (input) => (typeof input === "string" && input.length < 64 ? didYouMean(input, words) : "")),
  );
}

/** ms, written `30s`. */
export function duration(minMs: number, maxMs: number) {
  const error = says(
    `a duration from ${formatDuration(minMs)} to ${formatDuration(maxMs)}, such as '30s', '10m' or '7d'`,
  );
  return z
    .string(error)
    .refine((written) => within(parseDuration(written), minMs, maxMs), error)
    .transform((written) => parseDuration(written)!)
    .meta({ pattern: DURATION_PATTERN });
}

/** Bytes, written `64MiB`. @param whyMost  why no more is possible */
export function size(minBytes: number, maxBytes: number, whyMost?: string) {
  const expected = `a size from ${formatSize(minBytes)} to ${formatSize(maxBytes)}, such as '512KiB' or '4GiB'`;
  const isMore = (input: unknown) => typeof input === "string" && (parseSize(input) ?? 0) > maxBytes;
  const error = says(expected, (input) => (whyMost !== undefined && isMore(input) ? `: ${whyMost}` : ""));
  return z
    .string(error)
    .refine((written) => within(parseSize(written), minBytes, maxBytes), error)
    .transform((written) => parseSize(written)!)
    .meta({ pattern: SIZE_PATTERN });
}

/** The first key of every file. */
export function version() {
  return z.literal(1, says("1, the version of this format"));
}

/**
 * A JSON Schema (2020-12) for editors. Wherever a number, a flag, a word or a duration stands, a reference
 * such as `${PORT:-80}` may stand too.
 */
export function jsonSchema(schema: z.ZodType, title: string): Record<string, unknown> {
  const made = z.toJSONSchema(schema, {
    io: "input",
    override: ({ jsonSchema: node }) => {
      const strict =
        node.type === "integer" || node.type === "number" || node.type === "boolean" || node.enum || node.pattern;
      if (!strict || node.const !== undefined) return;
      const { description, default: preset, ...rest } = node;
      for (const key of Object.keys(node)) delete (node as Record<string, unknown>)[key];
      Object.assign(node, { anyOf: [rest, { type: "string", pattern: "\\$\\{" }] });
      if (description !== undefined) node.description = description;
      if (preset !== undefined) node.default = preset;
    },
  });
  return { ...made, title };
}

function emptyIsNull(value: unknown): unknown {
  return value === "" ? null : value;
}

/** `${PORT}` comes out as text. */
function digitsAreNumbers(value: unknown): unknown {
  return typeof value === "string" && /^-?\d{1,15}(\.\d{1,15})?$/.test(value) ? Number(value) : value;
}

function within(value: number | null, min: number, max: number): boolean {
  return value !== null && value >= min && value <= max;
}
