// Claims among several nodes that share a bucket. PROTOCOL.md beside this file says what stands in it.
import type { BoardRecord } from "../board/board.ts";
import type { Change, Finish } from "../board/change.ts";
import type { Watch } from "../bus/kv.ts";
import { within } from "../bus/within.ts";
import type { Entry } from "../journal/journal.ts";
import { limits } from "../limits.ts";
import type { Plan, PlannedActor } from "../site.ts";
import { type Asked, Asking } from "./asking.ts";
import type { Claim, Claims, Refused } from "./claims.ts";
import { deliver } from "./deliver.ts";
import { Foreign } from "./foreign.ts";
import { type Hold, Holds } from "./holds.ts";
import { Home } from "./home.ts";
import { claimKey, fits, placeOf } from "./keys.ts";
import { Marks } from "./marks.ts";
import { Mirror, readShown } from "./mirror.ts";
import { removeOrphans } from "./orphans.ts";
import type { KvClaimsPorts } from "./ports.ts";
import { SeenClaims } from "./seen.ts";
import { Serial } from "./serial.ts";
import { SiteSlots } from "./slots.ts";
import { Strays } from "./strays.ts";
import { truthOf } from "./truth.ts";
import { type Claimed, readClaim } from "./values.ts";

/** One may have been under way when an earlier process ended. */
const TWIN_RENEWALS = 3;

export class KvClaims implements Claims {
  readonly #ports: KvClaimsPorts;
  readonly #serial = new Serial();
  readonly #seen: SeenClaims;
  readonly #holds: Holds;
  readonly #home: Home;
  readonly #foreign: Foreign;
  readonly #mirror: Mirror;
  readonly #slots: SiteSlots;
  readonly #asking: Asking;
  readonly #marks: Marks;
  /** By page and goal. */
  #actors = new Map<string, PlannedActor>();
  readonly #strays: Strays;
  readonly #freeListeners: (() => void)[] = [];
  readonly #lostListeners: ((claim: Claim) => void)[] = [];
  #whenSynced: (() => void)[] = [];
  #watch: Watch | null = null;
  /** The bucket was read once, or did not come in time. */
  #isOpen = false;
  #isSynced = false;
  #wasSynced = false;
  /** Counts the readings of the bucket: what a pass over an older one has not done, the next does. */
  #reading = 0;
  #isFreeTold = false;
  /** Claims under this node's name that were renewed, and not by this process. */
  #renewedByOthers = 0;
  #closed = false;

