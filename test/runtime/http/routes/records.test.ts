import { beforeEach, describe, expect, it } from "vitest";
import { keyOf } from "../../../../runtime/board/board.ts";
import { recordHistory, recordView } from "../../../../runtime/http/schemas.ts";
import { limits } from "../../../../runtime/limits.ts";
import { BEGIN, type BoardRig, boardRig, NODE } from "../../../support/board.ts";
import { type TestApp, testApp } from "../../../support/http.ts";
import { LAB } from "../../../support/lab.ts";

let rig: BoardRig;
let at: TestApp;

beforeEach(() => {
  rig = boardRig(LAB);
  at = testApp({}, rig.face);
});

const SAMPLE = "/pages/samples/records/lab1,a,";

const send = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  at.app.request(path, {
    method,
    headers: { "content-type": "application/json", ...headers },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
const get = async (path: string) => (await at.app.request(path)).json();
const patch = (cells: unknown, more: object = {}, headers: Record<string, string> = {}) =>
  send("PATCH", SAMPLE, { cells, ...more }, headers);

describe("POST /pages/:page/records", () => {
  const post = (cells: unknown, page = "samples") => send("POST", `/pages/${page}/records`, { cells });

  it("makes a record, on disk, and says where it is", async () => {
    const response = await post({ lab: "lab1", sample: "a", note: "cold" });

    expect(response.status).toBe(201);
    expect(response.headers.get("location")).toBe(SAMPLE);
    expect(response.headers.get("etag")).toBe('"1"');
    expect(await response.json()).toMatchObject({
      ...{ page: "samples", key: "lab1,a,", keys: { lab: "lab1", sample: "a", batch: "" }, home: NODE, parent: null },
      ...{ ready: false, complete: false, revision: 1 },
      row: { lab: "lab1", sample: "a", batch: "", ready: "", taskA: "", note: "cold", complete: "" },
      goals: { taskA: { state: "empty", text: "" } },
    });
    expect(rig.journal.disk.entries.map(({ kind, subject, principal }) => ({ kind, subject, principal }))).toEqual([
      { kind: "cell", subject: "board/set", principal: "local" },
    ]);
  });

  it("writes into the record that has these key cells", async () => {
    await post({ lab: "lab1", sample: "a", note: "cold" });

    const response = await post({ lab: "lab1", sample: "a", ready: "1" });

    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ ready: true, row: { note: "cold" }, revision: 2 });
    expect(rig.board.page("samples").size).toBe(1);
  });

  it.each([
    ["a missing key", { lab: "lab1" }, "missing", "/cells/sample"],
    ["an empty key", { lab: "lab1", sample: "" }, "missing", "/cells/sample"],
    ["a NUL in a key", { lab: "lab1", sample: "a\0b" }, "malformed", "/cells/sample"],
    ["half a character in a key", { lab: "\ud800", sample: "a" }, "malformed", "/cells/lab"],
    ["a key that is too long", { lab: "x".repeat(600), sample: "a" }, "too-long", "/cells/lab"],
    ["a list in a cell", { lab: "lab1", sample: ["a"] }, "wrong-type", "/cells/sample"],
  ])("refuses %s", async (_, cells, code, pointer) => {
    const response = await post(cells);

    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: "invalid", errors: [{ code, pointer }] });
    expect(rig.journal.disk.entries).toEqual([]);
  });

  it.each([".", ".."])("refuses '%s' as the whole of a key: no URL can name it", async (id) => {
    const response = await post({ id }, "jobs");

    expect(await response.json()).toMatchObject({ status: 400, errors: [{ code: "invalid-key" }] });
  });

  it("makes no record on a page that events feed", async () => {
    const response = await post({ visit: "7" }, "visits");

    expect(response.status).toBe(409);
    expect(await response.json()).toMatchObject({ detail: expect.stringContaining("events make the records") });
  });

  it("answers 429 on a page that is full", async () => {
    rig = boardRig(LAB, { limits: { pageRecords: 1 } });
    at = testApp({}, rig.face);

    expect((await post({ id: "1" }, "jobs")).status).toBe(201);
    expect((await post({ id: "1", note: "again" }, "jobs")).status).toBe(200);
    const full = await post({ id: "2" }, "jobs");
    expect(full.status).toBe(429);
    expect(full.headers.get("retry-after")).toBe("1");
  });

  it.each([
    ["no JSON", "{cells", 400, "malformed"],
    ["no map", "[]", 400, "wrong-type"],
    ["no cells", "{}", 400, "missing"],
    ["an unknown member", '{"cell": {}, "cells": {}}', 400, "unknown-member"],
    ["who writes as a number", '{"cells": {}, "by": 7}', 400, "wrong-type"],
  ])("refuses a body with %s", async (_, body, status, code) => {
    const response = await send("POST", "/pages/samples/records", body);

    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ errors: [{ code }] });
  });

  it("refuses another type of body", async () => {
    const response = await send("POST", "/pages/samples/records", "lab=lab1", { "content-type": "text/plain" });

    expect(response.status).toBe(415);
  });
});

