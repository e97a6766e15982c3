import { z } from "zod";
import type { Decision } from "../decide/decision.ts";
import { ACKS } from "../intake/ack.ts";
import type {
  CellMistake,
  ColumnHead,
  GoalView,
  PageHead,
  Reason,
  Receipt,
  RecordChange,
  RecordHistory,
  RecordsView,
  RecordView,
  Rejection,
  Reload,
  RowView,
  SheetReceipt,
  SpecState,
  Why,
} from "./ports.ts";

// The named schemas of the API: what `/openapi.json` shows under `components`. Answers only ever gain members, so
// no object here forbids further ones.

/** Name → schema; a schema that stands here is shown once and referred to elsewhere. */
export const named = z.registry<{ id: string }>();

function name<T extends z.ZodType>(id: string, description: string, schema: T): T {
  const described = schema.describe(description);
  named.add(described, { id });
  return described;
}

const at = (what: string) => z.int().describe(`${what}, ms since epoch`);
const sequence = z.int().min(1).describe("a sequence of the journal");

// Errors and receipts

export const rejection = name(
  "Rejection",
  "Why one item of a batch, or one field of a body, was not taken.",
  z.object({
    index: z.int().min(0).describe("place in the batch, from 0"),
    pointer: z.string().describe('JSON pointer of the field meant, "" for the whole item'),
    code: z.string().describe("stable, for programs"),
    detail: z.string().describe("for a person"),
  }) satisfies z.ZodType<Rejection>,
);

const mistake = rejection.extend({
  yours: z
    .string()
    .nullable()
    .exactOptional()
    .describe("of a cell that somebody else has changed: what you wanted to write"),
  current: z.string().exactOptional().describe("of such a cell: what it shows now"),
  line: z.int().min(1).exactOptional().describe("of a sheet: where it stands"),
  column: z.string().exactOptional(),
}) satisfies z.ZodType<CellMistake>;

export const problemBody = name(
  "Problem",
  "RFC 9457.",
  z.object({
    type: z.literal("about:blank"),
    title: z.string(),
    status: z.int(),
    code: z.string().describe("stable: invalid, unauthorized, forbidden, not-found, method-not-allowed, too-large …"),
    detail: z.string(),
    errors: z.array(mistake).optional(),
  }),
);

export const receipt = name(
  "Receipt",
  "What became of the events of one request. What was accepted is on disk, unless `Aisle-Ack` asked for less.",
  z.object({
    accepted: z.int().min(0),
    duplicate: z.int().min(0).describe("seen before, by (source, id)"),
    rejected: z.array(rejection).describe("kept as dead letters, with the reason"),
    level: z.enum(ACKS).exactOptional().describe("what was reached, when that is less than what `Aisle-Ack` asked for"),
    detail: z.string().exactOptional().describe("why no more was reached; the event need not be sent again"),
  }) satisfies z.ZodType<Omit<Receipt, "seqs">>,
);

// Events

export const ackLevel = z.enum(ACKS).default("durable");

export const event = name(
  "Event",
  "Any JSON object in a form that the site accepts: flat, the envelope, or CloudEvents. Unknown fields pass through.",
  z.looseObject({}).meta({
    examples: [
      { type: "focus", id: "127", ts: 1_616_056_142, dep: "Boys" },
      {
        event_type: "customer focus",
        event_timestamp: "2021-03-18T08:29:02Z",
        payload: { customer_id: 127, category: "Boys" },
      },
    ],
  }),
);
export const events = name("Events", "One event, or several.", z.union([event, z.array(event)]));
export const ndjson = name("EventLines", "One event on each line.", z.string());

const identity = z.union([z.string(), z.int()]).describe("the customer, as a number or its digits");
const ts = z.number().describe("seconds or ms since epoch; the time of receipt when missing");

