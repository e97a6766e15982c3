// Envelopes have a bound: none may be used up by what was met once, or was none of the intake's after all.
import { expect, it } from "vitest";
import { ManualClock } from "../../../runtime/clock.ts";
import { limits } from "../../../runtime/limits.ts";
import { NOW } from "../../support/intake.ts";
import { entry, exit, IntakeRig } from "../../support/intake-rig.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";

function rigNow(): IntakeRig<MemoryJournal> {
  const clock = new ManualClock(NOW);
  return new IntakeRig({ clock, journal: new MemoryJournal(clock) });
}

it("are given back by bodies that have to be looked at, each with a trace of its own", async () => {
  const rig = rigNow();
  let number = 0;
  /** Whether it was taken as it came. */
  const post = (event: Uint8Array): boolean => {
    const trace = (++number).toString(16);
    const traceparent = `00-${trace.padStart(32, "0")}-${trace.padStart(16, "0")}-01`;
    const envelope = { principal: "http", subject: "/events", type: null, headers: { traceparent } };
    return rig.intake.body([event], event.length, envelope, "durable") !== null;
  };

  expect(Array.from({ length: 300 }, (_, i) => post(entry(i))).filter(Boolean)).toEqual([]);
  expect(Array.from({ length: 1_000 }, (_, i) => post(exit(i))).filter(Boolean)).toHaveLength(1_000);
  await rig.intake.drain();
  expect(rig.parts).not.toContain(1);
});

it("are not used up by a stream whose subjects have identities: events bring them then", async () => {
  const rig = rigNow();
  const count = 2 * limits.intakeEnvelopes;
  const subjectOf = (id: number) => `tills.events.exit.${id}`;
  const items = Array.from({ length: count }, (_, id) => {
    return { subject: subjectOf(id), type: "exit", headers: {}, body: exit(id) };
  });
  const letter = { subject: "tills.events.exit.ü", type: "exit", headers: {}, body: exit(count) };

  await rig.intake.takeStream([...items, letter], (index) => ({ source: "s", value: String(index) }));
  const [last, ...parts] = rig.parts.toReversed();
  await rig.add(exit(1), "events.exit");

  expect(new Set(parts)).toEqual(new Set(["block"]));
  expect(last).toBe(1); // a subject that is not ASCII is looked at
  expect(rig.parts.at(-1)).toBe("block");
  const subjects = [...rig.journal.read()].map(({ subject }) => subject);
  expect(subjects.slice(0, -1)).toEqual([...items, letter].map(({ subject }) => subject));
});