describe("a key in a URL", () => {
  it.each([
    ["commas and slashes", ["a,b", "c/d", ""], "a%2Cb,c%2Fd,"],
    ["spaces and unicode", ["Büro 1", "☕ 😀", ""], "B%C3%BCro%201,%E2%98%95%20%F0%9F%98%80,"],
    ["percent signs, encoded ones too", ["100%", "%2C", "%25"], "100%25,%252C,%2525"],
    ["what ends a path elsewhere", ["a?b#c", "d;e=f&g+h", "@:"], "a%3Fb%23c,d%3Be%3Df%26g%2Bh,%40%3A"],
    ["backslashes and quotes", ["a\\b", "'\"`", "<>|"], "a%5Cb,'%22%60,%3C%3E%7C"],
    ["line breaks", ["a\nb", "c\td", ""], "a%0Ab,c%09d,"],
    ["a filled optional cell", ["lab1", "a", "7"], "lab1,a,7"],
    ["dots", ["..", ".", ""], "..,.,"],
  ])("may have %s", async (_, [lab, sample, batch], key) => {
    const made = await send("POST", "/pages/samples/records", { cells: { lab, sample, batch } });
    const path = made.headers.get("location")!;
    const written = await send("PATCH", path, { cells: { note: "found" } });

    expect(path).toBe(`/pages/samples/records/${key}`);
    expect(written.status).toBe(200);
    expect(await get(path)).toMatchObject({ key, keys: { lab, sample, batch }, row: { note: "found" } });
    expect(await get(`${path}/history`)).toMatchObject({ changes: [{ do: "set" }, { do: "set" }] });
    expect(rig.board.page("samples").size).toBe(1);
  });

  it("is the same however it is encoded", async () => {
    await rig.set("samples", keyOf(["ü", "a", ""]));

    expect((await at.app.request("/pages/samples/records/ü,a,")).status).toBe(200);
    expect((await at.app.request("/pages/samples/records/%c3%bc,%61,")).status).toBe(200);
  });

  it("may leave out optional cells at its end", async () => {
    await rig.set("samples", "lab1,a,");

    expect(await get("/pages/samples/records/lab1,a")).toMatchObject({ key: "lab1,a," });
  });

  it("that has too few cells is told which there are", async () => {
    const response = await at.app.request("/pages/samples/records/lab1");

    expect(response.status).toBe(404);
    expect((await response.json()).detail).toContain("its key is lab, sample, batch, this one has 1 cells");
  });

  it("that is no UTF-8 is refused", async () => {
    expect((await at.app.request("/pages/samples/records/%ff,a,")).status).toBe(400);
  });
});

describe("GET /pages/:page/records/:key", () => {
  it("shows what stands behind each goal", async () => {
    await rig.set("samples", "lab1,a,", { ready: "1", note: "x" });
    await rig.claim("samples", "lab1,a,", "taskA", "run-1");
    await rig.finish("samples", "lab1,a,", "taskA", "run-1", { outcome: "failed", detail: "no gel" });
    await rig.claim("samples", "lab1,a,", "taskB", "run-2", 2);

    const body = await get(SAMPLE);

    expect(body.row).toEqual({
      ...{ lab: "lab1", sample: "a", batch: "", ready: "1" },
      ...{ taskA: `F:${NODE}`, qc: "", taskB: `r:${NODE}`, taskC: "", report: "", note: "x", complete: "" },
    });
    expect(body.goals.taskA).toEqual({
      ...{ state: "failed", text: `F:${NODE}`, host: NODE, run: "run-1", attempts: 1, by: NODE, at: BEGIN },
      ...{ detail: "no gel", notBefore: null },
    });
    expect(body.goals.taskB).toMatchObject({ state: "running", attempts: 2, run: "run-2" });
    expect(recordView.parse(body)).toEqual(body);
  });

  it.each([
    ["/pages/sample/records/a", "did you mean 'samples'"],
    ["/pages/samples/records/lab1,b,", "has no record 'lab1,b,'"],
  ])("answers 404 to %s", async (path, detail) => {
    const response = await at.app.request(path);

    expect(response.status).toBe(404);
    expect((await response.json()).detail).toContain(detail);
  });
});