export const outcome = name(
  "Outcome",
  "What became of an offer.",
  z.looseObject({
    event_id: z.string().optional().describe("repeats of it count once"),
    decision: z.string().optional().describe("the decision meant; or else customer and coupon"),
    customer: identity.optional(),
    coupon: z.union([z.string(), z.int()]).optional(),
    action: z
      .enum([
        "shown",
        "selected",
        "dismissed",
        "redeemed",
        "returned",
        "view_promotion",
        "select_promotion",
        "purchase",
        "refund",
      ])
      .describe("ours, or what Google Analytics calls shown, selected, redeemed and returned"),
    at: at("when").optional(),
    value: z
      .object({ amountMinor: z.int().describe("in the currency's smallest unit"), currency: z.string() })
      .optional(),
  }),
);

const envelope = <T extends z.ZodRawShape>(payload: T) =>
  z.looseObject({
    event_type: z.string().optional(),
    event_timestamp: z.union([z.string(), z.number()]).nullable().optional(),
    payload: z.looseObject(payload),
  });

export const mockEntry = name(
  "MockEntry",
  "A customer enters: the flat form or the envelope.",
  z.union([z.looseObject({ id: identity, ts: ts.optional() }), envelope({ customer_id: identity })]).meta({
    examples: [{ id: "127", ts: 1_616_056_142 }],
  }),
);
export const mockFocus = name(
  "MockFocus",
  "A customer stops in a department: the flat form or the envelope.",
  z
    .union([
      z.looseObject({ id: identity, ts: ts.optional(), dep: z.string() }),
      envelope({ customer_id: identity, category: z.string().describe("the department") }),
    ])
    .meta({ examples: [{ id: "127", ts: 1_616_056_142, dep: "Boys" }] }),
);

// Decisions

const score = { coupon: z.string(), score: z.number().min(0).max(1) };
const features = z.record(z.string(), z.number().nullable());
const offered = z.object({ ...score, rank: z.int().min(1) });
const none = z
  .object({
    reason: z.enum([
      "unknown-customer",
      "customer-unavailable",
      "no-coupon-valid",
      "below-threshold",
      "scorer-failed",
      "inhibited",
      "expired",
    ]),
    detail: z.string(),
  })
  .nullable()
  .describe("why nothing is offered; null with an offer");

export const decision = name(
  "Decision",
  "The choice made for one focus, with all that it rests on.",
  z.object({
    id: z.string().describe("<place>-<epoch>-<sequence of the cause>-<n>"),
    cause: sequence.describe("the event that caused it"),
    customer: z.string(),
    visit: sequence.describe("the event that opened the visit"),
    department: z.string(),
    focusedAt: at("event time of the focus"),
    receivedAt: at("receive time of the cause"),
    expiresAt: at("end of the offers"),
    offers: z.array(offered).describe("best first"),
    none,
    threshold: z.number(),
    features: features.describe("the customer's columns of the model's row"),
    candidates: z.array(z.object({ ...score, features })).describe("the best of those scored"),
    candidatesMore: z.int().min(0).describe("scored, but not listed"),
    removed: z.array(
      z.object({ coupon: z.string(), why: z.enum(["not-valid", "below-threshold", "beyond-top", "inhibited"]) }),
    ),
    removedMore: z.int().min(0),
    scorer: z.enum(["core", "rest", "fallback"]).nullable(),
    stale: z.boolean().describe("the customer's data was an earlier copy: the source was away"),
    versions: z.object({ model: z.string().nullable(), plan: z.string(), catalog: z.string(), site: z.string() }),
    test: z.boolean().describe("from a mock endpoint: spends nothing, teaches nothing"),
  }) satisfies z.ZodType<Decision>,
);

const message = z
  .looseObject({})
  .describe("an offer as it is published: both wires of the retail system in one object");

export const standing = name(
  "Standing",
  "A decision as a display sees it; `/decisions/:id` has the rest.",
  z.object({
    seq: sequence,
    decision: z.string(),
    customer: z.string(),
    department: z.string(),
    focusedAt: at("event time of the focus"),
    receivedAt: at("receive time of the cause"),
    expiresAt: at("end of the offers"),
    offers: z.array(offered).describe("best first"),
    none,
    messages: z.array(message).describe("one for each offer"),
    test: z.boolean(),
  }),
);

export const standings = name(
  "Standings",
  "What stands for a customer now.",
  z.object({ customer: z.string(), standing: z.array(standing).describe("newest first") }),
);

