// What the journal and the dead letters keep, and for how long: looked at now and then, and as the journal grows. And
// whether what was kept before can still be read: looked at once, after the start.
import type { Board } from "./board/board.ts";
import { carryOld } from "./board/carry.ts";
import type { Checkpoints } from "./checkpoint/checkpoints.ts";
import { type Clock, HOUR } from "./clock.ts";
import { AisleError } from "./errors.ts";
import { Block, type Part } from "./journal/block.ts";
import { ClockDoubt, type Gap } from "./journal/clock-doubt.ts";
import type { Commit } from "./journal/journal.ts";
import { Scrub } from "./journal/scrub.ts";
import type { StoreJournal } from "./journal/store-journal.ts";
import { limits } from "./limits.ts";
import type { Site } from "./site.ts";
import type { StoredDeadLetters } from "./store/deadletters.ts";

/** How often old entries and letters are looked for. */
const EVERY_MS = HOUR;
const MiB = 2 ** 20;
/** Of the bytes that the journal may take. */
const NEARLY_FULL = 0.8;
/** Of the same: when it has grown by so much, old entries are looked for. */
const STEP = 1 / 8;
/** Of the same: when so much is not in a checkpoint, the one that is due comes soon, whatever it costs the others; and here sooner than all else. */
const FAR = 0.5;
const TOO_FAR = 1.5;
/** Of the same: so much that a person should know. */
const TWICE = 2;
/** Bytes of an entry besides its payload, and of a commit besides its entries, at most, about. */
const ENTRY_BYTES = 256;
const COMMIT_BYTES = 4_096;

/** Who still has to send what the journal keeps. */
interface Needs {
  /** The first sequence that it needs. */
  neededFrom(): number;
}

export interface KeepingOptions {
  readonly site: Site;
  /** The data folder, for messages. */
  readonly dir: string;
  readonly journal: StoreJournal;
  readonly letters: StoredDeadLetters;
  readonly board: Board;
  readonly checkpoints: Pick<Checkpoints, "fromSeq" | "upToSeq" | "save" | "hurry">;
  readonly outbox: Needs;
  readonly hub: Needs | null;
  readonly clock: Clock;
  readonly fault: (what: string, error: unknown) => void;
}

export class Keeping {
  readonly #options: KeepingOptions;
  readonly #doubt: ClockDoubt;
  readonly #unsaved: Unsaved;
  /** As of the last run: because of it nothing went by its age. */
  #gap: Gap | null = null;
  /** At work from `begin` to `end`, too. */
  readonly scrub: Scrub;
  #stop: () => void = () => {};
  #running: Promise<void> | null = null;
  #isAtWork = false;
  /** What the journal took after the last run, and what has come since at most, bytes. */
  #takenThen = 0;
  #grown = 0;
  /** Who waits for the journal hears of it when it has no room. */
  #filled: () => void = () => {};
  /** The last run found no room: told of once. */
  #wasFull = false;

  constructor(options: KeepingOptions) {
    this.#options = options;
    const { dir, journal, clock, fault, checkpoints } = options;
    this.#doubt = new ClockDoubt({ journal, clock });
    this.#unsaved = new Unsaved(() => checkpoints.upToSeq);
    this.scrub = new Scrub({ store: journal.store, clock, dir, fault });
  }

