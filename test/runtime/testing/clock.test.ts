import { describe, expect, it } from "vitest";
import { WakingClock } from "../../../runtime/testing/clock.ts";

const stopped = { monotonic: () => 0 };

describe("the clock of a test", () => {
  it("moves forward only", () => {
    const clock = new WakingClock(100, stopped);
    clock.moveTo(50);
    expect(clock.now()).toBe(100);
    clock.moveTo(200);
    expect(clock.now()).toBe(200);
  });

  it("runs what fell due once, in order, when it has moved", () => {
    const clock = new WakingClock(0, stopped);
    const ran: string[] = [];
    const tick = () => {
      ran.push(`tick at ${clock.now()}`);
      clock.after(10, tick);
    };
    clock.after(10, tick);
    clock.after(5, () => ran.push("first"));
    clock.after(500, () => ran.push("later"));
    clock.moveTo(100);
    expect(ran).toEqual(["first", "tick at 100"]);
    clock.moveTo(111);
    expect(ran).toEqual(["first", "tick at 100", "tick at 111"]);
  });

  it("forgets what was cancelled, even by what falls due with it", () => {
    const clock = new WakingClock(0, stopped);
    const ran: string[] = [];
    const cancels: (() => void)[] = [];
    clock.after(1, () => cancels[0]!());
    cancels.push(clock.after(2, () => ran.push("cancelled")));
    clock.moveTo(10);
    expect(ran).toEqual([]);
  });
});
