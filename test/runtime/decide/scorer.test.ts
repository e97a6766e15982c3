import { describe, expect, it } from "vitest";
import { ManualClock } from "../../../runtime/clock.ts";
import type { Scores } from "../../../runtime/decide/decision.ts";
import { CoreScorer, type RestOptions, RestScorer, type Scorer } from "../../../runtime/decide/scorer.ts";
import { type Answer, deadUrl, HttpService, hangUp, json, silence, text } from "../../support/http-service.ts";
import { COUPONS, CUSTOMERS, couponRow, shopModel } from "../../support/shop.ts";

const CUSTOMER = CUSTOMERS.get("1")!;
const TWO = [COUPONS[0]!, COUPONS[1]!];
const GOOD = json([
  { coupon_id: "2", customer_id: "1", prediction: 0.75 },
  { coupon_id: "1", customer_id: "1", prediction: 0.25 },
]);

/** The time limit where the answer should come: long, so that a busy machine passes. */
const PATIENT = 10_000;

interface Setup {
  readonly scorer: RestScorer;
  readonly service: HttpService;
  readonly clock: ManualClock;
}

async function setUp(answer: Answer, options: Partial<RestOptions> = {}): Promise<Setup> {
  const service = await HttpService.start(answer);
  const clock = new ManualClock(1_000);
  const url = `${service.url}/score`;
  const scorer = new RestScorer({
    url,
    timeoutMs: PATIENT,
    clock,
    fetch,
    fallback: null,
    couponRow,
    couponKey: "coupon_id",
    ...options,
  });
  return { scorer, service, clock };
}

describe("the core's scorer", () => {
  const core = new CoreScorer(shopModel());

  it("scores with the site's model, in the order asked", () => {
    expect(core.score(CUSTOMER, [COUPONS[4]!, COUPONS[0]!])).toEqual({
      state: "scored",
      by: "core",
      scores: [
        { coupon: "4", score: 0.1 + 0.05 },
        { coupon: "1", score: 0.9 + 0.05 },
      ],
    });
  });

  it("copies the scores: the next call leaves them as they are", () => {
    const scores = core.score(CUSTOMER, TWO);
    const before = structuredClone(scores);
    core.score(CUSTOMERS.get("4")!, [COUPONS[4]!]);

    expect(scores).toEqual(before);
  });

  it("gives no scores for no coupons", () => {
    expect(core.score(CUSTOMER, [])).toEqual({ state: "scored", by: "core", scores: [] });
  });

  it("names the model in force, and asks nobody outside", () => {
    expect({ model: core.model, outside: core.outside }).toEqual({ model: "ab".repeat(32), outside: false });
  });
});

