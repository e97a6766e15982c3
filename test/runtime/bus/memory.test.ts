import { describe, expect, it, vi } from "vitest";
import { MemoryBus } from "../../../runtime/bus/memory.ts";
import { ManualClock } from "../../../runtime/clock.ts";
import { limits } from "../../../runtime/limits.ts";
import { busContract, bytes } from "../../contracts/bus.ts";

describe("MemoryBus", () => {
  busContract(async (options) => new MemoryBus(options));

  it("refuses a publish at the bound of a backlog, and nobody gets it", async () => {
    const bus = new MemoryBus();
    let slow = 0;
    let late = 0;
    bus.subscribe("a", () => slow++);
    for (let i = 0; i < limits.busQueue; i++) bus.publish("a", bytes(""));
    bus.subscribe("a", () => late++);

    expect(() => bus.publish("a", bytes(""))).toThrow(expect.objectContaining({ code: "overloaded" }));
    expect(bus.stats()).toMatchObject({ slow: 1, waiting: limits.busQueue });
    await bus.flush();
    bus.publish("a", bytes(""));
    await bus.flush();

    expect([slow, late]).toEqual([limits.busQueue + 1, 1]);
  });

  it("passes over a member of a group whose backlog is full", async () => {
    const bus = new MemoryBus();
    const got = [0, 0];
    bus.subscribe("own", () => {});
    bus.subscribe("*", () => got[0]!++, { queue: "q" });
    for (let i = 0; i < limits.busQueue; i++) bus.publish("only", bytes(""));
    bus.subscribe("own", () => got[1]!++, { queue: "q" });

    for (let i = 0; i < 10; i++) bus.publish("own", bytes(""));
    await bus.flush();

    expect(got).toEqual([limits.busQueue, 10]);
  });

  it("measures the patience of a request by its clock", async () => {
    const clock = new ManualClock();
    const bus = new MemoryBus({ clock });
    bus.subscribe("mute", () => {});
    const refused = expect(bus.request("mute", bytes(""))).rejects.toMatchObject({ code: "unavailable" });
    const outcome = { settled: false };
    void refused.then(() => {
      outcome.settled = true;
    });

    clock.advance(limits.busRequestMs - 1);
    await bus.flush();
    expect(outcome.settled).toBe(false);
    clock.advance(1);

    await refused;
  });

  it("lets timers and sockets have their turn while handlers publish without end", async () => {
    const bus = new MemoryBus();
    let storm = true;
    bus.subscribe("a", () => {
      if (storm) bus.publish("a", bytes(""));
    });
    bus.subscribe("b", async () => {
      await null;
      if (storm) bus.publish("b", bytes(""));
    });

    bus.publish("a", bytes(""));
    bus.publish("b", bytes(""));
    await new Promise((resolve) => setTimeout(resolve, 5));
    storm = false;
    await bus.flush();

    expect(bus.stats().delivered).toBeGreaterThan(2);
  });

  it("goes on when the one who takes errors fails", async () => {
    const emitWarning = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const bus = new MemoryBus({
      onError: () => {
        throw new Error("the reporter is broken");
      },
    });
    let calls = 0;
    bus.subscribe("a", () => {
      calls++;
      throw new Error("broken");
    });

    bus.publish("a", bytes(""));
    bus.publish("a", bytes(""));
    await bus.flush();
    const warnings = emitWarning.mock.calls.map(([warning]) => warning);
    emitWarning.mockRestore();

    expect(calls).toBe(2);
    expect(warnings).toEqual(Array(2).fill(expect.stringContaining("reporter is broken")));
  });

  it("drains although a request is never answered", async () => {
    const clock = new ManualClock();
    const bus = new MemoryBus({ clock });
    bus.subscribe("mute", () => {});
    const refused = expect(bus.request("mute", bytes(""), { timeoutMs: 10 * limits.drainMs })).rejects.toThrow(
      "no answer",
    );

    const drained = bus.drain();
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(limits.drainMs);
    await drained;

    expect(bus.state).toBe("closed");
    clock.advance(10 * limits.drainMs);
    await refused;
  });
});
