import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { connect } from "nats";
import { afterEach, describe, expect, it } from "vitest";
import type { NatsBus } from "../../runtime/bus/nats.ts";
import { subject } from "../../runtime/bus/subject.ts";
import type { Decision } from "../../runtime/decide/decision.ts";
import { coreScorer, load } from "../../runtime/loaded.ts";
import { newApplier, type Place, workOf } from "../../runtime/main.ts";
import { payloadOf } from "../../runtime/player.ts";
import { replay } from "../../runtime/replay.ts";
import { describeWithNats, startNatsServer } from "../support/nats-server.ts";
import {
  decisionsOf,
  essence,
  MONDAY,
  readStore,
  recordedSteps,
  type Store,
  startStore,
  temporary,
} from "../support/place.ts";

/** Customers walk one after the other's step: each event is answered before the next is sent. */
async function walk(
  { place, clock }: Store,
  send: (type: string, payload: Uint8Array) => Promise<void>,
): Promise<Decision[]> {
  for (const step of recordedSteps()) {
    clock.at = step.at;
    await send(step.type, payloadOf(step));
  }
  await place.runner.idle();
  return decisionsOf(place.journal);
}

function overHttp(place: Place) {
  return async (_type: string, payload: Uint8Array) => {
    const response = await fetch(`${place.url}/events`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: payload as BodyInit,
    });
    expect(response.status).toBe(202);
  };
}

describe("the recorded paths", () => {
  it("lead to offers that stand, and to decisions that say why", async () => {
    await using store = await startStore();
    const { place } = store;

    const decisions = await walk(store, overHttp(place));

    const offered = decisions.filter(({ offers }) => offers.length > 0);
    expect(offered.length).toBeGreaterThan(5);
    for (const { offers, threshold, scorer, features, versions } of offered) {
      expect(offers[0]!.score).toBeGreaterThan(threshold);
      expect(scorer).toBe("core");
      expect(Object.keys(features)).toContain("cust_mean_buy_price");
      expect(versions.model).toMatch(/^[0-9a-f]{64}$/);
    }
    const last = offered.at(-1)!;
    const standing = await (await fetch(`${place.url}/offers/${last.customer}`)).json();
    expect(JSON.stringify(standing)).toContain(last.id);
    const why = await fetch(`${place.url}/decisions/${last.id}`);
    expect(await why.json()).toEqual(last);
  });

  it("are decided alike in a replay of the journal, field by field", async () => {
    await using store = await startStore();
    const { place } = store;
    const decisions = await walk(store, overHttp(place));

    const loaded = load(readStore());
    const replayed = replay(workOf(loaded, place.journal.epoch, coreScorer(loaded)), newApplier(loaded), () =>
      place.journal.read(),
    );

    expect(replayed.differences).toEqual([]);
    expect(replayed.compared).toBe(decisions.length);
    expect(replayed.compared).toBeGreaterThan(10);
  });

  it("stand again after a restart, and nothing is decided twice", async () => {
    const dataDir = temporary();
    let before: Decision[];
    {
      await using store = await startStore({ dataDir });
      before = await walk(store, overHttp(store.place));
    }
    await using store = await startStore({ dataDir, at: before.at(-1)!.receivedAt });

    expect(decisionsOf(store.place.journal)).toEqual(before);
    const last = before.findLast(({ offers }) => offers.length > 0)!;
    expect(store.place.offers.standing(last.customer).map(({ decision }) => decision.id)).toContain(last.id);
  });
});

describeWithNats("the recorded paths over NATS and over HTTP", () => {
  it("give the same decisions, and the offers arrive on the bus", async () => {
    const server = await startNatsServer();
    try {
      await using byHttp = await startStore();
      await using byNats = await startStore({ overrides: { nats: server.url } });
      const { place } = byNats;
      const client = await connect({ servers: server.url });
      const predictions: Record<string, unknown>[] = [];
      const offers: Decision[] = [];
      client.subscribe(`${place.base}.predictions`, {
        callback: (_, message) => void predictions.push(message.json()),
      });
      client.subscribe(`${place.base}.offers.*`, { callback: (_, message) => void offers.push(message.json()) });
      await client.flush();
      await (place.bus as NatsBus).whenHere();
      await place.bus.flush();

      const overNats = await walk(byNats, async (type, payload) => {
        const answer = await client.request(subject(place.base, "events", type), payload, { timeout: 5_000 });
        expect(answer.json()).toMatchObject({ accepted: 1, rejected: [] });
      });
      const decided = await walk(byHttp, overHttp(byHttp.place));
      await client.flush();
      await client.drain();

      expect(overNats.map(essence)).toEqual(decided.map(essence));
      expect(offers).toEqual(overNats);
      const made = overNats.flatMap((decision) =>
        decision.offers.map(({ coupon }) => `${decision.customer} ${coupon}`),
      );
      expect(
        predictions.map(
          ({ customer, coupon }) => `${(customer as { id: string }).id} ${(coupon as { id: string }).id}`,
        ),
      ).toEqual(made);
    } finally {
      await server.stop();
    }
  });
});

