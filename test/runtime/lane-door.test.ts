import { describe } from "vitest";
import { NatsBus } from "../../runtime/bus/nats.ts";
import { openDoor } from "../../runtime/door.ts";
import { LaneDoor } from "../../runtime/lane-door.ts";
import { doorContract } from "../contracts/door.ts";
import { describeWithNats } from "../support/nats-server.ts";

describeWithNats("a door of the bus", () => {
  describe("by the package nats", () => {
    doorContract(({ base, intake }, options) => {
      const bus = new NatsBus(options);
      const close = openDoor({ bus, base, intake, hasHub: false });
      const drain = async () => {
        close();
        if (bus.state === "here") await bus.flush();
      };
      return {
        door: { drain, close: () => bus.drain() },
        isHere: () => bus.state === "here",
        losses: () => bus.stats().losses,
        cutOffs: () => bus.stats().cutOff,
      };
    });
  });

  describe("by the fast lane", () => {
    doorContract(({ base, intake }, options) => {
      const handOver = (reason: string) => options.onError!(new Error(`handed over: ${reason}`), "");
      const door = new LaneDoor({ ...options, base, intake, hasHub: false, handOver });
      const stats = () => door.lane.stats();
      const isHere = () => door.lane.state === "here";
      return { door, isHere, losses: () => stats().losses, cutOffs: () => stats().slow };
    });
  });
});
