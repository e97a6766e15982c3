import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { BoardMessage } from "../../runtime/board/message.ts";
import { subject } from "../../runtime/bus/subject.ts";
import { MONDAY, type Store, startStore } from "../support/place.ts";

const SECOND = 1_000; // ms

/** The store's own pipeline, as the board shows it. */
describe("a visit on the board", () => {
  let store: Store;
  const heard: BoardMessage[] = [];

  beforeEach(async () => {
    heard.length = 0;
    store = await startStore();
    store.place.bus.subscribe(subject(store.place.base, "board", "visits"), ({ payload }) => {
      heard.push(JSON.parse(Buffer.from(payload).toString()));
    });
  });

  afterEach(async () => {
    await store[Symbol.asyncDispose]();
  });

  const send = async (...events: object[]) => {
    const body = Buffer.from(events.map((event) => JSON.stringify(event)).join("\n"));
    const inbound = { principal: "test", subject: "/events", type: null, headers: {}, body };
    await store.place.ingest.accept(inbound);
    await store.place.runner.idle();
    await store.place.bus.flush();
  };
  const get = async (path: string) => (await fetch(`${store.place.url}${path}`)).json();
  const focus = (id: number, dep = "Sport", ts = MONDAY) => ({ type: "focus", id, dep, ts });

  it("shows its goals, and what became of its last focus", async () => {
    await send({ type: "entry", id: 7, ts: MONDAY }, focus(7));
    const { row, goals } = await get("/pages/visits/records/7");

    expect(row).toMatchObject({ customer: "7", ready: "1", context: "1", focused: "1", scored: "1", offered: "1" });
    expect(goals.offered.detail).toMatch(/^coupon \d+$/);
    expect((await get("/pages/visits/records/7/goals/offered/why")).says).toMatch(/^'offered' is done: coupon \d+$/);
  });

  it("tells of each goal on board.visits, once it is on disk, and of its end", async () => {
    await send({ type: "entry", id: 7, ts: MONDAY }, focus(7));
    await send({ type: "exit", id: 7, ts: MONDAY + SECOND });

    expect(heard.map(({ do: what, cells }) => [what, cells.context, cells.offered])).toEqual([
      ["set", "", ""], // it has opened
      ["set", "r", ""], // a focus, while its profile is fetched
      ["set", "1", ""],
      ["set", "1", "1"],
      ["remove", undefined, undefined],
    ]);
    expect(heard.every(({ seq }) => seq <= store.place.journal.lastSeq)).toBe(true);
  });
});
