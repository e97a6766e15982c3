import { AisleError, didYouMean } from "../../errors.ts";
import { limits } from "../../limits.ts";
import type { Range, Row, Value } from "../../site.ts";
import { type Bodies, readJson, unprocessable } from "../body.ts";
import type { Rejection, Scoring } from "../ports.ts";
import { Refusal } from "../problem.ts";
import type { Route } from "../route.ts";
import { scoreAnswer, scoreRequest } from "../schemas.ts";

type Columns = Scoring["customerColumns"];

/** What a customer or a coupon must be. */
interface Side {
  readonly columns: Columns;
  readonly known: NonNullable<Scoring["known"]>["customer"];
  readonly ranges: Readonly<Record<string, Range>>;
}

/** POST /score: the retail system's coupon scorer, request and response as it had them. */
export function score(scoring: Scoring | null, bodies: Bodies): Route {
  return {
    method: "POST",
    path: "/score",
    doc: {
      tag: "retail",
      summary: "Score coupons for a customer",
      body: { description: "A customer and coupons.", required: true, content: { "application/json": scoreRequest } },
      answers: { 200: { description: "Best first", content: { "application/json": scoreAnswer } } },
      problems: [404, 413, 422, 429, 503],
    },
    handle: async (c) => {
      if (scoring === null) throw new AisleError("not-found", "this site has no model of its own to score with");
      const { value } = await readJson(c, bodies);
      const { customer, coupons } = checked(value, scoring);
      if (coupons.length === 0) return c.json([]);

      const result = scoring.score(customer, coupons);
      if (result.state === "failed") throw new AisleError("unavailable", `the scorer failed: ${result.detail}`);

      const customerId = String(customer[scoring.customerKey]);
      const predictions = result.scores.map(({ coupon, score }) => ({
        coupon_id: coupon,
        customer_id: customerId,
        prediction: Math.round(score * 1e10) / 1e10,
      }));
      return c.json(predictions.sort((a, b) => b.prediction - a.prediction || compare(a.coupon_id, b.coupon_id)));
    },
  };
}

/** Rows with the declared columns. All mistakes at once. */
function checked(body: unknown, scoring: Scoring): { customer: Row; coupons: Row[] } {
  const mistakes: Mistakes = [];
  if (!isObject(body)) throw unprocessable("wrong-type", "the body is no JSON object");
  const { known, ranges, customerColumns, couponColumns } = scoring;
  const side = (of: "customer" | "coupon", columns: Columns): Side => ({
    columns,
    known: known?.[of] ?? {},
    ranges: ranges?.[of] ?? {},
  });
  const customer = row(body.customer, "/customer", side("customer", customerColumns), mistakes);
  const asked = side("coupon", couponColumns);
  const list = body.coupons;
  if (Array.isArray(list) && list.length > limits.scoreCoupons) {
    throw new AisleError("too-large", `${list.length} coupons; at most ${limits.scoreCoupons} at once`);
  }
  const coupons: Row[] = [];
  if (list === undefined) mistakes.push(missing("/coupons"));
  else if (!Array.isArray(list)) mistakes.push(wrong("/coupons", list, "an array"));
  else {
    for (const [index, each] of list.entries()) {
      coupons.push(row(each, `/coupons/${index}`, asked, mistakes));
    }
  }
  if (mistakes.length === 0) return { customer, coupons };
  throw new Refusal("invalid", mistakes[0]!.detail, { status: 422, errors: mistakes.slice(0, MISTAKES_SHOWN) });
}

const MISTAKES_SHOWN = 100;

type Mistakes = Rejection[];

function row(given: unknown, pointer: string, { columns, known, ranges }: Side, mistakes: Mistakes): Row {
  const values: Record<string, Value> = {};
  if (given === undefined) mistakes.push(missing(pointer));
  else if (!isObject(given)) mistakes.push(wrong(pointer, given, "an object"));
  else {
    for (const [column, type] of Object.entries(columns)) {
      const at = `${pointer}/${column.replaceAll("~", "~0").replaceAll("/", "~1")}`;
      const raw = Object.hasOwn(given, column) ? given[column] : undefined;
      if (raw === undefined) mistakes.push(missing(at));
      else {
        const value = READ[type](raw);
        if (value === null) mistakes.push(wrong(at, raw, EXPECTED[type]));
        else values[column] = named(within(value, at, ranges[column], mistakes), at, known[column], mistakes);
      }
    }
  }
  return values;
}

/** The value itself; one that is out of its range is a mistake. */
function within<T extends string | number>(value: T, at: string, range: Range | undefined, mistakes: Mistakes): T {
  if (range === undefined || (Number(value) >= range.from && Number(value) <= range.to)) return value;
  const detail = `${at} is ${value}, expected a number from ${range.from} to ${range.to}`;
  mistakes.push({ index: 0, pointer: at, code: "out-of-range", detail });
  return value;
}

/** The value as the model knows it, by any of its names. */
function named(
  value: string | number,
  at: string,
  names: ReadonlyMap<string, string> | undefined,
  mistakes: Mistakes,
): Value {
  if (names === undefined) return value;
  const name = names.get(String(value));
  if (name !== undefined) return name;
  const detail = `'${value}' at ${at} is not one of ${[...new Set(names.values())].join(", ")}${didYouMean(String(value), names.keys())}`;
  mistakes.push({ index: 0, pointer: at, code: "unknown-value", detail });
  return null;
}

/**
 * What the retail system read as what: whole numbers also from a number with a fraction, which is cut off, or from
 * digits; texts also from numbers. Null: not readable so.
 */
const READ: Record<Columns[string], (raw: unknown) => string | number | null> = {
  text: (raw) => (typeof raw === "string" ? raw : typeof raw === "number" ? String(raw) : null),
  date: (raw) => (typeof raw === "string" ? raw : null),
  number: (raw) =>
    typeof raw === "string" && /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i.test(raw)
      ? finite(Number(raw))
      : finite(raw),
  integer: (raw) => {
    const value = typeof raw === "string" && /^\s*[+-]?\d+\s*$/.test(raw) ? Number(raw) : finite(raw);
    return value === null ? null : Math.trunc(value);
  },
};

const EXPECTED: Record<Columns[string], string> = {
  text: "a text",
  date: "a date as a text",
  number: "a number",
  integer: "a whole number",
};

function finite(raw: unknown): number | null {
  return typeof raw === "number" && Number.isFinite(raw) ? raw : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function missing(pointer: string): Rejection {
  return { index: 0, pointer, code: "missing", detail: `${pointer} is missing` };
}

function wrong(pointer: string, got: unknown, expected: string): Rejection {
  const shown = JSON.stringify(got).slice(0, 40);
  return { index: 0, pointer, code: "wrong-type", detail: `${pointer} is ${shown}, expected ${expected}` };
}

/** By size when both are numbers, else by text: the same order on every machine. */
function compare(a: string, b: string): number {
  return Number(a) - Number(b) || (a < b ? -1 : a > b ? 1 : 0);
}
