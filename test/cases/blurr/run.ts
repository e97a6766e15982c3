// A case through the code that `aisle transform` runs.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { PROCESSORS } from "../../../runtime/batch/input.ts";
import { Lines } from "../../../runtime/batch/lines.ts";
import { streamSink } from "../../../runtime/batch/sink.ts";
import { fileSource } from "../../../runtime/batch/sources.ts";
import { type Job, transform } from "../../../runtime/batch/transform.ts";
import { Aborted } from "../../../runtime/core/fold.ts";
import { formatMistake } from "../../../runtime/errors.ts";
import { readTransform } from "../../../runtime/spec/load.ts";
import { type Case, type Mode, pathOf, textOf } from "./cases.ts";

export interface Result {
  /** Null: the specs have mistakes, or the run was ended. */
  readonly stdout: string | null;
  /** What is wrong with the specs, a line each; the reason of a run that was ended. */
  readonly why: string;
}

export interface RunOptions {
  readonly withWindows?: boolean;
  /** All events in one batch. */
  readonly isPooled?: boolean;
  /** Default: lines to stdout. */
  readonly writer?: (path: Writable) => Job["writer"];
}

/** Runs the case's batches, one after the other over a state if there are more than one. @returns the last one's result */
export async function run(each: Case, mode: Mode, options: RunOptions = {}): Promise<Result> {
  const { withWindows = true, isPooled = false } = options;
  const compat = mode === "blurr";
  const spec = (name: string) => ({ file: name, text: textOf(each, name) });
  const window = each.window_spec !== null && withWindows ? spec(each.window_spec) : null;
  const read = readTransform({ streaming: spec(each.streaming_spec!), window }, { compat });
  if (read.spec === null) return { stdout: null, why: `${read.mistakes.map(formatMistake).join("\n")}\n` };
  const processor = PROCESSORS.find((name) => name === each.data_processor);
  if (processor === undefined) throw new Error(`no known data processor '${each.data_processor}'`);

  const batches = isPooled ? [each.events] : batchesOf(each);
  const stateDir = batches.length === 1 ? null : mkdtempSync(join(tmpdir(), "aisle-cases-"));
  try {
    let stdout = "";
    for (const files of batches) {
      stdout = "";
      const stream = new Writable({
        write(chunk: Buffer, _, done) {
          stdout += chunk.toString();
          done();
        },
      });
      const writer = options.writer?.(stream) ?? ((fold) => new Lines(fold, streamSink(stream)));
      const sources = files.map((file) => fileSource(pathOf(each, file)));
      await transform({ transform: read.spec, sources, processor, compat, stateDir, writer });
    }
    return { stdout, why: "" };
  } catch (error) {
    if (error instanceof Aborted) return { stdout: null, why: error.message };
    throw error;
  } finally {
    if (stateDir !== null) rmSync(stateDir, { recursive: true });
  }
}

/** A file given twice is one batch; different files are batches. */
export function batchesOf({ events }: Case): readonly (readonly string[])[] {
  return new Set(events).size === events.length ? events.map((file) => [file]) : [events];
}
