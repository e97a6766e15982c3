// The recommendation service: its mock endpoints, what it made of scores, and what it did when something was missing.
import { expect } from "vitest";
import type { Decision } from "../../../runtime/decide/decision.ts";
import { json as answers, deadUrl, HttpService, silence, text } from "../../support/http-service.ts";
import { type Case, isObject, json, NOW, type Shape, said, timeOf } from "./cases.ts";
import { type Prediction, Scene } from "./scene.ts";
import { coupon, dummyShift, dummySite, isoDay, SAMPLE, scoredSite, storeSite } from "./sites.ts";
import { expectRefusal, pointersOf, verdictOf } from "./verdict.ts";

type Json = Readonly<Record<string, unknown>>;

/** The original's schema of what it published. */
const SCHEMA = json<{ kafka_prediction_result: { event_type_const: string; payload_required: readonly string[] } }>(
  "schemas.json",
).kafka_prediction_result;

/** What `/mock_focus` answers. */
interface Answer {
  readonly decision: Decision | null;
  readonly messages: readonly Prediction[];
  readonly reason: string | null;
}

const mock: Shape = {
  name: "a body on a mock endpoint",
  fits: ({ input }) => /^\/mock_(entry|focus)$/.test(String(input.POST)) && ("json" in input || "body_text" in input),
  async run(each) {
    const { POST: path, json: body, body_text: text, content_type: type } = each.input;
    const scene = await Scene.open(dummySite(timeOf(body)));
    const verdict = verdictOf(each);

    const response = await scene.post(String(path), text ?? body, String(type ?? "application/json"));
    await scene.settle();

    if (!verdict.taken) {
      await expectRefusal(response, verdict, pointersOf(each.expect));
      expect(scene.decisions).toEqual([]);
      if (isObject(body)) expect(scene.letters()).toHaveLength(1);
    } else if (path === "/mock_entry") await entered(each, scene, response);
    else await focused(each, scene, response);
  },
};

async function entered(each: Case, scene: Scene, response: Response): Promise<void> {
  expect(response.status).toBe(202);
  const { accepted, seq } = (await response.json()) as { accepted: number; seq: number };
  expect(accepted).toBe(1);
  const { identity, at } = scene.event(seq);
  const { id, time } = said(each.input.json);
  expect(identity).toBe(id);
  // As the original reads times: whole seconds, the fraction cut.
  if (time !== null) expect(Math.trunc(at! / 1000)).toBe(Math.trunc(time / 1000));
  expect(scene.predictions).toEqual([]);
}

async function focused({ expect: original, input }: Case, scene: Scene, response: Response): Promise<void> {
  expect(response.status).toBe(200);
  const { decision, messages, reason } = (await response.json()) as Answer;
  const published = (isObject(original.published) ? original.published.count : original.published_count) ?? 1;
  expect(scene.predictions).toHaveLength(Number(published));
  expect(messages).toEqual(scene.predictions);
  expect(decision).toEqual(scene.decisions[0]);
  expect(decision?.customer).toBe(said(input.json).id);
  expect(decision?.offers.length).toBe(messages.length);
  expect(reason).toBe(decision?.none?.reason ?? null);
  if (!isObject(original.published) || !isObject(original.published.payload_equals_except_ts)) return;

  const { ts: _, ...recorded } = original.published.payload_equals_except_ts as Json & { coupon: Json };
  // The days are the recorded ones, moved by the site to where the case's focus lies, and written as ISO.
  const shift = dummyShift(timeOf(input.json)) * 86_400_000;
  const moved = (day: unknown) => new Date(Date.parse(isoDay(String(day))) + shift).toISOString().slice(0, 10);
  const { start_date, end_date } = recorded.coupon;
  const dated = { ...recorded.coupon, start_date: moved(start_date), end_date: moved(end_date) };
  expect(messages[0]).toMatchObject({ ...recorded, coupon: dated });
}

const bothMocks: Shape = {
  name: "both mock endpoints in the envelope",
  fits: ({ input }) => /\/mock_entry.*\/mock_focus/.test(String(input.POST)),
  async run({ expect: original }) {
    const scene = await Scene.open(dummySite());
    const { mock_entry: customer } = (original.bodies ?? {}) as { mock_entry?: string };
    const payload = { customer_id: Number(customer ?? 7), category: "Sport" };

    const entry = await scene.post("/mock_entry", { payload: { customer_id: payload.customer_id } });
    const focus = await scene.post("/mock_focus", { payload });

    expect(entry.status).toBe(202);
    const { seq } = (await entry.json()) as { seq: number };
    expect(scene.event(seq).identity).toBe(customer);
    expect(focus.status).toBe(200);
    expect(((await focus.json()) as Answer).decision).toMatchObject({ customer, department: "Sport" });
  },
};

