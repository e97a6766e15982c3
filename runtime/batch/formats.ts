// What a run's output may be, and where it goes.
import { join } from "node:path";
import type { Writable } from "node:stream";
import { RecordsCsv, RowsCsv } from "./csv.ts";
import { Lines } from "./lines.ts";
import { fileSink, streamSink } from "./sink.ts";
import type { Job } from "./transform.ts";

export const FORMATS = ["json", "csv", "parquet"] as const;
export type Format = (typeof FORMATS)[number];

export interface OutputOptions {
  readonly format: Format;
  /** A file; of a format in tables and without a window spec a folder. Null: standard output. */
  readonly path: string | null;
  readonly hasWindows: boolean;
  readonly stdout: Writable;
}

/** What has to be named for this output and is not; null: nothing. */
export function missingOutput({ format, path, hasWindows }: Omit<OutputOptions, "stdout">): string | null {
  if (path !== null || format === "json") return null;
  if (!hasWindows) return `records as ${format} are a file for each aggregate: name a folder with --output`;
  return format === "parquet" ? "Parquet goes to a file: name it with --output" : null;
}

export async function writerOf({ format, path, hasWindows, stdout }: OutputOptions): Promise<Job["writer"]> {
  const sink = () => (path === null ? streamSink(stdout) : fileSink(path));
  const inFolder = (name: string) => join(path!, `${name}.${format}`);
  switch (format) {
    case "json":
      return (fold) => new Lines(fold, sink());
    case "csv":
      return hasWindows
        ? (fold) => new RowsCsv(fold, sink())
        : (fold) => new RecordsCsv(fold, (name) => fileSink(inFolder(name)));
    case "parquet": {
      const { RecordsParquet, RowsParquet } = await import("./parquet.ts"); // nobody else needs the library
      return hasWindows ? (fold) => new RowsParquet(fold, path!) : (fold) => new RecordsParquet(fold, inFolder);
    }
  }
}
