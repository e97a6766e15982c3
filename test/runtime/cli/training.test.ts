import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { describe, expect, it, onTestFinished } from "vitest";
import { transformCommand } from "../../../runtime/cli/transform.ts";
import { runCommand } from "../../support/command.ts";
import { MONDAY, STORE, type Store, startStore, temporary } from "../../support/place.ts";
import { writeSite } from "../../support/sites.ts";

const MINUTE = 60_000; // ms
const DAY = 24 * 60 * MINUTE;

type Row = Readonly<Record<string, unknown>>;

/** Without labels, which nobody knows when the row is served. */
const known = (row: Row): Row =>
  Object.fromEntries(Object.entries(row).filter(([name]) => !name.startsWith("next_week.")));

/** Sends an event of a customer, and asks for the row that is served then. */
async function happened({ place, clock }: Store, at: number, event: { id: number; type: string }): Promise<Row> {
  clock.at = at;
  const body = Buffer.from(JSON.stringify({ ts: at / 1000, ...event }));
  await place.ingest.accept({ principal: "test", subject: "/events", type: null, headers: {}, body });
  const [features] = await place.transforms.features(String(event.id), null);
  return JSON.parse(features!.json) as Row;
}

/** Customers come on several days, and stop. @returns by customer, what was served at the first stop of each visit */
async function week(store: Store): Promise<ReadonlyMap<string, Row[]>> {
  const served = new Map<string, Row[]>();
  for (const [day, id] of [0, 1, 3, 12].flatMap((day) => [7, 8, 9].map((id) => [day, id] as const))) {
    if (id === 8 && day === 1) continue;
    const at = MONDAY + day * DAY + id * MINUTE;
    await happened(store, at, { type: "entry", id });
    const row = await happened(store, at + 20_000, { type: "focus", id, dep: day === 0 ? "Sport" : "Men" } as never);
    await happened(store, at + 40_000, { type: "focus", id, dep: "Boys" } as never);
    served.set(String(id), [...(served.get(String(id)) ?? []), row]);
  }
  return served;
}

async function aWeek() {
  const store = await startStore();
  onTestFinished(() => store[Symbol.asyncDispose]());
  const served = await week(store);
  await store.place.runner.idle();
  return { store, served, dataDir: store.dataDir };
}

const training = (...args: string[]) => runCommand(transformCommand, ["--training", ...args]);

function folder(): string {
  const dir = temporary();
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

describe("aisle transform --training", () => {
  it("prints what was served at each anchor, with labels, beside who runs the place", async () => {
    const { served, dataDir } = await aWeek();

    const { code, out, err } = await training(STORE, "--data", dataDir);

    expect(code).toBe(0);
    const rows = new Map(out.map((line) => JSON.parse(line) as [string, Row[]]));
    // the visit of the fourth day has none within a week, and that of the thirteenth may still have one
    expect([...rows].map(([id, all]) => [id, all.map(known)])).toEqual([
      ["7", served.get("7")!.slice(0, 2).map(known)],
      ["8", served.get("8")!.slice(0, 1).map(known)],
      ["9", served.get("9")!.slice(0, 2).map(known)],
    ]);
    expect(rows.get("7")!.map((row) => row["next_week.stops"])).toEqual([4, 2]);
    expect(rows.get("7")![0]).toMatchObject({ "now.stops": 1, "now.department": "Sport", "ever.visits": 1 });
    expect(err).toEqual([
      "5 rows, and 3 that are not complete yet: events from 2026-03-14T08:09:40.000Z on may still change them",
    ]);
  });

  it("writes CSV and Parquet, when nobody runs the place too", async () => {
    const { store, dataDir } = await aWeek();
    const out = folder();
    const data = join(out, "data");
    const files = { csv: join(out, "rows.csv"), parquet: join(out, "rows.parquet") };
    cpSync(dataDir, data, { recursive: true, filter: (path) => !path.endsWith(".sock") });
    await store.place.stop();

    for (const [format, file] of Object.entries(files))
      expect(await training(STORE, "--data", data, "--to", format, "--output", file)).toMatchObject({
        code: 0,
        out: [],
      });

    const [header, ...lines] = readFileSync(files.csv, "utf8").trimEnd().split("\r\n");
    const names = header!.split(",");
    expect(names).toEqual(expect.arrayContaining(["now.stops", "ever.visits", "next_week.stops"]));
    const rows = await parquetReadObjects({ file: await asyncBufferFromFile(files.parquet) });
    expect(rows.map((row) => names.map((name) => String(row[name])).join(","))).toEqual(lines);
    expect(rows).toHaveLength(5);
  });

  it("takes another window spec, over the site's transforms", async () => {
    const { dataDir } = await aWeek();
    const window = join(folder(), "other.yml");
    const text = readFileSync(join(STORE, "transforms/visits-features.yml"), "utf8");
    writeFileSync(window, text.slice(0, text.indexOf("  # What is to be learnt")));

    const { code, out, err } = await training(STORE, "--data", dataDir, "--window-bts", window);

    expect([code, out.length]).toEqual([0, 3]);
    // without a label only the youngest hour is waited for
    expect(err[0]).toMatch(/^8 rows, and 3 that are not complete yet/);
    const named = ["--streaming-bts", join(STORE, "transforms/visits.yml"), "--window-bts", window];
    expect((await training("--data", dataDir, ...named)).out).toEqual(out);
  });

  it.each([
    [
      "a place that is not there",
      [STORE, "--data", "nosuch"],
      "no journal in 'nosuch': choose the folder of the place with --data",
    ],
    [
      "a streaming spec alone",
      [STORE, "--streaming-bts", "x.yml"],
      "training rows are made by a window spec: name one with --window-bts",
    ],
  ])("refuses %s", async (_, args, expected) => {
    expect(await training(...args)).toMatchObject({ code: 1, err: [expected] });
  });

  it("refuses a site without a window spec, and one with several", async () => {
    const dir = writeSite({});
    expect(await training(dir)).toMatchObject({
      code: 1,
      err: [`the site in '${dir}' has no window spec in transforms/: name one with --window-bts`],
    });

    mkdirSync(join(dir, "transforms"));
    for (const name of ["a", "b"]) {
      const read = (file: string) => readFileSync(join(STORE, "transforms", file), "utf8").replaceAll("visits", name);
      writeFileSync(join(dir, "transforms", `${name}.yml`), read("visits.yml"));
      writeFileSync(join(dir, "transforms", `${name}-rows.yml`), read("visits-features.yml"));
    }
    expect(await training(dir)).toMatchObject({
      code: 1,
      err: [
        `the site in '${dir}' has several window specs (transforms/a-rows.yml, transforms/b-rows.yml): name one with --window-bts`,
      ],
    });
  });

  it.each([
    ["options for files", [STORE, "--state", "x"], /^error: --training reads a journal/],
    ["several sites", [STORE, STORE], /^error: training rows are of one place/],
    ["Parquet to a terminal", [STORE, "--to", "parquet"], /^error: Parquet goes to a file/],
  ])("is called in a wrong way with %s", async (_, args, expected) => {
    const { code, err } = await training(...args);

    expect(code).toBe(2);
    expect(err[0]).toMatch(expected);
  });
});
