// What people, scripts and services do wrong, each through a place at work: it is said clearly, stands on the board, and
// holds up nobody else.
import { chmodSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { runCommand as runCommandOf } from "../../runtime/cli/run.ts";
import { limits } from "../../runtime/limits.ts";
import { runCommand } from "../support/command.ts";
import { type LabPlace, type LabSite, labSite, until } from "../support/lab-site.ts";

const PAGES = `version: 1
pages:
  samples: { keys: [sample], ready: true, data: [note] }
`;
/** `task` goes wrong for the record `bad` alone; `after` follows it. */
const planOf = (how: string) => `${PAGES}actors:
  - { goal: task, page: samples, ${how} }
  - { goal: after, page: samples, prerequisites: [task], module: after.mjs }
`;
const AFTER = "export default ({ row }) => ({ outcome: 'done', fields: { note: `after ${row.note}` } });";

function lab(how: string): LabSite {
  const site = labSite(planOf(how));
  site.file("after.mjs", AFTER.replaceAll("\\$", "$"));
  return site;
}

/** A script that is wrong in one way for the record `bad`, and right for all others. */
function scripted(wrong: string, more = ""): LabSite {
  const site = lab(`command: scripts/task${more}`);
  site.script("task", `if [ "$1" = bad ]; then\n${wrong}\nfi\nprintf '{"note": "ok"}' > "$AISLE_RESULT"`);
  return site;
}

async function withRecords(site: LabSite): Promise<LabPlace> {
  const place = await site.open();
  for (const sample of ["bad", "good"]) await place.make("samples", { sample });
  return place;
}

/** The record is as it should be, people hear of it, others go on, and who overrules it sets it going again. */
async function expectFailed(place: LabPlace, detail: string | RegExp, note = ""): Promise<void> {
  await until(() => expect(place.row("samples", "bad").task).toBe("F:n1"));
  await until(() => expect(place.row("samples", "good").after).toBe("1"));
  await place.idle();
  const { row, goals } = await place.view("samples", "bad");
  expect(row).toMatchObject({ task: "F:n1", after: "", note });
  expect(goals.task).toMatchObject({ state: "failed", host: "n1", detail: expect.stringMatching(detail) });
  expect(place.notices).toContainEqual(
    expect.objectContaining({ goal: "task", key: "bad", page: "samples", detail: expect.stringMatching(detail) }),
  );
  expect(place.notices.every(({ key }) => key === "bad")).toBe(true);
  expect(place.row("samples", "good")).toMatchObject({ task: "1", after: "1", note: "after ok" });
  await place.set("samples", "bad", { task: "1" });
  await place.idle();
  expect(place.row("samples", "bad")).toMatchObject({ task: "1", after: "1" });
}

describe("a plan that can't be used", () => {
  it.each<[string, string, RegExp]>([
    [
      "goes in a circle",
      `${PAGES}actors:\n  - { goal: a, page: samples, person: true, prerequisites: [b] }\n  - { goal: b, page: samples, person: true, prerequisites: [a] }\n`,
      /^plan\.yml:\d+:\d+: .*(a|b).* (a|b)/m,
    ],
    ["names a module that is not there", planOf("module: none.mjs"), /^plan\.yml:5:\d+: .*none\.mjs/m],
    ["names a script that is not there", planOf("command: scripts/none"), /^plan\.yml:5:\d+: .*none/m],
    ["names a script without its run bit", planOf("command: scripts/plain"), /^plan\.yml:5:\d+: .*chmod \+x/m],
    ["names a module with a mistake in it", planOf("module: wrong.mjs"), /wrong\.mjs/],
    ["names a module that gives no function", planOf("module: seven.mjs"), /seven\.mjs/],
  ])("%s: 'aisle run' says where, and makes nothing", async (_, plan, message) => {
    const site = labSite(plan);
    site.file("after.mjs", "export default () => ({ outcome: 'done' });");
    site.file("wrong.mjs", "export default () => {\n  return {;\n");
    site.file("seven.mjs", "export default 7;");
    site.script("plain", "#!/bin/sh\n", 0o644);

    const { code, err } = await runCommand(runCommandOf, [site.dir, "--data", site.data]);

    expect(code).toBe(1);
    expect(err.join("\n")).toMatch(message);
  });
});

describe("a script that goes wrong", () => {
  it("lost its run bit since", async () => {
    const site = scripted("true");
    const place = await site.open();
    const file = `${site.dir}/scripts/task`;
    chmodSync(file, 0o644);
    await place.make("samples", { sample: "bad" });
    await until(() => expect(place.row("samples", "bad").task).toBe("F:n1"));
    chmodSync(file, 0o755);
    await place.make("samples", { sample: "good" });

    await expectFailed(place, /has no run bit: chmod \+x it/);
  });

  it.each<[string, string, RegExp]>([
    ["leaves a result that is no JSON", `printf '{"note": ' > "$AISLE_RESULT"; exit 0`, /its result: .*JSON/],
    ["leaves a result that is no object", `printf '[1]' > "$AISLE_RESULT"; exit 0`, /its result: /],
    ["leaves a result that is a folder", `mkdir "$AISLE_RESULT"; exit 0`, /its result: no plain file/],
    [
      "leaves a result that is too large",
      `head -c ${limits.resultBytes + 1} /dev/zero > "$AISLE_RESULT"; exit 0`,
      /its result: \d+ bytes, at most \d+/,
    ],
    ["floods its output", "yes 0123456789012345678901234567890123456789", /printed more than \d+ bytes/],
    ["dies of a signal", "kill -9 $$", /ended by SIGKILL/],
    ["fails", "echo 'no gel' >&2; exit 3", /exit 3/],
  ])("%s", async (_, wrong, detail) => {
    await expectFailed(await withRecords(scripted(wrong)), detail);
  });

  it("never ends", async () => {
    const place = await withRecords(scripted("exec sleep 600", ", timeout: 1s, retries: 0"));

    await expectFailed(place, /took longer than 1000 ms/);
  });

  it("leaves a field that the page lacks: all else is written, and the goal holds", async () => {
    const place = await withRecords(scripted(`printf '{"note": "ok", "nte": 1}' > "$AISLE_RESULT"; exit 0`));
    await until(() => expect(place.row("samples", "bad").after).toBe("1"));

    expect(place.row("samples", "bad")).toMatchObject({ task: "1", note: "after ok" });
    expect((await place.view("samples", "bad")).goals.task!.detail).toMatch(/'nte'/);
    expect(place.notices).toMatchObject([{ goal: "task", key: "bad", outcome: "rejected-fields" }]);
  });

  it("gives what it wrote before it failed, and the end of its log", async () => {
    const place = await withRecords(scripted(`echo 'no gel'; printf '{"note": "7"}' > "$AISLE_RESULT"; exit 1`));

    await expectFailed(place, /exit 1/, "7");
    expect(place.notices[0]).toMatchObject({ outcome: "failed", attempt: 1, log: expect.stringContaining("no gel") });
  });
});

describe("a module that goes wrong", () => {
  const module = (wrong: string) => {
    const site = lab("module: task.mjs");
    site.file(
      "task.mjs",
      `export default async ({ keys }) => {\n  if (keys.sample === "bad") { ${wrong} }\n  return { outcome: "done", fields: { note: "ok" } };\n};`,
    );
    return withRecords(site);
  };

  it.each<[string, string, RegExp]>([
    ["throws", "throw new Error('no gel');", /no gel/],
    ["throws what is no error", "throw 7;", /7/],
    ["answers with what is no result", "return { outcome: 'perhaps' };", /perhaps/],
    [
      "answers with fields that throw",
      "return { outcome: 'done', fields: { get note() { throw new Error('no gel'); } } };",
      /no gel/,
    ],
    [
      "answers with a field that JSON has no text for",
      "const ring = {}; ring.ring = ring; return { outcome: 'done', fields: { note: ring } };",
      /note/,
    ],
    ["answers with fields that are none", "return { outcome: 'done', fields: [7] };", /fields/],
  ])("%s", async (_, wrong, detail) => {
    await expectFailed(await module(wrong), detail);
  });

  it("answers with a field that the page lacks", async () => {
    const place = await module("return { outcome: 'done', fields: { note: 'ok', after: '1', colour: 'red' } };");
    await until(() => expect(place.row("samples", "bad").after).toBe("1"));

    const { detail } = (await place.view("samples", "bad")).goals.task!;
    expect(detail).toMatch(/colour/);
    expect(place.notices).toMatchObject([{ outcome: "rejected-fields", detail: expect.stringContaining("colour") }]);
    expect(place.row("samples", "bad").note).toBe("after ok");
  });
});

describe("a service that goes wrong", () => {
  /** A service for `task`; what it does with the record `bad` the test says. */
  async function served(bad: (body: { result: string }, place: LabPlace, respond: (text: string) => void) => void) {
    const place = await lab("remote: true, timeout: 1s, retries: 0").open();
    const { bus, base } = place.place;
    bus.subscribe(`${base}.goals.task`, (message) => {
      const body = JSON.parse(Buffer.from(message.payload).toString());
      const respond = (text: string) => message.respond(Buffer.from(text));
      if (body.key === "bad") bad(body, place, respond);
      else respond('{"outcome": "done", "fields": {"note": "ok"}}');
    });
    for (const sample of ["bad", "good"]) await place.make("samples", { sample });
    return place;
  }

  it("answers twice: the first counts, and the second is told so", async () => {
    const answers: unknown[] = [];
    const place = await served(({ result }, { place: { bus } }, respond) => {
      respond('{"accepted": true}');
      const bring = async (outcome: string) => {
        const body = Buffer.from(`{"outcome": "${outcome}", "detail": "no gel", "fields": {"note": "${outcome}"}}`);
        const { payload } = await bus.request(result, body, { timeoutMs: 5_000 });
        answers.push(JSON.parse(Buffer.from(payload).toString()));
      };
      // Once what it has accepted is known.
      setTimeout(() => void bring("failed").then(() => bring("done")), 20);
    });

    await expectFailed(place, /no gel/, "failed");
    expect(answers).toEqual([{ ok: true }, expect.objectContaining({ ok: false, code: 409 })]);
  });

  it("answers twice at once", async () => {
    const place = await served((_, __, respond) => {
      respond('{"outcome": "failed", "detail": "no gel"}');
      respond('{"outcome": "done"}');
    });

    await expectFailed(place, /no gel/);
  });

  it.each<[string, string, RegExp]>([
    ["what is no JSON", "certainly", /its answer: .*JSON/],
    ["no outcome", "{}", /its answer: .*no outcome/],
  ])("answers %s", async (_, answer, detail) => {
    await expectFailed(await served((__, ___, respond) => respond(answer)), detail);
  });

  it("never answers", async () => {
    await expectFailed(await served(() => {}), /took longer than 1000 ms|no service|no answer/);
  });
});

describe("people who write into the board", () => {
  const open = async () => {
    const place = await lab("person: { who: [alice] }").open();
    await place.make("samples", { sample: "a", note: "mine" });
    return place;
  };

  it("write what a goal does not take", async () => {
    const place = await open();

    const { status, body } = await place.ask(...(["PATCH", "/pages/samples/records/a"] as const), {
      cells: { task: "maybe" },
      by: "alice",
    });

    expect(status).toBe(400);
    expect(body.errors).toMatchObject([
      { pointer: "/cells/task", detail: expect.stringMatching(/takes nothing.*1.*F/) },
    ]);
    expect(place.row("samples", "a").task).toBe("");
    await place.set("samples", "a", { task: "1" }, "alice");
    await place.idle();
    expect(place.row("samples", "a").after).toBe("1");
  });

  it("write into what is another's, or not there", async () => {
    const place = await open();
    const patch = (cells: Record<string, string>, by: string) =>
      place.ask("PATCH", "/pages/samples/records/a", { cells, by });

    expect(await patch({ task: "1" }, "bob")).toMatchObject({
      status: 403,
      body: { detail: expect.stringContaining("alice") },
    });
    expect(await patch({ nte: "x" }, "bob")).toMatchObject({
      status: 400,
      body: { detail: expect.stringContaining("'note'") },
    });
    expect(await place.ask("PATCH", "/pages/sample/records/a", { cells: { note: "" } })).toMatchObject({ status: 404 });
  });

  it("are two at one cell: the second gets both texts", async () => {
    const place = await open();
    const write = (note: string) =>
      place.ask("PATCH", "/pages/samples/records/a", { cells: { note }, was: { note: "mine" } });

    const answers = await Promise.all([write("theirs"), write("others")]);

    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    const winner = place.row("samples", "a").note!;
    const { body } = answers.find(({ status }) => status === 409)!;
    expect(body.errors).toMatchObject([{ current: winner, yours: winner === "theirs" ? "others" : "theirs" }]);
  });

  it("import a sheet that has a record twice: nothing is changed", async () => {
    const place = await open();
    const send = (text: string) => place.ask("POST", "/pages/samples/csv", { text }, { "content-type": "text/csv" });

    const { status, body } = await send("sample,note\nb,1\nc,2\nb,3\n");

    expect(status).toBe(400);
    expect(JSON.stringify(body)).toMatch(/line 4.*b.*line 2/);
    expect(place.place.runner.board.page("samples").size).toBe(1);
    expect((await send("sample,note,task\nb,1,1\n")).status).toBe(403);
    expect((await send("sample,note\nb,1\n")).status).toBe(200);
    expect(place.row("samples", "b").note).toBe("1");
  });
});
