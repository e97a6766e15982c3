// A place for one test: in a folder of its own that goes with it, with a clock that is moved, and without a network.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { systemClock } from "../clock.ts";
import type { OpenedSite } from "../config.ts";
import { isDecision, readDecision } from "../decide/offers.ts";
import { AisleError } from "../errors.ts";
import { EventReader, isProblem } from "../events.ts";
import { limits } from "../limits.ts";
import { Place } from "../main.ts";
import { WakingClock } from "../testing/clock.ts";
import type { Letter, ReadEvent, Stage } from "../testing/perform.ts";

/** How the site reads events. */
export function readerOf({ events, departments, timeZone }: OpenedSite["site"]): ReadEvent {
  const reader = new EventReader(events, departments, timeZone);
  return (body) => {
    const [event] = reader.read([body], [{ type: null, headers: {} }]);
    return event === undefined || isProblem(event) ? null : event;
  };
}

/** Runs `use` at a fresh place of the site. */
export async function atStage<T>(
  opened: OpenedSite,
  at: number,
  version: string,
  use: (stage: Stage) => Promise<T>,
): Promise<T> {
  const dataDir = mkdtempSync(join(tmpdir(), "aisle-play-"));
  const faults: string[] = [];
  const log = pino(
    { level: "error", base: null },
    { write: (line: string) => void faults.push(faultOf(JSON.parse(line) as Logged)) },
  );
  const clock = new WakingClock(at, systemClock);
  let place: Place | null = null;
  try {
    place = new Place({ ...alone(opened), dataDir, log, version, clock });
    await place.attach();
    return await use(new PlaceStage(place, clock, faults));
  } finally {
    await place?.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** The site without its neighbours: no bus, nobody who knows customers or scores elsewhere. */
function alone({ site, catalog }: OpenedSite): OpenedSite {
  return {
    site: {
      ...site,
      place: "test",
      bus: { ...site.bus, nats: null },
      source: { ...site.source, url: null },
      scorer: { ...site.scorer, url: null },
      play: null,
    },
    catalog,
  };
}

interface Logged {
  readonly msg?: string;
  readonly err?: { readonly message?: string };
}

function faultOf({ msg = "", err }: Logged): string {
  return err?.message === undefined ? msg : `${msg}: ${err.message}`;
}

class PlaceStage implements Stage {
  readonly #place: Place;
  readonly #clock: WakingClock;
  /** What the place has logged as an error. */
  readonly #faults: readonly string[];

  constructor(place: Place, clock: WakingClock, faults: readonly string[]) {
    this.#place = place;
    this.#clock = clock;
    this.#faults = faults;
  }

  now(): number {
    return this.#clock.now();
  }

  moveTo(at: number): void {
    this.#clock.moveTo(at);
  }

  async send(body: Uint8Array): Promise<void> {
    await this.#place.ingest.accept({ principal: "test", subject: "/events", type: null, headers: {}, body });
  }

  async settle(): Promise<void> {
    const { runner, journal } = this.#place;
    await runner.idle(limits.drainMs);
    while (journal.stats().queuedEntries > 0) await new Promise((resolve) => setImmediate(resolve));
    const [fault] = this.#faults;
    if (fault !== undefined) throw new AisleError("invalid", fault);
    if (runner.backlog > 0)
      throw new AisleError("unavailable", `a decision has taken more than ${limits.drainMs / 1000} s`);
  }

  decisions() {
    return [...this.#place.journal.read()].filter(isDecision).map(({ payload }) => readDecision(payload));
  }

  aggregates(identity: string) {
    return this.#place.transforms.aggregates(identity);
  }

  features(identity: string) {
    return this.#place.transforms.features(identity, null);
  }

  async letters(): Promise<Letter[]> {
    const { letters, transforms } = this.#place;
    transforms.catchUp();
    await letters.flush();
    const found = letters.list({ limit: limits.lettersPage }).reverse();
    return found.map(({ code, detail, payload }) => ({ code, detail, event: parsed(payload) }));
  }
}

function parsed(payload: Uint8Array): unknown {
  const text = Buffer.from(payload).toString();
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
