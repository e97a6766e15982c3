import type { Board } from "./board/board.ts";
import type { Bus } from "./bus/bus.ts";
import { NatsBus } from "./bus/nats.ts";
import { NatsKv } from "./bus/nats-kv.ts";
import { type Claims, LocalClaims } from "./claims/claims.ts";
import { boardBucket } from "./claims/keys.ts";
import { KvClaims } from "./claims/kv-claims.ts";
import type { Clock } from "./clock.ts";
import type { Journal } from "./journal/journal.ts";
import type { Plan, Site } from "./site.ts";
import type { ClaimsWorld } from "./workshop.ts";

export interface SiteClaimsOptions extends ClaimsWorld {
  readonly site: Site;
  readonly bus: Bus;
  readonly journal: Pick<Journal, "append" | "epoch">;
  readonly board: Board;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly fault: (what: string, error: unknown) => void;
  /** The bucket is not as it should be; it goes on by itself. */
  readonly trouble: (error: unknown) => void;
}

/** Nodes that share pages or limits agree over a bucket; alone, the scheduler says it all. */
export function claimsOf({ site, bus, journal, trouble, ...rest }: SiteClaimsOptions): Claims {
  if (!(bus instanceof NatsBus) || !isShared(site.plan)) return new LocalClaims();
  const { clock, random } = rest;
  const bucket = boardBucket(site.bus.prefix, site.name);
  return new KvClaims({
    ...rest,
    ...{ plan: site.plan, node: site.place, epoch: journal.epoch },
    kv: new NatsKv({ bus, bucket, clock, random, onError: trouble }),
    append: (drafts) => journal.append(drafts),
  });
}

/** Whether several nodes work on it together, or count each other's runs. */
function isShared({ pages, actors: planned }: Plan): boolean {
  return (
    pages.some(({ shared }) => shared) ||
    planned.some(
      ({ selvesScope, conflicts }) => selvesScope === "site" || conflicts.some(({ scope }) => scope === "site"),
    )
  );
}
