import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Shell } from "../../../runtime/cli/shell.ts";
import { transformCommand } from "../../../runtime/cli/transform.ts";
import { runCommand } from "../../support/command.ts";
import { caseText } from "../../support/specs.ts";

const STREAMING = caseText("testsdata_window/streaming.yml");
const WINDOW = caseText("testsdata_window/window.yml");
const EVENTS = caseText("testsdata_window/events.jsonl");
const ROWS = caseText("testsdata_window/expected_stdout.jsonl").trimEnd().split("\n");

describe("aisle transform", () => {
  let folder: string;
  let before: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "transform-"));
    before = process.cwd();
    process.chdir(folder);
    writeFileSync("streaming.yml", STREAMING);
    writeFileSync("window.yml", WINDOW);
    writeFileSync("events.jsonl", EVENTS);
  });

  afterEach(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  });

  const run = (args: readonly string[], changes: Partial<Shell> = {}) => runCommand(transformCommand, args, changes);
  const piped = (data: string | Buffer): Partial<Shell> => ({ stdin: () => Readable.from([Buffer.from(data)]) });
  const both = ["--streaming-bts", "streaming.yml", "--window-bts", "window.yml"];

  it("prints rows with a window spec, and without one records", async () => {
    const rows = await run([...both, "events.jsonl"]);
    const records = await run(["--streaming-bts", "streaming.yml", "--source", "events.jsonl"]);

    expect(rows).toEqual({ code: 0, out: ROWS, err: [] });
    expect(records.out[0]).toBe(
      '["userA/session//2018-03-07T22:35:31+00:00", {"_identity": "userA", "_start_time": "2018-03-07T22:35:31+00:00", "_end_time": "2018-03-07T22:35:31+00:00", "events": 1, "country": "US", "continent": "North America"}]',
    );
  });

  it("takes the specs of this folder when none is named", async () => {
    writeFileSync("other.yml", "a: 1");

    expect(await run(["events.jsonl"])).toEqual({ code: 0, out: ROWS, err: [] });
  });

  it("validates them first in Blurr's way, and says so on standard output", async () => {
    const { out } = await run(["--compat", "blurr", "events.jsonl"]);

    expect(out.slice(0, 6)).toEqual(
      ["streaming.yml", "window.yml"].flatMap((file) => [`Running validation on ${file}`, "[]", "Document is valid"]),
    );
    expect(out.slice(6)).toEqual(ROWS);
  });

  it("reads several files, arrays, gzip, and what is piped in", async () => {
    const [first, ...rest] = EVENTS.trimEnd().split("\n");
    writeFileSync("first.json", `[${first}]`);
    writeFileSync("rest,all.gz", gzipSync(rest.join("\n")));

    expect((await run([...both, "first.json", "rest,all.gz"])).out).toEqual(ROWS);
    expect((await run(both, piped(EVENTS))).out).toEqual(ROWS);
    expect((await run([...both, "first.json,-"], piped(gzipSync(rest.join("\n"))))).out).toEqual(ROWS);
    expect((await run([...both, "--source", "events.jsonl,events.jsonl", "--compat", "blurr"])).out).toHaveLength(3);
  });

  it("tells at the end what was not used, and with --debug where it stands", async () => {
    writeFileSync("events.jsonl", `${EVENTS}nothing\n{"event_time": "2018-03-07T22:35:31+00:00"}\n`);

    expect(await run([...both, "events.jsonl", "--debug"])).toEqual({
      code: 0,
      out: ROWS,
      err: [
        "events.jsonl:7: no JSON object",
        "events.jsonl:8: without identity",
        "2 of 8 events were not used: 1 no JSON object, 1 without identity",
      ],
    });
  });

  it("keeps its state in a folder", async () => {
    const lines = EVENTS.trimEnd().split("\n");
    const state = ["--state", join(folder, "state")];
    await run([...both, ...state], piped(lines.slice(0, 2).join("\n")));

    expect(await run([...both, ...state], piped(lines.slice(2).join("\n")))).toEqual({ code: 0, out: ROWS, err: [] });
    writeFileSync("window.yml", WINDOW.replace("Max: 1", "Max: 2"));
    const changed = await run([...both, ...state], piped(""));
    expect(changed.code).toBe(1);
    expect(changed.err[0]).toMatch(/is of another spec, or of this one before it was changed/);
  });

  it("writes tables to files", async () => {
    await run([...both, "events.jsonl", "--to", "csv", "--output", "out/rows.csv"]);
    await run(["--streaming-bts", "streaming.yml", "events.jsonl", "--to", "csv", "--output", "tables"]);
    await run(["--streaming-bts", "streaming.yml", "events.jsonl", "--to", "parquet", "--output", "tables"]);
    await run([...both, "events.jsonl", "--output", "rows.jsonl"]);

    expect(readFileSync("out/rows.csv", "utf8")).toBe(caseText("testsdata_window_csv/expected.csv"));
    expect(readdirSync("tables").sort()).toEqual(["session.csv", "session.parquet", "state.csv", "state.parquet"]);
    expect(readFileSync("rows.jsonl", "utf8").trimEnd().split("\n")).toEqual(ROWS);
  });

  it("ends with 1 and prints nothing when a spec is wrong, or the run is", async () => {
    writeFileSync("streaming.yml", STREAMING.replace("session.events + 1", "events + 1"));

    expect(await run([...both, "events.jsonl"])).toEqual({
      code: 1,
      out: [],
      err: ["streaming.yml:34:48: unknown name 'events' (did you mean 'session.events'?)"],
    });
    expect(await run([...both, "events.jsonl", "--compat", "blurr", "--output", "rows.jsonl"])).toEqual({
      code: 1,
      out: [],
      err: ["NameError: name 'events' is not defined"],
    });
    expect(existsSync("rows.jsonl")).toBe(false);
    expect((await run(["--window-bts", "window.yml", "events.jsonl"])).code).toBe(1);
    expect((await run([...both, "nowhere.jsonl"])).code).toBe(1);
    expect((await run(["--streaming-bts", "nowhere.yml", "events.jsonl"])).code).toBe(1);
  });

  it.each([
    ["no events", both, /name the files with the events/],
    ["events named twice", [...both, "a", "--source", "b"], /not both/],
    ["two standard inputs", [...both, "-", "-"], /one standard input/],
    ["tables of records without a folder", ["--streaming-bts", "streaming.yml", "-", "--to", "csv"], /name a folder/],
    ["Parquet without a file", [...both, "-", "--to", "parquet"], /name it with --output/],
    ["a format that is none", [...both, "--to", "xml"], /Allowed choices are json, csv, parquet/],
    ["a processor that is none", [...both, "--data-processor", "netflow"], /Allowed choices are simple, ipfix/],
    ["a runner that is not here", [...both, "--runner", "spark"], /Allowed choices are local/],
  ])("ends with 2 for %s", async (_, args, message) => {
    const { code, err } = await run(args);

    expect(code).toBe(2);
    expect(err.join("\n")).toMatch(message);
  });

  it("shows how far it is where somebody looks, and nowhere else", async () => {
    let shown = "";
    await run([...both, "events.jsonl"], { overwrite: (text) => (shown += text) });

    expect(shown).toMatch(/^\rreading {2}\[#{30}\] 100 % {2}0 events, 0\/s/);
    expect(shown.endsWith("\r\x1b[K")).toBe(true);
  });
});