/** `{"0": 0.3}` or `[0.9, 0.8]`: scores by coupon id. The first is of the flat wire, the second of the envelope. */
const scores: Shape = {
  name: "scores of the coupons of a department",
  fits: ({ input }) => typeof input.scores === "object" && input.scores !== null,
  async run(each) {
    const byId = Object.entries(each.input.scores as Record<string, number>);
    const isEnvelope = each.era.includes("kafka");
    const scorer = await HttpService.start((asked, response) => {
      const { customer } = JSON.parse(asked.body) as { customer: Json };
      const predictions = byId.map(([id, prediction]) => ({
        coupon_id: id,
        customer_id: String(customer.customer_id),
        prediction,
      }));
      answers(predictions)(asked, response);
    });
    const site = scoredSite(
      byId.map(([id]) => id),
      isEnvelope ? 5 : 1,
    );
    const scene = await Scene.open(site, { COUPON_SCORER_URL: `${scorer.url}/score` });

    if (isEnvelope) await scene.tell("focus", { payload: { customer_id: 7, category: "Boys" } });
    else expect((await scene.post("/mock_focus", { id: "7", ts: seconds(NOW), dep: "Boys" })).status).toBe(200);
    await scene.settle();

    expect(scorer.asked).toHaveLength(byId.length === 0 ? 0 : 1);
    for (const { body } of scorer.asked) expectOriginalRequest(JSON.parse(body));
    const [decision] = scene.decisions;
    const offered = scene.predictions.map(({ coupon: { id } }) => id);
    expect(offered).toEqual(wantedIds(each));
    expect(decision?.offers.map(({ coupon: id }) => id)).toEqual(offered);
    expect(decision?.offers.map(({ score }) => score)).toEqual(offered.map((id) => Object.fromEntries(byId)[id]));
    const none = byId.length === 0 ? "no-coupon-valid" : "below-threshold";
    expect(decision?.none?.reason ?? null).toBe(offered.length > 0 ? null : none);
    if (isEnvelope) expectEnvelopes(each.expect, scene.predictions);
  },
};

function wantedIds({ expect: original }: Case): string[] {
  const ids = (original.published_coupon_ids ?? original.coupon_ids) as (string | number)[] | undefined;
  if (ids !== undefined) return ids.map(String);
  if (original.messages === 0 || original.published === 0) return [];
  throw new Error("the case names no coupons: expected 'published_coupon_ids', 'coupon_ids' or 'messages': 0");
}

function expectEnvelopes(original: Json, messages: readonly Prediction[]): void {
  expect(messages).toHaveLength(Number(original.messages ?? messages.length));
  const { event_type_const, payload_required } = SCHEMA;
  const { event_type = event_type_const, payload_keys = payload_required } = (original.each ?? {}) as Partial<
    Record<"event_type", string> & Record<"payload_keys", readonly string[]>
  >;
  for (const { payload, event_type: type } of messages) {
    expect(type).toBe(event_type);
    expect(Object.keys(payload).sort()).toEqual([...payload_keys].sort());
    expect(payload.customer_id).toBe(7);
  }
  expect(messages.map(({ payload }) => payload.coupon_id)).toEqual(messages.map(({ coupon }) => Number(coupon.id)));
  const times = new Set(messages.map(({ event_timestamp }) => event_timestamp));
  if (original.same_timestamp === true) expect(times.size).toBe(1);
}

/** The scorer is asked as it was by the original: the sample's keys, in the customer and in each coupon. */
function expectOriginalRequest({ customer, coupons }: { customer: Json; coupons: Json[] }): void {
  expect(Object.keys(customer)).toEqual(expect.arrayContaining(Object.keys(SAMPLE.customer)));
  for (const each of coupons)
    expect(Object.keys(each)).toEqual(expect.arrayContaining(Object.keys(SAMPLE.coupons[0]!)));
}

