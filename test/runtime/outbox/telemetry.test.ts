import { describe, expect, it } from "vitest";
import type { BusState } from "../../../runtime/bus/bus.ts";
import { ManualClock } from "../../../runtime/clock.ts";
import { AisleError } from "../../../runtime/errors.ts";
import { Telemetry } from "../../../runtime/outbox/telemetry.ts";

/** A bus of which the test says what it takes. */
function busThatIs(state: BusState) {
  const listeners: ((state: BusState) => void)[] = [];
  const sent: string[] = [];
  const bus = {
    state,
    takes: Number.POSITIVE_INFINITY,
    hears: () => bus.state === "here",
    onState: (listener: (state: BusState) => void) => void listeners.push(listener),
    publish: (subject: string) => {
      if (bus.state !== "here") throw new AisleError("unavailable", "away");
      if (subject === "huge") throw new AisleError("too-large", "huge");
      if (bus.takes-- <= 0) throw new AisleError("overloaded", "full");
      sent.push(subject);
    },
    become(next: BusState) {
      bus.state = next;
      for (const listener of listeners) listener(next);
    },
  };
  return { bus, sent };
}

const bytes = (length: number) => new Uint8Array(length);

describe("what is told of the board", () => {
  it("leaves at once while the bus is here", () => {
    const { bus, sent } = busThatIs("here");
    const telemetry = new Telemetry({ bus, clock: new ManualClock() });

    telemetry.publish("a", bytes(10));

    expect(sent).toEqual(["a"]);
    expect(telemetry.stats()).toEqual({ waiting: 0, bytes: 0, shed: 0 });
  });

  it("waits while the bus is away, and comes in order when it is back", () => {
    const { bus, sent } = busThatIs("away");
    const telemetry = new Telemetry({ bus, clock: new ManualClock() });
    expect(telemetry.hears("a")).toBe(true);
    for (const subject of ["a", "b", "c"]) telemetry.publish(subject, bytes(10));
    expect(telemetry.stats().waiting).toBe(3);

    bus.become("here");
    telemetry.publish("d", bytes(10));

    expect(sent).toEqual(["a", "b", "c", "d"]);
    expect(telemetry.stats()).toMatchObject({ waiting: 0, bytes: 0 });
  });

  it("loses the oldest first, counted, past its bytes and its time", () => {
    const { bus, sent } = busThatIs("away");
    const clock = new ManualClock();
    const telemetry = new Telemetry({ bus, clock, bounds: { telemetryBytes: 1_000, telemetryMs: 60_000 } });
    for (let i = 0; i < 10; i++) telemetry.publish(`m${i}`, bytes(200));
    expect(telemetry.stats()).toMatchObject({ waiting: 3, shed: 7 });
    clock.advance(50_000);
    telemetry.publish("young", bytes(200));
    clock.advance(20_000);

    bus.become("here");

    expect(sent).toEqual(["young"]);
    expect(telemetry.stats()).toMatchObject({ waiting: 0, shed: 10 });
  });

  it("goes on a little later when the bus had no room, and lets go of what no bus takes", () => {
    const { bus, sent } = busThatIs("here");
    const clock = new ManualClock();
    const telemetry = new Telemetry({ bus, clock });
    bus.takes = 1;
    for (const subject of ["a", "b", "huge", "c"]) telemetry.publish(subject, bytes(10));
    expect(sent).toEqual(["a"]);

    bus.takes = 10;
    clock.advance(100);

    expect(sent).toEqual(["a", "b", "c"]);
    expect(telemetry.stats()).toMatchObject({ waiting: 0, shed: 1 });
    telemetry.close();
  });

  it("is counted as let go of when it still waits at the end, after the bus was asked once more", () => {
    const { bus, sent } = busThatIs("here");
    const telemetry = new Telemetry({ bus, clock: new ManualClock() });
    bus.takes = 0;
    for (const subject of ["a", "b", "c"]) telemetry.publish(subject, bytes(10));
    bus.takes = 1;

    telemetry.flush();
    const left = [telemetry.close(), telemetry.close()];

    expect(sent).toEqual(["a"]);
    expect(left).toEqual([2, 0]);
    expect(telemetry.stats()).toEqual({ waiting: 0, bytes: 0, shed: 2 });
  });
});
