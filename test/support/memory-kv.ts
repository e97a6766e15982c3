import type { BucketState, Held, KeyValue, Watch, Watcher } from "../../runtime/bus/kv.ts";
import { Latest } from "../../runtime/bus/latest.ts";
import { checkSubject } from "../../runtime/bus/subject.ts";
import type { Clock } from "../../runtime/clock.ts";
import { AisleError } from "../../runtime/errors.ts";

export interface MemoryBucketOptions {
  readonly clock?: Clock;
  /** How long something travels, one way, ms; without it, until the next turn of the event loop. */
  readonly delayMs?: () => number;
  /** In [0, 1): whether what was under way when a line was cut still arrives. */
  readonly random?: () => number;
}

/** A bucket in memory: what a server keeps. Each node has a line to it, which can be cut. */
export class MemoryBucket {
  readonly #options: MemoryBucketOptions;
  readonly #held = new Map<string, Held>();
  readonly #lines = new Set<MemoryKv>();
  #revision = 0;
  /** Writes that were made, for figures. */
  writes = 0;

  constructor(options: MemoryBucketOptions = {}) {
    this.#options = options;
  }

  connect(): MemoryKv {
    const line = new MemoryKv(this, this.#options);
    this.#lines.add(line);
    return line;
  }

  entries(): [string, Held][] {
    return [...this.#held];
  }

  /** What a server would have kept of it, had its plug been pulled now. */
  backup(): () => void {
    const [held, revision] = [new Map(this.#held), this.#revision];
    return () => {
      this.#held.clear();
      for (const [key, each] of held) this.#held.set(key, each);
      this.#revision = revision;
    };
  }

  find(key: string): Held | null {
    return this.#held.get(key) ?? null;
  }

  /** Null: the last change is another. */
  write(key: string, value: string | null, expected: number | null): number | null {
    const held = this.#held.get(key);
    const last = expected === 0 && held?.value === null ? 0 : (held?.revision ?? 0);
    if (expected !== null && expected !== last) return null;
    this.writes++;
    const revision = ++this.#revision;
    this.#held.delete(key);
    this.#held.set(key, { value, revision });
    for (const line of this.#lines) line.told(key, value, revision);
    return revision;
  }

  forget(key: string, revision: number): void {
    const held = this.#held.get(key);
    if (held?.revision === revision) this.#held.delete(key);
  }

  leave(line: MemoryKv): void {
    this.#lines.delete(line);
  }
}

/** A node's line to a bucket in memory. */
export class MemoryKv implements KeyValue {
  readonly #bucket: MemoryBucket;
  readonly #options: MemoryBucketOptions;
  readonly #watches = new Set<MemoryWatch>();
  readonly #listeners: ((state: BucketState) => void)[] = [];
  #state: BucketState = "here";
  /** Counts the cuts: what began before one is over. */
  #cuts = 0;
  /** The next changes whose answer is lost on its way, or which are lost themselves. */
  readonly #lost: ("answer" | "request")[] = [];
  /** Called when a change has been made, before its answer is on its way. */
  onWritten: (key: string) => void = () => {};

  constructor(bucket: MemoryBucket, options: MemoryBucketOptions) {
    this.#bucket = bucket;
    this.#options = options;
  }

  get state(): BucketState {
    return this.#state;
  }

  onState(listener: (state: BucketState) => void): void {
    this.#listeners.push(listener);
  }

  create(key: string, value: string): Promise<number | null> {
    return this.#change(key, () => this.#bucket.write(key, value, 0));
  }

  update(key: string, value: string, revision: number): Promise<number | null> {
    return this.#change(key, () => this.#bucket.write(key, value, revision));
  }

  async put(key: string, value: string): Promise<number> {
    return (await this.#change(key, () => this.#bucket.write(key, value, null)))!;
  }

  remove(key: string, revision: number): Promise<number | null> {
    return this.#change(key, () => this.#bucket.write(key, null, revision));
  }

  get(key: string): Promise<Held | null> {
    return this.#call(key, () => this.#bucket.find(key));
  }

  forget(key: string, revision: number): Promise<void> {
    return this.#call(key, () => this.#bucket.forget(key, revision));
  }

  watch(filter: string, watcher: Watcher): Watch {
    const watch = new MemoryWatch(this.#bucket, this.#options, filter, watcher);
    this.#watches.add(watch);
    if (this.#state === "here") watch.read();
    return {
      stop: () => {
        this.#watches.delete(watch);
        watch.leave();
      },
    };
  }

  async close(): Promise<void> {
    if (this.#state === "closed") return;
    this.#leave("closed");
    this.#watches.clear();
    this.#bucket.leave(this);
  }

  /** The line is cut: requests fail, what was under way arrives or does not. */
  cut(): void {
    if (this.#state === "here") this.#leave("away");
  }

  mend(): void {
    if (this.#state !== "away") return;
    this.#enter("here");
    for (const watch of this.#watches) watch.read();
  }

  /** The next change times out; with `answer` it is made all the same. */
  loseNext(what: "answer" | "request"): void {
    this.#lost.push(what);
  }

  /** By the bucket: a key has changed. */
  told(key: string, value: string | null, revision: number): void {
    if (this.#state === "here") for (const watch of this.#watches) watch.tell(key, value, revision);
  }

  #leave(state: "away" | "closed"): void {
    this.#cuts++;
    for (const watch of this.#watches) watch.leave();
    this.#enter(state);
  }

  #enter(state: BucketState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }

  async #change(key: string, make: () => number | null): Promise<number | null> {
    const lost = this.#lost.shift();
    const revision = await this.#call(key, () => {
      if (lost === "request") throw unavailable(key, "no answer in time");
      const made = make();
      if (made !== null) this.onWritten(key);
      return made;
    });
    if (lost === "answer") throw unavailable(key, "no answer in time");
    if (revision !== null) for (const watch of this.#watches) watch.wrote(key, revision);
    return revision;
  }

  async #call<T>(key: string, make: () => T): Promise<T> {
    const cuts = this.#cuts;
    const { random = () => 0 } = this.#options;
    checkSubject(key);
    if (this.#state !== "here") throw unavailable(key, `the bucket is ${this.#state}`);
    await travel(this.#options);
    if (cuts !== this.#cuts && random() < 0.5) throw unavailable(key, "the line was cut");
    const made = make();
    await travel(this.#options);
    if (cuts !== this.#cuts) throw unavailable(key, "the line was cut");
    return made;
  }
}

class MemoryWatch {
  readonly #bucket: MemoryBucket;
  readonly #options: MemoryBucketOptions;
  readonly #pattern: RegExp;
  readonly #latest: Latest;
  #reading = 0;
  /** What was told arrives in order, each after the one before. */
  #line: Promise<void> = Promise.resolve();

  constructor(bucket: MemoryBucket, options: MemoryBucketOptions, filter: string, watcher: Watcher) {
    this.#bucket = bucket;
    this.#options = options;
    this.#pattern = patternOf(filter);
    this.#latest = new Latest(watcher);
  }

  read(): void {
    const reading = ++this.#reading;
    this.#latest.begin();
    const standing = this.#bucket.entries().filter(([key]) => this.#pattern.test(key));
    this.#line = Promise.resolve();
    this.#arrive(reading, () => {
      for (const [key, { value, revision }] of standing) this.#latest.see(key, value, revision);
      this.#latest.end();
    });
  }

  tell(key: string, value: string | null, revision: number): void {
    if (!this.#pattern.test(key)) return;
    this.#arrive(this.#reading, () => this.#latest.see(key, value, revision));
  }

  wrote(key: string, revision: number): void {
    if (this.#pattern.test(key)) this.#latest.wrote(key, revision);
  }

  leave(): void {
    this.#reading++;
  }

  #arrive(reading: number, run: () => void): void {
    const travelled = travel(this.#options);
    this.#line = this.#line
      .then(() => travelled)
      .then(() => {
        if (reading === this.#reading) run();
      });
  }
}

function travel({ clock, delayMs }: MemoryBucketOptions): Promise<void> {
  return new Promise((resolve) => {
    if (clock === undefined || delayMs === undefined) setImmediate(resolve);
    else clock.after(delayMs(), resolve);
  });
}

function unavailable(key: string, why: string): AisleError {
  return new AisleError("unavailable", `'${key}': ${why}`);
}

/** As `*` and `>` of subjects. */
function patternOf(filter: string): RegExp {
  const tokens = filter.split(".").map((token) => {
    if (token === ">") return ".+";
    return token === "*" ? "[^.]+" : token.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  });
  return new RegExp(`^${tokens.join("\\.")}$`);
}
