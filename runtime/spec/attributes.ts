// What may be written in a spec, and where: the one list that files are checked against, and that the JSON Schema for
// editors is made from. Names are today's; `dialect.ts` knows the older ones.
import type { AggregateKind, Dialect } from "./dialect.ts";

/** What a map in a spec describes. */
export type NodeKind =
  | "streaming"
  | "window"
  | "import"
  | "store"
  | "anchor"
  | AggregateNode
  | "field"
  | "dimension"
  | "span";

export type AggregateNode = `${AggregateKind} aggregate`;

export type Form =
  | { readonly is: "header type" | "aggregate type" | "store type" | "field type" | "dimension type" | "window type" }
  | { readonly is: "version" | "name" | "field name" | "code" | "text" | "texts" | "source" }
  | { readonly is: "whole"; readonly min: number; readonly max: number }
  | { readonly is: "window value" | "duration" | "retention" | "anything" }
  | { readonly is: "list"; readonly of: NodeKind | "aggregate" }
  | { readonly is: "map"; readonly of: NodeKind };

export interface Attribute {
  readonly form: Form;
  readonly required?: true;
  /** Dialects in which it may be left out although it is required. */
  readonly optionalIn?: readonly Dialect[];
  /** Blurr's `transform` does without it. */
  readonly lax?: true;
  /** It may be left out where this one stands, and must not stand beside it. */
  readonly orElse?: string;
  /** Another name that it goes by, in the dialects that have it. */
  readonly alias?: string;
  /** One sentence for who writes it. */
  readonly about: string;
  /** Accepted, without effect here: `told` of in a note, or, as it never had any, in `silence`. */
  readonly idle?: "told" | "silence";
  /** Known in these dialects only. */
  readonly only?: readonly Dialect[];
}

export type Attributes = Readonly<Record<string, Attribute>>;

const DRAFT = ["draft"] as const;

const code = (about: string): Attribute => ({ form: { is: "code" }, about });
const required = (attribute: Attribute): Attribute => ({ ...attribute, required: true });
const idle = (about: string, idle: "told" | "silence" = "told"): Attribute => ({
  form: { is: "anything" },
  about,
  idle,
});
const list = (of: NodeKind | "aggregate", about: string): Attribute => ({ form: { is: "list", of }, about });

const NAME: Attribute = { form: { is: "name" }, required: true, about: "How expressions call it." };
const VERSION: Attribute = {
  form: { is: "version" },
  required: true,
  lax: true,
  about: "Of the language; always '2018-03-01'.",
};
const DESCRIPTION = idle("For people.", "silence");
const WHEN = code("What it is done for; false or failing: it is left as it is.");
const IMPORT = list("import", "Names of Python that expressions use: from datetime and dateutil.");

const HEADER_TYPE: Attribute = { form: { is: "header type" }, required: true, about: "What the file describes." };
const FIELDS = required(list("field", "What a record holds, in the order of evaluation and output."));
const STORE: Attribute = { form: { is: "text" }, about: "Name of the store that keeps the records." };

const STORED: Attribute = { ...STORE, required: true, optionalIn: DRAFT };

const aggregate = (own: Attributes): Attributes => ({
  Type: { form: { is: "aggregate type" }, required: true, about: "What one record is about." },
  Name: NAME,
  Description: DESCRIPTION,
  ...own,
  When: WHEN,
  Fields: FIELDS,
});

const FIELD: Attributes = {
  Name: {
    form: { is: "field name" },
    required: true,
    about: "How expressions call it, behind the name of its aggregate.",
  },
  Type: {
    form: { is: "field type" },
    required: true,
    optionalIn: ["draft", "0.1", "0.2"],
    about: "What its value is cast to.",
  },
  Value: required(code("What it becomes; None or failing: it keeps its value.")),
  When: WHEN,
  Description: DESCRIPTION,
  Atomic: idle("Never had an effect."),
};

