import { describe, expect, it } from "vitest";
import { RowsCsv } from "../../../runtime/batch/csv.ts";
import { readInput } from "../../../runtime/batch/input.ts";
import { streamSink } from "../../../runtime/batch/sink.ts";
import { fileSource } from "../../../runtime/batch/sources.ts";
import { transformCommand } from "../../../runtime/cli/transform.ts";
import { validateLikeBlurr } from "../../../runtime/spec/validator.ts";
import { runCommand } from "../../support/command.ts";
import {
  type Case,
  differing,
  type Expectation,
  isQuirk,
  isShipped,
  type Mode,
  ownExpectation,
  pathOf,
  readCases,
  textOf,
  usesDynamo,
} from "./cases.ts";
import { expectLines, expectRecords, expectRows, expectSimilar, parsePython } from "./compare.ts";
import { expectKeys } from "./keys.ts";
import { batchesOf, type Result, run } from "./run.ts";

type Run = (each: Case, mode: Mode) => Promise<void>;

/** By `expected_kind`, what is run and compared. A kind that is not here fails. */
const KINDS: Readonly<Record<string, Run>> = {
  stdout_lines: async (each, mode) => {
    expectLines(each, outputOf(await run(each, mode)), textOf(each, each.expected!), isShipped);
  },
  records_subset: async (each, mode) => {
    const [records, rows = null] = each.expected!.split(" + ");
    expectRecords(each, outputOf(await run(each, mode, { withWindows: false })), textOf(each, records!));
    if (rows !== null) expectRows(each, outputOf(await run(each, mode)), textOf(each, rows));
  },
  run_error: async (each, mode) => {
    const { stdout, why } = await run(each, mode);

    expect(stdout).toBeNull();
    expect(why).not.toBe("");
  },
  csv_file: async (each, mode) => {
    const writer = { writer: (stream: NodeJS.WritableStream) => csvTo(stream) };

    expect(outputOf(await run(each, mode, writer as never))).toBe(textOf(each, each.expected!));
  },
  // A spec without output: it is read, or said what is wrong with it; if it runs, it runs.
  none: async (each, mode) => {
    const { stdout, why } = await run(each, mode);

    if (stdout === null) for (const line of why.trim().split("\n")) expect(line).toMatch(/^[^:]+\.yml:\d+:\d+: ./);
    else for (const line of stdout.trim().split("\n")) expect(() => parsePython(line)).not.toThrow();
  },
  input_records: async (each) => {
    const sources = each.events.map((file) => fileSource(pathOf(each, file)));
    const { payloads } = await readInput({ sources, processor: "ipfix", arrays: false });
    const records = Array.from({ length: payloads.count }, (_, i) =>
      JSON.parse(Buffer.from(payloads.at(i)).toString()),
    );

    expect(records).toEqual(JSON.parse(textOf(each, each.expected!)));
  },
  validation_errors: async (each) => {
    const verdicts = JSON.parse(textOf(each, each.expected!)) as Verdict[];
    const keyOf = ({ kind, path, attribute }: Mistake) => `${kind} ${path} ${attribute}`;
    for (const { file, valid, errors = [] } of verdicts) {
      const verdict = validateLikeBlurr(textOf(each, file), file);
      expect([file, verdict.valid]).toEqual([file, valid]);
      expect(new Set(verdict.errors.map(keyOf))).toEqual(new Set(errors.map(keyOf)));
    }
  },
  table: async (each) => expectKeys(JSON.parse(textOf(each, each.expected!))),
};

/** What has nothing to do with how a transform is run. */
const WITHOUT_MODE = ["input_records", "validation_errors", "table"];

interface Mistake {
  readonly kind: string;
  readonly path: string;
  readonly attribute: string | null;
}

interface Verdict {
  readonly file: string;
  readonly valid: boolean;
  readonly errors?: readonly Mistake[];
}

function csvTo(stream: NodeJS.WritableStream) {
  return (fold: ConstructorParameters<typeof RowsCsv>[0]) => new RowsCsv(fold, streamSink(stream as never));
}

