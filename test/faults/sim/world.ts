// The machine under a simulated place: its disk, its line to the network, its clock; and the life of the place on it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { pino } from "pino";
import type { Bus } from "../../../runtime/bus/bus.ts";
import type { OpenedSite } from "../../../runtime/config.ts";
import { AisleError } from "../../../runtime/errors.ts";
import type { Entry } from "../../../runtime/journal/journal.ts";
import { openJournal } from "../../../runtime/journal/lmdb.ts";
import type { StoreJournal } from "../../../runtime/journal/store-journal.ts";
import { limits } from "../../../runtime/limits.ts";
import type { Machine } from "../../../runtime/machine.ts";
import { Place, type StartOptions } from "../../../runtime/main.ts";
import type { Store } from "../../../runtime/store/store.ts";
import { Dice } from "../../support/dice.ts";
import { type FaultyBus, FaultyNetwork, FINE } from "../../support/faulty-bus.ts";
import { FaultyClock, FaultyTime } from "../../support/faulty-clock.ts";
import { FaultyDisk, FaultyStore } from "../../support/faulty-store.ts";
import { FaultyStream } from "../../support/faulty-stream.ts";
import { prng } from "../../support/prng.ts";
import { Customers } from "./customers.ts";
import { Broken } from "./invariants.ts";
import { simSite } from "./site.ts";

/** A bug put in on purpose, at a port of the place: the simulator has to find it. */
export interface Plant {
  store?(store: Store, name: string): Store;
  bus?(bus: Bus): Bus;
  journal?(journal: StoreJournal): StoreJournal;
}

/** When the first clock begins, ms since epoch: a Monday morning. */
export const OPENING = Date.UTC(2026, 2, 2, 9);
/** All that a stop may wait for, and between two looks whether it is over, ms. */
const STOP_MS = 8 * limits.drainMs;
const STOP_STEP_MS = 250;
/** What the transforms of a place may hold in memory, bytes, by seed: plenty; so little that it is crowded; nothing. */
const MEMORY = [limits.transformBytes, 18_000, 1];
/** Lines of the log that are kept for when a seed fails. */
const LOG_LINES = 30;

/** One process: a place, and what of the machine ends with it. */
export interface Running {
  readonly place: Place;
  readonly clock: FaultyClock;
  readonly bus: FaultyBus;
  readonly stores: readonly FaultyStore[];
}

