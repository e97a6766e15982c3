import { createHash } from "node:crypto";
import type { EventsConfig, Site } from "../site.ts";

/**
 * Names what decides whether the board hears an event: how events are read, and the types that do something to it.
 * What was plain under one of these names is plain under it for ever.
 */
export function hearsHash({ events, departments, timeZone }: Site, hears: (type: string) => boolean): string {
  const heard = [...events.types.keys()].filter(hears);
  const read = [shapeOf(events), [...departments], timeZone];
  return createHash("sha256")
    .update(JSON.stringify([heard, read]))
    .digest("hex")
    .slice(0, 16);
}

function shapeOf({ identity, forms, types }: EventsConfig): unknown {
  return [identity, forms, [...types.values()]];
}
