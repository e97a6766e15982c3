// The store's site, with what the kills need beside it: a type of events that nothing on its board hears, a checkpoint
// every second, and a spec that counts each customer's events.
import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { STORE } from "../../support/place.ts";
import { writeSite } from "../../support/sites.ts";

/** Its folder, which goes when the test ends. @param streams  that it reads */
export function killSite(streams: readonly string[] = []): string {
  const bus = streams.length === 0 ? {} : { "bus.streams": streams.map((stream) => ({ stream })) };
  const dir = writeSite({ site: { "events.types.glance": {}, "checkpoint.every": "1s", ...bus } });
  cpSync(join(STORE, "transforms"), join(dir, "transforms"), { recursive: true });
  writeFileSync(join(dir, "transforms", "counts.yml"), COUNTS);
  return dir;
}

/** Of each customer how many events, and the sum of their numbers: one that counts twice for one that is lost shows. */
const COUNTS = `Type: Blurr:Transform:Streaming
Version: '2018-03-01'
Name: counts
Identity: source.id
Time: None
Stores:
  - { Type: Blurr:Store:Memory, Name: store }
Aggregates:
  - Type: Blurr:Aggregate:Identity
    Name: seen
    Store: store
    Fields:
      - { Name: events, Type: integer, Value: seen.events + 1 }
      - { Name: sum, Type: integer, Value: seen.sum + source.n }
`;
