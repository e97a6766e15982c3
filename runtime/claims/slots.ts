// Limits and conflicts of the whole site. A run of a goal that is limited, or that others keep away from, holds one of the
// goal's numbered slots. Whoever keeps away from a goal raises its own flag first, its slot, and only then counts the
// other's: by what stood in the bucket when its flag was raised. Flags have an order, that of their revisions, so of two
// that keep away from each other the later one yields: never both run, and never does each wait for the other.
import { type KeyValue, swap } from "../bus/kv.ts";
import type { Clock } from "../clock.ts";
import { reasonOf } from "../errors.ts";
import { limits } from "../limits.ts";
import type { PlannedActor } from "../site.ts";
import type { Refused } from "./claims.ts";
import { slotKey } from "./keys.ts";
import { type SeenSlot, SlotTable } from "./slot-table.ts";
import { readSlot, type SlotValue } from "./values.ts";

export interface SiteSlotsOptions {
  readonly kv: KeyValue;
  /** Name of this node. */
  readonly node: string;
  readonly clock: Clock;
  readonly random: () => number;
  /** A slot that was held is free. */
  readonly freed: () => void;
  /** The slot of a run of this node could not be kept. */
  readonly lost: (run: string) => void;
}

/** A slot that a run of this node holds. */
interface Own {
  readonly goal: string;
  readonly number: number;
  readonly run: string;
  readonly leaseMs: number;
  revision: number;
  /** Ends the watch over the time until which it must have been renewed. */
  stop: () => void;
}

/** A run whose flag is up, or about to be: waits for what stood in the bucket then. */
interface Raised {
  readonly actor: PlannedActor;
  /** Null: nothing stands against it. */
  readonly tell: (blocked: string | null) => void;
}

/** The part of a lease after which a run that could not renew its slot gives it up: before anybody else may have it. */
const KEPT = 3 / 4;
const FREE: SlotValue = { state: "free" };

export class SiteSlots {
  readonly #options: SiteSlotsOptions;
  readonly #table = new SlotTable();
  /** Goals that somebody keeps away from within the whole site. */
  #avoided = new Set<string>();
  /** By run. */
  readonly #own = new Map<string, Own>();
  readonly #raised = new Map<string, Raised>();
  /** Keys of slots that this node is asking for. */
  readonly #asked = new Set<string>();
  /** Runs of this node whose slot is to be freed wherever it is seen: they have ended, maybe with an earlier process. */
  readonly #ended = new Set<string>();
  /** By key: end the watches over the leases of others. */
  readonly #watches = new Map<string, () => void>();
  #isSynced = false;
  #closed = false;

  constructor(actors: readonly PlannedActor[], options: SiteSlotsOptions) {
    this.#options = options;
    this.adopt(actors);
  }

  adopt(actors: readonly PlannedActor[]): void {
    const conflicts = actors.flatMap((actor) => actor.conflicts);
    this.#avoided = new Set(conflicts.filter(({ scope }) => scope === "site").map(({ goal }) => goal));
  }

  /** Whether a run of the actor needs a slot. */
  needs(actor: PlannedActor): boolean {
    const limited = actor.selvesScope === "site" && Number.isFinite(actor.maxSelves);
    return limited || this.#avoided.has(actor.goal) || avoids(actor);
  }

