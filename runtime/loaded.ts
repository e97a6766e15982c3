// What of a site is read once and does not live: its catalog, its model, who is asked for customers and scores.
import type { World } from "./actor.ts";
import type { Clock } from "./clock.ts";
import type { OpenedSite } from "./config.ts";
import { Forest } from "./core/forest.ts";
import { type Catalog, shortName } from "./data/catalog.ts";
import { readText } from "./data/files.ts";
import { readModel } from "./data/model.ts";
import { type CustomerSource, HttpSource, LocalSource } from "./data/source.ts";
import { CouponModel } from "./decide/coupon-model.ts";
import type { Decision } from "./decide/decision.ts";
import { CoreScorer, RestScorer, type Scorer } from "./decide/scorer.ts";
import type { PublishCoupon } from "./decide/wire.ts";
import { EventReader } from "./events.ts";
import { limits } from "./limits.ts";
import type { Machine } from "./machine.ts";
import type { Site } from "./site.ts";

/** What of a site does not live: catalog, model, the rules by which events are read. */
export interface Loaded {
  readonly site: Site;
  readonly catalog: Catalog;
  readonly model: CouponModel | null;
  readonly world: World;
  readonly publish: PublishCoupon;
  /** The plan's may change while the place runs. */
  readonly versions: { -readonly [Name in keyof Decision["versions"]]: Decision["versions"][Name] };
}

/**
 * Reads a site's model, and puts together what its actors look up.
 *
 * @throws SiteError when the model can't be used
 */
export function load({ site, catalog }: OpenedSite): Loaded {
  const model = loadModel(site, catalog);
  const { areas, hashes } = site;
  const world: World = {
    areas,
    removedMax: limits.decisionRemoved,
    couponsOf: (department) => catalog.couponsOf(department),
    departmentAt: (x, y) =>
      areas.find(({ x0, y0, x1, y1 }) => x0 <= x && x <= x1 && y0 <= y && y <= y1)?.department ?? null,
  };
  const publish: PublishCoupon = (id) => {
    const coupon = catalog.coupon(id);
    return coupon === null ? { id } : catalog.publish(coupon.index);
  };
  return { site, catalog, model, world, publish, versions: { model: model?.hash ?? null, ...pick(hashes) } };
}

function loadModel({ dir, scorer: { model, features } }: Site, catalog: Catalog): CouponModel | null {
  if (model === null) return null;
  const file = shortName(dir, model);
  const read = readModel(readText(model, file, limits.modelBytes), {
    file,
    features: features.map(({ name }) => name),
  });
  const forest = new Forest(read, { shared: features.map(({ of }) => of === "customer") });
  return new CouponModel(forest, features, catalog);
}

function pick({ plan, catalog, site }: Site["hashes"]): Pick<Site["hashes"], "plan" | "catalog" | "site"> {
  return { plan, catalog, site };
}

export function newReader({ events, departments, timeZone }: Site): EventReader {
  return new EventReader(events, departments, timeZone);
}

/** The model of the site in the core; one that always fails where the site has none. */
export function coreScorer({ model }: Loaded): Scorer {
  if (model !== null) return new CoreScorer(model);
  return {
    outside: false,
    model: null,
    score: () => ({ state: "failed", detail: "the site has no model of its own" }),
  };
}

export function sourceOf({ site, catalog }: Loaded, fetch: Machine["fetch"]): CustomerSource {
  const { url, ...rest } = site.source;
  if (url === null) return new LocalSource((customer) => catalog.customers.get(customer));
  return new HttpSource({ url, ...rest, columns: site.catalog.customers.columns, fetch });
}

export function scorerOf(loaded: Loaded, clock: Clock, fetch: Machine["fetch"]): Scorer {
  const { url, timeoutMs, fallback } = loaded.site.scorer;
  if (url === null) return coreScorer(loaded);
  return new RestScorer({
    url,
    timeoutMs,
    clock,
    fetch,
    fallback: fallback === "model" ? coreScorer(loaded) : null,
    couponRow: (index) => loaded.catalog.couponRow(index),
    couponKey: loaded.site.catalog.coupons.key,
  });
}
