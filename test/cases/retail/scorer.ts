// The prediction service: POST /score, and how a pair of customer and coupon becomes the model's row.
import { expect } from "vitest";
import { departmentNames } from "../../../runtime/data/departments.ts";
import { encodeCoupons, encodeCustomer, explainFeatures } from "../../../runtime/data/features.ts";
import { load } from "../../../runtime/loaded.ts";
import type { FeatureConfig, Row } from "../../../runtime/site.ts";
import { readStore } from "../../support/place.ts";
import { mistakesOf } from "../../support/site.ts";
import { isObject, json, type Shape } from "./cases.ts";
import { shippedError } from "./oracle.ts";
import { Scene } from "./scene.ts";
import { SAMPLE, storeSite } from "./sites.ts";
import { expectRefusal, pointersOf, verdictOf } from "./verdict.ts";

type Json = Readonly<Record<string, unknown>>;

interface Scored {
  readonly coupon_id: string;
  readonly customer_id: string;
  readonly prediction: number;
}

const posted: Shape = {
  name: "a body on POST /score",
  fits: ({ input }) => input.POST === "/score",
  async run(each) {
    const { input } = each;
    const body = bodyOf(input);
    const scene = await Scene.open(storeSite());
    const verdict = verdictOf(each);

    const response = await scene.post("/score", body, String(input.content_type ?? "application/json"));

    if (!verdict.taken) {
      const pointers = pointersOf(each.expect);
      await expectRefusal(response, verdict, pointers.length > 0 ? pointers : patched(input));
      return;
    }
    expect(response.status).toBe(200);
    expectScores((await response.json()) as Scored[], body as { customer: Json; coupons: Json[] });
  },
};

function expectScores(scored: readonly Scored[], { customer, coupons }: { customer: Json; coupons: Json[] }): void {
  expect(scored).toHaveLength(coupons.length);
  expect(scored.map(({ coupon_id }) => coupon_id).sort()).toEqual(coupons.map((each) => String(each.coupon_id)).sort());
  for (const [index, { customer_id, prediction }] of scored.entries()) {
    expect(customer_id).toBe(String(customer.customer_id));
    expect(prediction).toBeGreaterThanOrEqual(0);
    expect(prediction).toBeLessThanOrEqual(Math.min(1, scored[index - 1]?.prediction ?? 1));
    expect(prediction).toBe(Number(prediction.toFixed(10)));
  }
}

/** The body of a case; what it leaves out, or tells in words, is the sample's. */
function bodyOf({ json: body, body_text: text, coupon_patch, customer_patch }: Json): unknown {
  if (text !== undefined) return text;
  const [first, ...rest] = SAMPLE.coupons;
  const patched = {
    customer: { ...SAMPLE.customer, ...(customer_patch as Json | undefined) },
    coupons: [{ ...first, ...(coupon_patch as Json | undefined) }, ...rest],
  };
  if (!isObject(body)) return patched;
  const { customer, coupons } = body;
  return {
    ...body,
    ...(typeof customer === "string" ? { customer: without(SAMPLE.customer, customer) } : {}),
    ...(Array.isArray(coupons)
      ? { coupons: coupons.map((each) => (typeof each === "string" ? without(first!, each) : each)) }
      : {}),
  };
}

/** "c1 without age" → the sample without its age. */
function without(sample: Json, prose: string): Json {
  const column = /without (\w+)/.exec(prose)?.[1];
  if (column === undefined || !(column in sample)) throw new Error(`nobody knows what '${prose}' is`);
  const { [column]: _, ...rest } = sample;
  return rest;
}

/** Where the original named no field: every column that the case spoilt. */
function patched({ coupon_patch, customer_patch }: Json): string[] {
  const columns = (patch: unknown) => (isObject(patch) ? Object.keys(patch) : []);
  return [
    ...columns(coupon_patch).map((column) => `/coupons/0/${column}`),
    ...columns(customer_patch).map((column) => `/customer/${column}`),
  ];
}

const recordedScores: Shape = {
  name: "scores that the original model gave",
  fits: ({ input, expect: original }) => Array.isArray(input.coupons) && isObject(original.probs) && !("POST" in input),
  async run({ input, expect: original }) {
    const { customer, coupons } = input as { customer: Json; coupons: Json[] };
    await expectNear(customer, coupons, original.probs as Record<string, number>);
  },
};

/** The recorded order, and nearer to the recorded scores than the model's error on customers that it never saw. */
async function expectNear(customer: Json, coupons: readonly Json[], recorded: Record<string, number>): Promise<void> {
  const scene = await Scene.open(storeSite());
  const response = await scene.post("/score", { customer, coupons });
  expect(response.status).toBe(200);
  const scored = ((await response.json()) as Scored[]).filter(({ coupon_id }) => coupon_id in recorded);
  const [best] = Object.entries(recorded).sort(([, a], [, b]) => b - a)[0]!;
  expect(scored[0]?.coupon_id).toBe(best);
  const errors = scored.map(({ coupon_id, prediction }) => Math.abs(prediction - recorded[coupon_id]!));
  expect(errors).toHaveLength(Object.keys(recorded).length);
  expect(errors.reduce((sum, error) => sum + error, 0) / errors.length).toBeLessThanOrEqual(shippedError().heldOut);
}

