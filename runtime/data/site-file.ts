// The schema of `site.yml`: every key, its bounds, its default and a line for editors.
import { z } from "zod";
import { limits } from "../limits.ts";
import type { ColumnType, FieldType } from "../site.ts";
import { COLUMN_TYPE_WORDS, COLUMN_TYPES } from "./csv.ts";
import { oneOf } from "./mistakes.ts";
import {
  duration,
  flag,
  integer,
  jsonSchema,
  list,
  map,
  named,
  number,
  optionalAddress,
  optionalText,
  optionalUrl,
  says,
  secret,
  size,
  text,
  texts,
  version,
  word,
} from "./schema.ts";
import { credentialKeys, streamsKey } from "./site-bus.ts";
import { formatSize } from "./units.ts";

const SECOND = 1_000; // ms
const DAY = 86_400 * SECOND;
const YEAR = 365 * DAY;
const KiB = 2 ** 10;
const MiB = 2 ** 20;
const GiB = 2 ** 30;

const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export const LOG_LEVEL_WORDS = oneOf(LOG_LEVELS);

/** "WARNING" → "warn"; null for any other word. */
export function parseLogLevel(written: string): LogLevel | null {
  const level = written.toLowerCase();
  return LOG_LEVELS.find((known) => known === (level === "warning" ? "warn" : level)) ?? null;
}

const log = map({
  level: z
    .preprocess((level) => (typeof level === "string" ? (parseLogLevel(level) ?? level) : level), word(LOG_LEVELS))
    .default("info")
    .describe("debug, info, warn or error; AISLE_LOG_LEVEL goes before it"),
  format: word(["auto", "json", "pretty"]).default("auto").describe("auto: readable on a terminal, else JSON"),
}).prefault({});

const http = map({
  host: text("a host name or an address").default("127.0.0.1").describe("Other than loopback demands a token"),
  port: integer(0, 65_535).default(8787).describe("0: any free port"),
  auth: word(["token", "none"]).default("token").describe("none: open to everyone who can reach it"),
  token: secret().describe("An admin token; AISLE_TOKEN goes before it"),
  mock: flag().default(false).describe("Whether /mock_entry and /mock_focus answer off loopback"),
}).prefault({});

const PREFIX = /^[A-Za-z0-9_-]{1,64}$/;

const bus = map({
  nats: optionalAddress("the URL of a NATS server").describe("Empty: in-process. AISLE_NATS_URL goes before it"),
  ...credentialKeys,
  prefix: text("one token of a subject").regex(PREFIX, says("letters, digits, '_' and '-'")).default("aisle"),
  lane: word(["auto", "off"])
    .default("auto")
    .describe(
      "auto: without TLS, events are read from a socket of their own, at a third of the cost; off: with all else",
    ),
  outbox: map({
    ack: word(["auto", "stream", "server"])
      .default("auto")
      .describe(
        "Whose word it is that a decision has arrived: a stream's, the server's; auto: a stream's where one listens, or has ever listened",
      ),
    synced: flag()
      .default(false)
      .describe("Whether the stream's server has 'sync_interval: always' (from 2.10): it can't be asked"),
  }).prefault({}),
  streams: streamsKey,
}).prefault({});

const hub = map({
  place: optionalText("the place that takes over what this one journals"),
  site: optionalText("the name of its site").describe("Default: this site's"),
  prefix: optionalText("letters, digits, '_' and '-'")
    .refine((prefix) => prefix === null || PREFIX.test(prefix), says("letters, digits, '_' and '-'"))
    .describe("Of its subjects; default: bus.prefix"),
  accept: flag().default(false).describe("Whether this place takes over what others journal"),
}).prefault({});

const PATH = "the path of a field such as 'payload.customer_id'";
const paths = () => texts(PATH, /^[^.\s]+(\.[^.\s]+){0,15}$/);

const form = map({
  name: text("a name for this form"),
  when: z
    .string(says(PATH))
    .nullable()
    .default(null)
    .describe("The form applies when this field is there; none: always"),
  type: paths().default([]),
  id: paths().default([]).describe("What makes an event the same when it comes again"),
  source: paths().default([]).describe("Within which ids are unique"),
  identity: paths().describe("Whom the event is about"),
  time: map({
    path: paths(),
    unit: word(["s", "ms", "epoch", "iso", "any"]).describe("epoch: s or ms by size; any: epoch or iso"),
  }),
  fields: named(paths(), "fields, each with its path").prefault({}),
});