export const ATTRIBUTES: Readonly<Record<NodeKind, Attributes>> = {
  streaming: {
    Type: HEADER_TYPE,
    Version: VERSION,
    Name: NAME,
    Description: DESCRIPTION,
    Import: IMPORT,
    Identity: required(code("Whom an event is about: text.")),
    Time: required(code("When it happened: a datetime.")),
    When: code("Which events count."),
    Lateness: {
      form: { is: "duration" },
      about: "How much later than younger events of its source an event may come, such as '30m'. Default an hour.",
    },
    Stores: { ...list("store", "Where records are kept."), required: true, lax: true },
    Aggregates: required(list("aggregate", "What events are folded into, in the order of evaluation.")),
  },

  window: {
    Type: HEADER_TYPE,
    Version: VERSION,
    Name: NAME,
    Description: DESCRIPTION,
    SourceBTS: {
      form: { is: "source" },
      about: "Name of the streaming spec; what counts is the one in each Source.",
      idle: "silence",
    },
    Import: IMPORT,
    Time: { ...idle("The streaming spec says what time is."), only: DRAFT },
    When: code("Whether rows are made."),
    Anchor: { form: { is: "map", of: "anchor" }, required: true, about: "Which blocks a row is made for." },
    Stores: idle("A row is put out, not stored."),
    Aggregates: required(list("aggregate", "The parts of a row.")),
  },

  import: {
    Module: required({
      form: { is: "text" },
      about: "datetime, dateutil, dateutil.parser or dateutil.tz; 'as' may follow.",
    }),
    Identifiers: { form: { is: "texts" }, about: "What of the module; none: the module itself." },
  },

  store: {
    Type: { form: { is: "store type" }, required: true, about: "Accepted as it is: records are kept in one way." },
    Name: NAME,
    Description: DESCRIPTION,
    Retention: {
      form: { is: "retention" },
      about: "How long a record is kept after its last event: days, or such as '12h'.",
    },
    Table: idle("Of DynamoDB."),
    ReadCapacityUnits: idle("Of DynamoDB."),
    WriteCapacityUnits: idle("Of DynamoDB."),
    ReadWriteUnits: { ...idle("Of DynamoDB."), only: DRAFT },
    Bucket: { ...idle("Of S3."), only: DRAFT },
    Prefix: { ...idle("Of S3."), only: DRAFT },
  },

  anchor: {
    Condition: required(code("Of a block: whether a row is made for it.")),
    Max: { form: { is: "whole", min: 1, max: 1_000_000 }, about: "Rows for each calendar day of an identity." },
  },

  "identity aggregate": aggregate({
    Store: STORED,
    Dimensions: list("dimension", "One record for each combination of their values."),
  }),

  "block aggregate": aggregate({
    Store: STORED,
    Dimensions: {
      ...list("dimension", "What makes a block: when one of these changes, another block goes on or begins."),
      required: true,
      lax: true,
      optionalIn: ["draft", "0.1", "0.2"],
      orElse: "Split",
    },
    Split: code("Instead of Dimensions: where this is True a new block begins."),
  }),

  "activity aggregate": aggregate({
    Store: STORED,
    SeparateByInactiveSeconds: {
      form: { is: "whole", min: 1, max: 10 ** 9 },
      required: true,
      lax: true,
      about: "A block ends when nothing happens for longer than this.",
    },
  }),

  "variable aggregate": aggregate({ Store: STORE }),

  "window aggregate": aggregate({
    WindowType: {
      form: { is: "window type" },
      required: true,
      about: "What WindowValue counts: days, hours or blocks.",
    },
    WindowValue: {
      form: { is: "window value" },
      required: true,
      about: "How many; below 0 before the anchor, above it after.",
    },
    Source: {
      form: { is: "source" },
      required: true,
      about: "Streaming spec and aggregate that blocks are taken of: 'spec.aggregate'.",
    },
    Window: { form: { is: "map", of: "span" }, about: "All three in one map.", only: DRAFT },
    Store: { ...idle("A row is put out, not stored."), only: DRAFT },
  }),

  field: FIELD,

  dimension: { ...FIELD, Type: { ...FIELD.Type!, form: { is: "dimension type" } } },

  span: {
    Type: { form: { is: "window type" }, required: true, about: "What Value counts: days, hours or blocks." },
    Value: {
      form: { is: "window value" },
      required: true,
      about: "How many; below 0 before the anchor, above it after.",
      alias: "Values",
    },
    Source: {
      form: { is: "source" },
      required: true,
      about: "Streaming spec and group that blocks are taken of: 'spec.group'.",
    },
    Name: {
      form: { is: "name" },
      about: "How the group's expressions call the window; names the group if it has no name.",
    },
  },
};

/** Which aggregates stand in which spec. */
export const AGGREGATES_OF: Readonly<Record<"streaming" | "window", readonly AggregateKind[]>> = {
  streaming: ["identity", "block", "activity", "variable"],
  window: ["window", "variable"],
};
