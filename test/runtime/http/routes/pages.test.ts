import { beforeEach, describe, expect, it } from "vitest";
import { keyOf } from "../../../../runtime/board/board.ts";
import { pages, recordsView, sheetReceipt } from "../../../../runtime/http/schemas.ts";
import { type BoardRig, boardRig } from "../../../support/board.ts";
import { type TestApp, testApp } from "../../../support/http.ts";
import { LAB } from "../../../support/lab.ts";
import { prng } from "../../../support/prng.ts";

let rig: BoardRig;
let at: TestApp;

beforeEach(() => {
  rig = boardRig(LAB);
  at = testApp({}, rig.face);
});

const get = async (path: string) => (await at.app.request(path)).json();
const fill = async (count: number) => {
  for (let i = 1; i <= count; i++) await rig.set("jobs", String(i));
};
const keys = (records: { key: string }[]) => records.map(({ key }) => key);

describe("GET /pages", () => {
  it("lists the pages of the plan with their columns", async () => {
    const body = await get("/pages");

    expect(body.pages.map(({ name }: { name: string }) => name)).toEqual([
      "samples",
      "jobs",
      "loose",
      "visits",
      "priority",
    ]);
    expect(body.pages[0]).toMatchObject({ open: true, fed: false, ranks: false, size: 0, parent: null });
    expect(body.pages[0].columns).toEqual([
      { name: "lab", role: "key", required: true },
      { name: "sample", role: "key", required: true },
      { name: "batch", role: "key", required: false },
      { name: "ready", role: "ready" },
      { name: "taskA", role: "goal", kind: "module" },
      { name: "qc", role: "goal", kind: "person", who: ["alice"] },
      { name: "taskB", role: "goal", kind: "module" },
      { name: "taskC", role: "goal", kind: "module" },
      { name: "report", role: "goal", kind: null },
      { name: "complete", role: "complete" },
    ]);
    expect(body.pages[1]).toMatchObject({ open: false });
    expect(body.pages[3]).toMatchObject({ fed: true });
    expect(body.pages[4]).toMatchObject({ ranks: true });
    expect(pages.parse(body)).toEqual(body);
  });
});

describe("GET /pages/:page", () => {
  it("gives its records, oldest first", async () => {
    await rig.set("jobs", "b", { note: "x" });
    await rig.set("jobs", "a", { build: "1" });

    const body = await get("/pages/jobs");

    expect(body).toMatchObject({ name: "jobs", size: 2, seq: 2, next: null });
    expect(body.records).toEqual([
      { key: "b", revision: 1, row: { id: "b", ready: "1", build: "", note: "x", metric: "", complete: "" } },
      { key: "a", revision: 2, row: { id: "a", ready: "1", build: "1", note: "", metric: "", complete: "1" } },
    ]);
    expect(recordsView.parse(body)).toEqual(body);
  });

  it("gives them some at a time, whatever their keys", async () => {
    const written = [
      ["a,b", "c/d", ""],
      ["100%", "ü", "&"],
      ["x", "y", "z"],
    ].map(keyOf);
    for (const key of written) await rig.set("samples", key);

    const seen: string[] = [];
    let after = "";
    for (let page = 0; page < 3; page++) {
      const { records, next } = await get(`/pages/samples?limit=1&after=${encodeURIComponent(after)}`);
      seen.push(...keys(records));
      after = next ?? "end";
    }

    expect(seen).toEqual(written);
    expect(after).toBe("end");
  });

  it("keeps to goals in a state", async () => {
    await fill(4);
    await rig.claim("jobs", "2", "build", "run-2");
    await rig.set("jobs", "3", { build: "F" });

    expect(keys((await get("/pages/jobs?state=running")).records)).toEqual(["2"]);
    expect(keys((await get("/pages/jobs?state=failed&goal=build")).records)).toEqual(["3"]);
    expect(keys((await get("/pages/jobs?state=empty")).records)).toEqual(["1", "4"]);
    expect(keys((await get("/pages/jobs?state=done")).records)).toEqual([]);
  });

  it("looks at so many records for one answer, and goes on from there", async () => {
    rig = boardRig(LAB, { limits: { listingScan: 3 } });
    at = testApp({}, rig.face);
    await fill(7);
    await rig.set("jobs", "5", { build: "1" });

    const answers = [await get("/pages/jobs?state=done")];
    while (answers.at(-1).next !== null) answers.push(await get(`/pages/jobs?state=done&after=${answers.at(-1).next}`));

    expect(answers.map(({ records }) => keys(records))).toEqual([[], ["5"], []]);
  });

  it.each([
    ["/pages/job", 404, "did you mean 'jobs'"],
    ["/pages/jobs?limit=0", 400, "limit"],
    ["/pages/jobs?limit=1001", 400, "limit"],
    ["/pages/jobs?state=broken", 400, "expected empty, running, done, failed, waiting"],
    ["/pages/jobs?goal=build", 400, "goes with 'state'"],
    ["/pages/jobs?state=done&goal=bild", 404, "did you mean 'build'"],
    ["/pages/jobs?after=nobody", 400, "begin without 'after'"],
  ])("answers %s with %i", async (path, status, detail) => {
    const response = await at.app.request(path);

    expect(response.status).toBe(status);
    expect((await response.json()).detail).toContain(detail);
  });
});

