/** Works for one key run one after the other, those for different keys side by side. */
export class Serial {
  readonly #tails = new Map<string, Promise<unknown>>();

  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key);
    const done = before === undefined ? work() : before.then(work, work);
    this.#tails.set(key, done);
    const clear = () => {
      if (this.#tails.get(key) === done) this.#tails.delete(key);
    };
    done.then(clear, clear);
    return done;
  }

  /** Resolves once what is under way, and what follows from it, has ended. */
  async idle(): Promise<void> {
    while (this.#tails.size > 0) await Promise.allSettled(this.#tails.values());
  }
}
