import { beforeEach, describe, expect, it } from "vitest";
import { MemoryBus } from "../../../runtime/bus/memory.ts";
import { ManualClock } from "../../../runtime/clock.ts";
import { limits } from "../../../runtime/limits.ts";
import type { Notice } from "../../../runtime/runs/job.ts";
import { RunLogs } from "../../../runtime/runs/log.ts";
import { Notices, sentenceOf, type Told } from "../../../runtime/runs/notices.ts";

const TOLD: Told = {
  ...{ host: "box-1", page: "samples", key: "lab1,a", keys: { lab: "lab1", sample: "a" }, goal: "taskA" },
  ...{ run: "r1", attempt: 2, outcome: "failed", detail: "exit 3" },
};

describe("a notice", () => {
  let bus: MemoryBus;
  let logs: RunLogs;
  let lost: unknown[];
  let notices: Notices;

  beforeEach(() => {
    bus = new MemoryBus();
    logs = new RunLogs({ secrets: ["s3cr3t-token"] });
    lost = [];
    notices = new Notices({
      ...{ bus, base: "aisle.pipeline.box-1", site: "pipeline", place: "box-1" },
      clock: new ManualClock(Date.UTC(2026, 2, 1)),
      tail: (run, bytes) => logs.tail(run, bytes),
      onLost: (_, error) => lost.push(error),
    });
  });

  const heard = async (told: Partial<Told> = {}) => {
    const got: Notice[] = [];
    bus.subscribe("aisle.pipeline.box-1.notices", ({ payload }) =>
      got.push(JSON.parse(Buffer.from(payload).toString())),
    );
    notices.tell({ ...TOLD, ...told });
    await bus.flush();
    return got;
  };

  it("says who, what, where, when, why, and how the run's log ends, without secrets", async () => {
    logs.append("r1", "token s3cr3t-token\nno reagent\n");

    expect(await heard()).toEqual([
      { at: "2026-03-01T00:00:00.000Z", site: "pipeline", place: "box-1", ...TOLD, log: "token ***\nno reagent\n" },
    ]);
    expect(notices.stats()).toEqual({ published: 1, lost: 0 });
  });

  it("fits into a message, however much there is to say", async () => {
    logs.append("r1", "x".repeat(limits.runLogBytes));

    const [notice] = await heard({ detail: "y".repeat(1_000_000) });

    expect(notice!.log).toBe("x".repeat(limits.noticeLogBytes));
    expect(notice!.detail.length).toBe(limits.resultDetailChars);
  });

  it("has no log when there was no run", async () => {
    const [notice] = await heard({ run: "", attempt: 0, outcome: "overdue", detail: "" });

    expect(notice).toMatchObject({ outcome: "overdue", log: "" });
  });

  it("that can't be published is counted, and harms nobody", async () => {
    await bus.drain();

    notices.tell(TOLD);

    expect(notices.stats()).toEqual({ published: 0, lost: 1 });
    expect(lost).toEqual([expect.objectContaining({ code: "unavailable" })]);
  });

  it.each([
    [{}, "'taskA' of samples lab1, a failed on box-1, run 2: exit 3"],
    [{ outcome: "overdue", detail: "" }, "'taskA' of samples lab1, a is overdue"],
    [
      { outcome: "lapsed", detail: "its lease ran out" },
      "'taskA' of samples lab1, a: run 2 on box-1 ended without a result: its lease ran out",
    ],
    [{ outcome: "rejected-fields", detail: "'nte'" }, "'taskA' of samples lab1, a: fields were not written: 'nte'"],
    [{ outcome: "extra-run", detail: "late" }, "'taskA' of samples lab1, a: a run on box-1 counted for nothing: late"],
  ] as const)("as a sentence: %j", (changes, sentence) => {
    expect(sentenceOf({ at: "", site: "s", place: "box-1", log: "", ...TOLD, ...changes })).toBe(sentence);
  });
});
