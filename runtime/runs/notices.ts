// What people should know of, said on the bus. Nothing is kept: the journal and the board have it all.
import type { Bus } from "../bus/bus.ts";
import { subject } from "../bus/subject.ts";
import type { Clock } from "../clock.ts";
import { limits } from "../limits.ts";
import type { Notice } from "./job.ts";
import { cut } from "./result.ts";

/** A notice without what all of a place have in common. */
export type Told = Omit<Notice, "at" | "site" | "place" | "log">;

export interface NoticesOptions {
  readonly bus: Pick<Bus, "publish">;
  /** Below which the place's subjects stand. */
  readonly base: string;
  readonly site: string;
  readonly place: string;
  readonly clock: Clock;
  /** The end of a run's log, masked; at most so many bytes. */
  readonly tail: (run: string, bytes: number) => string;
  /** A notice that nobody could be told, and why. */
  readonly onLost: (notice: Notice, error: unknown) => void;
}

export interface NoticeStats {
  readonly published: number;
  /** The bus was away or full. */
  readonly lost: number;
}

/** Publishes on `<base>.notices`. */
export class Notices {
  readonly #options: NoticesOptions;
  #published = 0;
  #lost = 0;

  constructor(options: NoticesOptions) {
    this.#options = options;
  }

  /** Never throws. */
  tell(told: Told): void {
    const { bus, base, site, place, clock, tail, onLost } = this.#options;
    const notice: Notice = {
      at: new Date(clock.now()).toISOString(),
      site,
      place,
      ...told,
      detail: cut(told.detail),
      log: told.run === "" ? "" : tail(told.run, limits.noticeLogBytes),
    };
    try {
      bus.publish(subject(base, "notices"), Buffer.from(JSON.stringify(notice)));
      this.#published++;
    } catch (error) {
      this.#lost++;
      onLost(notice, error);
    }
  }

  stats(): NoticeStats {
    return { published: this.#published, lost: this.#lost };
  }
}

/** A notice as one sentence. */
export function sentenceOf({ goal, page, keys, place, outcome, attempt, detail }: Notice): string {
  const what = `'${goal}' of ${page} ${Object.values(keys).join(", ")}`;
  const because = detail === "" ? "" : `: ${detail}`;
  switch (outcome) {
    case "failed":
      return `${what} failed on ${place}, run ${attempt}${because}`;
    case "overdue":
      return `${what} is overdue${because}`;
    case "lapsed":
      return `${what}: run ${attempt} on ${place} ended without a result${because}`;
    case "rejected-fields":
      return `${what}: fields were not written${because}`;
    case "extra-run":
      return `${what}: a run on ${place} counted for nothing${because}`;
  }
}
