import { expect, it } from "vitest";
import { frailtyOf, isAtLeast } from "../../../runtime/bus/nats-versions.ts";

it.each([
  ["2.9.10", [2, 10, 0], false],
  ["2.10.0", [2, 10, 0], true],
  ["2.11.0-RC.1", [2, 10, 0], true],
  ["3.0.0", [2, 10, 0], true],
  ["2.9.21", [2, 9, 21], true],
  ["2.9.9", [2, 9, 21], false],
  ["", [2, 9, 21], false],
  ["what", [2, 9, 21], false],
  [null, [2, 9, 21], false],
])("is %s at least %j? %s", (version, least, expected) => {
  expect(isAtLeast(version, least)).toBe(expected);
});

const resting = (storage: string, synced: boolean) => ({
  ...{ rests: "events of the stream 'SALES' rest on JetStream alone", setting: "synced", storage, synced },
});

it.each([
  ["memory", "2.10.22", true, "keeps them in memory"],
  ["file", "2.9.10", true, "nats-server 2.9.10 acknowledges before it syncs"],
  ["file", "2.10.22", false, "whether nats-server 2.10.22 syncs before it acknowledges is not known"],
  ["file", null, false, "whether its server syncs"],
])("a stream in the %s of server %s, synced: %s, is frail: %s", (storage, version, synced, expected) => {
  expect(frailtyOf(resting(storage, synced), version)).toContain(expected);
});

it.each(["2.10.0", null])("a stream whose server %s syncs always lasts", (version) => {
  expect(frailtyOf(resting("file", true), version)).toBeNull();
});