export const FIELD_TYPES = ["number", "text", "department", "action"] as const satisfies readonly FieldType[];
const FIELD = new RegExp(`^(${FIELD_TYPES.join("|")})(\\??)$`);

/** `number` must be there, `number?` may be missing. */
const field = z
  .string(says(`${oneOf(FIELD_TYPES)}, with '?' when it may be missing`))
  .regex(FIELD, says(`${oneOf(FIELD_TYPES)}, with '?' when it may be missing`))
  .transform((written) => {
    const [, type, optional] = FIELD.exec(written)!;
    return { type: type as FieldType, required: optional === "" };
  });

const eventType = map({
  aliases: list(text("another name of this type"), "names").default([]),
  fields: named(field, "fields, each with its type").prefault({}),
});

const events = map({
  identity: word(["integer", "text"]).describe("integer: a whole number, as a JSON number or its digits"),
  forms: list(form, "forms").min(1, says("at least one form")),
  types: named(eventType, "types of events"),
  dedupe: integer(limits.dedupeIdsMin, limits.dedupeIdsMax)
    .default(limits.dedupeIds)
    .describe(
      "Ids remembered, the youngest: what comes again with one of them counts once. 32 to 40 bytes of memory each; " +
        "a hub's are those of its places too; aisle_dedupe_since_seconds says how far back they go",
    ),
});

const coordinate = () => number(-1e9, 1e9);
const point = map({ x: coordinate(), y: coordinate() });

const floor = map({
  width: number(0, 1e9).describe("Of the store plan, in the unit of the moves' x and y"),
  height: number(0, 1e9),
  entrance: point.nullable().default(null),
  exit: point.nullable().default(null),
  areas: list(
    map({ department: text("a department"), x0: coordinate(), y0: coordinate(), x1: coordinate(), y1: coordinate() }),
    "rectangles",
  ).describe("Edges inclusive"),
});

const column = word(COLUMN_TYPES as [ColumnType, ...ColumnType[]]);
const columnName = () => text("the name of a column");
const publish = named(columnName(), "names, each with its column").describe("Name in the published offer → column");
const file = () => text("the path of a file, within the site's folder");

const range = map({ from: number(), to: number() }).refine(({ from, to }) => from <= to, {
  error: "no number is in this range: expected 'from' to be at most 'to'",
});

const table = {
  file: file(),
  key: columnName().describe("The column that identifies a row"),
  columns: named(column, `columns, each with its type: ${COLUMN_TYPE_WORDS}`),
  ranges: named(range, "columns, each with 'from' and 'to'")
    .prefault({})
    .describe("What a number may be, both ends included: in the file, and on POST /score"),
};

const catalog = map({
  shiftDays: integer(-200_000, 200_000).default(0).describe("Added to every day of coupons"),
  customers: map(table),
  coupons: map({
    ...table,
    department: columnName(),
    validFrom: columnName().describe("The first valid day"),
    validTo: columnName().describe("The last valid day"),
    publish,
  }),
  products: map({ ...table, publish })
    .nullable()
    .default(null),
  couponProducts: map({ file: file(), coupon: columnName(), product: columnName() }).nullable().default(null),
});

const source = map({
  url: optionalUrl(["http", "https"]).describe(
    "Asked for <url>/<customer>; may carry user:password@; empty: the site's own table",
  ),
  timeout: duration(1, 60 * SECOND).default(500),
  token: secret().describe("Sent as a bearer token; goes before user and password of the url"),
}).prefault({});

const feature = map({
  name: text("the name of a column of the model"),
  from: text("'customer.<column>' or 'coupon.<column>'").regex(
    /^(customer|coupon)\.[^.]+$/,
    says("'customer.<column>' or 'coupon.<column>'"),
  ),
  is: text("text").optional().describe("1 when the column is this text, else 0"),
  atLeast: number().optional().describe("1 from here on, else 0"),
  below: number().optional().describe("1 below this, else 0"),
}).refine(({ is, atLeast, below }) => is === undefined || (atLeast === undefined && below === undefined), {
  error: "has 'is' and a range: expected one of them",
});