function outputOf({ stdout, why }: Result): string {
  if (stdout === null) throw new Error(`the run gave nothing: ${why}`);
  return stdout;
}

/** What Aisle gives where it differs on purpose. */
async function expectOwn(each: Case, mode: Mode, own: Expectation): Promise<void> {
  const result = await run(each, mode);
  if ("mistakes" in own) expect(result).toEqual({ stdout: null, why: own.mistakes });
  else expect(outputOf(result)).toBe(own.lines);
}

function runnerOf({ expected_kind: kind }: Case): Run {
  const runner = KINDS[kind];
  if (runner === undefined) throw new Error(`no known kind '${kind}'; known: ${Object.keys(KINDS).join(", ")}`);
  return runner;
}

/** Of cases that came without a word of ours: Blurr's output, but for what README.md says in general. */
async function expectSameButFor(each: Case): Promise<void> {
  try {
    await runnerOf(each)(each, "aisle");
  } catch (error) {
    if (each.streaming_spec === null || WITHOUT_MODE.includes(each.expected_kind)) throw error;
    const result = await run(each, "aisle");
    if (result.stdout === null || isQuirk(each)) return;
    if (batchesOf(each).length > 1) expect(result).toEqual(await run(each, "aisle", { isPooled: true }));
    else if (each.expected_kind !== "stdout_lines") throw error;
    else expectSimilar(each, result.stdout, textOf(each, each.expected!));
  }
}

const cases = readCases();
/** Cases of a store that Aisle doesn't have: its quirks are what they record. */
const elsewhere = cases.filter(usesDynamo);

describe("as Blurr, with --compat blurr", () => {
  for (const each of cases) {
    it.skipIf(elsewhere.includes(each))(each.name, async () => {
      const own = ownExpectation(each, "blurr");
      if (own === null) await runnerOf(each)(each, "blurr");
      else await expectOwn(each, "blurr", own);
    });
  }
});

describe("by default", () => {
  for (const each of cases) {
    if (WITHOUT_MODE.includes(each.expected_kind)) continue;
    it.skipIf(elsewhere.includes(each))(each.name, async () => {
      const own = ownExpectation(each, "aisle");
      if (own !== null) await expectOwn(each, "aisle", own);
      else if (isShipped) await runnerOf(each)(each, "aisle");
      else await expectSameButFor(each);
    });
  }
});

/** The first cases of each kind of output, with and without a window spec. */
const throughCommand = ["stdout_lines", "run_error"].flatMap((kind) =>
  [true, false].flatMap((hasWindow) => {
    const fitting = cases.filter(
      (each) =>
        each.expected_kind === kind && (each.window_spec !== null) === hasWindow && batchesOf(each).length === 1,
    );
    return fitting.slice(0, 4);
  }),
);

describe("through the command line, with --compat blurr", () => {
  for (const each of throughCommand) {
    it(each.name, async () => {
      const window = each.window_spec === null ? [] : ["--window-bts", pathOf(each, each.window_spec)];
      const source = each.events.map((file) => pathOf(each, file)).join(",");
      const { code, out, err } = await runCommand(transformCommand, [
        ...["--streaming-bts", pathOf(each, each.streaming_spec!), ...window, "--source", source],
        ...["--data-processor", each.data_processor!, "--compat", "blurr"],
      ]);

      if (each.expected_kind === "run_error") {
        expect([code, out]).toEqual([1, []]);
        expect(err).not.toEqual([]);
      } else {
        expect(code).toBe(0);
        expectLines(each, out.join("\n"), textOf(each, each.expected!), isShipped);
      }
    });
  }
});

describe.runIf(isShipped)("the cases in which Aisle differs", () => {
  it("are told in README.md, and no others", () => {
    const own = cases.filter((each) => ownExpectation(each, "aisle") !== null).map(({ name }) => name);

    expect([...differing()].sort()).toEqual([...own, ...elsewhere.map(({ name }) => name)].sort());
  });
});