export const eventStream = name(
  "EventStream",
  "Server-sent events: `id` is a sequence, `event` is `decision`, `data` a Standing. Lines that begin with a colon keep it open.",
  z.string(),
);

export const mockEntryAnswer = name(
  "MockEntryAnswer",
  "The receipt, and the sequence of the entry.",
  receipt.extend({ seq: sequence.nullable().describe("null for a duplicate") }),
);

export const mockFocusAnswer = name(
  "MockFocusAnswer",
  "What was decided, or why nothing was.",
  z.object({
    decision: decision.nullable(),
    messages: z.array(message),
    reason: z
      .string()
      .nullable()
      .describe("null with an offer; the reason of `none`; `repeated` or `duplicate` when there is no decision"),
    detail: z.string().nullable(),
  }),
);

// The scorer

export const scoreRequest = name(
  "ScoreRequest",
  "A customer and coupons, with the columns that the site declares; others are ignored.",
  z.object({ customer: z.looseObject({}), coupons: z.array(z.looseObject({})) }),
);

export const scoreAnswer = name(
  "ScoreAnswer",
  "Best first.",
  z.array(
    z.object({
      coupon_id: z.string(),
      customer_id: z.string(),
      prediction: z.number().describe("rounded to 10 places"),
    }),
  ),
);

// Transforms

const known = {
  incomplete: z
    .boolean()
    .describe("some of its events may not have been folded: they came too late, or were removed before"),
  settledAt: at("events before it are taken no more; null: all are").nullable(),
};
const record = z.record(z.string(), z.unknown()).describe("values by field, datetimes as ISO 8601");
const records = z.record(z.string(), z.array(record)).describe("by aggregate");

export const aggregates = name(
  "Aggregates",
  "What was folded from the events of an identity, by the specs that know it.",
  z.object({ identity: z.string(), specs: z.record(z.string(), z.object({ ...known, records })) }),
);

export const aggregateLines = name(
  "AggregateLines",
  "On each line an object: identity, spec, incomplete, settledAt, and the records by aggregate.",
  z.string(),
);

export const featureRows = name(
  "Features",
  "The row of an identity, by the specs that have windows.",
  z.object({
    identity: z.string(),
    at: at("as of when; null: as of now").nullable(),
    specs: z.record(
      z.string(),
      z.object({ ...known, features: record.nullable().describe("null: a window is not filled") }),
    ),
  }),
);

export const planReload = name(
  "PlanReload",
  "What a reload of the plan has changed.",
  z.object({
    added: z.array(z.string()).describe("pages by name, goals as 'page goal'"),
    changed: z.array(z.string()),
    removed: z.array(z.string()),
    hash: z.string().describe("sha256 of the file"),
    seq: z.int().nullable().describe("of the journal's entry that says so; null: nothing has changed"),
  }),
);

export const reload = name(
  "Reload",
  "What became of a reload of the specs.",
  z.object({
    at: at("when it was asked for"),
    state: z.enum(["building", "done", "failed"]),
    changed: z.array(z.string()).describe("specs that are new or changed"),
    removed: z.array(z.string()),
    seq: sequence.nullable().describe("of the entry from which on they are in force; null: there is none"),
    reasons: z.array(z.string()).describe("why it failed"),
  }) satisfies z.ZodType<Reload>,
);

export const transforms = name(
  "Transforms",
  "The specs at work.",
  z.object({
    specs: z.array(
      z.object({
        name: z.string(),
        streaming: z.string().describe("its file"),
        window: z.string().nullable().describe("the file of the window spec over it"),
        latenessMs: z.int().min(0).describe("how much later than younger ones an event may come"),
        settledAt: known.settledAt,
        identities: z.object({ memory: z.int(), disk: z.int() }),
        heldBytes: z.int().describe("of the identities in memory"),
        events: z.record(z.string(), z.int()).describe("by what became of them"),
        incomplete: z.boolean().describe("the journal had lost entries before the first that was folded"),
        broken: z.string().nullable().describe("why it folds no more; null: it does"),
      }) satisfies z.ZodType<SpecState>,
    ),
    reload: reload.nullable().describe("the last; null: there was none"),
  }),
);

