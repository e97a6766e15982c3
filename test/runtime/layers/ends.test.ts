import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Ends } from "../../../runtime/layers/ends.ts";
import { type Held, Wire } from "../../../runtime/layers/held.ts";
import { actorOf, holdOn } from "../../support/layered.ts";

const WIRE = new Wire(actorOf("vetoed", { layer: 1 }), "inhibits", holdOn("offered", 1), 0);

function heldUntil(until: number, key: string): Held {
  return { wire: WIRE, key, text: "", value: "", at: 0, until, gone: false };
}

describe("the ends of holds", () => {
  it("come in their order, also after renewals", () => {
    const moves = fc.array(fc.record({ until: fc.nat(50), later: fc.nat(50), gone: fc.boolean() }), { maxLength: 60 });
    fc.assert(
      fc.property(moves, (all) => {
        const ends = new Ends();
        const holds = all.map(({ until }, index) => heldUntil(until, String(index)));
        for (const held of holds) ends.add(held);
        all.forEach(({ later, gone }, index) => {
          const held = holds[index]!;
          held.until += later;
          held.gone = gone;
          if (gone) ends.dropped();
        });
        const order: number[] = [];
        for (let next = ends.next(); next !== null; next = ends.next()) {
          order.push(next.until);
          next.gone = true;
          ends.dropped();
        }

        expect(order).toEqual(
          holds.flatMap(({ until }, index) => (all[index]!.gone ? [] : until)).sort((a, b) => a - b),
        );
        expect(ends.size).toBe(0);
      }),
    );
  });

  it("take no more room than is needed, however often holds are let go and taken again", () => {
    const ends = new Ends();
    for (let times = 0; times < 20_000; times++) {
      const held = heldUntil(1_000_000 - times, String(times));
      ends.add(held);
      if (times < 10) continue;
      held.gone = true;
      ends.dropped();
    }

    expect(ends.size).toBe(10);
    expect(ends.places).toBeLessThan(2_000);
    expect(ends.next()!.until).toBe(1_000_000 - 9);
  });
});