const skew: Shape = {
  name: "scores in trained and in served order",
  fits: ({ input, expect: original }) => isObject(input.coupons) && isObject(original.probs_training_order),
  async run({ input, expect: original }) {
    const { catalog } = readStore();
    const customer = catalog.customers.get(String(input.customer_id));
    if (customer === null) throw new Error(`customer ${input.customer_id} is not in the store's table`);
    const coupons = Object.entries(input.coupons as Record<string, string>).map(([id, prose], index) =>
      told(/^\d+$/.test(id) ? Number(id) : 900_000 + index, prose),
    );
    await expectNear(
      { ...customer, ...pick(input, customer) },
      coupons,
      original.probs_training_order as Record<string, number>,
    );
    expectServedOrderRefused();
  },
};

function pick(input: Json, columns: Json): Json {
  return Object.fromEntries(Object.entries(input).filter(([name]) => name in columns));
}

/** "department Sport 57% 1 18.23 641": type, department, discount, how many, mean price, products. */
function told(id: number, prose: string): Json {
  const [, type, department, discount, many, price, products] =
    /^(\w+) (\w+) (\d+)% (-?\d+) ([\d.]+) (\d+)$/.exec(prose) ?? [];
  if (type === undefined) throw new Error(`nobody knows the coupon '${prose}'`);
  return {
    coupon_id: id,
    coupon_type: type,
    department,
    discount: Number(discount),
    how_many_products_required: Number(many),
    product_mean_price: Number(price),
    products_available: Number(products),
  };
}

/** A model whose columns are in the order that was served is not even loaded, and the first wrong one is named. */
function expectServedOrderRefused(): void {
  const served = json<{ serving_order_as_shipped: string[] }>("features.json").serving_order_as_shipped;
  const opened = readStore();
  const trained = opened.site.scorer.features;
  const features = served.map((name) => ({ ...(trained.find((each) => each.name === name) ?? trained[0]!), name }));
  const site = { ...opened.site, scorer: { ...opened.site.scorer, features } };
  const first = trained.findIndex(({ name }, index) => name !== served[index]);

  const mistakes = mistakesOf(() => load({ ...opened, site })).join();

  expect(mistakes).toContain(
    `column ${first + 1} is '${trained[first]!.name}' in the model and '${served[first]}' in the site`,
  );
}

const trainedRow: Shape = {
  name: "a customer and a coupon as a row of the model",
  fits: ({ input, expect: original }) =>
    isObject(input.customer) && isObject(input.coupon) && Array.isArray(original.row),
  async run({ input, expect: original }) {
    const { features } = readStore().site.scorer;
    const row = [...encodeCustomer(input.customer as Row, features, encodeCoupons([input.coupon as Row], features))];

    expect(features.map(({ name }) => name)).toEqual(original.columns);
    expect(row).toEqual(original.row);
  },
};

/** What a column becomes: `{coupon: {department}}`, `{customer: {age}}` or `{age}`; expected in `training…`, as ones and zeros or as a name. */
const oneHot: Shape = {
  name: "one column of a row as the model sees it",
  fits: ({ input, expect: original }) => columnOf(input) !== null && Object.keys(original).some(isTrained),
  async run({ input, expect: original }) {
    const { column, value } = columnOf(input)!;
    const columns = readStore().site.scorer.features.filter((feature) => feature.column === column);
    const { of } = columns[0]!;
    const [, wanted] = Object.entries(original).find(([key]) => isTrained(key))!;

    const shown = explainFeatures({ [column]: value }, of, columns);

    const ones = Object.keys(shown).filter((name) => shown[name] === 1);
    if (Array.isArray(wanted)) expect(Object.values(shown)).toEqual(wanted);
    else expect(ones).toEqual([expect.stringMatching(new RegExp(`_${wanted}$`))]);
    if (column === "department") await expectAliases(String(value), columns);
  },
};

/** Whatever a department is called, it scores alike. */
async function expectAliases(department: string, columns: readonly FeatureConfig[]): Promise<void> {
  const { departments } = readStore().site;
  const canonical = departmentNames(departments)(department)!;
  expect(columns.map(({ name }) => name)).toContain(`coupon_dpt_${canonical}`);
  const scene = await Scene.open(storeSite());
  const scores = new Set<number>();
  for (const name of [canonical, ...departments.get(canonical)!]) {
    const coupons = [{ ...SAMPLE.coupons[0], department: name }];
    const response = await scene.post("/score", { customer: SAMPLE.customer, coupons });
    expect(response.status).toBe(200);
    scores.add(((await response.json()) as Scored[])[0]!.prediction);
  }
  expect(scores.size).toBe(1);
}

const isTrained = (key: string): boolean => /^train(ing|ed)/.test(key);

/** The one column that a case is about; null when there are several, or none that the model reads. */
function columnOf(input: Json): { readonly column: string; readonly value: string | number } | null {
  const row = [input.customer, input.coupon].find(isObject) ?? input;
  const [[column, value] = [], ...more] = Object.entries(row);
  if (column === undefined || more.length > 0 || isObject(value)) return null;
  const isRead = readStore().site.scorer.features.some((feature) => feature.column === column);
  return isRead ? { column, value: value as string | number } : null;
}

export const scorer: readonly Shape[] = [posted, recordedScores, skew, trainedRow, oneHot];
