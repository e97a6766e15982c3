// A transform of events that a test has at hand, through the code that `aisle transform` runs.
import { Writable } from "node:stream";
import type { Processor } from "../../runtime/batch/input.ts";
import { Lines } from "../../runtime/batch/lines.ts";
import { type Sink, streamSink } from "../../runtime/batch/sink.ts";
import { type Source, streamSource } from "../../runtime/batch/sources.ts";
import type { Tally } from "../../runtime/batch/tally.ts";
import { transform } from "../../runtime/batch/transform.ts";
import type { Writer } from "../../runtime/batch/writer.ts";
import type { Fold } from "../../runtime/core/fold.ts";
import { formatMistake } from "../../runtime/errors.ts";
import { readTransform } from "../../runtime/spec/load.ts";
import type { Transform } from "../../runtime/spec/spec.ts";

export interface Setting {
  readonly streaming: string;
  readonly window?: string;
  /** Objects, or lines as they are. */
  readonly events?: readonly unknown[];
  readonly sources?: readonly Source[];
  readonly processor?: Processor;
  readonly compat?: boolean;
  readonly stateDir?: string;
  readonly writer?: (fold: Fold, sink: Sink) => Writer;
}

export interface Given {
  readonly stdout: string;
  readonly lines: readonly string[];
  readonly tally: Tally;
  /** What `--debug` says. */
  readonly debug: readonly string[];
}

/** Throws with the mistakes of the specs. */
export function transformOf({ streaming, window, compat = false }: Setting): Transform {
  const read = readTransform(
    {
      streaming: { file: "streaming.yml", text: streaming },
      window: window === undefined ? null : { file: "window.yml", text: window },
    },
    { compat },
  );
  if (read.spec === null) throw new Error(read.mistakes.map(formatMistake).join("\n"));
  return read.spec;
}

export async function transformed(setting: Setting): Promise<Given> {
  const { events = [], processor = "simple", compat = false, stateDir = null } = setting;
  const { writer = (fold: Fold, sink: Sink) => new Lines(fold, sink) } = setting;
  const text = events.map((event) => (typeof event === "string" ? event : JSON.stringify(event))).join("\n");
  const debug: string[] = [];
  let stdout = "";
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      stdout += chunk.toString();
      done();
    },
  });
  const tally = await transform({
    transform: transformOf(setting),
    sources: setting.sources ?? [source("events", text)],
    processor,
    compat,
    stateDir,
    writer: (fold) => writer(fold, streamSink(stream)),
    debug: (line) => debug.push(line),
  });
  return { stdout, lines: stdout.split("\n").filter((line) => line !== ""), tally, debug };
}

/** @param data  in pieces, or as a whole */
export function source(name: string, data: string | Buffer | readonly Buffer[]): Source {
  const pieces = typeof data === "string" ? [Buffer.from(data)] : Buffer.isBuffer(data) ? [data] : data;
  return streamSource(name, stream(pieces));
}

async function* stream(pieces: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* pieces;
}

/** A streaming spec of one aggregate of each kind that is stored: what they hold is counted. */
export const COUNTING = `
Type: Blurr:Transform:Streaming
Version: '2018-03-01'
Name: S
Import: [{ Module: dateutil.parser, Identifiers: [parse] }]
Identity: source.u
Time: parse(source.t)
Stores: [{ Type: Blurr:Store:Memory, Name: m }]
Aggregates:
  - Type: Blurr:Aggregate:Identity
    Name: all
    Store: m
    Fields:
      - { Name: n, Type: integer, Value: all.n + 1 }
      - { Name: last, Type: string, Value: source.v }
  - Type: Blurr:Aggregate:Block
    Name: block
    Store: m
    Dimensions: [{ Name: sid, Type: string, Value: source.sid }]
    Fields:
      - { Name: n, Type: integer, Value: block.n + 1 }
      - { Name: vs, Type: list, Value: block.vs.append(source.v) }
`;

/** Over `COUNTING`: for each block the one before. */
export const ROUND = `
Type: Blurr:Transform:Window
Version: '2018-03-01'
Name: W
Anchor: { Condition: S.block.n > 0 }
Aggregates:
  - Type: Blurr:Aggregate:Window
    Name: before
    WindowType: count
    WindowValue: -1
    Source: S.block
    Fields:
      - { Name: n, Type: integer, Value: "sum(source.n)" }
      - { Name: sid, Type: string, Value: "source.sid[0]" }
`;