const topicMessage: Shape = {
  name: "a message on a topic, to which nobody waits for an answer",
  fits: ({ input }) => typeof input.topic === "string" && ("payload_text" in input || "payload" in input),
  async run({ input, expect: original }) {
    const at = timeOf(input.payload ?? parsed(String(input.payload_text)));
    const scene = await Scene.open(dummySite(at));
    const [, topic] = /(enter|entry|focus|move|exit)/i.exec(String(input.topic)) ?? [];
    const type = topic?.toLowerCase().replace("enter", "entry");
    if (type === undefined) throw new Error(`no event is published on the topic ${input.topic}`);
    const published = Number(original.published ?? original.published_count ?? 0);

    scene.publish(type, input.payload_text ?? input.payload);
    const after = await scene.tell("focus", { id: "8", ts: seconds(at), dep: "Girls" });

    expect(after.accepted).toBe(1);
    expect(scene.predictions.filter(({ customer }) => customer.id === "8")).toHaveLength(1);
    expect(scene.predictions).toHaveLength(published + 1);
    // A focus of the dummy site that publishes nothing was no focus; of other events the original said so.
    const failed = /error|could not/i.test(`${original.log ?? ""} ${original.error ?? ""}`);
    expect(scene.letters()).toHaveLength(failed || (type === "focus" && published === 0) ? 1 : 0);
  },
};

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const focusOnData: Shape = {
  name: "a focus against the original's own tables",
  fits: ({ input }) => isObject(input.payload) && !("topic" in input),
  async run(each) {
    const payload = each.input.payload as Json;
    const isBare = /\b(no|without|lacks) (\w+ )?coupon/i.test(String(each.input.db ?? ""));
    const scene = await Scene.open(isBare ? withoutCoupons(payload) : storeSite());
    const verdict = verdictOf(each);

    const response = await scene.post("/mock_focus", payload);
    await scene.tell("focus", payload);

    expect(scene.predictions).toEqual([]);
    if (!verdict.taken) {
      await expectRefusal(response, verdict, []);
      expect(scene.decisions).toEqual([]);
      expect(scene.letters()).toEqual(["unknown-department", "unknown-department"]);
      return;
    }
    expect(response.status).toBe(200);
    const { reason } = (await response.json()) as Answer;
    expect(reason).toBe(isBare ? "no-coupon-valid" : "unknown-customer");
    expect(scene.decisions[0]?.none?.reason).toBe(reason);
    // Who is unknown may be known tomorrow: the focus can be taken in again.
    if (reason === "unknown-customer") expect(scene.letters()).toContain(reason);
  },
};

function withoutCoupons({ dep, category }: Json): string {
  const elsewhere = coupon({ department: (dep ?? category) === "Girls" ? "Boys" : "Girls" });
  return dummySite(NOW, {
    coupons: [elsewhere],
    links: [{ coupon_id: 1, product_id: 1 }],
    site: { "catalog.shiftDays": 0 },
  });
}

const scorerAway: Shape = {
  name: "a scorer that fails",
  fits: ({ input }) => typeof input.scorer === "string",
  async run({ input }) {
    const prose = String(input.scorer);
    const modes = [
      ...(/refused|down|unreachable/i.test(prose) ? ["refused" as const] : []),
      ...(/slow|time/i.test(prose) ? ["slow" as const] : []),
      ...(/\b([45]\d\d)\b|status|non-200/i.test(prose) ? ["failing" as const] : []),
      ...(/junk|garbage|not json|malformed/i.test(prose) ? ["junk" as const] : []),
    ];
    if (modes.length === 0) throw new Error(`nobody knows how a scorer does this: ${prose}`);
    for (const mode of modes) {
      await fallsBack(mode, prose);
      if (mode !== "refused") await isLeftAlone(mode, prose); // whom nobody hears can't be asked less
    }
  },
};

type Failure = "refused" | "slow" | "failing" | "junk";

/** @returns where a service fails in this way */
async function failing(mode: Exclude<Failure, "refused">, prose: string): Promise<HttpService> {
  const status = Number(/\b([45]\d\d)\b/.exec(prose)?.[1] ?? 500);
  const answer = { slow: silence, failing: text("Internal Server Error", status), junk: text("junk") }[mode];
  return HttpService.start(answer);
}

/** The model of the site answers instead, where it is asked to; else the reason is told. Nothing waits longer than the budget. */
async function fallsBack(mode: Failure, prose: string): Promise<void> {
  for (const fallback of ["model", "none"]) {
    const url = mode === "refused" ? await deadUrl() : (await failing(mode, prose)).url;
    const site = dummySite(NOW, { site: { "scorer.timeout": "50ms", "scorer.fallback": fallback } });
    const scene = await Scene.open(site, { COUPON_SCORER_URL: `${url}/score` });

    const response = await scene.post("/mock_focus", { id: "7", ts: seconds(NOW), dep: "Boys" });

    expect(response.status).toBe(200);
    const { decision } = (await response.json()) as Answer;
    expect(decision?.offers).toHaveLength(fallback === "model" ? 1 : 0);
    expect(decision?.scorer).toBe(fallback === "model" ? "fallback" : null);
    expect(decision?.none?.reason ?? null).toBe(fallback === "model" ? null : "scorer-failed");
  }
}

/** A service that failed again and again is not asked for a while; decisions go on. */
async function isLeftAlone(mode: Exclude<Failure, "refused">, prose: string): Promise<void> {
  const service = await failing(mode, prose);
  const scene = await Scene.open(dummySite(NOW, { site: { "scorer.timeout": "50ms" } }), {
    COUPON_SCORER_URL: `${service.url}/score`,
  });
  scene.clock.monotonic = () => 0; // so that the while does not pass, however slow the machine

  for (let customer = 1; customer <= 8; customer++) {
    await scene.post("/mock_focus", { id: customer, ts: seconds(NOW), dep: "Boys" });
  }

  expect(scene.predictions).toHaveLength(8);
  expect(service.asked.length).toBeLessThan(8);
}

const seconds = (ms: number): number => Math.trunc(ms / 1000);

export const recommendation: readonly Shape[] = [mock, bothMocks, scores, topicMessage, focusOnData, scorerAway];