  /** Now, and from now on. */
  begin(): void {
    const { journal, checkpoints } = this.#options;
    this.#isAtWork = true;
    checkpoints.hurry(() => this.#urgency);
    journal.onCommit((_, commit) => this.#committed(commit));
    journal.onFull(() => {
      this.#filled();
      void this.run();
    });
    this.#hourly();
    this.scrub.begin(checkpoints.fromSeq);
  }

  end(): void {
    this.#isAtWork = false;
    this.#stop();
    this.scrub.end();
  }

  /** One run at a time: who wants one meanwhile has the same. */
  run(): Promise<void> {
    if (!this.#isAtWork) return Promise.resolve();
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  #hourly(): void {
    void this.run();
    this.#stop = this.#options.clock.after(EVERY_MS, () => this.#hourly());
  }

  /** What the journal takes is asked for only when it can have grown by a step. */
  #committed({ parts, lastSeq }: Commit): void {
    const bytes = parts.reduce((sum, part) => sum + bytesMaxOf(part), COMMIT_BYTES);
    this.#unsaved.grew(lastSeq, bytes);
    this.#grown += bytes;
    const step = Math.max(limits.retentionStepBytes, this.#options.site.retention.bytes * STEP);
    if (this.#grown < step) return;
    if (this.#running !== null) return;
    this.#grown = Math.max(0, this.#taken - this.#takenThen);
    if (this.#grown >= step || this.#isTight) void this.run();
  }

  async #run(): Promise<void> {
    const { checkpoints, fault } = this.#options;
    try {
      await this.retain();
      // What came after the last checkpoint may go after the next one, and so may what comes while that is written.
      let saved: Promise<void> | null = null;
      for (let before = -1; this.#isTight && this.#isAtWork && this.#removed > before; ) {
        before = this.#removed;
        await (saved ?? checkpoints.save());
        // In a hurry the one after it is written while what this one lets go of goes.
        saved = this.#urgency > 0 ? checkpoints.save() : null;
        if (this.#isAtWork) await this.retain();
      }
      this.#wasFull = false;
      this.#takenThen = this.#taken;
    } catch (error) {
      const isFull = error instanceof AisleError && error.code === "full";
      if (this.#isAtWork && !(isFull && this.#wasFull)) fault("old entries can't be removed", error);
      this.#wasFull = isFull;
    }
    this.#grown = 0;
  }

  /** What works worse than it might. */
  trouble(): string[] {
    return [this.#clockTrouble(), this.#sizeTrouble()].filter((why) => why !== null);
  }

  #sizeTrouble(): string | null {
    if (this.#unsavedTimes < TWICE) return null;
    const [taken, size] = [this.#taken, this.#options.site.retention.bytes].map((bytes) => (bytes / MiB).toFixed(0));
    return `the journal takes ${taken} MiB, and should take ${size} ('retention: { size }'): what is old can go only once a checkpoint has what it led to`;
  }

  /** Told of only when without the doubt all that was there before would go. */
  #clockTrouble(): string | null {
    const { ageMs, decisionsMs } = this.#options.site.retention;
    const gap = this.#gap;
    if (gap === null || gap.until - gap.from < Math.min(ageMs, decisionsMs)) return null;
    const [from, until] = [gap.from, gap.until].map((at) => new Date(at).toISOString());
    return `nothing was received from ${from} to ${until}, or the clock has jumped: for a day nothing goes by its age. Is the clock right? Then nothing is to do; else set it (NTP)`;
  }

  get #taken(): number {
    return this.#options.journal.stats().bytes;
  }

  /** Bytes of entries that were removed since the start. */
  get #removed(): number {
    return this.#options.journal.stats().removed.bytes;
  }

  /**
   * 0: checkpoints keep up with what comes; up to 1: the journal has to let go of what is old before it takes more, and
   * only a checkpoint lets it.
   */
  get #urgency(): number {
    return Math.min(1, Math.max(0, (this.#unsavedTimes - FAR) / (TOO_FAR - FAR)));
  }

  /** What is not in a checkpoint, by what the journal may take. */
  get #unsavedTimes(): number {
    return (this.#unsaved.bytes - limits.retentionStepBytes) / this.#options.site.retention.bytes;
  }

  get #isTight(): boolean {
    const { journal, site } = this.#options;
    return journal.trouble !== null || this.#taken > site.retention.bytes;
  }

  /** Removes what is old: never what a checkpoint, the bus or the hub has yet to have. */
  async retain(): Promise<void> {
    const { site, journal, letters, checkpoints, outbox, hub } = this.#options;
    const { ageMs, bytes, decisionsMs, deadLettersMs } = site.retention;
    this.#gap = this.#doubt.gap();
    const recordsFrom = (await this.#carryOld()) + 1;
    const { upToSeq } = checkpoints;
    const passingFrom = hub?.neededFrom() ?? Number.POSITIVE_INFINITY;
    const lastingFrom = Math.min(outbox.neededFrom(), passingFrom);
    const [bounds, from] = [
      this.#gap !== null ? { bytes } : { ageMs, bytes, decisionAgeMs: decisionsMs },
      { recordsFrom, lastingFrom, passingFrom },
    ];
    await journal.retain({ ...bounds, ...from, upToSeq });
    if (this.#gap === null) await letters.retain(deadLettersMs);
  }

  /**
   * Records of the board that rest on the older half of what is kept are written again. A checkpoint has them too, but of
   * one plan: under another, or if it can't be read, the board is made from the journal alone. While the journal takes
   * nothing none is written, and what they rest on stays; nor is it waited for what it still has to take.
   */
  #carryOld(): Promise<number> {
    const isFull = this.#options.journal.trouble !== null;
    const filled = new Promise<void>((resolve) => {
      this.#filled = resolve;
    });
    const carried = this.#carry(isFull);
    return isFull ? carried : Promise.race([carried, filled.then(() => this.#carry(true))]);
  }

  #carry(isFull: boolean): Promise<number> {
    const { site, journal, board, clock } = this.#options;
    const { ageMs, bytes } = site.retention;
    const { firstSeq, lastSeq, bytes: taken } = journal.stats();
    return carryOld({
      board,
      append: (drafts) => journal.append(drafts),
      node: site.place,
      beforeAt: isFull ? Number.NEGATIVE_INFINITY : clock.now() - ageMs / 2,
      beforeSeq: taken > bytes * NEARLY_FULL && !isFull ? (firstSeq + lastSeq) / 2 : 0,
    });
  }
}

/** Bytes of entries that came after the last checkpoint, about; those that lay there at the start are not counted. */
class Unsaved {
  readonly #savedSeq: () => number;
  #written = 0;
  /** What was written by the time of a sequence: a few of them, the first of which is saved. */
  #marks: { readonly seq: number; readonly written: number }[] = [{ seq: 0, written: 0 }];

  constructor(savedSeq: () => number) {
    this.#savedSeq = savedSeq;
  }

  grew(lastSeq: number, bytes: number): void {
    this.#written += bytes;
    if (this.#written - this.#marks.at(-1)!.written >= limits.retentionStepBytes)
      this.#marks.push({ seq: lastSeq, written: this.#written });
  }

  get bytes(): number {
    const saved = this.#savedSeq();
    const first = this.#marks.findLastIndex(({ seq }) => seq <= saved);
    if (first > 0) this.#marks = this.#marks.slice(first);
    return this.#written - this.#marks[0]!.written;
  }
}

function bytesMaxOf(part: Part): number {
  if (part instanceof Block) return part.end - part.start;
  return part.reduce((sum, { payload }) => sum + payload.length + ENTRY_BYTES, 0);
}
