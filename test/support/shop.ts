// A small shop: two departments, a few coupons, a model of one tree, events in the forms of the store site.
import { actors } from "../../actors/index.ts";
import type { Actor, World } from "../../runtime/actor.ts";
import { Forest } from "../../runtime/core/forest.ts";
import type { Model } from "../../runtime/core/model.ts";
import { CouponModel, explainer } from "../../runtime/decide/coupon-model.ts";
import type { Coupon } from "../../runtime/decide/decision.ts";
import { EventReader } from "../../runtime/events.ts";
import { limits } from "../../runtime/limits.ts";
import type {
  Area,
  EventsConfig,
  EventType,
  FeatureConfig,
  FieldType,
  Form,
  Plan,
  PlannedActor,
  Row,
} from "../../runtime/site.ts";
import { pageOf, plannedActor } from "./plans.ts";

export const MINUTE = 60_000; // ms
export const HOUR = 60 * MINUTE;

/** Monday, 2 March 2026, 09:00 UTC. Every coupon of the shop is valid, but the one of last year. */
export const OPENING = Date.UTC(2026, 2, 2, 9); // ms

export const DEPARTMENTS: ReadonlyMap<string, readonly string[]> = new Map([
  ["Boys", ["Boy's"]],
  ["Sport", ["Sports"]],
]);

/** Boys on the left, an aisle between, Sport on the right. */
export const AREAS: readonly Area[] = [
  { department: "Boys", x0: 0, y0: 0, x1: 10, y1: 10 },
  { department: "Sport", x0: 20, y0: 0, x1: 30, y1: 10 },
];
export const IN_BOYS = { x: 5, y: 5 };
export const IN_SPORT = { x: 25, y: 5 };
export const IN_AISLE = { x: 15, y: 5 };

const YEAR_2026 = { validFrom: Date.UTC(2026, 0, 1), validUntil: Date.UTC(2027, 0, 1) };

/** By row: the model scores a discount of 50 with 0.9, 30 with 0.5, 10 with 0.1; 0.05 more for customers up to 40. */
export const COUPONS: readonly (Coupon & { readonly discount: number })[] = [
  { id: "1", index: 0, department: "Boys", discount: 50, ...YEAR_2026 },
  { id: "2", index: 1, department: "Boys", discount: 30, ...YEAR_2026 },
  { id: "10", index: 2, department: "Boys", discount: 50, ...YEAR_2026 },
  {
    id: "3",
    index: 3,
    department: "Boys",
    discount: 50,
    validFrom: Date.UTC(2025, 0, 1),
    validUntil: Date.UTC(2026, 0, 1),
  },
  { id: "4", index: 4, department: "Sport", discount: 10, ...YEAR_2026 },
];

export const CUSTOMERS: ReadonlyMap<string, Row> = new Map(
  [30, 40, 50, 60].map((age, index) => [String(index + 1), { customer_id: index + 1, age }]),
);
export const NOBODY = "99";

const FEATURES: readonly FeatureConfig[] = [
  { name: "age", of: "customer", column: "age", encode: { kind: "value" } },
  { name: "discount", of: "coupon", column: "discount", encode: { kind: "value" } },
];

function stump(
  feature: number,
  splits: readonly { readonly upTo: number; readonly leaf: number }[],
  last: number,
): Model["trees"][number] {
  const count = splits.length;
  return {
    features: Uint32Array.from(splits, () => feature),
    thresholds: Float64Array.from(splits, ({ upTo }) => upTo),
    left: Int32Array.from(splits, (_, i) => ~i),
    right: Int32Array.from(splits, (_, i) => (i + 1 < count ? i + 1 : ~count)),
    kinds: new Uint8Array(count),
    categories: new Map(),
    leaves: Float64Array.from([...splits.map(({ leaf }) => leaf), last]),
  };
}

const MODEL: Model = {
  format: "lightgbm",
  hash: "ab".repeat(32),
  features: FEATURES.map(({ name }) => name),
  objective: "regression",
  base: 0,
  slope: 0,
  single: false,
  trees: [
    stump(0, [{ upTo: 40, leaf: 0.05 }], 0),
    stump(
      1,
      [
        { upTo: 20, leaf: 0.1 },
        { upTo: 40, leaf: 0.5 },
      ],
      0.9,
    ),
  ],
};

