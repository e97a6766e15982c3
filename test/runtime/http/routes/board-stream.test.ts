import { beforeEach, describe, expect, it } from "vitest";
import { type BoardRig, boardRig, NODE } from "../../../support/board.ts";
import { type TestApp, testApp } from "../../../support/http.ts";
import { LAB } from "../../../support/lab.ts";

let rig: BoardRig;
let at: TestApp;

beforeEach(() => {
  rig = boardRig(LAB);
  at = testApp({}, rig.face);
});

interface Event {
  readonly id: number;
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** Reads events of a stream as they come. */
class Reader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #events: Event[] = [];
  #rest = "";

  constructor(response: Response) {
    expect(response.status).toBe(200);
    this.#reader = response.body!.getReader();
  }

  async take(count: number): Promise<Event[]> {
    while (this.#events.length < count) {
      const { done, value } = await this.#reader.read();
      if (done) break;
      const parts = (this.#rest + new TextDecoder().decode(value)).split("\n\n");
      this.#rest = parts.pop()!;
      for (const part of parts) {
        const [, id, event, data] = /^id: (\d+)\nevent: (\w+)\ndata: (.+)$/.exec(part) ?? [];
        if (data !== undefined) this.#events.push({ id: Number(id), event: event!, data: JSON.parse(data) });
      }
    }
    return this.#events.splice(0, count);
  }

  cancel = () => this.#reader.cancel();
}

const open = async (page = "jobs", headers: Record<string, string> = {}, query = "") =>
  new Reader(await at.app.request(`/pages/${page}/stream${query}`, { headers }));
const notes = (events: readonly Event[]) => events.map(({ data }) => (data.cells as { note?: string })?.note);

describe("GET /pages/:page/stream", () => {
  it("tells of each change once it is on disk", async () => {
    const stream = await open();
    const first = stream.take(1);
    rig.journal.hold();
    const written = rig.set("jobs", "1", { note: "x", build: "1" }, "bob");
    let told = false;
    void first.then(() => {
      told = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toBe(false);
    rig.journal.release();
    await written;

    expect(await first).toEqual([
      {
        ...{ id: 1, event: "change" },
        data: {
          ...{ seq: 1, at: rig.clock.now(), by: "bob", page: "jobs", key: "1", keys: { id: "1" }, do: "set" },
          cells: { note: "x", build: "1", complete: "1" },
        },
      },
    ]);
  });

  it("tells of claims and results, with goal and run", async () => {
    const stream = await open();
    await rig.set("jobs", "1");
    await rig.claim("jobs", "1", "build", "run-1");
    await rig.finish("jobs", "1", "build", "run-1", { outcome: "failed", fields: { note: "y" }, detail: "no disk" });

    const [, claim, finish] = await stream.take(3);
    expect(claim!.data).toMatchObject({ do: "claim", goal: "build", run: "run-1", cells: { build: `r:${NODE}` } });
    expect(finish!.data).toMatchObject({
      ...{ do: "finish", goal: "build", run: "run-1", detail: "no disk", by: NODE },
      cells: { note: "y", build: `F:${NODE}` },
    });
  });

  it("tells of goals that another subsumes, of a record that is complete, and of what is overdue", async () => {
    const stream = await open("samples");
    await rig.set("samples", "lab1,a,");
    await rig.claim("samples", "lab1,a,", "taskC", "run-1");
    await rig.finish("samples", "lab1,a,", "taskC", "run-1", { also: ["report"] });
    await rig.say({ do: "overdue", page: "samples", key: "lab1,a,", goal: "qc" });
    await rig.say({ do: "remove", page: "samples", key: "lab1,a," });

    expect((await stream.take(5)).slice(2).map(({ data }) => ({ do: data.do, cells: data.cells }))).toEqual([
      { do: "finish", cells: { report: "1", taskC: "1" } },
      { do: "overdue", cells: { qc: "" } },
      { do: "remove", cells: {} },
    ]);

    const jobs = await open("jobs");
    await rig.set("jobs", "1");
    await rig.claim("jobs", "1", "build", "run-2");
    await rig.finish("jobs", "1", "build", "run-2");
    await rig.set("jobs", "1", { complete: "" });
    expect((await jobs.take(4)).slice(2).map(({ data }) => data.cells)).toEqual([
      { build: "1", complete: "1" },
      { complete: "" },
    ]);
  });

  it("keeps to its page", async () => {
    const stream = await open("loose");
    await rig.set("jobs", "1", { note: "elsewhere" });
    await rig.set("loose", "1", { note: "here" });

    expect(notes(await stream.take(1))).toEqual(["here"]);
  });

  it("begins after what was read of the page, so that nothing is missed", async () => {
    (await open()).cancel(); // somebody has followed the page before
    await rig.set("jobs", "1", { note: "seen" });
    const { seq } = await (await at.app.request("/pages/jobs")).json();
    await rig.set("jobs", "1", { note: "between" });

    const stream = await open("jobs", {}, `?lastEventId=${seq}`);
    await rig.set("jobs", "1", { note: "after" });

    expect(notes(await stream.take(2))).toEqual(["between", "after"]);
  });

  it("resumes after the last event that was seen", async () => {
    const first = await open();
    await rig.set("jobs", "1", { note: "1" });
    const [seen] = await first.take(1);
    await first.cancel();
    await rig.set("jobs", "1", { note: "2" });

    const second = await open("jobs", { "last-event-id": String(seen!.id) });
    await rig.set("jobs", "1", { note: "3" });

    expect(notes(await second.take(2))).toEqual(["2", "3"]);
  });

  it("says when the page has to be read again", async () => {
    await rig.set("jobs", "1", { note: "1" });
    await rig.set("jobs", "1", { note: "2" });

    const stream = await open("jobs", { "last-event-id": "1" });
    await rig.set("jobs", "1", { note: "3" });

    const [reset, change] = await stream.take(2);
    expect(reset).toEqual({ id: 2, event: "reset", data: { do: "reset", seq: 2, page: "jobs" } });
    expect(change).toMatchObject({ id: 3, event: "change" });
  });

  it("answers 404 to a page that there is not", async () => {
    expect((await at.app.request("/pages/job/stream")).status).toBe(404);
  });
});
