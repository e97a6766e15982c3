// The shapes of a loaded site: what `config.ts` reads from `site.yml`, `plan.yml` and the files they name,
// checked, with defaults filled in. Behind this door values are trusted. Durations in ms, sizes in bytes.
import type { Transform } from "./spec/spec.ts";

/** A value of a row: what a CSV cell or a source's answer becomes. `null` is an empty cell. */
export type Value = string | number | null;
export type Row = Readonly<Record<string, Value>>;

export type ColumnType = "text" | "integer" | "number" | "date";

/** What a number may be, both ends included. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

export interface TableConfig {
  /** Path of the CSV, absolute. */
  readonly file: string;
  /** The column that identifies a row. */
  readonly key: string;
  /** In the order of the declaration. */
  readonly columns: Readonly<Record<string, ColumnType>>;
  /** Columns of numbers → what they may be; a column that is not here takes any. */
  readonly ranges?: Readonly<Record<string, Range>>;
}

/** Where an event's time stands and how to read it: `epoch` is s or ms by size, `any` is `epoch` or `iso`. */
export interface TimePath {
  readonly paths: readonly string[];
  readonly unit: "s" | "ms" | "epoch" | "iso" | "any";
}

/** One accepted form of an event: where the site finds what it needs. The first present of several paths counts. */
export interface Form {
  readonly name: string;
  /** The form applies when this path is present; null: to everything that came so far. */
  readonly when: string | null;
  readonly type: readonly string[];
  readonly id: readonly string[];
  readonly source: readonly string[];
  readonly identity: readonly string[];
  readonly time: TimePath;
  /** Field of ours → paths in the payload. */
  readonly fields: Readonly<Record<string, readonly string[]>>;
}

export type FieldType = "number" | "text" | "department" | "action";

export interface EventType {
  readonly name: string;
  /** Other names of the type, as older publishers write it. */
  readonly aliases: readonly string[];
  readonly fields: Readonly<Record<string, { readonly type: FieldType; readonly required: boolean }>>;
}

export interface EventsConfig {
  /** `integer`: an identity is a whole number, given as a JSON number or its digits. */
  readonly identity: "integer" | "text";
  readonly forms: readonly Form[];
  readonly types: ReadonlyMap<string, EventType>;
  /** Ids that are remembered, to know what comes again. */
  readonly dedupeIds: number;
}

/** How one column of the model is made from a row; the order is the model's. Missing and unknown are NaN. */
export interface FeatureConfig {
  readonly name: string;
  readonly of: "customer" | "coupon";
  readonly column: string;
  /** `value`: the number itself. `is`: 1 when equal, else 0. `range`: 1 in [from, below), else 0. */
  readonly encode:
    | { readonly kind: "value" }
    | { readonly kind: "is"; readonly text: string }
    | { readonly kind: "range"; readonly from: number; readonly below: number };
}

export interface ScorerConfig {
  /** Absolute path of the model; null only with a `url`, or where the site has no scorer. */
  readonly model: string | null;
  readonly features: readonly FeatureConfig[];
  /** A REST service with the original's request and response; null: the core. */
  readonly url: string | null;
  readonly timeoutMs: number;
  /** What answers while the service fails: the core's model, or nobody. */
  readonly fallback: "model" | "none";
}

export interface CatalogConfig {
  /** Added to every calendar day of coupons. */
  readonly shiftDays: number;
  readonly customers: TableConfig;
  readonly coupons: TableConfig & {
    readonly department: string;
    readonly validFrom: string;
    /** The last valid day, inclusive. */
    readonly validTo: string;
    /** Name in the published offer → column. */
    readonly publish: Readonly<Record<string, string>>;
  };
  readonly products: (TableConfig & { readonly publish: Readonly<Record<string, string>> }) | null;
  /** Which products a coupon is for. */
  readonly couponProducts: { readonly file: string; readonly coupon: string; readonly product: string } | null;
}

/** The central source of customers: a service asked by `GET <url>/<customer>`; null: the site's CSV. */
export interface SourceConfig {
  readonly url: string | null;
  readonly timeoutMs: number;
  /** Sent as a bearer token; never logged. */
  readonly token: string | null;
}

