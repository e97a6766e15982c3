// The dialects that specs were written in, and what each calls things.

import type { Import } from "./imports.ts";

/**
 * `draft`: `ProductML:DTC:*`, March 2018. `0.1`: `Blurr:Streaming` with `DataGroups`. `0.2`: `Blurr:Transform:*` with
 * `*Aggregate` type names. `today`: the last one, 0.3 and later.
 */
export type Dialect = "draft" | "0.1" | "0.2" | "today";

export type AggregateKind = "identity" | "block" | "activity" | "variable" | "window";

export interface TypeName {
  /** As it is properly written; case does not count. */
  readonly name: string;
  readonly dialect: Dialect;
}

export interface AggregateType extends TypeName {
  readonly kind: AggregateKind;
}

export interface HeaderType extends TypeName {
  readonly kind: "streaming" | "window";
}

export const HEADER_TYPES: readonly HeaderType[] = [
  { name: "Blurr:Transform:Streaming", dialect: "today", kind: "streaming" },
  { name: "Blurr:Transform:Window", dialect: "today", kind: "window" },
  { name: "Blurr:Streaming", dialect: "0.1", kind: "streaming" },
  { name: "Blurr:Window", dialect: "0.1", kind: "window" },
  { name: "ProductML:DTC:Streaming", dialect: "draft", kind: "streaming" },
  { name: "ProductML:DTC:Window", dialect: "draft", kind: "window" },
];

export const AGGREGATE_TYPES: readonly AggregateType[] = [
  { name: "Blurr:Aggregate:Identity", dialect: "today", kind: "identity" },
  { name: "Blurr:Aggregate:Block", dialect: "today", kind: "block" },
  { name: "Blurr:Aggregate:Activity", dialect: "today", kind: "activity" },
  { name: "Blurr:Aggregate:Variable", dialect: "today", kind: "variable" },
  { name: "Blurr:Aggregate:Window", dialect: "today", kind: "window" },
  { name: "Blurr:Aggregate:IdentityAggregate", dialect: "0.2", kind: "identity" },
  { name: "Blurr:Aggregate:BlockAggregate", dialect: "0.2", kind: "block" },
  { name: "Blurr:Aggregate:ActivityAggregate", dialect: "0.2", kind: "activity" },
  { name: "Blurr:Aggregate:VariableAggregate", dialect: "0.2", kind: "variable" },
  { name: "Blurr:Aggregate:WindowAggregate", dialect: "0.2", kind: "window" },
  { name: "Blurr:DataGroup:IdentityAggregate", dialect: "0.1", kind: "identity" },
  { name: "Blurr:DataGroup:BlockAggregate", dialect: "0.1", kind: "block" },
  { name: "Blurr:DataGroup:VariableAggregate", dialect: "0.1", kind: "variable" },
  { name: "Blurr:DataGroup:WindowAggregate", dialect: "0.1", kind: "window" },
  { name: "ProductML:DTC:DataGroup:IdentityAggregate", dialect: "draft", kind: "identity" },
  { name: "ProductML:DTC:DataGroup:SessionAggregate", dialect: "draft", kind: "block" },
  { name: "ProductML:DTC:DataGroup:Variable", dialect: "draft", kind: "variable" },
  { name: "ProductML:DTC:DataGroup:AnchorAggregate", dialect: "draft", kind: "window" },
];

export const STORE_TYPES: readonly TypeName[] = [
  { name: "Blurr:Store:Memory", dialect: "today" },
  { name: "Blurr:Store:Dynamo", dialect: "today" },
  { name: "Blurr:Store:MemoryStore", dialect: "0.1" },
  { name: "ProductML:DTC:Storage:DynamoDB", dialect: "draft" },
  { name: "ProductML:DTC:Storage:S3", dialect: "draft" },
];

/** Named by Blurr, and never made: what it was to become is `Dimensions`. */
export const LABEL_TYPES = ["Blurr:Aggregate:Label", "Blurr:Aggregate:LabelAggregate"] as const;

/** The versions of a dialect: dates, as text. The draft's examples and its grammar differ. */
export const VERSIONS: Readonly<Record<Dialect, readonly string[]>> = {
  draft: ["2018-03-01", "2018-03-07"],
  "0.1": ["2018-03-01"],
  "0.2": ["2018-03-01"],
  today: ["2018-03-01"],
};

/** The type of that name, whatever its case; null: there is none. */
export function typeNamed<T extends TypeName>(types: readonly T[], name: unknown): T | null {
  if (typeof name !== "string") return null;
  const lower = name.toLowerCase();
  return types.find((type) => type.name.toLowerCase() === lower) ?? null;
}

/** Attributes that a dialect calls otherwise than today's, by today's name. */
const OTHERWISE: Partial<Record<Dialect, Readonly<Record<string, readonly string[]>>>> = {
  draft: {
    Aggregates: ["DataGroups"],
    When: ["Filter"],
    Stores: ["Store"],
    SourceBTS: ["SourceDTC"],
    Retention: ["RetentionDays"],
  },
  "0.1": { Aggregates: ["DataGroups"], SourceBTS: ["SourceDTC"] },
  "0.2": { SourceBTS: ["SourceDTC"] },
  today: { SourceBTS: ["SourceDTC"] },
};

/**
 * All names of an attribute in a dialect, today's first. The draft took `When` in its last days, so both count.
 */
export function namesOf(attribute: string, dialect: Dialect): readonly string[] {
  return [attribute, ...(OTHERWISE[dialect]?.[attribute] ?? [])];
}

/** Today's name of what a dialect, any of them, calls otherwise; null: nobody does. */
export function modernName(attribute: string): string | null {
  for (const names of Object.values(OTHERWISE)) {
    for (const [modern, older] of Object.entries(names)) if (older.includes(attribute)) return modern;
  }
  return null;
}

/** Fields of blocks with time that lost their plain name with 0.2. */
export const TIME_FIELDS: Readonly<Record<string, string>> = { start_time: "_start_time", end_time: "_end_time" };

/** Names that were there before imports existed, as imports. */
export const IMPLIED_IMPORTS: Partial<Record<Dialect, readonly Import[]>> = {
  draft: [
    { module: "dateutil", identifiers: ["parser"] },
    { module: "dateutil.parser", identifiers: ["parse"] },
  ],
  "0.1": [{ module: "dateutil", identifiers: ["parser"] }],
};
