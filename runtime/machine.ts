// What a place has of the machine that it runs on, beside its clock: a disk, a network, chance. Tests hand in others.
import { randomBytes } from "node:crypto";
import type { Bus, OnError } from "./bus/bus.ts";
import { MemoryBus } from "./bus/memory.ts";
import { NatsBus, type NatsOptions } from "./bus/nats.ts";
import { NatsStream } from "./bus/nats-stream.ts";
import { type Clock, sleep } from "./clock.ts";
import { serve } from "./http/server.ts";
import { openJournal } from "./journal/lmdb.ts";
import type { BusConfig, Site } from "./site.ts";
import { type LmdbStoreOptions, openStore } from "./store/lmdb.ts";
import type { Store } from "./store/store.ts";
import type { ConsumedStream } from "./streams.ts";

export interface Machine {
  /** So many random bytes. */
  readonly random: (bytes: number) => Uint8Array;
  /** A number in [0, 1). */
  readonly chance: () => number;
  /** Lets so many ms pass, whatever the place's clock says. */
  readonly pause: (ms: number) => Promise<void>;
  /** The journal of a data folder. */
  readonly openJournal: typeof openJournal;
  /** Any other store in it. */
  openStore(options: LmdbStoreOptions): Store;
  /** The bus that the site names. */
  openBus(site: Site, clock: Clock, onError: OnError): Bus;
  /** The streams that the site consumes. */
  openStreams(site: Site, ports: StreamPorts): readonly ConsumedStream[];
  /** Opens a door for HTTP. */
  readonly serve: typeof serve;
  /** Asks others over HTTP. */
  readonly fetch: typeof fetch;
  /** Whether figures of the process are among the place's metrics. */
  readonly isMeasured: boolean;
}

export interface StreamPorts {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly onError: (error: unknown, stream: string) => void;
}

/** This one. */
export const thisMachine: Machine = {
  random: randomBytes,
  chance: Math.random,
  pause: sleep,
  openJournal,
  openStore,
  openBus,
  openStreams,
  serve,
  fetch,
  isMeasured: true,
};

function openBus(site: Site, clock: Clock, onError: OnError): Bus {
  if (site.bus.nats === null) return new MemoryBus({ clock, onError });
  return new NatsBus({ ...natsOptionsOf(site), clock, onError });
}

/** In one process there are none. */
function openStreams({ bus: { streams } }: Site, { bus, ...rest }: StreamPorts): readonly ConsumedStream[] {
  if (!(bus instanceof NatsBus)) return [];
  return streams.map((config) => ({
    ...config,
    source: new NatsStream({ ...config, ...rest, bus, random: Math.random }),
  }));
}

/** How the NATS server that the site names is reached. */
export function natsOptionsOf({ bus, name, place }: Site): NatsOptions {
  return { servers: bus.nats ?? [], name: `${name}.${place}`, ...credentialsOf(bus) };
}

/** Who we are on a NATS server, and how we know it. */
function credentialsOf({ credentials, token, user, password, seed, tls }: BusConfig): Partial<NatsOptions> {
  return {
    ...present({ credentials, token, user, password, seed }),
    ...(tls === null ? {} : { tls: present(tls) }),
  };
}

/** Without what is null. */
function present<Key extends string, Value>(values: Readonly<Record<Key, Value | null>>): Partial<Record<Key, Value>> {
  const there = Object.entries(values).filter(([, value]) => value !== null);
  return Object.fromEntries(there) as Partial<Record<Key, Value>>;
}
