// All events of a run: what stands in its sources, one file after the other.
import { ipfixEvents } from "./ipfix.ts";
import { Items } from "./items.ts";
import { Payloads } from "./payloads.ts";
import type { Source } from "./sources.ts";

/** How the lines of the input become events: each is one; or each holds some, in IPFIX. */
export const PROCESSORS = ["simple", "ipfix"] as const;
export type Processor = (typeof PROCESSORS)[number];

export interface Input {
  readonly payloads: Payloads;
  /** Which file an event is from, and its line there. */
  placeOf(index: number): string;
}

export interface ReadOptions {
  readonly sources: readonly Source[];
  readonly processor: Processor;
  /** Whether a file may be one JSON array. */
  readonly arrays: boolean;
  /** Told of bytes read, and of all events so far. */
  readonly progress?: (bytes: number, events: number) => void;
}

const UTF8 = new TextEncoder();
/** What no scanner takes for an event: stands for a line that is none. */
const NO_EVENT = new Uint8Array(0);

/** @throws AisleError when a source can't be read */
export async function readInput({ sources, processor, arrays, progress }: ReadOptions): Promise<Input> {
  const payloads = new Payloads();
  const begins: number[] = [];
  for (const source of sources) {
    begins.push(payloads.count);
    const take =
      processor === "simple"
        ? (item: Uint8Array, line: number) => payloads.add(item, line)
        : (item: Uint8Array, line: number) => addIpfix(payloads, item, line);
    const items = new Items(take, { arrays: arrays && processor === "simple" });
    for await (const chunk of source.open((bytes) => progress?.(bytes, payloads.count))) items.push(chunk);
    items.end();
  }
  return {
    payloads,
    placeOf(index) {
      const source = sources[begins.findLastIndex((begin) => begin <= index)]!;
      return `${source.name}:${payloads.lineOf(index)}`;
    },
  };
}

function addIpfix(payloads: Payloads, item: Uint8Array, line: number): void {
  const events = ipfixEvents(item);
  if (events === null) payloads.add(NO_EVENT, line);
  else for (const event of events) payloads.add(UTF8.encode(event), line);
}