describe("sources and scorers outside", () => {
  const servers: Server[] = [];

  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  async function serving(handle: RequestListener): Promise<string> {
    const server = createServer(handle);
    servers.push(server);
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it("are not asked again by a replay, which decides alike", async () => {
    const { catalog } = readStore();
    let asked = 0;
    const source = await serving((request, response) => {
      asked++;
      const row = catalog.customers.get(request.url!.slice(1));
      response.writeHead(row === null ? 404 : 200).end(JSON.stringify(row));
    });
    const scorer = await serving(async (request, response) => {
      asked++;
      let body = "";
      for await (const chunk of request) body += chunk;
      const { customer, coupons } = JSON.parse(body) as {
        customer: { customer_id: number };
        coupons: { coupon_id: number }[];
      };
      const answer = coupons.map(({ coupon_id }) => ({
        coupon_id: String(coupon_id),
        customer_id: String(customer.customer_id),
        prediction: ((customer.customer_id * 31 + coupon_id * 17) % 100) / 100,
      }));
      response.end(JSON.stringify(answer.sort((a, b) => b.prediction - a.prediction)));
    });
    await using store = await startStore({
      env: { AISLE_CUSTOMERS_URL: source, COUPON_SCORER_URL: `${scorer}/score` },
    });
    const { place } = store;
    const decisions = await walk(store, overHttp(place));
    const askedLive = asked;

    const loaded = load(readStore());
    const replayed = replay(workOf(loaded, place.journal.epoch, coreScorer(loaded)), newApplier(loaded), () =>
      place.journal.read(),
    );

    expect(decisions.some(({ scorer }) => scorer === "rest")).toBe(true);
    expect(replayed.differences).toEqual([]);
    expect(replayed.compared).toBe(decisions.length);
    expect(asked).toBe(askedLive);
  });

  it("that are another place's POST /score give the same offers as the core", async () => {
    await using other = await startStore();
    await using byCore = await startStore();
    await using byRest = await startStore({ env: { COUPON_SCORER_URL: `${other.place.url}/score` } });

    const here = await walk(byCore, overHttp(byCore.place));
    const there = await walk(byRest, overHttp(byRest.place));

    expect(there.every(({ scorer, none }) => scorer === "rest" || none?.reason === "no-coupon-valid")).toBe(true);
    expect(there.map(({ offers }) => offers.map(({ coupon }) => coupon))).toEqual(
      here.map(({ offers }) => offers.map(({ coupon }) => coupon)),
    );
  });

  it("while away leave a stale profile to decide by, or a reason", async () => {
    const { catalog } = readStore();
    let away = false;
    const source = await serving((request, response) => {
      const row = catalog.customers.get(request.url!.slice(1));
      response.writeHead(away ? 503 : 200).end(JSON.stringify(row));
    });
    await using store = await startStore({ env: { AISLE_CUSTOMERS_URL: source } });
    const focus = async (id: number) => {
      const response = await fetch(`${store.place.url}/mock_focus`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ id, dep: "Women", ts: MONDAY / 1000 }),
      });
      return (await response.json()) as { decision: Decision };
    };
    const exit = (id: number) =>
      store.place.ingest.accept({
        principal: "test",
        subject: "t",
        type: "exit",
        headers: {},
        body: Buffer.from(JSON.stringify({ id })),
      });

    const fresh = await focus(18);
    await exit(18);
    away = true;
    const stale = await focus(18);
    const never = await focus(19);

    expect(fresh.decision.stale).toBe(false);
    expect(stale.decision).toMatchObject({ stale: true, offers: fresh.decision.offers });
    expect(never.decision.none?.reason).toBe("customer-unavailable");
  });
});
