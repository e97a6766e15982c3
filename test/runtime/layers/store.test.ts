// The store's own layers at work: a tired customer, and a department that a person holds back.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Decision } from "../../../runtime/decide/decision.ts";
import { decisionsOf, type Store, startStore, temporary } from "../../support/place.ts";

const MINUTE = 60_000; // ms
/** Customers of the shipped data who are offered something in these departments. */
const [ANN, BOB] = ["2", "3"];

let store: Store;

beforeEach(async () => {
  store = await startStore({ dataDir: temporary() });
});

afterEach(() => store[Symbol.asyncDispose]());

async function send(method: string, path: string, body: unknown): Promise<void> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${store.place.url}${path}`, { method, headers, body: JSON.stringify(body) });
  expect(response.status, await response.clone().text()).toBeLessThan(300);
}

/** A customer stops in a department, some minutes after what was before. */
async function focus(id: string, dep: string, minutes = 1): Promise<Decision> {
  store.clock.at += minutes * MINUTE;
  await send("POST", "/events", { type: "focus", id, dep, ts: store.clock.at });
  await store.place.runner.idle();
  return decisionsOf(store.place.journal).at(-1)!;
}

async function react(action: string, decision: Decision): Promise<void> {
  store.clock.at += 1_000;
  const { customer, offers } = decision;
  const [{ coupon } = { coupon: "none" }] = offers;
  await send("POST", "/events", {
    type: "outcome",
    id: customer,
    decision: decision.id,
    coupon,
    action,
    ts: store.clock.at,
  });
}

const veto = (department: string, vetoed: string) =>
  send("PATCH", `/pages/departments/records/${department}`, { cells: { vetoed } });

/** Three offers in a row that the customer dismisses. */
async function tire(customer: string): Promise<void> {
  for (const department of ["Boys", "Sport", "Boys"]) {
    const decision = await focus(customer, department);
    expect(decision.none, department).toBe(null);
    await react("dismissed", decision);
  }
}

describe("a customer who dismissed three offers", () => {
  it("is offered nothing for a while, and the decision says why", async () => {
    await tire(ANN);
    const held = await focus(ANN, "Sport");

    expect(held.offers).toEqual([]);
    expect(held.none).toEqual({
      reason: "inhibited",
      detail: expect.stringContaining(`'fatigued of ${ANN}' on layer 1`),
    });
    expect(held.candidates.length).toBeGreaterThan(0);
    expect(held.removed[0]).toMatchObject({ why: "inhibited" });
  });

  it("is no matter to others", async () => {
    await tire(ANN);

    expect((await focus(BOB, "Sport")).none).toBe(null);
  });

  it("is offered something again when the time is over, to the millisecond", async () => {
    await tire(ANN);
    const dismissedAt = store.clock.at;
    for (const department of ["Sport", "Girls", "Sport"]) await focus(ANN, department, 9);
    store.clock.at = dismissedAt + 30 * MINUTE - 1;
    expect((await focus(ANN, "Boys", 0)).none!.reason).toBe("inhibited");
    store.clock.at = dismissedAt + 30 * MINUTE;

    expect((await focus(ANN, "Sport", 0)).none).toBe(null);
  });

  it("is as tired after a restart", async () => {
    await tire(ANN);
    const { dataDir, clock } = store;
    await store.place.stop();
    store = await startStore({ dataDir, at: clock.at });

    expect((await focus(ANN, "Sport")).none!.reason).toBe("inhibited");
  });
});

describe("a department that a person holds back", () => {
  it("offers nothing to anybody, names who and until when, and others go on", async () => {
    await veto("Boys", "1");
    const until = new Date(store.clock.at + 8 * 60 * MINUTE).toISOString();

    expect((await focus(ANN, "Boys")).none).toEqual({
      reason: "inhibited",
      detail: `'vetoed of Boys' on layer 2 holds offers back until ${until}`,
    });
    expect((await focus(BOB, "Boys")).none!.reason).toBe("inhibited");
    expect((await focus(ANN, "Sport")).none).toBe(null);
  });

  it("goes on when the cell is cleared", async () => {
    await veto("Boys", "1");
    await veto("Boys", "");

    expect((await focus(ANN, "Boys")).none).toBe(null);
  });

  it("goes on by itself after eight hours in which nobody wrote anew", async () => {
    await veto("Boys", "1");
    store.clock.at += 8 * 60 * MINUTE - 1;
    expect((await focus(ANN, "Boys", 0)).none!.reason).toBe("inhibited");
    store.clock.at += 1;

    expect((await focus(BOB, "Boys", 0)).none).toBe(null);
  });
});