/** For what a place writes beside its stores, which in a simulation is next to nothing. */
const folder = mkdtempSync(join(tmpdir(), "aisle-faults-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));

export class World {
  readonly dice: Dice;
  readonly time = new FaultyTime();
  readonly network: FaultyNetwork;
  /** What the tills leave at the server, until it is consumed. */
  readonly stream: FaultyStream;
  /** By name of the environment. */
  readonly disks = new Map([["journal", new FaultyDisk(["journal"])]]);
  readonly logged: string[] = [];
  readonly #memoryBytes: number;
  readonly #plant: Plant;
  readonly #customers: Customers;
  /** What the clock of the place is off by, ms. */
  skew = 0;
  isCalm = false;
  /** Turn back bits that nobody has read since they were turned over. */
  readonly mends: (() => void)[] = [];
  #running: Running | null = null;

  constructor(seed: number, plant: Plant = {}) {
    this.dice = new Dice(prng(seed));
    this.#memoryBytes = MEMORY[seed % MEMORY.length]!;
    this.network = new FaultyNetwork(this.time, this.dice, (error) => this.#log(String(error)));
    this.#plant = plant;
    this.stream = new FaultyStream(this.network);
    this.#customers = new Customers(this.time, this.dice);
    // From then on what is damaged of a checkpoint can't be had back.
    this.#journalDisk.changed = () => this.mendBits();
  }

  get running(): Running {
    if (this.#running === null) throw new Error("no place is running");
    return this.#running;
  }

  get isUp(): boolean {
    return this.#running !== null;
  }

  /** It says that it has to be started anew: its journal has failed, or what it reads of its checkpoint is damaged. */
  get isBroken(): boolean {
    if (!this.isUp) return false;
    const { journal, transforms } = this.place;
    return journal.failure !== null || transforms.lives.some(({ broken }) => broken !== null);
  }

  get place(): Place {
    return this.running.place;
  }

  /** True time, ms since epoch, whatever the place's clock says. */
  get now(): number {
    return Math.floor(OPENING + this.time.passed);
  }

  /** Starts a place; a second time where it says that this is what helps, as its checkpoint is damaged. */
  async start(): Promise<void> {
    try {
      await this.#open();
    } catch (error) {
      if (!(error instanceof AisleError && error.code === "corrupt" && /Start again/.test(error.message))) throw error;
      // What it notes of that before it ends needs a disk that takes it.
      this.mendDisks();
      await this.turns(20);
      this.crash();
      await this.#open();
    }
  }

  mendBits(): void {
    // Two may be of one row: the younger first.
    for (const mend of this.mends.splice(0).reverse()) mend();
  }

  mendDisks(): void {
    for (const disk of this.disks.values()) disk.health = "well";
    for (const store of this.#running?.stores ?? []) store.goOn();
  }

  async #open(): Promise<void> {
    const running = this.#make(this.disks);
    this.#running = running;
    await running.place.open();
  }

  /**
   * Another place, which is only looked at, on copies of the disks: with what a restart would find; or with all that was
   * ever in the journal, and no checkpoint.
   */
  async fresh(from: "restart" | "journal"): Promise<Place> {
    const copies = new Map([["journal", this.#journalDisk.copy(from === "journal")]]);
    const checkpoint = this.disks.get("checkpoint");
    if (from === "restart" && checkpoint !== undefined) copies.set("checkpoint", checkpoint.copy());
    const { place, bus } = this.#make(copies, { admits: () => false, ...siteWith(limits.transformBytes) });
    await place.attach();
    bus.end();
    return place;
  }

  /** All that was ever on disk of the journal, whatever retention took away since. */
  entries(): Iterable<Entry> {
    const store = new FaultyStore(this.#journalDisk.copy(true), this.dice, true);
    const random = () => new Uint8Array(0);
    return openJournal({ dir: folder, clock: new FaultyClock(this.time, OPENING), random, store }).read();
  }

  /** The journal has all that it ever had. */
  get isWhole(): boolean {
    return this.#journalDisk.isWhole("journal");
  }

  get #journalDisk(): FaultyDisk {
    return this.disks.get("journal")!;
  }

  /** Everything in memory is gone, and what was not synced. */
  crash(): void {
    if (this.#running === null) return;
    const { stores, bus, clock } = this.#running;
    for (const store of stores) store.crash();
    bus.end();
    clock.end();
    this.#running = null;
  }

  /**
   * Ends the place in its own way, while time passes. A disk that is slow it waits for: somebody has a look at it.
   *
   * @returns how long it took, ms
   * @throws Broken when it takes longer than all that it may wait for
   */
  async stop(): Promise<number> {
    const { place, bus, clock, stores } = this.running;
    const began = this.time.passed;
    const stopped = place.stop();
    let hasFailed = false;
    stopped.catch(() => {
      hasFailed = true;
    });
    await this.turns(20);
    // What is closed after the stores is no part of the simulation: it takes real time.
    while (!hasFailed && stores.some(({ isClosed }) => !isClosed)) {
      const ms = this.time.passed - began;
      if (ms >= STOP_MS) this.mendDisks();
      if (ms >= 2 * STOP_MS) throw new Broken(`a place does not stop within ${ms} ms`);
      await this.pass(STOP_STEP_MS);
      await this.turns(5);
    }
    await stopped;
    bus.end();
    clock.end();
    this.#running = null;
    return this.time.passed - began;
  }

  /** The network does as it should, and who is on it. */
  calm(): void {
    this.isCalm = true;
    this.network.weather = FINE;
  }

  setClock(skew: number): void {
    this.skew = skew;
    if (this.#running !== null) this.#running.clock.wall = OPENING + skew;
  }

  /** Lets the event loop turn. */
  readonly turns = async (count: number): Promise<void> => {
    for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
  };

  pass(ms: number): Promise<void> {
    return this.time.pass(ms, this.turns);
  }

  #make(disks: Map<string, FaultyDisk>, more: Pick<StartOptions, "admits"> = {}): Running {
    const { dice, time, network } = this;
    const clock = new FaultyClock(time, OPENING + this.skew);
    const bus = network.connect();
    const stores: FaultyStore[] = [];
    const openStore = (name: string): Store => {
      const disk = disks.get(name) ?? new FaultyDisk();
      disks.set(name, disk);
      const store = new FaultyStore(disk, dice);
      stores.push(store);
      return this.#plant.store?.(store, name) ?? store;
    };
    const machine: Machine = {
      random: (bytes) => Uint8Array.from({ length: bytes }, () => dice.below(256)),
      chance: dice.random,
      pause: (ms) => new Promise((resolve) => void time.after(ms, resolve)),
      openBus: () => this.#plant.bus?.(bus) ?? bus,
      serve: async () => ({ url: "http://simulated", port: 0, close: async () => {} }),
      openStreams: () => [{ stream: "TILLS", consumer: "box", type: "purchase", source: this.stream.consumer(bus) }],
      fetch: this.#customers.fetch,
      isMeasured: false,
      openJournal: (options) => {
        const journal = openJournal({ ...options, store: openStore("journal") });
        return this.#plant.journal?.(journal) ?? journal;
      },
      openStore: ({ path }) => openStore(basename(path)),
    };
    const log = pino({ level: "warn", base: null }, { write: (line: string) => this.#log(wordsOf(line)) });
    const site = siteWith(this.#memoryBytes);
    const place = new Place({ ...site, ...more, dataDir: folder, log, clock, machine, version: "sim", env: {} });
    return { place, clock, bus, stores };
  }

  #log(line: string): void {
    if (this.logged.at(-1) === line) return;
    this.logged.push(line);
    if (this.logged.length > LOG_LINES) this.logged.shift();
  }
}

function siteWith(memoryBytes: number): OpenedSite {
  const opened = simSite();
  return { ...opened, site: { ...opened.site, transforms: { ...opened.site.transforms, memoryBytes } } };
}

function wordsOf(line: string): string {
  const { msg, err, detail } = JSON.parse(line) as { msg: string; err?: Error; detail?: string };
  return [msg, err?.stack ?? detail].filter((part) => part !== undefined).join(": ");
}
