import { expect, it } from "vitest";
import { DELIVERIES_PER_TURN, Deliveries } from "../../../runtime/bus/deliveries.ts";

const ITEMS = 2_000;
const MS_EACH = 0.05;

/** Deliveries in each turn of the event loop, in which others take so long. */
async function perTurn(othersMs: number): Promise<number[]> {
  let ms = 0;
  const counts: number[] = [];
  let count = 0;
  const got: number[] = [];
  const deliveries = new Deliveries<number>(
    (item) => {
      got.push(item);
      count++;
      ms += MS_EACH;
    },
    { monotonic: () => ms },
  );
  for (let item = 0; item < ITEMS; item++) deliveries.push(item);
  while (deliveries.waiting > 0) {
    await new Promise((resolve) => setImmediate(resolve));
    counts.push(count);
    count = 0;
    ms += othersMs;
  }
  expect(got).toEqual(Array.from({ length: ITEMS }, (_, item) => item));
  return counts.filter((each) => each > 0);
}

it("makes so many in a turn, so that sockets are heard in between", async () => {
  const counts = await perTurn(0);

  expect(Math.max(...counts)).toBe(DELIVERIES_PER_TURN);
  expect(counts.slice(0, -1).every((count) => count === DELIVERIES_PER_TURN)).toBe(true);
});

it("makes more where turns are long, for half as long as others take and no longer than 10 ms", async () => {
  const [some, most] = [await perTurn(16), await perTurn(1_000)];

  expect(Math.max(...some)).toBeGreaterThan(DELIVERIES_PER_TURN);
  expect(Math.max(...some) * MS_EACH).toBeLessThan(8 + 1);
  expect(Math.max(...most) * MS_EACH).toBeGreaterThan(9);
  expect(Math.max(...most) * MS_EACH).toBeLessThan(10 + 1);
});
