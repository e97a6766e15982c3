// The home's part: for the records that this node has made, what the journal says is brought into the bucket, and what
// other nodes did comes into the journal. Works goal by goal, whenever one side has changed.
import { type BoardRecord, cellOf } from "../board/board.ts";
import { type Change, changeDraft } from "../board/change.ts";
import { swap } from "../bus/kv.ts";
import { AisleError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { PlannedActor } from "../site.ts";
import { changeFor, noticeFor, principalOf } from "./events.ts";
import type { Holds } from "./holds.ts";
import { claimKey } from "./keys.ts";
import type { KvClaimsPorts } from "./ports.ts";
import type { Seen, SeenClaims } from "./seen.ts";
import type { Serial } from "./serial.ts";
import { type Event, nextStep, type Situation } from "./settling.ts";
import { freeAt, truthOf } from "./truth.ts";
import type { Claimed } from "./values.ts";

export interface HomePorts extends KvClaimsPorts {
  readonly seen: SeenClaims;
  readonly holds: Holds;
  readonly serial: Serial;
  /** Whether all that stands in the bucket is known. */
  readonly isSynced: () => boolean;
  /** Whether this node asks for the claim at this moment. */
  readonly isAsked: (key: string) => boolean;
  /** Whether all nodes can see the record as it is. */
  readonly isShown: (record: BoardRecord) => boolean;
  readonly actorOf: (page: string, goal: string) => PlannedActor | undefined;
  /** A key was removed; its mark is to go, too. */
  readonly removed: (key: string, revision: number) => void;
}

export class Home {
  readonly #ports: HomePorts;
  /** Changed in this process and not on disk yet: the sequence of the last change. */
  readonly #uncommitted = new Map<BoardRecord, number>();
  /** By key: a run that a person's writing has ended. */
  readonly #voided = new Map<string, string>();
  /** By key: a run that stands in the journal as an extra one, until the bucket says so too. */
  readonly #extra = new Map<string, string>();
  /** By key: ends the wait until it is looked at again. */
  readonly #waits = new Map<string, () => void>();
  /** Keys that are about to be looked at. */
  readonly #queued = new Set<string>();
  #closed = false;

  constructor(ports: HomePorts) {
    this.#ports = ports;
  }

  /** Whether the record has changed in a way that is not on disk: nobody may hear of it yet. */
  isUncommitted(record: BoardRecord): boolean {
    return this.#uncommitted.has(record);
  }

  /** A change was applied. */
  applied(change: Change, record: BoardRecord, seq: number): void {
    this.#uncommitted.set(record, seq);
    if (change.do === "claim") this.#ports.holds.begun(claimKey(record.page.name, record.key, change.goal), change.run);
    const { goals } = record.page.config;
    if (change.do === "set")
      this.#void(
        record,
        goals.filter((goal) => goal in change.cells),
      );
    if (change.do === "remove") this.#void(record, goals);
  }

  /** It is on disk. */
  committed(record: BoardRecord, seq: number): void {
    if (this.#uncommitted.get(record) !== seq) return;
    this.#uncommitted.delete(record);
    void this.checkAll(record);
  }

  /** Looks at all goals of a record. Resolves once both sides agree, or wait for something. */
  async checkAll(record: BoardRecord): Promise<void> {
    const checks = record.page.config.goals.flatMap((goal) => this.check(record, goal) ?? []);
    if (checks.length > 0) await Promise.all(checks);
  }

  /** Looks at a goal. Null: there is nothing to do. */
  check(record: BoardRecord, goal: string): Promise<void> | null {
    const actor = this.#ports.actorOf(record.page.name, goal);
    if (actor === undefined || actor.kind === "person" || this.#closed) return null;
    const key = claimKey(record.page.name, record.key, goal);
    this.#watchBackoff(record, goal, key);
    if (this.#queued.has(key) || nextStep(this.#situation(record, actor, key)).do === "nothing") return null;
    this.#queued.add(key);
    return this.#ports.serial.run(key, () => {
      this.#queued.delete(key);
      return this.#settle(record, actor, key);
    });
  }

  /** This node's run can't hold its goal any longer, though nobody else has it: it lapses. */
  async lapse(record: BoardRecord, actor: PlannedActor, { run, attempt }: Claimed): Promise<void> {
    const event: Event = { event: "lapse", run, attempt, why: "lease", taken: false };
    while (!this.#closed && cellOf(record, actor.goal)?.run === run) {
      if (await this.#journal(record, actor, [event])) return;
      await new Promise<void>((resolve) => this.#ports.clock.after(limits.claimRetryMs, resolve));
    }
  }

  close(): void {
    this.#closed = true;
    for (const stop of this.#waits.values()) stop();
    this.#waits.clear();
  }

  #situation(record: BoardRecord, { goal }: PlannedActor, key: string): Situation {
    const { seen, holds, node, clock, isAsked, isShown } = this.#ports;
    const { said } = seen.find(key);
    const held = holds.at(key);
    return {
      truth: isAsked(key) || held?.isBegun === false ? { is: "asked" } : truthOf(record, goal, clock.now()),
      ...{ said, node, held },
      lapsed: seen.isLapsed(key),
      stale: said.state === "claimed" && said.node === node && holds.find(said.run) === undefined,
      voided: this.#voided.get(key) ?? null,
      extra: this.#extra.get(key) ?? null,
      closed: record.complete && !this.isUncommitted(record) && isShown(record),
      seq: record.seqs.at(-1) ?? 0,
    };
  }

  /** A person has written into goals: what runs on them elsewhere is over. */
  #void(record: BoardRecord, goals: readonly string[]): void {
    for (const goal of goals) {
      const key = claimKey(record.page.name, record.key, goal);
      const { said } = this.#ports.seen.find(key);
      if (said.state === "claimed" || said.state === "finished") this.#voided.set(key, said.run);
      this.#ports.holds.written(key, cellOf(record, goal)?.run ?? "");
    }
  }

  async #settle(record: BoardRecord, actor: PlannedActor, key: string): Promise<void> {
    const { seen, kv, holds } = this.#ports;
    /** The revision that the bucket was asked to confirm: only then has a lease run out for good. */
    let confirmed = -1;
    for (let attempt = 0; attempt < limits.claimTries && !this.#closed; attempt++) {
      const isSynced = this.#ports.isSynced();
      if (!isSynced && kv.state === "here") return; // it is being read, and looked at again then
      const step = nextStep(this.#situation(record, actor, key));
      const before = seen.find(key);
      if (step.do === "nothing") return;
      if (step.do === "journal") {
        if (!isSynced && !step.leased) return;
        if (isSynced && step.leased && confirmed !== before.revision) {
          confirmed = before.revision;
          if (!(await this.#refresh(record, actor, key))) return;
        } else if (!(await this.#journal(record, actor, step.events))) break;
        else if (step.lost) holds.lose(key);
        continue;
      }
      if (!isSynced || this.#uncommitted.has(record)) return; // its commit asks again
      const text = step.do === "write" ? JSON.stringify(step.value) : null;
      if (!(await this.#change(record, actor, key, text, before))) return;
    }
    this.#wait(key, limits.claimRetryMs, () => void this.check(record, actor.goal));
  }

  /** False: the bucket did not answer; all is looked at again when it does. */
  async #change(
    record: BoardRecord,
    actor: PlannedActor,
    key: string,
    text: string | null,
    { revision }: Seen,
  ): Promise<boolean> {
    const { kv, seen, holds } = this.#ports;
    try {
      const made = text === null ? await kv.remove(key, revision) : await swap(kv, key, text, revision);
      if (made === null) return this.#refresh(record, actor, key);
      seen.see(key, text, made);
      holds.seen(key);
      this.#voided.delete(key);
      this.#extra.delete(key);
      if (text === null) this.#ports.removed(key, made);
      this.#askAgain(record, actor.goal);
      return true;
    } catch (error) {
      return this.#unreached(record, actor, key, error);
    }
  }

  /** Here, too, it may have been refused. */
  #askAgain(record: BoardRecord, goal: string): void {
    const { clock, changed } = this.#ports;
    const column = record.page.column(goal);
    if (column !== undefined && truthOf(record, goal, clock.now()).is === "free") changed(record, [column]);
  }

  async #refresh(record: BoardRecord, actor: PlannedActor, key: string): Promise<boolean> {
    const { kv, seen } = this.#ports;
    try {
      await seen.refresh(kv, key);
      return true;
    } catch (error) {
      return this.#unreached(record, actor, key, error);
    }
  }

  /** After an absence the bucket is read again, and all is looked at; what else is wrong is told. */
  #unreached(record: BoardRecord, { goal }: PlannedActor, key: string, error: unknown): false {
    const { kv, fault } = this.#ports;
    const isAway = error instanceof AisleError && error.code === "unavailable";
    if (kv.state === "here" && !this.#closed) {
      if (!isAway) fault(`the claim '${key}' could not be settled`, error);
      this.#wait(key, limits.claimRetryMs * 10, () => void this.check(record, goal));
    }
    return false;
  }

  /** A goal that waits becomes free by time alone. */
  #watchBackoff(record: BoardRecord, goal: string, key: string): void {
    const { clock } = this.#ports;
    const ms = freeAt(record, goal) - clock.now();
    if (ms > 0 && !this.#waits.has(key)) this.#wait(key, ms, () => void this.check(record, goal));
  }

  #wait(key: string, ms: number, run: () => void): void {
    this.#waits.get(key)?.();
    if (this.#closed) return;
    const stop = this.#ports.clock.after(ms, () => {
      this.#waits.delete(key);
      run();
    });
    this.#waits.set(key, stop);
  }

  /** False: the journal is full, or has ended. */
  async #journal(record: BoardRecord, actor: PlannedActor, events: readonly Event[]): Promise<boolean> {
    const { node, clock, append, notice, fault } = this.#ports;
    const subject = { record, actor };
    const changes = events.map((event) => changeFor(subject, event, clock.now()));
    try {
      await append(changes.map((change, i) => changeDraft(change, principalOf(events[i]!, node))));
    } catch (error) {
      fault(`what happened to '${actor.goal}' elsewhere could not be journalled`, error);
      return false;
    }
    for (const [i, event] of events.entries()) {
      const said = noticeFor(subject, event, changes[i]!, node);
      if (said !== null) notice(said);
      if (event.event === "extra") this.#extra.set(claimKey(record.page.name, record.key, actor.goal), event.of.run);
    }
    return true;
  }
}