describe("PATCH /pages/:page/records/:key", () => {
  beforeEach(() => rig.set("samples", "lab1,a,", { ready: "1" }));

  it("writes cells, and makes a column for a new name", async () => {
    const response = await patch({ note: "warm", metric: 0.5, seen: true, gone: null });

    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ row: { note: "warm", metric: "0.5", seen: "true", gone: "" } });
    expect(rig.board.page("samples").header).toContain("metric");
  });

  it.each([
    ["1", "1", "done"],
    ["1:by hand", "1", "done"],
    ["F", "F", "failed"],
    ["F:elsewhere", "F:elsewhere", "failed"],
    ["", "", "empty"],
  ])("takes '%s' for a goal", async (written, text, state) => {
    const body = await (await patch({ taskC: written })).json();

    expect(body.goals.taskC).toMatchObject({ text, state, run: "" });
  });

  it.each([
    ["r:here", "'r' is written by who does the work"],
    ["r", "'r' is written by who does the work"],
    ["done", "takes nothing (to have it done), 1 (it is done), or F (it has failed)"],
    ["f:here", "takes nothing"],
    [" 1", "takes nothing"],
    ["1.0", "takes nothing"],
  ])("refuses '%s' for a goal, and says what it takes", async (text, detail) => {
    const response = await patch({ taskC: text, note: "not written either" });

    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      detail: expect.stringContaining(detail),
      errors: [{ pointer: "/cells/taskC", code: "invalid-cell" }],
    });
    expect((await get(SAMPLE)).row).not.toHaveProperty("note");
  });

  it.each(["true", "TRUE", "yes", "2"])("refuses '%s' for ready where only 1 is true", async (text) => {
    const response = await patch({ ready: text });

    expect(await response.json()).toMatchObject({ status: 400, detail: expect.stringContaining("truth: lenient") });
  });

  it("takes what people write for ready on a lenient page", async () => {
    await rig.set("loose", "1");
    const ready = async (text: string) =>
      (await (await send("PATCH", "/pages/loose/records/1", { cells: { ready: text } })).json()).row?.ready;

    expect(await ready("Yes")).toBe("1");
    expect(await ready("no")).toBe("");
    expect(await ready("perhaps")).toBe(undefined);
  });

  it("answers 404 when there is no such record, and makes none", async () => {
    expect((await send("PATCH", "/pages/samples/records/lab1,b,", { cells: { note: "x" } })).status).toBe(404);
    expect(rig.board.page("samples").size).toBe(1);
  });

  it("leaves key cells as they are", async () => {
    expect((await patch({ lab: "lab1", note: "same key" })).status).toBe(200);
    const response = await patch({ lab: "lab2" });

    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errors: [{ code: "key-cell", pointer: "/cells/lab" }] });
  });

  it("takes only what the plan names on a closed page", async () => {
    await rig.set("jobs", "1");
    const response = await send("PATCH", "/pages/jobs/records/1", { cells: { notes: "x" } });

    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      detail: expect.stringContaining("did you mean 'note'"),
      errors: [{ code: "unknown-column", pointer: "/cells/notes" }],
    });
  });

  it.each([
    ["a text that is too long", { note: "x".repeat(limits.cellBytes + 1) }, "too-long"],
    ["half a character", { note: "a\udc00" }, "malformed"],
    ["a column without a name", { "": "x" }, "invalid-column"],
    ["a column with a line break in its name", { "a\nb": "x" }, "invalid-column"],
    ["a column with a space at its end", { "a ": "x" }, "invalid-column"],
    ["a name that is none", JSON.parse('{"__proto__": "x"}') as object, "invalid-column"],
    ["a weight that is no number", { weight: "much" }, "invalid-cell"],
    ["an end that is no time", { expires: "tomorrow" }, "invalid-cell"],
  ])("refuses %s", async (_, cells, code) => {
    await rig.set("priority", "samples,lab1%2Ca%2C,");
    const ranks = "weight" in cells || "expires" in cells;
    const path = ranks ? "/pages/priority/records/samples,lab1%2Ca%2C," : SAMPLE;

    const response = await send("PATCH", path, { cells });

    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errors: [{ code }] });
  });

  it("has room for so many columns", async () => {
    rig = boardRig(LAB, { limits: { pageColumns: 12 } });
    at = testApp({}, rig.face);
    await rig.set("samples", "lab1,a,");

    expect((await patch({ one: "1", two: "2" })).status).toBe(200);
    expect(await (await patch({ one: "1", three: "3" })).json()).toMatchObject({
      errors: [{ code: "too-many-columns", pointer: "/cells/three" }],
    });
  });

  it("says all that is wrong at once", async () => {
    const { errors } = await (await patch({ taskA: "x", taskB: "y", ready: "z" })).json();

    expect(errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual([
      "/cells/taskA",
      "/cells/taskB",
      "/cells/ready",
    ]);
  });

  it.each([
    ["nothing", {}],
    ["a column whose name has a slash and a tilde", { "a/b~c": [] }],
  ])("refuses to write %s", async (_, cells) => {
    const body = await (await patch(cells)).json();

    expect(body.status).toBe(400);
    expect(["/cells", "/cells/a~1b~0c"]).toContain(body.errors[0].pointer);
  });
});

