// Specs at work on recorded events, without a place: a journal in memory, identities that go to a map.
import { readFileSync } from "node:fs";
import { Fold, type FoldOptions, type Handle, type Outcome } from "../../runtime/core/fold.ts";
import type { Block } from "../../runtime/journal/block.ts";
import type { Entry } from "../../runtime/journal/journal.ts";
import { batchOf, foundOf } from "../../runtime/live/batch.ts";
import type { SiteTransform } from "../../runtime/site.ts";
import { compile, type Program } from "../../runtime/spec/compile.ts";
import { readTransform } from "../../runtime/spec/load.ts";

const CASES = new URL("../cases/", import.meta.url);
const SPECS = new URL("../fixtures/specs/", import.meta.url);

/** A streaming spec of `fixtures/specs`, with the window spec over it if it is named. */
export function specOf(streaming: string, window: string | null = null): SiteTransform {
  const read = (file: string) => readFileSync(new URL(file, SPECS), "utf8");
  return { ...specFrom(read(streaming), window === null ? null : read(window)), hash: `${streaming} ${window}` };
}

/** The same of texts. */
export function specFrom(streaming: string, window: string | null = null): SiteTransform {
  const { spec, mistakes } = readTransform({
    streaming: { file: "streaming.yml", text: streaming },
    window: window === null ? null : { file: "window.yml", text: window },
  });
  if (spec === null || mistakes.length > 0) throw new Error(JSON.stringify(mistakes));
  return { name: spec.streaming.name, transform: spec, hash: `${streaming}\n${window}` };
}

/** Recorded events of players: an hour of play each, in the order of the recording. */
export function playersEvents(): { readonly payload: Buffer; readonly at: number }[] {
  const text = readFileSync(new URL("offer-ai/events.jsonl", CASES), "utf8");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => ({
      payload: Buffer.from(line),
      at: Date.parse(`${(JSON.parse(line) as { event_time: string }).event_time}Z`),
    }));
}

export interface EventParts {
  readonly payload: Uint8Array;
  /** Receive time, ms. */
  readonly receivedAt: number;
  readonly id?: string;
  readonly source?: string;
}

/** Entries as the journal would hold them, from sequence 1. */
export function entriesOf(events: readonly EventParts[]): Entry[] {
  return events.map(({ payload, receivedAt, id, source }, i) => ({
    seq: i + 1,
    receivedAt,
    kind: "event",
    principal: "test",
    subject: "events",
    headers: { ...(id === undefined ? {} : { id }), ...(source === undefined ? {} : { source }) },
    payload,
  }));
}

/** A fold that is fed with entries in batches of some size. */
export class Folding {
  readonly fold: Fold;
  readonly told: { outcome: Outcome; seq: number }[] = [];
  readonly #bySeq = new Map<number, Entry>();

  constructor(program: Program, options: FoldOptions = {}) {
    this.fold = new Fold(program, options);
  }

  feed(entries: readonly Entry[], batchSize = 256): this {
    for (const entry of entries) this.#bySeq.set(entry.seq, entry);
    for (let from = 0; from < entries.length; from += batchSize) {
      const batch = batchOf(entries.slice(from, from + batchSize));
      this.fold.fold(batch, this.lookup, (outcome, _, seq) => this.told.push({ outcome, seq }));
    }
    return this;
  }

  /** One batch, as the blocks that it is made of. */
  feedBlocks(entries: readonly Entry[], blocks: readonly Block[]): this {
    for (const entry of entries) this.#bySeq.set(entry.seq, entry);
    this.fold.foldBlocks(blocks, 0, this.lookup, (outcome, _, seq) => this.told.push({ outcome, seq }));
    return this;
  }

  readonly lookup = (seq: number) => foundOf(this.#bySeq.get(seq)!);

  /** Lines of all records, by identity and then in the order in which they were saved. */
  lines(): string[] {
    return this.#of((handle) =>
      this.fold.records(handle).map(({ aggregate, record }) => this.fold.line(handle, aggregate, record)),
    );
  }

  rows(): string[] {
    return this.#of((handle) => this.fold.rows(handle));
  }

  /** All that belongs to every identity, by key. Nothing can be asked after it. */
  packed(): Map<string, string> {
    const handles = this.fold.identities();
    return new Map(handles.map((handle) => [this.fold.keyOf(handle), this.fold.pack(handle).toString("hex")]));
  }

  #of(texts: (handle: Handle) => readonly string[]): string[] {
    const byKey = this.fold.identities().map((handle) => {
      this.fold.thaw(handle, this.lookup);
      return { key: this.fold.keyOf(handle), lines: texts(handle) };
    });
    return byKey.sort((a, b) => (a.key < b.key ? -1 : 1)).flatMap(({ lines }) => lines);
  }
}

export function programOf(spec: SiteTransform): Program {
  return compile(spec.transform);
}