// The board

export const pageName = z.string().min(1);
export const key = z.string().min(1);
export const principal = z.string().min(1).optional();
const texts = z.record(z.string(), z.string());
const state = z.enum(["empty", "running", "done", "failed", "waiting"]);
export const cellState = state;

const columnHead = z.object({
  name: z.string(),
  role: z.enum(["key", "ready", "goal", "data", "complete"]),
  required: z.boolean().exactOptional().describe("of a key"),
  kind: z
    .enum(["shipped", "module", "command", "remote", "person"])
    .nullable()
    .exactOptional()
    .describe("of a goal: who does the work; null: no actor of the plan"),
  who: z.array(z.string()).exactOptional().describe("of a person's goal: who may fill it; empty: everybody"),
}) satisfies z.ZodType<ColumnHead>;

const pageHead = z.object({
  name: z.string(),
  parent: z.string().nullable(),
  fed: z.boolean().describe("events make its records"),
  ranks: z.boolean().describe("its rows rank goals of other pages"),
  open: z.boolean().describe("a new name makes a column"),
  size: z.int().min(0).describe("records"),
  columns: z.array(columnHead).describe("in the order of a sheet"),
}) satisfies z.ZodType<PageHead>;

export const pages = name("Pages", "The pages of the plan.", z.object({ pages: z.array(pageHead) }));

const rowView = z.object({
  key: z.string().describe("as URLs write it: key cells in rank order, each percent-encoded, joined by commas"),
  revision: z.int().min(0).describe("grows with each change: the sequence of its journal entry; 0: there is none"),
  row: texts.describe("what a sheet shows, by column"),
}) satisfies z.ZodType<RowView>;

export const recordsView = name(
  "Records",
  "A page and some of its records, those touched longest ago first.",
  pageHead.extend({
    seq: z.int().min(0).describe("what a stream of the page begins after, so that nothing is missed"),
    records: z.array(rowView),
    next: z.string().nullable().describe("the `after` of what follows; null: that was all"),
  }) satisfies z.ZodType<RecordsView>,
);

const goalView = z.object({
  state,
  text: z.string().describe("as a sheet shows it: empty, r:<host>, 1, F:<host>"),
  host: z.string().describe("the node that works, or has worked, on it"),
  run: z.string(),
  attempts: z.int().min(0),
  by: z.string().describe("who wrote it"),
  at: at("when").nullable(),
  detail: z.string().nullable().describe("why it failed, or what was wrong with its result"),
  notBefore: at("it is tried again not before then").nullable(),
}) satisfies z.ZodType<GoalView>;

export const recordView = name(
  "Record",
  "A record: what a sheet shows, and behind it each goal.",
  rowView.extend({
    page: z.string(),
    keys: texts.describe("key cells by name, in rank order"),
    home: z.string().describe("the node whose journal is the record's truth"),
    parent: z.object({ page: z.string(), key: z.string() }).nullable(),
    ready: z.boolean().describe("nothing is started before"),
    complete: z.boolean().describe("nothing is started any more"),
    goals: z.record(z.string(), goalView),
  }) satisfies z.ZodType<RecordView>,
);

const cellsIn = z
  .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))
  .describe("texts by column; null empties a cell. A goal takes nothing, 1, or F");

export const writing = name(
  "Writing",
  "Cells to write.",
  z
    .object({
      cells: cellsIn,
      was: cellsIn.exactOptional().describe("what was seen in cells: 409, with both texts, when one has changed since"),
      by: z.string().exactOptional().describe("who writes"),
    })
    .meta({ examples: [{ cells: { qc: "1" }, was: { qc: "" } }] }),
);

const change = z.enum(["set", "remove", "claim", "finish", "lapse", "extra", "overdue", "carry"]);
const told = {
  seq: sequence.describe("of its journal entry"),
  at: at("when"),
  by: z.string().describe("who caused it"),
  do: change.describe(
    "set, remove: a person or a file; claim, finish, lapse: a run; extra: a run that came too late; overdue: a person has not; carry: all that was before",
  ),
  goal: z.string().exactOptional(),
  run: z.string().exactOptional(),
  detail: z.string().exactOptional(),
  cells: texts.describe("what a sheet shows from then on in the cells that changed"),
};

