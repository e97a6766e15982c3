// Blurr's output: a line of JSON for each record, or with a window spec for each identity.
import type { Fold, Handle } from "../core/fold.ts";
import { checkPrintable } from "./blurr.ts";
import type { Stored } from "./records.ts";
import type { Sink } from "./sink.ts";
import type { Writer } from "./writer.ts";

/** With Blurr's compatibility nothing is written before the end: a run that aborts gives nothing. */
export class Lines implements Writer {
  readonly #fold: Fold;
  readonly #sink: Sink;
  readonly #held: string[] | null;
  readonly #windows: readonly number[];

  constructor(fold: Fold, sink: Sink) {
    const { compat, aggregates, transform } = fold.program;
    this.#fold = fold;
    this.#sink = sink;
    this.#held = compat ? [] : null;
    const streams = transform.streaming.aggregates.length;
    this.#windows = aggregates.map((_, i) => i).slice(streams);
  }

  records(identity: Handle, records: readonly Stored[]): void {
    for (const { aggregate, record } of records) {
      if (this.#held !== null) checkPrintable(this.#fold, aggregate, record);
      this.#line(this.#fold.line(identity, aggregate, record));
    }
  }

  rows(identity: Handle, rows: Iterable<number>): void {
    const texts = Array.from(rows, (row) => {
      if (this.#held !== null) this.#check(row);
      return this.#fold.printRow(row);
    });
    this.#line(`["${jsonOf(this.#fold.keyOf(identity))}", [${texts.join(", ")}]]`);
  }

  ready(): Promise<void> {
    return this.#sink.ready();
  }

  async end(): Promise<void> {
    for (const line of this.#held ?? []) {
      this.#sink.write(line);
      await this.#sink.ready();
    }
    await this.#sink.end();
  }

  abandon(): Promise<void> {
    return this.#sink.abandon();
  }

  #check(row: number): void {
    const { core } = this.#fold;
    for (const aggregate of this.#windows) checkPrintable(this.#fold, aggregate, core.recordOfRow(row, aggregate));
  }

  #line(text: string): void {
    if (this.#held === null) this.#sink.write(`${text}\n`);
    else this.#held.push(`${text}\n`);
  }
}

/** The inside of a text in Python's JSON: only ASCII. */
function jsonOf(text: string): string {
  return JSON.stringify(text)
    .slice(1, -1)
    .replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
