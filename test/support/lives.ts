// Specs at work on a journal that is an array, with identities that go to a disk of their own.
import { onTestFinished } from "vitest";
import type { Entry } from "../../runtime/journal/journal.ts";
import { batchOf, isEvent } from "../../runtime/live/batch.ts";
import { Live, type LivePorts } from "../../runtime/live/live.ts";
import { Recent } from "../../runtime/live/recent.ts";
import type { SiteTransform } from "../../runtime/site.ts";
import { IdentityStore } from "../../runtime/store/identities.ts";
import { specFrom } from "./folding.ts";
import { tempDir } from "./journal.ts";

/** Memory for all that a test makes, bytes. */
export const PLENTY = 2 ** 28;

/** A spec with one record `n` of each `who`, whose fields are given as in YAML; the time of an event is its `at`. */
export function recordSpec(lateness: string, fields: readonly string[]): SiteTransform {
  return specFrom(`Type: Blurr:Transform:Streaming
Version: '2018-03-01'
Name: records
Import:
  - { Module: dateutil, Identifiers: [parser] }
Identity: source.who
Time: parser.parse(source.at)
Lateness: ${lateness}
Stores:
  - { Type: Blurr:Store:Memory, Name: all }
Aggregates:
  - Type: Blurr:Aggregate:Identity
    Name: n
    Store: all
    Fields:
${fields.map((field) => `      - { ${field} }`).join("\n")}
`);
}

/** @param journal  where entries are found again by their sequences; it may grow */
export function liveOn(
  journal: readonly Entry[],
  spec: SiteTransform,
  memoryBytes = PLENTY,
  more: Partial<LivePorts> = {},
): Live {
  const store = new IdentityStore(`${tempDir()}/identities`);
  onTestFinished(() => store.close());
  return new Live(spec, {
    recent: new Recent((seq) => journal[seq - 1]!),
    cold: store.newPart(),
    memoryBytes,
    refused() {},
    fault(_, error) {
      throw error;
    },
    ...more,
  });
}

/** Entry by entry, as a journal gives them. */
export function foldEach(live: Live, entries: readonly Entry[]): Live {
  for (const entry of entries) {
    if (isEvent(entry)) live.feed(batchOf([entry]));
    else live.tick(entry);
  }
  return live;
}