describe("who writes", () => {
  beforeEach(() => rig.set("samples", "lab1,a,", { ready: "1" }));

  it("is named by the body, by a header, or not at all", async () => {
    await patch({ note: "1" }, { by: "Jörg" });
    await patch({ note: "2" }, {}, { "aisle-principal": "bob" });
    await patch({ note: "3" });

    const { changes } = await get(`${SAMPLE}/history?field=note`);
    expect(changes.map(({ by }: { by: string }) => by)).toEqual(["Jörg", "bob", "local"]);
  });

  it("is 'http' when the caller is elsewhere and does not say", async () => {
    at = testApp({ http: { host: "0.0.0.0", port: 0, auth: "token", token: "secret", mock: false } }, rig.face);
    await patch({ note: "1" }, {}, { authorization: "Bearer secret" });

    expect(rig.journal.disk.entries.at(-1)!.principal).toBe("http");
  });

  it("may fill a person's goal if it is his", async () => {
    const refused = await patch({ qc: "1" }, { by: "bob" });
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({
      code: "forbidden",
      errors: [{ code: "not-yours", pointer: "/cells/qc", detail: "'qc' is for alice to fill, not for 'bob'" }],
    });
    expect((await get(SAMPLE)).goals.qc.state).toBe("empty");

    const body = await (await patch({ qc: "1" }, { by: "alice" })).json();
    expect(body.goals.qc).toMatchObject({ state: "done", by: "alice" });
  });

  it("has no line break in his name", async () => {
    expect((await patch({ note: "1" }, { by: "a\nb" })).status).toBe(400);
    expect((await patch({ note: "1" }, { by: "x".repeat(257) })).status).toBe(400);
  });

  it("may write over the work of actors", async () => {
    await rig.claim("samples", "lab1,a,", "taskA", "run-1");
    await rig.finish("samples", "lab1,a,", "taskA", "run-1", { outcome: "failed" });

    expect((await (await patch({ taskA: "1", metric: "0.9" }, { by: "bob" })).json()).goals.taskA).toMatchObject({
      state: "done",
      by: "bob",
    });
  });
});