export const recordHistory = name(
  "RecordHistory",
  "What happened to a record.",
  z.object({
    changes: z
      .array(
        z.object({
          ...told,
          host: z.string().exactOptional(),
          attempt: z.int().min(1).exactOptional(),
          outcome: z.enum(["done", "failed", "retry"]).exactOptional(),
          why: z.string().exactOptional().describe("why a claim ended without a result"),
        }) satisfies z.ZodType<RecordChange>,
      )
      .describe("oldest first"),
    missing: z.boolean().describe("there may have been earlier ones, which are no longer kept"),
  }) satisfies z.ZodType<RecordHistory>,
);

const reason = z.looseObject({
  rule: z.string(),
  says: z.string(),
  unblock: z.string().describe("what would let it start"),
  with: z
    .array(z.object({ page: z.string(), key: z.string(), run: z.string() }))
    .exactOptional()
    .describe("of limits and conflicts: the work that takes the place"),
}) satisfies z.ZodType<Reason>;

export const why = name(
  "Why",
  "Why a goal of a record does not start.",
  z.object({
    page: z.string(),
    key: z.string(),
    goal: z.string(),
    state,
    mayStart: z.boolean(),
    says: z.string().describe("in a sentence"),
    reasons: z.array(reason).describe("every rule that keeps it from starting"),
  }) satisfies z.ZodType<Why>,
);

export const boardStream = name(
  "BoardStream",
  "Server-sent events: `id` is a sequence, `event` is `change` or `reset`. The `data` of a change: seq, at, by, page, key, keys, cells, do, goal, run, detail. After a reset the page has to be read again.",
  z.string(),
);

export const csv = name("Csv", "A sheet: a line for each record, the first with the names of the columns.", z.string());

export const sheetReceipt = name(
  "SheetReceipt",
  "What a sheet has changed. It is on disk.",
  z.object({
    records: z.int().min(0).describe("lines with a record"),
    created: z.int().min(0),
    changed: z.int().min(0),
    unchanged: z.int().min(0),
    cells: z.int().min(0).describe("cells written"),
    running: z.int().min(0).describe("cells that say r: left out, as only who does the work writes that"),
    dryRun: z.boolean(),
  }) satisfies z.ZodType<SheetReceipt>,
);

// Dead letters

export const letter = name(
  "Letter",
  "What could not be used, and why.",
  z.object({
    id: z.int().min(1),
    at: at("when it was refused"),
    code: z.string(),
    detail: z.string(),
    where: z.object({
      source: z.string(),
      index: z.int().min(0).optional().describe("place in its batch"),
      offset: z.int().min(0).optional().describe("byte within the payload"),
      pointer: z.string().optional(),
    }),
    seq: sequence.optional().describe("when it was journalled and failed afterwards"),
    principal: z.string(),
    subject: z.string(),
    headers: z.record(z.string(), z.string()),
    payloadBytes: z.int().min(0).describe("before it was cut to what a letter keeps"),
    replayedAs: sequence.optional(),
    payload: z
      .union([z.object({ text: z.string() }), z.object({ base64: z.string() })])
      .optional()
      .describe("text if it is UTF-8; only in a letter asked for by its id"),
  }),
);

export const letters = name(
  "Letters",
  "A page of dead letters, newest first.",
  z.object({
    letters: z.array(letter),
    count: z.int().min(0).describe("letters in all"),
    next: z.int().nullable().describe("the `before` of the next page; null on the last"),
  }),
);

// Operations

export const readiness = name(
  "Readiness",
  "Ready to work; what works, but worse.",
  z.object({ ready: z.literal(true), degraded: z.array(z.string()) }),
);

export const text = name("Text", "Plain text.", z.string());
export const html = name("Page", "A page for people.", z.string());
export const openApiDocument = name("OpenApi", "An OpenAPI 3.1 document.", z.looseObject({ openapi: z.string() }));
