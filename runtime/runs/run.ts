import type { BoardRecord } from "../board/board.ts";
import { rowOf } from "../board/board.ts";
import { keysByName } from "../board/message.ts";
import type { Claim } from "../claims/claims.ts";
import type { PlannedActor } from "../site.ts";
import type { Job } from "./job.ts";

/** One run at work, as the executor sees it. What few actors look at is made when it is looked at. */
export class Run implements Job {
  readonly actor: PlannedActor;
  readonly record: BoardRecord;
  readonly claim: Claim;
  readonly log: (output: string | Uint8Array) => void;
  /** End the watch over the lease, and over the time. */
  stopWatch: () => void = () => {};
  stopTime: () => void = () => {};
  /** What its executor has not answered yet; null: it has not begun, or has. */
  work: Promise<unknown> | null = null;
  /** It takes no place outside this process any more. */
  left = false;
  #abort: AbortController | null = null;
  #row: Readonly<Record<string, string>> | null = null;
  readonly #read: (record: BoardRecord) => Record<string, string>;

  constructor(
    actor: PlannedActor,
    record: BoardRecord,
    claim: Claim,
    log: (output: string | Uint8Array) => void,
    read: (record: BoardRecord) => Record<string, string> = rowOf,
  ) {
    this.actor = actor;
    this.record = record;
    this.claim = claim;
    this.log = log;
    this.#read = read;
  }

  get page(): string {
    return this.record.page.name;
  }

  get key(): string {
    return this.record.key;
  }

  get keys(): Readonly<Record<string, string>> {
    return keysByName(this.record);
  }

  get row(): Readonly<Record<string, string>> {
    this.#row ??= this.#read(this.record);
    return this.#row;
  }

  get run(): string {
    return this.claim.run;
  }

  get attempt(): number {
    return this.claim.attempt;
  }

  get token(): number {
    return this.claim.token;
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    return this.#abort.signal;
  }

  abort(why: string): void {
    this.#abort ??= new AbortController();
    this.#abort.abort(new Error(why));
  }
}