const scorer = map({
  model: optionalText("the path of a model").describe("XGBoost JSON or LightGBM text; empty only with a url"),
  url: optionalUrl(["http", "https"]).describe(
    "A REST service that scores instead; may carry user:password@; empty: the model",
  ),
  timeout: duration(1, 60 * SECOND).default(250),
  fallback: word(["model", "none"]).default("model").describe("What answers while the service fails"),
  features: list(feature, "features").describe("Columns of the model, in its order"),
});

const checkpoint = map({
  every: duration(SECOND, DAY)
    .default(60 * SECOND)
    .describe("The state is saved so often, so that a start need not replay the whole journal"),
}).prefault({});

const WHY_NO_MORE = `the store of the journal has room for ${formatSize(limits.journalMapBytes)}, and until a checkpoint lets old entries go they may take twice this size`;

const retention = map({
  age: duration(60 * SECOND, 100 * YEAR).default(30 * DAY),
  size: size(MiB, limits.retentionBytesMax, WHY_NO_MORE)
    .default(8 * GiB)
    .describe(
      "Of the journal, from which the oldest goes first; until a checkpoint lets it go it may take twice as much",
    ),
  decisions: duration(60 * SECOND, 100 * YEAR).default(90 * DAY),
  deadLetters: duration(60 * SECOND, 100 * YEAR).default(30 * DAY),
}).prefault({});

const notices = map({
  webhook: optionalUrl(["http", "https"]).describe(
    "Where notices of failed and overdue goals are posted as JSON; AISLE_NOTICES_URL goes before it",
  ),
}).prefault({});

const transforms = map({
  memory: size(64 * KiB, 16 * GiB)
    .default(limits.transformBytes)
    .describe(
      "What is folded for all customers; beyond, those not heard of for longest go to the disk, and where all are heard of, late events may join fewer of theirs",
    ),
}).prefault({});

export const MAX_SPEED = 100_000;

const play = map({
  files: list(file(), "files").min(1, says("at least one file")),
  speed: number(0.001, MAX_SPEED).default(1).describe("Seconds of the store in a second of the clock"),
  pace: duration(0, 60 * SECOND)
    .default(30)
    .describe("Walking time per unit of distance, where a recording has no times"),
  seed: integer(0, 2 ** 32 - 1)
    .default(1)
    .describe("Of pauses and of who comes when"),
});

/** Of a site whose plan has a page that events open. */
export const EventSiteFile = map({
  version: version(),
  name: text("the name of the site").max(64, says("a name of at most 64 characters")),
  place: optionalText("the name of this installation").describe("AISLE_PLACE goes before it; default the host name"),
  timeZone: z
    .string(says("a time zone such as 'Europe/Warsaw' or 'UTC'"))
    .refine(isTimeZone, says("a time zone such as 'Europe/Warsaw' or 'UTC'"))
    .default("UTC")
    .describe("Of calendar days, and of times that bring no zone"),
  log,
  http,
  bus,
  hub,
  events,
  departments: named(
    z.preprocess((aliases) => aliases ?? [], list(text("another name of this department"), "names")),
    "departments, each with a list of its other names",
  ),
  floor: floor.nullable().default(null),
  catalog,
  source,
  scorer,
  checkpoint,
  retention,
  notices,
  transforms,
  play: play.nullable().default(null),
});
export type EventSiteFile = z.output<typeof EventSiteFile>;

/** Of any site: what events, offers and scores need may be missing. */
export const SiteFile = EventSiteFile.partial({ events: true, departments: true, catalog: true, scorer: true });
export type SiteFile = z.output<typeof SiteFile>;

/** The JSON Schema (2020-12) of `site.yml`. */
export function siteJsonSchema(): Record<string, unknown> {
  return jsonSchema(SiteFile, "site.yml");
}

function isTimeZone(name: string): boolean {
  if (name === "UTC") return true; // The first question to Intl costs 20 ms.
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: name });
    return name !== "";
  } catch {
    return false;
  }
}