describe("the REST scorer", () => {
  it("shows user and password of its URL as a header", async () => {
    const { service } = await setUp(GOOD);
    const { scorer } = await setUp(GOOD, { url: `${service.url.replace("//", "//ann:p%40ss@")}/score` });

    expect(await scorer.score(CUSTOMER, TWO)).toMatchObject({ state: "scored", by: "rest" });
    const login = `Basic ${Buffer.from("ann:p@ss").toString("base64")}`;
    expect(service.asked[0]).toMatchObject({ url: "/score", headers: { authorization: login } });
  });

  it("tells no secret of its URL when it can't be asked", async () => {
    const { scorer } = await setUp(silence, { url: `${(await deadUrl()).replace("//", "//u:s3cr3t@")}/s3cr3t` });

    expect(await scorer.score(CUSTOMER, TWO)).toMatchObject({ state: "failed" });
    expect(scorer.trouble).toMatch(/^the scorer can't be reached: .*ECONNREFUSED/);
    expect(scorer.trouble).not.toContain("s3cr3t");
  });

  it("asks with the original's request", async () => {
    const { scorer, service } = await setUp(GOOD);

    await scorer.score(CUSTOMER, TWO);

    const [asked] = service.asked;
    expect(asked).toMatchObject({ method: "POST", url: "/score", headers: { "content-type": "application/json" } });
    expect(JSON.parse(asked!.body)).toEqual({
      customer: { customer_id: 1, age: 30 },
      coupons: [
        { coupon_id: 1, discount: 50 },
        { coupon_id: 2, discount: 30 },
      ],
    });
  });

  it("reads the original's response, whose ids are text, in any order", async () => {
    const { scorer } = await setUp(GOOD);

    expect(await scorer.score(CUSTOMER, TWO)).toEqual({
      state: "scored",
      by: "rest",
      scores: [
        { coupon: "1", score: 0.25 },
        { coupon: "2", score: 0.75 },
      ],
    });
    expect(scorer.trouble).toBe(null);
  });

  it.each([
    [
      "ids that are numbers",
      [
        { coupon_id: 1, prediction: 0 },
        { coupon_id: 2, prediction: 1 },
      ],
    ],
    [
      "coupons that nobody asked for",
      [
        { coupon_id: 9, prediction: 7 },
        { coupon_id: 1, prediction: 0 },
        { coupon_id: 2, prediction: 1 },
      ],
    ],
  ])("reads %s", async (_, body) => {
    const { scorer } = await setUp(json(body));

    expect(await scorer.score(CUSTOMER, TWO)).toMatchObject({ state: "scored", scores: [{ score: 0 }, { score: 1 }] });
  });

  it.each<[string, Answer, string | RegExp]>([
    ["an error of the service", json({ detail: "Internal Server Error" }, 500), "the scorer answered 500"],
    ["a refusal", json({ detail: [] }, 422), "the scorer answered 422"],
    ["text that is no JSON", text("<html>"), "the scorer's answer is no list of predictions"],
    ["half a JSON", text('[{"coupon_id":"1"'), "the scorer's answer is no list of predictions"],
    ["an empty body", text(""), "the scorer's answer is no list of predictions"],
    ["an object", json({ "1": 0.5 }), "the scorer's answer is no list of predictions"],
    ["null", json(null), "the scorer's answer is no list of predictions"],
    ["a list of null", json([null]), "the scorer's answer is no list of predictions"],
    [
      "a list without one of the coupons",
      json([{ coupon_id: "1", prediction: 0.5 }]),
      "the scorer's answer has no prediction in [0, 1] for coupon 2",
    ],
    [
      "a prediction above 1",
      json([
        { coupon_id: "1", prediction: 1.01 },
        { coupon_id: "2", prediction: 0.5 },
      ]),
      "the scorer's answer has no prediction in [0, 1] for coupon 1",
    ],
    [
      "a prediction as text",
      json([
        { coupon_id: "1", prediction: "0.5" },
        { coupon_id: "2", prediction: 0.5 },
      ]),
      "the scorer's answer has no prediction in [0, 1] for coupon 1",
    ],
    ["a hung up line", hangUp, /^the scorer can't be reached: (?!fetch failed)/],
  ])("says what was wrong with %s", async (_, answer, detail) => {
    const { scorer } = await setUp(answer);

    const scores = (await scorer.score(CUSTOMER, TWO)) as Extract<Scores, { state: "failed" }>;

    expect(scores.state).toBe("failed");
    expect(scores.detail).toMatch(detail);
    expect(scorer.trouble).toBe(scores.detail);
  });

  it("waits no longer than its time limit", async () => {
    const { scorer } = await setUp(silence, { timeoutMs: 30 });

    expect(await scorer.score(CUSTOMER, TWO)).toEqual({
      state: "failed",
      detail: "the scorer gave no answer within 30 ms",
    });
  });

  it("waits no longer for a body that stops in the middle", async () => {
    const { scorer } = await setUp((_, response) => void response.writeHead(200).write("["), { timeoutMs: 100 });

    expect(await scorer.score(CUSTOMER, TWO)).toEqual({
      state: "failed",
      detail: "the scorer gave no answer within 100 ms",
    });
  });

  it("says where nobody listens", async () => {
    const url = await deadUrl();
    const { scorer } = await setUp(GOOD, { url });

    expect(await scorer.score(CUSTOMER, TWO)).toMatchObject({
      state: "failed",
      detail: expect.stringContaining("ECONNREFUSED 127.0.0.1"),
    });
  });

  it("lets the model score while the service fails, and says why", async () => {
    const { scorer } = await setUp(text("", 503), { fallback: new CoreScorer(shopModel()) });

    expect(await scorer.score(CUSTOMER, TWO)).toEqual({
      state: "scored",
      by: "fallback",
      detail: "the scorer answered 503",
      scores: [
        { coupon: "1", score: 0.9 + 0.05 },
        { coupon: "2", score: 0.5 + 0.05 },
      ],
    });
  });

  it("fails where the fallback fails as well, with the service's reason", async () => {
    const fallback: Scorer = { outside: false, model: null, score: () => ({ state: "failed", detail: "no model" }) };
    const { scorer } = await setUp(text("", 503), { fallback });

    expect(await scorer.score(CUSTOMER, TWO)).toEqual({ state: "failed", detail: "the scorer answered 503" });
  });

  it("names the model of its fallback", async () => {
    const { scorer } = await setUp(GOOD, { fallback: new CoreScorer(shopModel()) });

    expect(scorer.model).toBe("ab".repeat(32));
    expect((await setUp(GOOD)).scorer.model).toBe(null);
  });

  describe("after five failures in a row", () => {
    const REST = 5_000; // ms

    async function failing(): Promise<Setup> {
      const setup = await setUp(text("", 500));
      for (let i = 0; i < 5; i++) await setup.scorer.score(CUSTOMER, TWO);
      return setup;
    }

    it("leaves the service alone for five seconds", async () => {
      const { scorer, service, clock } = await failing();
      service.answer = GOOD;
      clock.advance(REST - 1);

      expect(await scorer.score(CUSTOMER, TWO)).toEqual({ state: "failed", detail: "the scorer answered 500" });
      expect(service.asked.length).toBe(5);
    });

    it("asks again then, and trusts the service that answers", async () => {
      const { scorer, service, clock } = await failing();
      service.answer = GOOD;
      clock.advance(REST);

      expect(await scorer.score(CUSTOMER, TWO)).toMatchObject({ state: "scored", by: "rest" });
      expect(await scorer.score(CUSTOMER, TWO)).toMatchObject({ state: "scored", by: "rest" });
      expect(service.asked.length).toBe(7);
    });

    it("leaves it alone again after one more failure", async () => {
      const { scorer, service, clock } = await failing();
      clock.advance(REST);
      await scorer.score(CUSTOMER, TWO);
      await scorer.score(CUSTOMER, TWO);

      expect(service.asked.length).toBe(6);
    });

    it("trusts the service too when an answer that was under way comes", async () => {
      const { scorer, service } = await setUp(text("", 500));
      let answerLate = () => {};
      const underWay = new Promise<void>((resolve) => {
        service.answer = (asked, response) => {
          answerLate = () => GOOD(asked, response);
          resolve();
        };
      });
      const late = scorer.score(CUSTOMER, TWO);
      await underWay;
      service.answer = text("", 500);
      for (let i = 0; i < 5; i++) await scorer.score(CUSTOMER, TWO);
      answerLate();
      await late;
      service.answer = GOOD;

      expect(await scorer.score(CUSTOMER, TWO)).toMatchObject({
        state: "scored",
        by: "rest",
        scores: [{ coupon: "1" }, { coupon: "2" }],
      });
    });

    it("does not count failures that answers lie between", async () => {
      const { scorer, service } = await setUp(text("", 500));
      for (let i = 0; i < 12; i++) {
        service.answer = i % 5 === 4 ? GOOD : text("", 500);
        await scorer.score(CUSTOMER, TWO);
      }

      expect(service.asked.length).toBe(12);
    });
  });
});
