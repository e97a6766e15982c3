import type { Watcher } from "./kv.ts";

/** Between a source that tells all keys again after each absence, and a watcher that wants to hear what changed. */
export class Latest {
  readonly #watcher: Watcher;
  readonly #revisions = new Map<string, number>();
  /** By key: what was written on this line, and has not been told yet. A bucket that loses its end may lose that. */
  readonly #written = new Map<string, number>();
  /** Keys that were told since the reading began; null: all is read. */
  #confirmed: Set<string> | null = null;

  constructor(watcher: Watcher) {
    this.#watcher = watcher;
  }

  /** @param anew  the bucket is another than before: nothing of what is known stands in it */
  begin(anew = false): void {
    this.#watcher.began();
    this.#confirmed = new Set();
    if (anew) this.#dropUnconfirmed(this.#confirmed);
  }

  /** Somebody on this line knows of a change already, who will not hear of it again if it is lost. */
  wrote(key: string, revision: number): void {
    if (revision > (this.#revisions.get(key) ?? 0)) this.#written.set(key, revision);
  }

  see(key: string, value: string | null, revision: number): void {
    if (value !== null) this.#confirmed?.add(key);
    const written = this.#written.get(key) ?? 0;
    if (written <= revision || this.#confirmed !== null) this.#written.delete(key);
    if (this.#revisions.get(key) === revision && written === 0) return;
    if (value === null) this.#revisions.delete(key);
    else this.#revisions.set(key, revision);
    this.#watcher.changed(key, value, revision);
  }

  /** Everything that stood there has been told. */
  end(): void {
    if (this.#confirmed === null) return;
    for (const key of this.#written.keys()) this.#revisions.set(key, 0);
    this.#written.clear();
    this.#dropUnconfirmed(this.#confirmed);
    this.#confirmed = null;
    this.#watcher.current();
  }

  #dropUnconfirmed(confirmed: ReadonlySet<string>): void {
    for (const key of this.#revisions.keys()) {
      if (confirmed.has(key)) continue;
      this.#revisions.delete(key);
      this.#watcher.changed(key, null, 0);
    }
  }
}
