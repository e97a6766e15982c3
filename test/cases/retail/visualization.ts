// The visualization app: what of a decision and of a customer can be seen.
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import { expect, onTestFinished } from "vitest";
import { isObject, NOW, type Shape } from "./cases.ts";
import { type Prediction, Scene } from "./scene.ts";
import { coupon, dummySite, SAMPLE } from "./sites.ts";

interface Shown {
  readonly id: string;
  readonly customer: string;
  readonly messages: readonly Prediction[];
}

const predicted: Shape = {
  name: "predictions for a customer who looks",
  fits: ({ input }) => typeof input.ws === "string" && /prediction/.test(String(input.mqtt)),
  async run({ input }) {
    const customer = /'?(\d+)'?\s*$/.exec(String(input.mqtt))![1]!;
    const scene = await Scene.open(dummySite());
    const shown = await watch(scene, customer);

    // At once one after the other: in the original the second took the first one's place.
    await scene.tell("focus", { id: customer, ts: NOW, dep: "Boys" });
    await scene.tell("focus", { id: customer, ts: NOW, dep: "Girls" });
    await scene.tell("focus", { id: "8", ts: NOW, dep: "Boys" });
    await expect.poll(() => shown.length, { timeout: 20_000 }).toBe(2);

    const published = scene.predictions.filter(({ customer: { id } }) => id === customer);
    expect(shown.flatMap(({ messages }) => messages)).toEqual(published);
    expect(published.map(({ coupon: { department } }) => department)).toEqual(["Boys", "Girls"]);
  },
};

/** Follows `GET /offers/:customer/stream`; what comes is added to the list that is returned. */
async function watch({ place }: Scene, customer: string): Promise<readonly Shown[]> {
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const response = await fetch(`${place.url}/offers/${customer}/stream`, { signal: stop.signal });
  expect(response.headers.get("content-type")).toContain("text/event-stream");
  const shown: Shown[] = [];
  const read = async () => {
    let rest = "";
    for await (const text of Readable.fromWeb(response.body as ReadableStream).setEncoding("utf8")) {
      const blocks = (rest + text).split("\n\n");
      rest = blocks.pop()!;
      for (const block of blocks) {
        const data = /^data: ?(.*)$/m.exec(block)?.[1];
        if (data !== undefined) shown.push(JSON.parse(data));
      }
    }
  };
  read().catch((error) => {
    if (!stop.signal.aborted) throw error;
  });
  return shown;
}

const moved: Shape = {
  name: "a move of a customer whom nobody knows",
  fits: ({ input }) => /move id \d+/.test(String(input.mqtt)),
  async run({ input }) {
    const customer = /move id (\d+)/.exec(String(input.mqtt))![1]!;
    const others = [{ ...SAMPLE.customer, customer_id: Number(customer) + 1 }];
    const scene = await Scene.open(dummySite(NOW, { customers: others }));
    const move = { id: Number(customer), x: 800, y: 500 };

    const acks = [];
    for (const second of [1, 2, 3]) acks.push(await scene.tell("move", { ...move, ts: NOW / 1000 + second }));

    expect(acks).toEqual(Array(3).fill({ accepted: 1, duplicate: 0, rejected: [] }));
    const moves = [...scene.place.journal.read()].filter(({ kind }) => kind === "event");
    expect(moves.map(({ seq }) => scene.event(seq))).toEqual(
      Array(3).fill(expect.objectContaining({ type: "move", identity: customer })),
    );
    // Nobody is lost: the stop is told, with the id and the reason why nothing is offered.
    expect(scene.decisions).toMatchObject([{ customer, none: { reason: "unknown-customer" } }]);
  },
};

const rendered: Shape = {
  name: "a coupon as phones read it",
  fits: ({ input }) => isObject(input.coupon) && "how_many_products_required" in input.coupon && !("customer" in input),
  async run({ input }) {
    const { type, how_many_products_required: many } = input.coupon as {
      type: string;
      how_many_products_required: number;
    };
    const cells = { coupon_type: type, how_many_products_required: many };
    const parts = {
      coupons: [coupon(cells)],
      links: [{ coupon_id: 1, product_id: 1 }],
      site: { "catalog.shiftDays": 0 },
    };
    const scene = await Scene.open(dummySite(NOW, parts));

    await scene.tell("focus", { id: "7", ts: NOW, dep: "Boys" });

    expect(scene.predictions).toMatchObject([{ coupon: { type, how_many: many, how_many_products_required: many } }]);
  },
};

export const visualization: readonly Shape[] = [predicted, moved, rendered];
