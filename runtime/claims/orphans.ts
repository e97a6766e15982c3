import type { Board } from "../board/board.ts";
import type { KeyValue } from "../bus/kv.ts";
import { claimKey, placeOf } from "./keys.ts";
import type { Mirror } from "./mirror.ts";
import type { SeenClaims } from "./seen.ts";

export interface OrphanParts {
  readonly kv: KeyValue;
  readonly board: Board;
  readonly mirror: Mirror;
  readonly seen: SeenClaims;
}

/**
 * Removes from the bucket what it shows of records of this node that the board has no longer: they were removed while the
 * bucket was away.
 */
export async function removeOrphans({ kv, board, mirror, seen }: OrphanParts, isOver: () => boolean): Promise<void> {
  for (const [key, revision] of mirror.standing()) {
    const place = placeOf(key);
    const page = place?.family === "record" ? board.find(place.page) : undefined;
    // A page that the plan lacks may come back with the next plan.
    if (place?.family !== "record" || page === undefined || page.find(place.key) !== undefined) continue;
    if (isOver()) return;
    for (const goal of page.config.goals) {
      const claim = claimKey(page.name, place.key, goal);
      const { said, revision: last } = seen.find(claim);
      if (said.state === "absent") continue;
      const mark = await kv.remove(claim, last);
      if (mark !== null) seen.see(claim, null, mark);
    }
    await kv.remove(key, revision);
  }
}
