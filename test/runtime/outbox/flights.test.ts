import { expect, it } from "vitest";
import { Flights } from "../../../runtime/outbox/flights.ts";

it("remembers what was confirmed behind what was not, however often all is lost", () => {
  const flights = new Flights();
  const add = (seq: number) => flights.add({ seq, receivedAt: seq, customer: `c${seq}`, left: 1, bytes: 10 });
  add(1);
  flights.end(add(2));
  expect(flights.ahead).toBe(1);
  for (let time = 0; time < 3; time++) {
    flights.lose();
    expect(flights.ahead).toBe(1);
    expect(flights.wasDone(1)).toBe(false);
    const first = add(1);
    expect(flights.wasDone(2)).toBe(true);
    expect([flights.ahead, flights.through, flights.bytes]).toEqual([1, 0, 10]);
    if (time < 2) continue;
    flights.end(first);
    expect([flights.size, flights.ahead, flights.through]).toEqual([0, 0, null]);
  }
  flights.lose();
  expect(flights.wasDone(2)).toBe(false);
});
