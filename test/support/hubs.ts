// A place's journal and a hub's, with the way between them, on any bus.
import type { Bus } from "../../runtime/bus/bus.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { Dedupe } from "../../runtime/dedupe.ts";
import { HubDoor } from "../../runtime/hub/door.ts";
import { HubLink } from "../../runtime/hub/link.ts";
import type { Draft, Entry } from "../../runtime/journal/journal.ts";
import { openJournal } from "../../runtime/journal/lmdb.ts";
import type { StoreJournal } from "../../runtime/journal/store-journal.ts";
import type { Store } from "../../runtime/store/store.ts";

export const HUB = "aisle.chain.center";

export interface DeviceAtWork {
  readonly journal: StoreJournal;
  readonly link: HubLink;
  readonly faults: unknown[];
  close(): Promise<void>;
  /** As when it is killed: nothing more is noted. */
  abandon(): Promise<void>;
}

export interface DeviceAt {
  readonly dir: string;
  readonly bus: Bus;
  readonly place?: string;
  readonly clock?: Clock;
  /** As after a restore. */
  readonly renewEpoch?: boolean;
  /** As where a start finds that the journal has lost its end. */
  readonly renewsLate?: boolean;
  readonly seed?: number;
  /** Instead of LMDB in the folder. */
  readonly store?: Store;
}

export function deviceAt({
  dir,
  bus,
  place = "box",
  clock = systemClock,
  renewEpoch = false,
  renewsLate = false,
  seed = 0,
  store: at,
}: DeviceAt): DeviceAtWork {
  const random = (bytes: number) => Uint8Array.from({ length: bytes }, (_, i) => i + seed);
  const journal = openJournal({ dir, clock, random, renewEpoch, ...(at === undefined ? {} : { store: at }) });
  const faults: unknown[] = [];
  let isGone = false;
  const store: Pick<typeof journal.store, "get" | "commit"> = {
    get: (table, key) => journal.store.get(table, key),
    commit: (writes) => (isGone ? new Promise(() => {}) : journal.store.commit(writes)),
  };
  const fault = (_: string, error: unknown) => void faults.push(error);
  const link = new HubLink({ ...{ journal, store, bus, clock, place, fault }, hub: HUB, random: () => 0 });
  if (renewsLate) journal.renewEpoch();
  link.open(journal.formerEpoch);
  link.begin();
  return {
    ...{ journal, link, faults },
    async close() {
      await link.close();
      await journal.close();
    },
    async abandon() {
      isGone = true;
      await journal.close();
    },
  };
}

export interface HubAtWork {
  readonly journal: StoreJournal;
  readonly door: HubDoor;
  close(): Promise<void>;
}

/** @param store  instead of LMDB in the folder */
export function hubAt(dir: string, bus: Bus, store?: Store): HubAtWork {
  const random = (bytes: number) => Uint8Array.from({ length: bytes }, () => 31);
  const journal = openJournal({ dir, clock: systemClock, random, ...(store === undefined ? {} : { store }) });
  const door = new HubDoor({ bus, base: HUB, journal, clock: systemClock, dedupe: new Dedupe(10_000) });
  door.open();
  return {
    ...{ journal, door },
    async close() {
      door.close();
      await journal.close();
    },
  };
}

export function event(id: number | string, headers: Readonly<Record<string, string>> = {}): Draft {
  const payload = Buffer.from(JSON.stringify({ type: "entry", id }));
  return { kind: "event", principal: "http", subject: "/events", headers: { type: "entry", ...headers }, payload };
}

export function draft(kind: Draft["kind"], text = "{}", headers: Readonly<Record<string, string>> = {}): Draft {
  return { kind, principal: "runner", subject: kind, headers, payload: Buffer.from(text) };
}

/** Where the entries of a hub's journal come from, in its order. */
export function origins(journal: Pick<StoreJournal, "read">): string[] {
  return [...journal.read()].flatMap(({ headers }: Entry) => headers.origin ?? []);
}
