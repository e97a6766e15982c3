import { type Clock, systemClock } from "../../runtime/clock.ts";
import { Dedupe } from "../../runtime/dedupe.ts";
import type { AisleError } from "../../runtime/errors.ts";
import { ACTIONS } from "../../runtime/events.ts";
import { EventIngest, type PendingIds, type Refused } from "../../runtime/ingest.ts";
import { Intake } from "../../runtime/intake/intake.ts";
import { type EventSite, readerOf, SITES } from "./intake.ts";
import { MemoryJournal } from "./memory-journal.ts";

/** A real intake over a journal in memory: behind a door. */
export interface Behind {
  /** `<prefix>.<site>.<place>` */
  readonly base: string;
  readonly clock: Clock;
  readonly journal: MemoryJournal;
  readonly intake: Intake;
  readonly letters: Refused[];
  /** What nobody waited for, and could not be taken. */
  readonly lost: { readonly many: number; readonly code: string }[];
  /** Whatever the door told of. */
  readonly errors: AisleError[];
}

/** Entries are plain but for those of type `hears`. */
export function behindDoor(hears: (type: string) => boolean = () => false, site: EventSite = SITES[0]!): Behind {
  const [base, clock] = ["aisle.shop.box", systemClock];
  const journal = new MemoryJournal(clock);
  const [letters, lost, errors]: [Refused[], Behind["lost"], AisleError[]] = [[], [], []];
  const pending: PendingIds = new Map();
  const dedupe = new Dedupe(1_000);
  const shared = {
    journal,
    clock,
    dedupe,
    pending,
    backlog: () => 0,
    count: () => {},
    letters: { hasRoom: () => true },
  };
  const ingest = new EventIngest({ ...shared, reader: readerOf(site), refuse: (refused) => letters.push(refused) });
  const { events, departments, timeZone } = site;
  const intake = new Intake({
    ...shared,
    gate: { events, departments, timeZone, actions: ACTIONS, hears },
    base,
    ingest,
    replicated: null,
    lost: (many, error) => lost.push({ many, code: (error as AisleError).code }),
  });
  return { base, clock, journal, intake, letters, lost, errors };
}