describe("two people who write one cell", () => {
  beforeEach(() => rig.set("samples", "lab1,a,", { note: "old" }));

  it("are told apart by what they saw: the second gets both values", async () => {
    const first = await patch({ note: "mine" }, { was: { note: "old" } });
    const second = await patch({ note: "theirs" }, { was: { note: "old" } });

    expect(first.status).toBe(200);
    expect(second.status).toBe(409);
    expect(await second.json()).toMatchObject({
      code: "conflict",
      errors: [
        {
          ...{ pointer: "/cells/note", code: "changed", yours: "theirs", current: "mine" },
          detail: "'note' is 'mine' now, and was 'old': somebody has changed it",
        },
      ],
    });
    expect((await get(SAMPLE)).row.note).toBe("mine");
  });

  it("are told apart by the revision they saw", async () => {
    const { revision } = await get(SAMPLE);
    const first = await patch({ note: "mine" }, {}, { "if-match": `"${revision}"` });
    const second = await patch({ note: "theirs" }, {}, { "if-match": `"${revision}"` });

    expect(first.status).toBe(200);
    expect(second.status).toBe(409);
    expect((await second.json()).errors).toMatchObject([{ code: "changed", yours: "theirs", current: "mine" }]);
    expect((await patch({ note: "theirs" }, {}, { "if-match": first.headers.get("etag")! })).status).toBe(200);
  });

  it("write at the same time: one of them wins", async () => {
    const write = (note: string) => patch({ note }, { was: { note: "old" } });

    const answers = await Promise.all(["1", "2", "3", "4"].map(write));

    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409, 409, 409]);
  });

  it("may look at a cell that they do not write", async () => {
    const response = await patch({ taskA: "1" }, { was: { note: "new", taskA: "" } });

    expect((await response.json()).errors).toEqual([
      expect.objectContaining({ pointer: "/cells/note", yours: null, current: "old" }),
    ]);
  });

  it("make a record only once, if they ask for that", async () => {
    const cells = { lab: "lab1", sample: "a", note: "new" };
    const response = await send("POST", "/pages/samples/records", { cells, was: { note: "" } });

    expect(response.status).toBe(409);
  });

  it.each(["12", '"x"', '"1" "2"'])("don't say %s of a revision", async (tag) => {
    expect((await patch({ note: "x" }, {}, { "if-match": tag })).status).toBe(400);
  });

  it.each(["*", '"99", "1"', 'W/"1"'])("may say %s of it", async (tag) => {
    expect((await patch({ note: "x" }, {}, { "if-match": tag })).status).toBe(200);
  });
});

describe("writing over a goal that somebody works on", () => {
  beforeEach(async () => {
    rig = boardRig(LAB, { starts: true });
    at = testApp({}, rig.face);
    await rig.set("samples", "lab1,a,", { ready: "1" });
  });

  const runs = () => [...rig.runs.keys()];

  it("ends that work", async () => {
    const [run] = runs();
    await patch({ taskA: "1" });

    expect(rig.cancelled).toEqual([run]);
    expect((await get(SAMPLE)).goals.taskA).toMatchObject({ state: "done", run: "" });
    await rig.finish("samples", "lab1,a,", "taskA", run!, { fields: { note: "too late" } });
    expect((await get(SAMPLE)).row).not.toHaveProperty("note");
  });

  it("with nothing has it begun anew, by another run", async () => {
    const [first] = runs();
    await patch({ taskA: "" });

    expect(rig.cancelled).toEqual([first]);
    expect(runs()).toHaveLength(1);
    expect(runs()).not.toEqual([first]);
    expect((await get(SAMPLE)).goals.taskA).toMatchObject({ state: "running", run: runs()[0] });
  });

  it("leaves it be when the journal takes nothing", async () => {
    rig.journal.queueMax = 0;

    expect((await patch({ taskA: "" })).status).toBe(429);
    expect(rig.cancelled).toEqual([]);
    expect(runs()).toHaveLength(1);
  });

  it("leaves other goals of the record alone", async () => {
    await patch({ note: "x", taskB: "F" });

    expect(rig.cancelled).toEqual([]);
  });

  it("ends all work on a record that is removed", async () => {
    const [run] = runs();

    expect((await send("DELETE", SAMPLE)).status).toBe(204);
    expect(rig.cancelled).toEqual([run]);
    expect(runs()).toEqual([]);
  });
});

