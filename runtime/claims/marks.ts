import type { KeyValue } from "../bus/kv.ts";
import type { Clock } from "../clock.ts";
import { limits } from "../limits.ts";

export interface MarksOptions {
  readonly kv: KeyValue;
  readonly clock: Clock;
  /** The mark is not needed any more. */
  readonly dropped: (key: string, revision: number) => void;
}

/** Removed keys leave marks in a bucket, for nodes that are away. They are taken away when they are old enough. */
export class Marks {
  readonly #options: MarksOptions;
  readonly #queue: {
    readonly key: string;
    readonly revision: number;
    readonly isOurs: boolean;
    readonly at: number;
  }[] = [];
  #stop: (() => void) | null = null;
  #closed = false;

  constructor(options: MarksOptions) {
    this.#options = options;
  }

  /** @param isOurs  this node takes it away; else it is enough to forget of it here */
  add(key: string, revision: number, isOurs: boolean): void {
    if (this.#queue.length >= limits.bucketMarks || this.#closed) return;
    this.#queue.push({ key, revision, isOurs, at: this.#options.clock.monotonic() + limits.bucketMarkMs });
    this.#wait();
  }

  close(): void {
    this.#closed = true;
    this.#stop?.();
  }

  #wait(): void {
    const next = this.#queue[0];
    if (this.#stop !== null || next === undefined || this.#closed) return;
    const { clock } = this.#options;
    this.#stop = clock.after(Math.max(1, next.at - clock.monotonic()), () => void this.#sweep());
  }

  async #sweep(): Promise<void> {
    const { kv, clock, dropped } = this.#options;
    const now = clock.monotonic();
    let count = 0;
    while (count < this.#queue.length && this.#queue[count]!.at <= now) count++;
    for (const { key, revision, isOurs } of this.#queue.splice(0, count)) {
      dropped(key, revision);
      // One that can't be reached now is found by the next process that reads the bucket.
      if (isOurs) await kv.forget(key, revision).catch(() => {});
    }
    this.#stop = null;
    this.#wait();
  }
}