describe("GET /pages/:page/csv", () => {
  it("writes a page as a sheet", async () => {
    await rig.set("samples", keyOf(["lab 1", "a,b", ""]), { ready: "1", note: 'say "ja"', taskA: "F:there" });
    await rig.claim("samples", keyOf(["lab 1", "a,b", ""]), "taskB", "run-1");

    const response = await at.app.request("/pages/samples/csv");

    expect(response.headers.get("content-type")).toBe("text/csv; charset=utf-8; header=present");
    expect(response.headers.get("content-disposition")).toContain("samples.csv");
    expect((await response.text()).split("\r\n")).toEqual([
      "lab,sample,batch,ready,taskA,qc,taskB,taskC,report,note,complete",
      'lab 1,"a,b",,1,F:there,,r:here,,,"say ""ja""",',
      "",
    ]);
  });

  it("is as long as the page, and lets others have their turn", async () => {
    for (let i = 0; i < 1_000; i++) rig.board.page("jobs").add([String(i)], null);
    let turns = 0;
    const turn = () => {
      turns++;
      setImmediate(turn);
    };
    setImmediate(turn);

    const lines = (await (await at.app.request("/pages/jobs/csv")).text()).split("\r\n");

    expect(lines).toHaveLength(1 + 1_000 + 1);
    expect(turns).toBeGreaterThan(3);
  });

  it("is given to a few at once", async () => {
    rig = boardRig(LAB, { limits: { exports: 1 } });
    at = testApp({}, rig.face);
    const first = await at.app.request("/pages/jobs/csv");

    expect((await at.app.request("/pages/jobs/csv")).status).toBe(429);
    await first.body!.cancel();
    const third = await at.app.request("/pages/jobs/csv");
    expect(third.status).toBe(200);
    await third.text();
    expect((await at.app.request("/pages/jobs/csv", { method: "HEAD" })).status).toBe(200);
    expect((await at.app.request("/pages/jobs/csv")).status).toBe(200);
  });
});

