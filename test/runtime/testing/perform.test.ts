import { describe, expect, it } from "vitest";
import { type Letter, perform, type ReadEvent, type Stage, type Told } from "../../../runtime/testing/perform.ts";
import type { Expectation, Script, Step } from "../../../runtime/testing/script.ts";

/** A place that does nothing but write down what it is asked to do. */
class FakeStage implements Stage {
  readonly log: string[] = [];
  readonly told: Readonly<Record<string, readonly Told[]>>;
  #now: number;

  constructor(at: number, told: FakeStage["told"] = {}) {
    this.#now = at;
    this.told = told;
    this.log.push(`open at ${at}`);
  }

  now(): number {
    return this.#now;
  }

  moveTo(at: number): void {
    this.#now = Math.max(this.#now, at);
  }

  async send(body: Uint8Array): Promise<void> {
    this.log.push(`${Buffer.from(body)} at ${this.#now}`);
  }

  async settle(): Promise<void> {
    this.log.push("settle");
  }

  decisions(): readonly unknown[] {
    return [{ customer: "7" }];
  }

  aggregates(identity: string): readonly Told[] {
    return this.told[identity] ?? [];
  }

  async features(identity: string): Promise<readonly Told[]> {
    return this.told[identity] ?? [];
  }

  async letters(): Promise<readonly Letter[]> {
    return [];
  }
}

/** Events are texts such as "7" or "7@100": of whom, and when. */
const read: ReadEvent = (body) => {
  const [identity, at] = Buffer.from(body).toString().split("@");
  return identity === "?" ? null : { identity: identity!, at: at === undefined ? null : Number(at) };
};

async function play(
  steps: readonly (string | number)[],
  {
    at = null,
    expect = null,
    told = {},
  }: { at?: number | null; expect?: Expectation | null; told?: FakeStage["told"] } = {},
) {
  const all = steps.map((step): Step => (typeof step === "string" ? { body: Buffer.from(step) } : { pauseMs: step }));
  const script: Script = { name: "a", path: "/a.yml", at, steps: all, expect };
  let stage: FakeStage | null = null;
  const outcome = await perform(script, read, async (begin, use) => {
    stage = new FakeStage(begin, told);
    return use(stage);
  });
  return { outcome, log: stage!.log };
}

describe("a test at a place", () => {
  it("happens one after the other, at the events' own times or when time has passed", async () => {
    const { log } = await play(["7", 5, "7@120", "8", "7@60", 10, "?"], { at: 100 });

    expect(log.filter((line) => line !== "settle")).toEqual([
      "open at 100",
      "7 at 100",
      "7@120 at 120",
      "8 at 120",
      "7@60 at 120",
      "? at 130",
    ]);
    expect(log.at(-1)).toBe("settle");
  });

  it("begins with the first event that brings a time, when it does not say", async () => {
    expect((await play(["7", "7@50"])).log[0]).toBe("open at 50");
    await expect(play(["7", 5])).rejects.toThrow("'at' is missing");
  });

  const told = {
    "7": [
      { spec: "a", json: '{"visit":[1],"own":[2]}' },
      { spec: "b", json: '{"visit":[3]}' },
      { spec: "c", json: "null" },
    ],
    "8": [{ spec: "a", json: "null" }],
  };

  it("is asked about whom something is expected of", async () => {
    const expected = { aggregates: { "9": {} }, features: { "7": {}, "8": null } };
    const { outcome } = await play(["7@1"], { told, expect: expected });

    expect(outcome).toMatchObject({
      aggregates: { "9": {} },
      features: { "7": { "a.visit": [1], own: [2], "b.visit": [3] }, "8": null },
      decisions: [{ customer: "7" }],
      deadLetters: [],
    });
    expect((await play(["7@1"], { told, expect: {} })).outcome).toMatchObject({ aggregates: {}, features: {} });
  });

  it("is asked about everybody while nothing is expected", async () => {
    const { outcome } = await play(["9@1", "7"], { told: { "7": told["7"].slice(0, 2) } });

    expect(outcome.aggregates).toEqual({ "9": {}, "7": { "a.visit": [1], own: [2], "b.visit": [3] } });
    expect(outcome.features).toEqual({ "9": null, "7": { "a.visit": [1], own: [2], "b.visit": [3] } });
  });
});