describe("DELETE /pages/:page/records/:key", () => {
  beforeEach(() => rig.set("samples", "lab1,a,"));

  it("takes the record off its page", async () => {
    expect((await send("DELETE", SAMPLE)).status).toBe(204);
    expect((await at.app.request(SAMPLE)).status).toBe(404);
    expect((await send("DELETE", SAMPLE)).status).toBe(404);
    expect(rig.journal.disk.entries.at(-1)).toMatchObject({ kind: "cell", subject: "board/remove" });
  });

  it("only if nobody has changed it", async () => {
    expect((await send("DELETE", SAMPLE, undefined, { "if-match": '"7"' })).status).toBe(409);
    expect((await send("DELETE", SAMPLE, undefined, { "if-match": '"1"' })).status).toBe(204);
  });

  it("not where events make the records", async () => {
    rig.board.page("visits").add(["7"], null);

    expect((await send("DELETE", "/pages/visits/records/7")).status).toBe(409);
  });
});

describe("a record of another node", () => {
  beforeEach(() => void rig.board.page("samples").add(["lab1", "a", ""], null, { home: "there" }));

  it("says so, and is written there only", async () => {
    expect((await get(SAMPLE)).home).toBe("there");
    for (const response of [await patch({ note: "x" }), await send("DELETE", SAMPLE)]) {
      expect(response.status).toBe(409);
      expect((await response.json()).detail).toContain("is node 'there'");
    }
  });
});

describe("GET /pages/:page/records/:key/history", () => {
  beforeEach(async () => {
    await rig.set("samples", "lab1,a,", { ready: "1", note: "x" }, "bob");
    rig.clock.advance(1_000);
    await rig.claim("samples", "lab1,a,", "taskA", "run-1");
    await rig.finish("samples", "lab1,a,", "taskA", "run-1", {
      outcome: "failed",
      fields: { note: "y" },
      detail: "no gel",
    });
    await rig.set("samples", "lab1,a,", { taskA: "" }, "bob");
  });

  it("tells who changed what, and when", async () => {
    const body = await get(`${SAMPLE}/history`);

    expect(body).toEqual({
      missing: false,
      changes: [
        { seq: 1, at: BEGIN, by: "bob", do: "set", cells: { ready: "1", note: "x" } },
        {
          ...{ seq: 2, at: BEGIN + 1_000, by: NODE, do: "claim", goal: "taskA", run: "run-1", host: NODE, attempt: 1 },
          cells: { taskA: `r:${NODE}` },
        },
        {
          ...{ seq: 3, at: BEGIN + 1_000, by: NODE, do: "finish", goal: "taskA", run: "run-1", detail: "no gel" },
          ...{ host: NODE, outcome: "failed", cells: { note: "y", taskA: `F:${NODE}` } },
        },
        { seq: 4, at: BEGIN + 1_000, by: "bob", do: "set", cells: { taskA: "" } },
      ],
    });
    expect(recordHistory.parse(body)).toEqual(body);
  });

  it("keeps to one cell", async () => {
    const { changes } = await get(`${SAMPLE}/history?field=note`);

    expect(changes.map(({ seq }: { seq: number }) => seq)).toEqual([1, 3]);
  });

  it("answers 404 to a cell that there is not", async () => {
    expect((await at.app.request(`${SAMPLE}/history?field=nota`)).status).toBe(404);
  });
});

describe("GET /pages/:page/records/:key/runs/:run/log", () => {
  beforeEach(() => rig.set("samples", "lab1,a,"));

  it("shows what a run has printed, as text", async () => {
    rig.logs.set("run-1", { text: "<b>hello</b>\n", truncated: false });

    const response = await at.app.request(`${SAMPLE}/runs/run-1/log`);

    expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("aisle-truncated")).toBe(null);
    expect(await response.text()).toBe("<b>hello</b>\n");
  });

  it("says when some of it was left out", async () => {
    rig.logs.set("run-1", { text: "a … b", truncated: true });

    expect((await at.app.request(`${SAMPLE}/runs/run-1/log`)).headers.get("aisle-truncated")).toBe("1");
  });

  it.each([`${SAMPLE}/runs/run-2/log`, "/pages/samples/records/lab2,a,/runs/run-1/log"])(
    "answers 404 to %s",
    async (path) => {
      rig.logs.set("run-1", { text: "x", truncated: false });

      expect((await at.app.request(path)).status).toBe(404);
    },
  );
});