describe("POST /pages/:page/csv", () => {
  const post = (path: string, body: string | Uint8Array, headers: Record<string, string> = {}) =>
    at.app.request(path, {
      method: "POST",
      headers: { "content-type": "text/csv", ...headers },
      body: body as BodyInit,
    });

  it("makes records, and writes cells that differ", async () => {
    await rig.set("jobs", "1", { note: "same" });
    await rig.set("jobs", "2", { note: "old" });

    const response = await post("/pages/jobs/csv", "id,note,build\n1,same,\n2,new,1\n3,fresh,F\n", {
      "aisle-principal": "bob",
    });

    const body = await response.json();
    expect(response.status).toBe(200);
    expect(body).toEqual({ records: 3, created: 1, changed: 1, unchanged: 1, cells: 4, running: 0, dryRun: false });
    expect(sheetReceipt.parse(body)).toEqual(body);
    expect(await get("/pages/jobs/records/2")).toMatchObject({
      row: { note: "new", build: "1" },
      goals: { build: { by: "bob" } },
    });
    expect(await get("/pages/jobs/records/1")).toMatchObject({ revision: 1 });
  });

  it("changes nothing when it is only to look", async () => {
    const body = await (await post("/pages/jobs/csv?dryRun=1", "id,note\n1,x\n")).json();

    expect(body).toMatchObject({ created: 1, cells: 1, dryRun: true });
    expect(rig.board.page("jobs").size).toBe(0);
  });

  it("changes nothing when there is a mistake in it, and names each with its line", async () => {
    const response = await post("/pages/jobs/csv", "id,note,build\n1,x,1\n2,x,done\n1,y,\n");

    expect(response.status).toBe(400);
    const { detail, errors } = await response.json();
    expect(detail).toBe("the file has mistakes: nothing was changed");
    expect(errors).toEqual([
      expect.objectContaining({
        ...{ index: 1, pointer: "/cells/build", code: "invalid-cell", line: 3, column: "build" },
        detail: expect.stringMatching(/^line 3, column 'build': 'build' takes nothing/),
      }),
      expect.objectContaining({ code: "duplicate-key", line: 4, detail: "line 4: the key 1 stands on line 2 already" }),
    ]);
    expect(rig.board.page("jobs").size).toBe(0);
    expect(rig.journal.disk.entries).toEqual([]);
  });

  it("leaves cells out that say somebody works on them, and counts them", async () => {
    const body = await (await post("/pages/jobs/csv", "id,build\n1,r:elsewhere\n2,r\n")).json();

    expect(body).toMatchObject({ created: 2, cells: 0, running: 2 });
    expect((await get("/pages/jobs/records/1")).goals.build.state).toBe("empty");
  });

  it("hands a long sheet to the journal in batches", async () => {
    rig = boardRig(LAB, { limits: { sheetBatch: 10 } });
    at = testApp({}, rig.face);
    const lines = Array.from({ length: 25 }, (_, i) => `${i}`).join("\n");

    expect(await (await post("/pages/jobs/csv", `id\n${lines}\n`)).json()).toMatchObject({ created: 25 });
    expect(rig.journal.commits).toBe(3);
    expect(rig.board.page("jobs").size).toBe(25);
  });

  it("says how far it came when the journal takes no more", async () => {
    rig = boardRig(LAB, { limits: { sheetBatch: 2 } });
    at = testApp({}, rig.face);
    rig.journal.onCommit(() => {
      rig.journal.queueMax = 0;
    });

    const response = await post("/pages/jobs/csv", "id\n1\n2\n3\n");

    expect(response.status).toBe(429);
    expect((await response.json()).detail).toContain("2 of 3 records were written: import the file again");
  });

  it("ends work on cells that it writes over", async () => {
    rig = boardRig(LAB, { starts: true });
    at = testApp({}, rig.face);
    await rig.set("jobs", "1");
    const [run] = [...rig.runs.keys()];

    await post("/pages/jobs/csv", "id,build\n1,1\n");

    expect(rig.cancelled).toEqual([run]);
  });

  it("lets a person's goal be filled by that person only", async () => {
    const sheet = "lab,sample,qc\nlab1,a,1\n";

    const refused = await post("/pages/samples/csv", sheet);
    expect(refused.status).toBe(403);
    expect((await refused.json()).errors).toMatchObject([{ code: "not-yours", line: 2, column: "qc" }]);
    expect((await post("/pages/samples/csv", sheet, { "aisle-principal": "alice" })).status).toBe(200);
    // It is there already: nothing of it is written.
    expect((await post("/pages/samples/csv", sheet)).status).toBe(200);
  });

  it.each([
    ["application/json", 415],
    ["text/csv; charset=utf-16", 415],
    ["text/tab-separated-values", 200],
    ["text/plain;charset=UTF-8", 200],
  ])("answers a body of %s with %i", async (type, status) => {
    expect((await post("/pages/jobs/csv", "id\n1\n", { "content-type": type })).status).toBe(status);
  });

  it("answers 400 to what is no UTF-8, and to a dryRun that is neither", async () => {
    expect((await post("/pages/jobs/csv", Uint8Array.of(0x69, 0x64, 0x0a, 0xff))).status).toBe(400);
    expect((await post("/pages/jobs/csv?dryRun=maybe", "id\n")).status).toBe(400);
  });

  it("takes its own sheets: what went out comes in again the same", async () => {
    const random = prng(20_260_301);
    const pieces = ["a", ",", '"', "\n", "\r\n", ";", "\t", "ü", " ", "1", "=", "☕", "'"];
    const text = () =>
      Array.from({ length: Math.floor(random() * 5) }, () => pieces[Math.floor(random() * pieces.length)]).join("");
    for (let i = 0; i < 300; i++) {
      const key = keyOf([`k${i}${text()}`, `s${text()}`, text()]);
      await rig.set("samples", key, {
        ...{ ready: random() < 0.5 ? "1" : "", note: text(), more: text() },
        taskA: ["", "1", "F", "F:there"][Math.floor(random() * 4)]!,
      });
    }
    const sheet = await (await at.app.request("/pages/samples/csv")).text();
    const again = boardRig(LAB);
    const other = testApp({}, again.face);

    const response = await other.app.request("/pages/samples/csv", {
      ...{ method: "POST", headers: { "content-type": "text/csv" }, body: sheet },
    });

    expect(await response.json()).toMatchObject({ records: 300, created: 300 });
    expect(await (await other.app.request("/pages/samples/csv")).text()).toBe(sheet);
    const third = await post("/pages/samples/csv", sheet);
    expect(await third.json()).toMatchObject({ unchanged: 300, cells: 0 });
  });
});