/** A department's rectangle on the store plan, edges inclusive, in the unit of the moves' x and y. */
export interface Area {
  readonly department: string;
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** The store plan round the areas, for a picture of it. */
export interface FloorConfig {
  readonly width: number;
  readonly height: number;
  readonly entrance: Point | null;
  readonly exit: Point | null;
}

export interface NoticesConfig {
  /** Where notices are posted; null: nowhere, they are on the bus. May hold a password. */
  readonly webhook: string | null;
}

export interface CheckpointConfig {
  /** From one checkpoint of the state to the next, ms. */
  readonly everyMs: number;
}

export interface RetentionConfig {
  readonly ageMs: number;
  readonly bytes: number;
  /** Decisions are kept this long, whatever happens to the rest. */
  readonly decisionsMs: number;
  readonly deadLettersMs: number;
}

/** A streaming spec of `transforms/`, with the window spec over it if there is one. */
export interface SiteTransform {
  /** The streaming spec's. */
  readonly name: string;
  readonly transform: Transform;
  /** sha256 of its files, hex. */
  readonly hash: string;
}

export interface TransformsConfig {
  /** What the identities of all specs may hold in memory; beyond, those touched longest ago go to the disk. */
  readonly memoryBytes: number;
  readonly specs: readonly SiteTransform[];
}

export interface PlayConfig {
  /** Scenario files, absolute. */
  readonly files: readonly string[];
  /** Seconds of the store in a second of the clock. */
  readonly speed: number;
  /** ms of walking per unit of straight-line distance. */
  readonly paceMs: number;
  /** Of the pauses and the order of customers. */
  readonly seed: number;
}

export interface HttpConfig {
  readonly host: string;
  readonly port: number;
  /** `token`: bearer `AISLE_TOKEN` off loopback; `none`: open, asked for by name. */
  readonly auth: "token" | "none";
  readonly token: string | null;
  /** Whether the mock endpoints answer off loopback. */
  readonly mock: boolean;
}

/** Absolute paths of PEM files; null: none. */
export interface BusTls {
  readonly caFile: string | null;
  readonly certFile: string | null;
  readonly keyFile: string | null;
}

/** A stream of JetStream whose messages are taken in as events. */
export interface ConsumedStreamConfig {
  readonly stream: string;
  /** Name of our durable consumer. */
  readonly consumer: string;
  /** Subject with wildcards; null: all of the stream. */
  readonly filter: string | null;
  /** Of events that name no type; null: as their subject says. */
  readonly type: string | null;
  /** Where the first start begins. */
  readonly from: "all" | "new";
  /** Of JetStream, on the other side of a leaf node; null: the server's own. */
  readonly domain: string | null;
  /** Its server syncs before it acknowledges, as the site says. */
  readonly synced: boolean;
}

export interface BusConfig {
  /** Null: in-process. */
  readonly nats: string | null;
  /** The text of a credentials file. */
  readonly credentials: string | null;
  readonly token: string | null;
  readonly user: string | null;
  readonly password: string | null;
  /** An NKey seed. */
  readonly seed: string | null;
  /** Null: only if the address says tls://. */
  readonly tls: BusTls | null;
  /** Whether events may be read from a socket of their own, where there is no TLS. */
  readonly lane: "auto" | "off";
  readonly prefix: string;
  readonly outbox: {
    /** Whose word it is that a decision has arrived: a stream's, or the server's; auto: a stream's where one listens, or has. */
    readonly ack: "auto" | "stream" | "server";
    /** The server of that stream has `sync_interval: always`. */
    readonly synced: boolean;
  };
  readonly streams: readonly ConsumedStreamConfig[];
}

export interface HubConfig {
  /** Where the place that takes over what this one journals has its subjects: null: there is none. */
  readonly base: string | null;
  /** Whether this place takes over what others journal. */
  readonly accept: boolean;
}

/** Who does the work: an actor that ships, a file of the site, an executable, a service on the bus, a person. */
export type ActorKind = "shipped" | "module" | "command" | "remote" | "person";

/** Among whom something is counted: the goals of one record, the runs of this node, those of all nodes of the site. */
export type Scope = "record" | "node" | "site";

/** Wait while `limit` (or more) work on that goal, within the scope. */
export interface Conflict {
  readonly goal: string;
  readonly limit: number;
  readonly scope: Scope;
}

/** A port of a lower layer, and for how long each renewal holds it, half-open: [renewed, renewed + forMs). */
export interface Hold {
  /** A goal, or a subject that is published: `offers`, `predictions`. */
  readonly port: string;
  /** Column or field of the lower record that must equal the key of the record that holds; null: all are held. */
  readonly match: string | null;
  readonly forMs: number;
}

/** When and how often work that did not succeed is tried again. */
export interface RetryConfig {
  /** Runs after the first; 0: none. */
  readonly max: number;
  /** Before the second run; doubles each time. */
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
}

export interface PersonConfig {
  /** Principals that may fill the cell; empty: everybody who may write. */
  readonly who: readonly string[];
  /** A notice is sent when the cell is empty for so long after its prerequisites held; null: never. */
  readonly dueMs: number | null;
}

/** One line of the plan: which actor, on which page, with which settings, checked against what the actor declares. */
export interface PlannedActor {
  readonly goal: string;
  readonly page: string;
  readonly kind: ActorKind;
  readonly prerequisites: readonly string[];
  readonly conflicts: readonly Conflict[];
  readonly maxSelves: number;
  /** Among whom selves are counted. */
  readonly selvesScope: "node" | "site";
  readonly subsumes: readonly string[];
  readonly layer: number;
  readonly suppresses: readonly Hold[];
  readonly inhibits: readonly Hold[];
  /** Types of events that wake it; empty: the state of the record alone does. */
  readonly on: readonly string[];
  readonly with: Readonly<Record<string, number | string>>;
  /** The file of a `module` or `command`, absolute; null for the other kinds. */
  readonly file: string | null;
  /** Null: for a person only. */
  readonly person: PersonConfig | null;
  /** A run may take so long. */
  readonly timeoutMs: number;
  /** A claim that was not renewed for so long has run out. */
  readonly leaseMs: number;
  readonly retries: RetryConfig;
  /** What becomes of a run whose lease ran out. */
  readonly onLapse: "retry" | "fail";
}

export interface KeyField {
  readonly name: string;
  readonly required: boolean;
}

export interface PageConfig {
  readonly name: string;
  readonly parent: string | null;
  /** Event types that make a record ready. */
  readonly opens: readonly string[];
  readonly closes: readonly string[];
  /** A record that heard nothing for so long is closed; Infinity: never. */
  readonly timeToLiveMs: number;
  /** In rank order. */
  readonly keys: readonly KeyField[];
  /** In the order of the plan. */
  readonly goals: readonly string[];
  /** Names of data columns; null: any name makes a column. */
  readonly data: readonly string[] | null;
  /** Records are ready from the start. */
  readonly ready: boolean;
  /** `complete` is set once all goals hold. */
  readonly completes: boolean;
  /** What people also write for `1` counts as true. */
  readonly lenient: boolean;
  /** Other nodes may claim goals of its records. */
  readonly shared: boolean;
  /** A plan page: its rows rank goals of records of other pages, and permit nothing. */
  readonly ranks: boolean;
  /** Records that are there from the start: key cells in rank order. */
  readonly records: readonly (readonly string[])[];
}

export interface Plan {
  readonly pages: readonly PageConfig[];
  /** In order of priority. */
  readonly actors: readonly PlannedActor[];
}

export interface Site {
  readonly name: string;
  readonly place: string;
  /** Absolute folder. */
  readonly dir: string;
  /** Name of the plan's file in that folder. */
  readonly planFile: string;
  readonly timeZone: string;
  readonly log: { readonly level: "debug" | "info" | "warn" | "error"; readonly format: "auto" | "json" | "pretty" };
  readonly http: HttpConfig;
  readonly bus: BusConfig;
  readonly hub: HubConfig;
  readonly events: EventsConfig;
  /** Department → its other names. */
  readonly departments: ReadonlyMap<string, readonly string[]>;
  readonly areas: readonly Area[];
  /** Null: the site has no store plan, and no areas. */
  readonly floor: FloorConfig | null;
  /** `NO_CATALOG` where no page is fed by events and the site has none. */
  readonly catalog: CatalogConfig;
  readonly source: SourceConfig;
  readonly scorer: ScorerConfig;
  readonly checkpoint: CheckpointConfig;
  readonly retention: RetentionConfig;
  readonly notices: NoticesConfig;
  readonly transforms: TransformsConfig;
  readonly play: PlayConfig | null;
  readonly plan: Plan;
  /** sha256 of the files in force, hex; what a `config` entry of the journal names. */
  readonly hashes: {
    readonly site: string;
    readonly plan: string;
    readonly catalog: string;
    readonly model: string | null;
    /** Null: there are none. */
    readonly transforms: string | null;
  };
}
