// What goes wrong around a place, from the outside to the journal: two processes at one folder, a server that is gone
// in the middle of a publish, a clock that jumps.
import { rmSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Up, up } from "../support/cli.ts";
import { describeWithNats, startNatsServer } from "../support/nats-server.ts";
import { decisionsOf, MONDAY, STORE, startStore, temporary } from "../support/place.ts";
import { over, readAccount } from "./real/load.ts";

let dataDir: string;
let places: Up[];

beforeEach(() => {
  dataDir = temporary();
  places = [];
});

afterEach(async () => {
  await Promise.all(places.map((place) => place.end("SIGKILL")));
  rmSync(dataDir, { recursive: true, force: true });
});

const begin = async (...more: string[]) => {
  const place = await up([STORE, "--port", "0", "--no-play", "--data", dataDir, ...more]);
  places.push(place);
  return place;
};

const focus = (id: string, more: Record<string, unknown> = {}) =>
  JSON.stringify({ type: "focus", event_id: id, id: 7, dep: "Sport", ...more });

describe("two processes at one data folder", () => {
  it("the second is told who has it, and the first goes on; a dead one does not keep it", {
    timeout: 60_000,
  }, async () => {
    const first = await begin();
    expect(await over(first.url)([focus("a")])).toBe("durable");

    const refusal = await begin().catch((error: Error) => error.message);
    expect(refusal).toContain(String(first.pid));
    expect(refusal).toContain(dataDir);
    expect(await over(first.url)([focus("b")])).toBe("durable");

    await first.end("SIGKILL");
    const second = await begin();
    expect(await over(second.url)([focus("a"), focus("c")])).toBe("durable");
    await second.end("SIGTERM");
    expect([...(await readAccount(dataDir)).events.keys()]).toEqual(["a", "b", "c"]);
  });
});

describeWithNats("a server that is gone in the middle of a publish", () => {
  it("holds up nothing but what goes out: that waits, and the place says so", { timeout: 60_000 }, async () => {
    await using server = await startNatsServer();
    const place = await begin("--place", "box", "--nats", server.url);
    const ready = async () => (await fetch(`${place.url}/readyz`)).text();
    const metric = async (name: string) => {
      const text = await (await fetch(`${place.url}/metrics`)).text();
      return Number(new RegExp(`^${name}\\S* (\\S+)$`, "m").exec(text)?.[1]);
    };
    expect(await over(place.url)([focus("a")])).toBe("durable");
    await vi.waitFor(async () => expect(await metric("aisle_outbox_waiting")).toBe(0), { timeout: 10_000 });

    await server.kill();
    await vi.waitFor(async () => expect(await ready()).toMatch(/the bus is away/), { timeout: 10_000 });
    expect(await over(place.url)([focus("b", { dep: "Women" })])).toBe("durable");
    expect(await metric("aisle_outbox_waiting")).toBe(1);
    expect(await ready()).toMatch(/1 wait/);

    await server.restart();
    await vi.waitFor(async () => expect(await metric("aisle_outbox_waiting")).toBe(0), { timeout: 20_000 });
    expect(await ready()).not.toMatch(/away/);
  });
});

describe("a clock that jumps", () => {
  it("back to 1970: times in the journal never go back, and what has no time of its own is taken", async () => {
    await using store = await startStore({ dataDir });
    const { place, clock } = store;
    await over(place.url)([focus("a")]);
    clock.at = 0;

    expect(await over(place.url)([focus("b", { dep: "Women" })])).toBe("durable");
    await place.runner.idle();

    const entries = [...place.journal.read()];
    expect(entries.map(({ receivedAt }) => receivedAt)).toEqual(entries.map(() => MONDAY));
    expect(decisionsOf(place.journal).map(({ department }) => department)).toEqual(["Sport", "Women"]);
  });

  it("back to 1970 before a start: all that was there is there", async () => {
    const before = await startStore({ dataDir });
    await over(before.place.url)([focus("a")]);
    await before[Symbol.asyncDispose]();

    await using store = await startStore({ dataDir, at: 0 });
    expect(await over(store.place.url)([focus("a"), focus("b", { dep: "Women" })])).toBe("durable");
    await store.place.runner.idle();

    expect(decisionsOf(store.place.journal).map(({ department }) => department)).toEqual(["Sport", "Women"]);
  });

  it("back to 1970 makes of an event with a time one of the future: a dead letter that says so", async () => {
    await using store = await startStore({ dataDir, at: 0 });
    const response = await fetch(`${store.place.url}/events`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: focus("a", { ts: MONDAY }),
    });

    expect(await response.text()).toMatch(/ahead-of-time.*ahead of this place's clock/);
    store.clock.at = MONDAY;
    expect(await over(store.place.url)([focus("a", { ts: MONDAY })])).toBe("durable");
  });

  it("ten years ahead, and back: nothing is lost, and events are decided", async () => {
    await using store = await startStore({ dataDir });
    const { place, clock } = store;
    await over(place.url)([focus("a")]);
    clock.at = MONDAY + 10 * 365 * 86_400_000;
    await over(place.url)([focus("b", { dep: "Women" })]);
    clock.at = MONDAY;
    expect(await over(place.url)([focus("a"), focus("c", { dep: "Men" })])).toBe("durable");
    await place.runner.idle();

    expect(decisionsOf(place.journal).map(({ department }) => department)).toEqual(["Sport", "Women", "Men"]);
  });
});
