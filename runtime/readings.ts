// What of a place is measured, besides what its parts measure themselves.
import type { Applier } from "./apply.ts";
import type { Bus } from "./bus/bus.ts";
import { laneReadings } from "./bus-door.ts";
import type { Checkpoints } from "./checkpoint/checkpoints.ts";
import { checkpointReadings } from "./checkpoint/readings.ts";
import type { Clock } from "./clock.ts";
import type { Dedupe } from "./dedupe.ts";
import type { HubDoor } from "./hub/door.ts";
import type { HubLink } from "./hub/link.ts";
import { hubReadings } from "./hub/readings.ts";
import type { Intake } from "./intake/intake.ts";
import type { Scrub } from "./journal/scrub.ts";
import type { StoreJournal } from "./journal/store-journal.ts";
import type { Outbox } from "./outbox/outbox.ts";
import { outboxReadings } from "./outbox/readings.ts";
import type { Telemetry } from "./outbox/telemetry.ts";
import type { Runner } from "./runner.ts";
import type { StoredDeadLetters } from "./store/deadletters.ts";

export interface Measured {
  readonly journal: StoreJournal;
  readonly scrub: Scrub;
  readonly letters: StoredDeadLetters;
  readonly intake: Intake;
  readonly bus: Bus;
  readonly runner: Runner;
  readonly applier: Applier;
  readonly dedupe: Dedupe;
  readonly checkpoints: Checkpoints;
  readonly outbox: Outbox;
  readonly telemetry: Telemetry;
  readonly hub: HubLink | null;
  readonly hubDoor: HubDoor | null;
  readonly clock: Clock;
  readonly busDoor: Parameters<typeof laneReadings>[0];
}

/** @param place  read when somebody asks, not before */
export function placeReadings(place: Measured) {
  const read = (name: string, help: string, value: () => number) => ({ name: `aisle_${name}`, help, read: value });
  return [
    read("journal_last_seq", "Highest sequence on disk", () => place.journal.stats().lastSeq),
    read("journal_commits_total", "Commits since the start", () => place.journal.stats().commits),
    read("journal_bytes", "Bytes of the journal on disk", () => place.journal.stats().bytes),
    read(
      "journal_verified_seq",
      "Entry up to which what a start does not read was read again in the background",
      () => place.scrub.throughSeq,
    ),
    read("journal_damaged_stretches", "Stretches that were found damaged by it", () => place.scrub.damaged),
    read("journal_queued_entries", "Entries that wait for the disk", () => place.journal.stats().queuedEntries),
    read("ingest_dropped_total", "Events dropped that nobody waited for", () => place.intake.dropped),
    read(
      "bus_losses_total",
      "Connections to the bus lost: events sent without a reply meanwhile, and what the server held, are lost",
      () => place.bus.stats().losses,
    ),
    read(
      "bus_cut_off_total",
      "Of these, where this place had not read for long, or the server said so",
      () => place.bus.stats().cutOff,
    ),
    read("ingest_waiting", "Events taken and not yet on disk", () => place.intake.waiting),
    ...laneReadings(place.busDoor),
    read("undecided_focuses", "Focuses that wait for their decision", () => place.runner.backlog),
    read("open_visits", "Visits on the board", () => openVisits(place.applier)),
    read("evicted_visits_total", "Visits closed early, as the board was full", () => place.applier.evicted),
    read("dedupe_ids", "Ids that are remembered: the horizon of deduplication", () => place.dedupe.size),
    read("dedupe_evicted_total", "Ids that had to be forgotten", () => place.dedupe.evicted),
    read("dedupe_days", "Days of which ids are remembered", () => place.dedupe.days),
    read(
      "dedupe_since_seconds",
      "Where the oldest of these days begins, epoch: what comes again and is older may count again",
      () => (place.dedupe.since ?? 0) / 1000,
    ),
    read("dead_letters", "Dead letters kept", () => place.letters.stats().count),
    read("dead_letters_lost_total", "Dead letters that could not be kept", () => place.letters.stats().lost),
    ...checkpointReadings(place.checkpoints, place.clock),
    ...outboxReadings(place.outbox, place.telemetry),
    ...hubReadings(place.hub, place.hubDoor),
  ];
}

function openVisits({ visits, board }: Applier): number {
  return visits === null ? 0 : board.page(visits.name).size;
}
