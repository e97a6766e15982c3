import { beforeEach, describe, expect, it } from "vitest";
import { Slots } from "../../../runtime/runs/slots.ts";

describe("slots", () => {
  let slots: Slots;
  let got: string[];

  beforeEach(() => {
    slots = new Slots(2);
    got = [];
  });

  const take = (name: string, signal = new AbortController().signal) =>
    slots.take(signal).then((mine) => got.push(`${name} ${mine}`));
  const turn = () => new Promise((done) => setImmediate(done));

  it("are given out at once while there are some, then in the order of asking", async () => {
    for (const name of ["a", "b", "c", "d"]) void take(name);
    await turn();
    expect(got).toEqual(["a true", "b true"]);

    slots.give();
    await turn();
    expect(got).toEqual(["a true", "b true", "c true"]);

    slots.give();
    slots.give();
    slots.give();
    await turn();
    expect(got.length).toBe(4);
    expect(slots.waiting).toBe(0);
    await Promise.all([take("e"), take("f")]);
  });

  it("are not given to who was told to end, before or while waiting", async () => {
    const [early, late] = [new AbortController(), new AbortController()];
    early.abort();
    for (const name of ["a", "b"]) void take(name);
    void take("early", early.signal);
    void take("late", late.signal);
    void take("next");

    late.abort();
    slots.give();
    await turn();

    expect(got.sort()).toEqual(["a true", "b true", "early false", "late false", "next true"]);
  });

  it("are given back by who was told to end after it had one", async () => {
    const one = new Slots(1);
    const abort = new AbortController();
    expect(await one.take(abort.signal)).toBe(true);

    abort.abort();
    one.give();

    expect(await one.take(new AbortController().signal)).toBe(true);
  });
});