const rows = {
  coupons: COUPONS,
  couponRow: (index: number): Row => ({ coupon_id: Number(COUPONS[index]!.id), discount: COUPONS[index]!.discount }),
  coupon: (id: string) => COUPONS.find((coupon) => coupon.id === id) ?? null,
};
export const { couponRow } = rows;

/** The shop's model in the real core. */
export function shopModel(): CouponModel {
  return new CouponModel(new Forest(MODEL, { shared: FEATURES.map(({ of }) => of === "customer") }), FEATURES, rows);
}

/** A decision's columns by name. */
export const EXPLAIN = explainer(FEATURES, rows);

export const WORLD: World = {
  areas: AREAS,
  removedMax: limits.decisionRemoved,
  couponsOf: (department) => COUPONS.filter((coupon) => coupon.department === department),
  departmentAt: (x, y) =>
    AREAS.find(({ x0, y0, x1, y1 }) => x0 <= x && x <= x1 && y0 <= y && y <= y1)?.department ?? null,
};

function form(name: string, when: string | null, at: string, rest: Omit<Form, "name" | "when" | "fields">): Form {
  const fields = {
    department: [`${at}category`, `${at}dep`],
    x: [`${at}x`],
    y: [`${at}y`],
    decision: [`${at}decision`],
    coupon: [`${at}coupon`],
    action: [`${at}action`, ...rest.type],
  };
  return { name, when, fields, ...rest };
}

const FORMS: readonly Form[] = [
  form("cloudevents", "specversion", "data.", {
    type: ["type"],
    id: ["id"],
    source: ["source"],
    identity: ["data.customer_id", "subject"],
    time: { paths: ["time"], unit: "iso" },
  }),
  form("envelope", "payload", "payload.", {
    type: ["event_type"],
    id: ["event_id"],
    source: [],
    identity: ["payload.customer_id"],
    time: { paths: ["event_timestamp"], unit: "any" },
  }),
  form("flat", null, "", {
    type: ["type"],
    id: ["event_id"],
    source: [],
    identity: ["id", "customer"],
    time: { paths: ["ts", "at"], unit: "epoch" },
  }),
];

function type(
  name: string,
  aliases: readonly string[],
  fields: Readonly<Record<string, FieldType | `${FieldType}?`>>,
): [string, EventType] {
  const declared = Object.entries(fields).map(([field, of]) => [
    field,
    { type: of.replace("?", "") as FieldType, required: !of.endsWith("?") },
  ]);
  return [name, { name, aliases, fields: Object.fromEntries(declared) }];
}

export const EVENTS: EventsConfig = {
  identity: "integer",
  forms: FORMS,
  types: new Map([
    type("entry", ["enter", "customer entry"], {}),
    type("focus", ["customer focus"], { department: "department", x: "number?", y: "number?" }),
    type("move", ["movement"], { x: "number", y: "number" }),
    type("exit", ["leave"], {}),
    type("outcome", ["purchase"], { decision: "text?", coupon: "text?", action: "action" }),
  ]),
  dedupeIds: 1_000,
};

export function shopReader(options: Partial<EventsConfig> = {}, timeZone = "UTC"): EventReader {
  return new EventReader({ ...EVENTS, ...options }, DEPARTMENTS, timeZone);
}

export const ACTORS = actors as unknown as readonly Actor<unknown, unknown, unknown>[];

/** The plan of a shop: the shipped actors with their defaults, some set otherwise. */
export function shopPlan(settings: Readonly<Record<string, Readonly<Record<string, number>>>> = {}): Plan {
  const planned = ["context", "focused", "scored", "offered"].map((goal): PlannedActor => {
    const { page, prerequisites, maxSelves, layer, on, params } = ACTORS.find((actor) => actor.goal === goal)!;
    const defaults = Object.fromEntries(Object.entries(params).map(([name, param]) => [name, param.default]));
    const settled = { ...defaults, ...settings[goal] };
    return plannedActor(goal, { page, kind: "shipped", prerequisites, maxSelves, layer, on, with: settled });
  });
  const timeToLiveMs = 30 * MINUTE;
  const fed = { timeToLiveMs, ready: false };
  const visits = { opens: ["entry", "focus"], closes: ["exit"], keys: [{ name: "customer", required: true }] };
  const focuses = { parent: "visits", keys: [{ name: "cause", required: true }], data: ["department"] };
  const pages = [
    pageOf(planned, { name: "visits", ...fed, ...visits }),
    pageOf(planned, { name: "focuses", ...fed, ...focuses }),
  ];
  return { pages, actors: planned };
}