  constructor(ports: KvClaimsPorts) {
    this.#ports = ports;
    const { kv, node, epoch = "", clock, random, plan, fault } = ports;
    const isSynced = () => this.#isSynced;
    const isStale = (claimed: Claimed) => this.#strays.has(claimed);
    const actorOf = (page: string, goal: string) => this.#actors.get(`${page} ${goal}`);
    const removed = (key: string, revision: number) => this.#marks.add(key, revision, true);
    const isAsked = (key: string) => this.#asking.isAsked(key);
    const isActive = (key: string) => isAsked(key) || this.#holds.at(key) !== null;
    this.#seen = new SeenClaims({
      clock,
      isOwn: (claimed) => claimed.node === node && this.#isOwn(claimed),
      lapsed: (key) => this.#look(key),
    });
    const seen = this.#seen;
    const serial = this.#serial;
    this.#slots = new SiteSlots(plan.actors, {
      ...{ kv, node, clock, random },
      freed: () => this.#tellFree(),
      lost: (run) => this.#holds.loseRun(run),
    });
    this.#holds = new Holds({
      ...{ kv, clock, seen, serial, isSynced },
      renewSlot: (run) => void this.#slots.renew(run),
      differs: (record, goal) => void this.#home.check(record, goal),
      lost: (hold) => this.#lose(hold),
    });
    const holds = this.#holds;
    const isShown = (record: BoardRecord) => this.#mirror.isShown(record);
    this.#home = new Home({ ...ports, seen, holds, serial, isSynced, isAsked, isShown, actorOf, removed });
    this.#foreign = new Foreign({ ...ports, seen, holds, isSynced, isActive, actorOf });
    this.#mirror = new Mirror({
      ...{ kv, node, epoch, clock, isSynced, removed, fault },
      isUncommitted: (record) => this.#home.isUncommitted(record),
      shown: (record) => void this.#home.checkAll(record),
      foreign: ({ page, key }, text) => this.#foreign.see(page.name, key, readShown(text)),
    });
    this.#strays = new Strays({
      ...{ kv, node, board: ports.board, seen, serial, isSynced },
      given: (key) => this.#look(key),
    });
    this.#marks = new Marks({ kv, clock, dropped: (key, revision) => seen.drop(key, revision) });
    this.#asking = new Asking({
      ...{ kv, node, seen, holds, slots: this.#slots, serial, isSynced, isStale },
      isOpen: () => this.#isOpen,
      granted: (asked, claim) => this.#granted(asked, claim),
      refused: (asked, why) => this.#refused(asked, why),
      strayed: (run) => this.#strays.add(run),
    });
    this.#adoptActors(plan);
    kv.onState((state) => {
      if (state !== "here") this.#leave();
    });
  }

  /**
   * Begins to read the bucket. To be called once the board is rebuilt from the journal: what the bucket holds of this
   * node's records, and the board does not, is removed.
   *
   * @returns whether all of it was read within that time; until it is, this node works alone
   */
  async open(timeoutMs: number): Promise<boolean> {
    this.#read();
    await within(this.#ports.clock, timeoutMs, this.#untilSynced());
    this.#isOpen = true;
    this.#tellFree();
    return this.#isSynced;
  }

  /** Whether other nodes can't be reached, or are not known yet. */
  get isAlone(): boolean {
    return !this.#isSynced;
  }

  acquire(
    actor: PlannedActor,
    record: BoardRecord,
    run: string,
    attempt: number,
  ): Claim | Refused | Promise<Claim | Refused> {
    const shared = isShared(record) ? claimKey(record.page.name, record.key, actor.goal) : null;
    const key = shared !== null && fits(shared) ? shared : null;
    if (this.#closed) return { refused: "away", detail: "the node stops" };
    if (key === null && !this.#slots.needs(actor)) return { run, attempt, token: 0 };
    return this.#asking.ask({ actor, record, run, attempt, key });
  }

  async deliver(claim: Claim, _record: BoardRecord, finish: Finish): Promise<boolean> {
    const hold = this.#holds.find(claim.run);
    if (hold === undefined) return false;
    return deliver(hold, finish, {
      ...{ kv: this.#ports.kv, clock: this.#ports.clock, seen: this.#seen, holds: this.#holds, serial: this.#serial },
      isSynced: () => this.#isSynced,
      whenSynced: () => this.#untilSynced(),
      isClosed: () => this.#closed,
    });
  }

  /** What is held is renewed until it is released. */
  renew(): void {}

  release({ run }: Claim): void {
    const hold = this.#holds.find(run);
    if (hold === undefined) return;
    this.#holds.drop(hold);
    this.#leaveBehind(hold);
  }

  onFree(listener: () => void): void {
    this.#freeListeners.push(listener);
  }

  onLost(listener: (claim: Claim) => void): void {
    this.#lostListeners.push(listener);
  }

  applied(change: Change, record: BoardRecord, { seq }: Entry): void {
    if (record.home === null && isShared(record)) this.#home.applied(change, record, seq);
  }

  committed(_change: Change, record: BoardRecord, { seq }: Entry): void {
    if (record.home !== null || !isShared(record)) return;
    this.#mirror.show(record);
    this.#home.committed(record, seq);
  }

  adopt(plan: Plan): void {
    this.#adoptActors(plan);
    this.#slots.adopt(plan.actors);
    // Pages that were unknown may have records there.
    if (this.#watch !== null) this.#read();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const { kv, clock } = this.#ports;
    // Goals that were given up on the way out.
    if (kv.state === "here") await within(clock, limits.bucketRequestMs, this.#serial.idle());
    this.#watch?.stop();
    this.#leave();
    for (const part of [this.#home, this.#mirror, this.#holds, this.#slots, this.#seen, this.#marks]) part.close();
    await kv.close();
  }

  #adoptActors({ actors }: Plan): void {
    this.#actors = new Map(actors.map((actor) => [`${actor.page} ${actor.goal}`, actor]));
  }

  #read(): void {
    this.#watch?.stop();
    this.#watch = this.#ports.kv.watch(">", {
      began: () => this.#leave(),
      changed: (key, value, revision) => this.#changed(key, value, revision),
      current: () => this.#current(),
    });
  }

  /** The bucket is away, or is being read. */
  #leave(): void {
    this.#reading++;
    if (this.#isSynced) this.#holds.cut();
    this.#isSynced = false;
    this.#slots.began();
    this.#mirror.began();
    if (this.#closed) this.#tellSynced();
    // A home goes on alone with what was refused while the bucket was read.
    else if (this.#ports.kv.state !== "here") this.#tellFree();
  }

  #changed(key: string, value: string | null, revision: number): void {
    const place = placeOf(key);
    if (place === null) return;
    if (value === null && revision > 0) this.#marks.add(key, revision, !this.#wasSynced);
    switch (place.family) {
      case "slot":
        this.#slots.see(place.goal, place.number, value, revision);
        break;
      case "record":
        this.#shown(key, place, value, revision);
        break;
      default:
        if (this.#isSynced) this.#tellTwin(key, value);
        if (!this.#seen.see(key, value, revision, !this.#isSynced)) break;
        if (this.#isSynced) {
          this.#holds.seen(key);
          this.#look(key);
        } else this.#foreign.touched(place.page, place.key);
    }
  }

  #shown(key: string, of: { page: string; key: string }, value: string | null, revision: number): void {
    const shown = value === null ? null : readShown(value);
    const record = this.#ports.board.find(of.page)?.find(of.key);
    const isOurs = shown === null ? record?.home === null : this.#mirror.isOurs(shown);
    if (!isOurs) {
      if (value === null || shown !== null) this.#foreign.see(of.page, of.key, shown);
      return;
    }
    this.#mirror.see(key, shown, revision, !this.#isSynced);
    // Nobody but us may take away what we show.
    if (shown === null && record !== undefined && this.#isSynced) this.#mirror.show(record);
  }

  /** A claim is not what it was: what follows for its record. */
  #look(key: string): void {
    const place = placeOf(key);
    if (place?.family !== "claim") return;
    const record = this.#ports.board.find(place.page)?.find(place.key);
    if (record?.home === null) void this.#home.check(record, place.goal);
    else if (this.#isSynced) {
      this.#strays.giveBack(key);
      if (record !== undefined) this.#foreign.refresh(record, place.goal);
    } else this.#foreign.touched(place.page, place.key);
  }

  #current(): void {
    const isFirst = !this.#wasSynced;
    this.#isSynced = true;
    this.#wasSynced = true;
    this.#isOpen = true;
    const { node } = this.#ports;
    for (const key of isFirst ? this.#seen.keys() : []) {
      const { said } = this.#seen.find(key);
      if (said.state === "claimed" && said.node === node && !this.#isOwn(said)) this.#strays.add(said.run);
    }
    this.#slots.current(isFirst);
    this.#holds.current();
    this.#foreign.current();
    void this.#pass(this.#reading);
    this.#tellSynced();
    this.#tellFree();
  }

  /** Brings the bucket and the board of this node together, after an absence. */
  async #pass(reading: number): Promise<void> {
    const { board, kv } = this.#ports;
    const isOver = () => reading !== this.#reading || this.#closed;
    for (const key of [...this.#seen.keys()]) {
      this.#strays.giveBack(key);
      if (this.#seen.isLapsed(key)) this.#look(key);
    }
    const parts = { kv, board, mirror: this.#mirror, seen: this.#seen };
    await removeOrphans(parts, isOver).catch(() => {}); // the next reading finds them again
    let count = 0;
    for (const page of board.pages) {
      if (!page.config.shared || page.fed) continue;
      for (const record of [...page.records()]) {
        if (isOver()) return;
        if (record.home !== null) continue;
        this.#mirror.compare(record);
        await this.#home.checkAll(record);
        if (++count % limits.bucketPass === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }

  #granted({ record, actor, key }: Asked, claim: Claim): void {
    if (record.home !== null) this.#foreign.granted(record, actor.goal, claim);
    if (key !== null && claim.token !== 0) this.#holds.seen(key);
  }

  /** What was refused is asked for again when it is free: at once if it is so already. */
  #refused(asked: Asked, why: Refused): void {
    const { record, actor, key } = asked;
    const { clock, changed } = this.#ports;
    if (this.#closed) return;
    if (why.refused === "away" && this.#isSynced) clock.after(10 * limits.claimRetryMs, () => this.#tellFree());
    // It was freed while it was asked for: nobody would say so again.
    if (why.refused === "site-limit" && this.#slots.isFree(actor))
      clock.after(limits.claimRetryMs, () => this.#tellFree());
    if (key === null) return;
    // It was removed meanwhile, and may have been made again.
    if (record.page.find(record.key) !== record) {
      this.#look(key);
      return;
    }
    const isFree = record.home === null ? this.#isFree(asked, key) : this.#foreign.refused(record, actor.goal);
    if (record.home === null) void this.#home.check(record, actor.goal);
    else this.#strays.giveBack(key);
    const column = record.page.column(actor.goal);
    if (why.refused !== "taken" || !isFree || column === undefined) return;
    clock.after(limits.claimRetryMs, () => changed(record, [column]));
  }

  #isFree({ record, actor }: Asked, key: string): boolean {
    const { is } = truthOf(record, actor.goal, this.#ports.clock.now());
    return is === "free" && this.#asking.obstacle({ record, actor }, key) === null;
  }

  /** The claim is another run's, or its slot could not be kept: the run is told to end. */
  #lose(hold: Hold): void {
    for (const listener of this.#lostListeners) listener(hold.claim);
    this.#leaveBehind(hold);
    const { record, actor, claimed } = hold;
    if (record.home === null && !this.#closed) void this.#home.lapse(record, actor, claimed);
  }

  /** A run of this node has ended, whatever the bucket says of it. */
  #leaveBehind({ claim, actor, record, key }: Hold): void {
    this.#slots.release(claim.run);
    if (key === null) return;
    const { said } = this.#seen.find(key);
    const isLeft = said.state === "claimed" && said.run === claim.run;
    if (!isLeft) {
      if (record.home !== null) this.#look(key);
      return;
    }
    this.#strays.add(claim.run);
    if (record.home !== null) this.#strays.giveBack(key);
    else setImmediate(() => void this.#home.check(record, actor.goal));
  }

  /** Once: what is renewed under this node's name time and again, and not by this process, is another's. */
  #tellTwin(key: string, value: string | null): void {
    const { node, fault } = this.#ports;
    const { said } = this.#seen.find(key);
    if (said.state !== "claimed" || said.node !== node) return;
    if (this.#isOwn(said) || this.#strays.has(said) || value === null) return;
    const next = readClaim(value);
    if (next?.state !== "claimed" || next.run !== said.run) return;
    if (++this.#renewedByOthers !== TWIN_RENEWALS) return;
    fault("claims of this node are not its own", `another process works as '${node}': each needs a name of its own`);
  }

  #isOwn({ run }: Claimed): boolean {
    return this.#holds.find(run) !== undefined || this.#asking.isRun(run);
  }

  #untilSynced(): Promise<void> {
    if (this.#isSynced || this.#closed) return Promise.resolve();
    return new Promise((resolve) => this.#whenSynced.push(resolve));
  }

  #tellSynced(): void {
    const waiting = this.#whenSynced;
    this.#whenSynced = [];
    for (const resolve of waiting) resolve();
  }

  /** Once for all that was freed in a turn. */
  #tellFree(): void {
    if (this.#isFreeTold || this.#closed) return;
    this.#isFreeTold = true;
    setImmediate(() => {
      this.#isFreeTold = false;
      if (!this.#closed) for (const listener of this.#freeListeners) listener();
    });
  }
}

/** Whether other nodes may work on goals of the record. */
function isShared({ page }: BoardRecord): boolean {
  return page.config.shared && !page.fed;
}
