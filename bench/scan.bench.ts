// Question: how much faster are the eight fields that a site reads found by the core than by JSON.parse?
// Shape:    events of 300 bytes, 12 string fields at the top, of a few types; one at a time and 256 at once. The core's
//           time includes copying each payload in; "reading" is touching each of the 8 values: their lengths are added up.
//           Beside it: keys in random order, and all 8 values taken out as JavaScript strings.

import { Scanner } from "../runtime/core/scanner.ts";
import { prng } from "../test/support/prng.ts";
import { type Candidate, interleave, keep } from "./measure.ts";

const FIELDS = [
  "event_id",
  "event_type",
  "customer_id",
  "session_id",
  "department",
  "device",
  "country",
  "occurred_at",
  "campaign",
  "product",
  "language",
  "app_version",
];
const READ = ["event_id", "event_type", "customer_id", "session_id", "department", "country", "occurred_at", "product"];

/** Events in all; more than fit the first-level cache, as in life. */
const EVENTS = 4_096;
const BATCH = 256;

export async function bench({ quick }: { quick: boolean }): Promise<{
  figures: Record<string, number>;
  ratios: Record<string, number>;
}> {
  const random = prng(42); // the same events in every run, so that before and after can be compared
  const ordered = payloads(random, (fields) => fields);
  const shuffled = payloads(random, (fields) => shuffle(fields, random));
  const candidates = [
    ...candidatesFor("", ordered, scanned),
    ...candidatesFor("_shuffled", shuffled, scanned),
    ...candidatesFor("_as_text", ordered, scannedAsText),
  ];

  const measured = await interleave(candidates, quick ? { rounds: 7, msPerSlice: 15 } : { rounds: 21, msPerSlice: 60 });

  const ratio = (suffix: string, batch: number) => measured.ratio(`parse${suffix}`, `scan${suffix}_${batch}`);
  const one = ratio("", 1);
  const many = ratio("", BATCH);
  return {
    figures: {
      "scan.ns_per_event": measured.medianNs[`scan_${BATCH}`]! / BATCH,
      "scan.ns_per_event_batch_1": measured.medianNs.scan_1! / BATCH,
      "scan.json_parse_ns_per_event": measured.medianNs.parse! / BATCH,
      "scan.bytes_per_event": ordered.reduce((sum, { length }) => sum + length, 0) / EVENTS,
    },
    ratios: {
      "scan.vs_json_parse": Math.min(one, many),
      "scan.vs_json_parse_batch_1": one,
      "scan.vs_json_parse_batch_256": many,
      "scan.vs_json_parse_shuffled_keys": ratio("_shuffled", BATCH),
      "scan.vs_json_parse_shuffled_keys_batch_1": ratio("_shuffled", 1),
      "scan.vs_json_parse_as_text": ratio("_as_text", BATCH),
    },
  };
}

type Read = (scanner: Scanner, batch: readonly Uint8Array[]) => number;

/** Three ways through the same events, 256 of them per run: parsed, scanned together, scanned one at a time. */
function candidatesFor(suffix: string, events: readonly Buffer[], read: Read): Candidate[] {
  const scanner = new Scanner(READ);
  const batches = inBatches(events, BATCH);
  const singles = batches.map((batch) => inBatches(batch, 1));
  const next = turns(batches.length);
  const nextSingles = turns(singles.length);
  const nextParsed = turns(batches.length);
  return [
    { name: `parse${suffix}`, run: () => keep(parsed(batches[nextParsed()]!)) },
    { name: `scan${suffix}_${BATCH}`, run: () => keep(read(scanner, batches[next()]!)) },
    {
      name: `scan${suffix}_1`,
      run: () => {
        let sum = 0;
        for (const single of singles[nextSingles()]!) sum += read(scanner, single);
        keep(sum);
      },
    },
  ];
}

function parsed(batch: readonly Buffer[]): number {
  let sum = 0;
  for (const payload of batch) {
    const event = JSON.parse(payload.toString());
    sum +=
      event.event_id.length +
      event.event_type.length +
      event.customer_id.length +
      event.session_id.length +
      event.department.length +
      event.country.length +
      event.occurred_at.length +
      event.product.length;
  }
  return sum;
}

function scanned(scanner: Scanner, batch: readonly Uint8Array[]): number {
  const found = scanner.scan(batch);
  let sum = 0;
  for (let item = 0; item < found.count; item++) {
    for (let path = 0; path < READ.length; path++) sum += found.size(item, path);
  }
  return sum;
}

function scannedAsText(scanner: Scanner, batch: readonly Uint8Array[]): number {
  const found = scanner.scan(batch);
  let sum = 0;
  for (let item = 0; item < found.count; item++) {
    for (let path = 0; path < READ.length; path++) sum += found.text(item, path).length;
  }
  return sum;
}

/** 0, 1, … count − 1, 0, … */
function turns(count: number): () => number {
  let turn = count - 1;
  return () => {
    turn = turn + 1 === count ? 0 : turn + 1;
    return turn;
  };
}

function inBatches<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: items.length / size }, (_, batch) => items.slice(batch * size, (batch + 1) * size));
}

// Input

function payloads(random: () => number, arrange: (fields: [string, string][]) => [string, string][]): Buffer[] {
  return Array.from({ length: EVENTS }, () => {
    const fields = FIELDS.map((name): [string, string] => [name, word(random, 4 + Math.floor(13 * random()))]);
    return Buffer.from(JSON.stringify(Object.fromEntries(arrange(fields))));
  });
}

function word(random: () => number, length: number): string {
  return Array.from({ length }, () => "abcdefghijklmnopqrstuvwxyz-0123456789"[Math.floor(37 * random())]).join("");
}

function shuffle<T>(items: T[], random: () => number): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor((i + 1) * random());
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
  return items;
}