  /** The bucket is away, or is read from its beginning. */
  began(): void {
    this.#isSynced = false;
    for (const { tell } of this.#raised.values()) tell("the bucket was away meanwhile");
  }

  /** @param isFirst  what stands there of this node is of an earlier process */
  current(isFirst: boolean): void {
    this.#isSynced = true;
    for (const { value } of this.#table.goals().flatMap((goal) => this.#table.held(goal))) {
      if (isFirst && value.node === this.#options.node && !this.#own.has(value.run)) this.#ended.add(value.run);
    }
    for (const goal of this.#table.goals()) for (const slot of this.#table.held(goal)) this.#look(slot);
    for (const run of this.#own.keys()) void this.renew(run);
  }

  /** By the watch over the bucket, in the order of the changes. */
  see(goal: string, number: number, text: string | null, revision: number): void {
    const before = this.#table.find(goal, number);
    const after = this.#note(goal, number, text, revision);
    if (before.value.state === "held" && after.value.state === "free") this.#options.freed();
    // When a flag comes by, all that was changed before it has been told. An older change of its slot is no flag.
    const flag = text === null ? null : readSlot(text);
    if (!this.#isSynced || flag?.state !== "held") return;
    const raised = this.#raised.get(flag.run);
    raised?.tell(this.#blocked(raised.actor, flag.run, revision));
  }

  /** Whether a slot could be taken now, as far as is known. */
  isFree(actor: PlannedActor): boolean {
    const blocked = this.#blocked(actor, "", Number.POSITIVE_INFINITY);
    return blocked === null && this.#freeNumber(actor.goal, slotsOf(actor)) !== null;
  }

  /** Takes a slot for a run; null: it is taken. */
  async take(actor: PlannedActor, run: string): Promise<Refused | null> {
    const blocked = this.#blocked(actor, run, Number.POSITIVE_INFINITY);
    if (blocked !== null) return { refused: "site-limit", detail: blocked };
    const most = slotsOf(actor);
    for (let attempt = 0; attempt < limits.claimTries; attempt++) {
      if (!this.#isSynced || this.#closed) return { refused: "away", detail: "who holds a slot is not known" };
      const number = this.#freeNumber(actor.goal, most);
      if (number === null) break;
      const key = slotKey(actor.goal, number);
      this.#asked.add(key);
      const answer = await this.#raise(actor, number, run).finally(() => this.#asked.delete(key));
      if (answer !== "again") return answer;
    }
    return {
      refused: "site-limit",
      detail: `'${actor.goal}' runs ${most} times in the whole site, which is its limit`,
    };
  }

  /** Whether a run holds a slot. */
  holds(run: string): boolean {
    return this.#own.has(run);
  }

  /** Renews the slot of a run. What can't be renewed in time is lost. */
  async renew(run: string): Promise<void> {
    const own = this.#own.get(run);
    if (own === undefined || !this.#isSynced) return;
    const { kv, clock, node } = this.#options;
    const { goal, number, leaseMs } = own;
    const text = JSON.stringify({ state: "held", node, run, leaseMs } satisfies SlotValue);
    const sentAt = clock.monotonic();
    try {
      const revision = await kv.update(slotKey(goal, number), text, own.revision);
      if (revision === null) await this.#refresh(goal, number);
      else this.#note(goal, number, text, revision);
      const { value, revision: last } = this.#table.find(goal, number);
      if (this.#own.get(run) !== own) return;
      if (value.state === "held" && value.run === run) this.#kept(own, last, revision === null ? Number.NaN : sentAt);
      else this.#lose(own);
    } catch {
      // The next renewal is tried until it is too late for one.
    }
  }

  /** The run has ended: its slot is free. */
  release(run: string): void {
    const own = this.#own.get(run);
    if (own === undefined) return;
    this.#own.delete(run);
    own.stop();
    this.#ended.add(run);
    this.#look(this.#table.find(own.goal, own.number));
  }

  close(): void {
    this.#closed = true;
    for (const own of this.#own.values()) own.stop();
    for (const stop of this.#watches.values()) stop();
    this.began();
  }

  /** Null: the slot is taken. */
  async #raise(actor: PlannedActor, number: number, run: string): Promise<Refused | "again" | null> {
    const { kv, clock, node } = this.#options;
    const { goal, leaseMs } = actor;
    const text = JSON.stringify({ state: "held", node, run, leaseMs } satisfies SlotValue);
    const sentAt = clock.monotonic();
    // The echo of the flag may come before the answer.
    const counted = avoids(actor) ? this.#counted(actor, run) : Promise.resolve(null);
    try {
      const revision = await swap(kv, slotKey(goal, number), text, this.#table.find(goal, number).revision);
      if (revision === null) {
        this.#raised.delete(run);
        await this.#refresh(goal, number);
        return "again";
      }
      const own: Own = { goal, number, run, leaseMs, revision, stop: () => {} };
      this.#own.set(run, own);
      this.#look(this.#note(goal, number, text, revision));
      this.#kept(own, revision, sentAt);
    } catch (error) {
      this.#raised.delete(run);
      // It may have been written, or still be: it is freed where it is seen.
      this.#ended.add(run);
      return { refused: "away", detail: reasonOf(error) };
    }
    const blocked = await counted;
    if (blocked === null && this.#own.has(run)) return null;
    this.release(run);
    return { refused: "site-limit", detail: blocked ?? "the slot was lost at once" };
  }

  /** Resolves to what stood against a run when its flag was raised. */
  #counted(actor: PlannedActor, run: string): Promise<string | null> {
    return new Promise((resolve) => {
      const { clock } = this.#options;
      const stop = clock.after(2 * limits.bucketRequestMs, () => tell("its flag was not seen in time"));
      const tell = (blocked: string | null) => {
        stop();
        this.#raised.delete(run);
        resolve(blocked);
      };
      this.#raised.set(run, { actor, tell });
    });
  }

  /** What stands against a run whose flag has that revision, in words; null: nothing. */
  #blocked({ conflicts }: PlannedActor, run: string, flag: number): string | null {
    for (const { goal, limit, scope } of conflicts) {
      if (scope !== "site") continue;
      const others = this.#table.held(goal).filter(({ value, takenAt }) => value.run !== run && takenAt < flag);
      if (others.length < limit) continue;
      const nodes = [...new Set(others.map(({ value }) => value.node))].join(", ");
      return `'${goal}' runs ${others.length} times (${nodes}), and fewer than ${limit} are asked for`;
    }
    return null;
  }

  /** Any of those that are free, so that nodes that ask at once seldom ask for the same. */
  #freeNumber(goal: string, most: number): number | null {
    const free: number[] = [];
    for (let number = 0; number < most; number++) {
      const isFree = this.#table.find(goal, number).value.state === "free" && !this.#asked.has(slotKey(goal, number));
      if (isFree) free.push(number);
    }
    return free.length === 0 ? null : free[Math.floor(this.#options.random() * free.length)]!;
  }

  #note(goal: string, number: number, text: string | null, revision: number, isRead = !this.#isSynced): SeenSlot {
    const before = this.#table.find(goal, number);
    const slot = this.#table.see(goal, number, text, revision, isRead);
    if (slot.revision === before.revision && revision !== 0) return slot;
    const run = slot.value.state === "held" ? slot.value.run : null;
    for (const own of this.#own.values()) {
      if (own.goal === goal && own.number === number && own.run !== run) this.#lose(own);
    }
    this.#look(slot);
    return slot;
  }

  /** Watches the lease of a slot; frees it at once when it is left over from a run of this node. */
  #look({ goal, number, value, revision }: SeenSlot): void {
    const key = slotKey(goal, number);
    this.#watches.get(key)?.();
    this.#watches.delete(key);
    if (value.state !== "held" || this.#own.has(value.run) || this.#closed) return;
    if (this.#ended.has(value.run)) {
      if (this.#isSynced) void this.#free(goal, number, value.run, revision);
      return;
    }
    const stop = this.#options.clock.after(Math.ceil(value.leaseMs) + 1, () => {
      this.#watches.delete(key);
      if (this.#isSynced) void this.#free(goal, number, value.run, revision);
    });
    this.#watches.set(key, stop);
  }

  /** Frees a slot of a run that has ended, or whose lease has run out, unless it was renewed meanwhile. */
  async #free(goal: string, number: number, run: string, revision: number): Promise<void> {
    const { kv } = this.#options;
    const key = slotKey(goal, number);
    const text = JSON.stringify(FREE);
    try {
      const freed = await kv.update(key, text, revision);
      if (freed === null) await this.#refresh(goal, number);
      else this.#note(goal, number, text, freed);
      const { value } = this.#table.find(goal, number);
      if (value.state !== "held" || value.run !== run) this.#ended.delete(run);
      if (value.state === "free") this.#options.freed();
    } catch {
      // All slots are looked at when the bucket was read again.
    }
  }

  /** What the bucket says is never older than what was known when it was asked, unless it has lost its end. */
  async #refresh(goal: string, number: number): Promise<void> {
    const known = this.#table.find(goal, number).revision;
    const held = await this.#options.kv.get(slotKey(goal, number));
    const revision = held?.revision ?? 0;
    this.#note(goal, number, held?.value ?? null, revision, revision < known);
  }

  /** @param sentAt  when the renewal was sent; NaN: it was not this one, and the time goes on */
  #kept(own: Own, revision: number, sentAt: number): void {
    const { clock } = this.#options;
    own.revision = revision;
    if (Number.isNaN(sentAt)) return;
    own.stop();
    const end = sentAt + own.leaseMs * KEPT;
    own.stop = clock.after(Math.max(0, end - clock.monotonic()), () => this.#lose(own));
  }

  #lose(own: Own): void {
    if (this.#own.get(own.run) !== own) return;
    this.release(own.run);
    this.#options.lost(own.run);
  }
}

/** How many there are of a goal. */
function slotsOf({ selvesScope, maxSelves }: PlannedActor): number {
  return selvesScope === "site" ? Math.min(maxSelves, limits.siteSlots) : limits.siteSlots;
}

function avoids({ conflicts }: PlannedActor): boolean {
  return conflicts.some(({ scope }) => scope === "site");
}
