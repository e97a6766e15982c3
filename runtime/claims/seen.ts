// What a node last saw of the claims of all nodes. Most refusals are known from here, without asking the bucket; and it
// is here that a lease runs out: when its key did not change for its length, by this node's own clock.
import type { KeyValue } from "../bus/kv.ts";
import type { Clock } from "../clock.ts";
import { type Claimed, type ClaimValue, readClaim } from "./values.ts";

/** Of a key that is not there, or that holds what nobody can read. */
export type Said = ClaimValue | { readonly state: "absent" } | { readonly state: "unreadable" };

export interface Seen {
  readonly said: Said;
  /** 0: nothing was ever seen. */
  readonly revision: number;
}

interface Kept extends Seen {
  /** When its lease has run out if nothing changes, monotonic ms; of what has no lease: never. */
  readonly end: number;
  stop: () => void;
}

const ABSENT: Said = { state: "absent" };
const UNREADABLE: Said = { state: "unreadable" };
const NOTHING: Seen = { said: ABSENT, revision: 0 };

export interface SeenOptions {
  readonly clock: Clock;
  /** Whether a claim is held here: then its lease is not watched. */
  readonly isOwn: (claimed: Claimed) => boolean;
  /** Called once for each lease that runs out. */
  readonly lapsed: (key: string) => void;
}

export class SeenClaims {
  readonly #options: SeenOptions;
  readonly #kept = new Map<string, Kept>();

  constructor(options: SeenOptions) {
    this.#options = options;
  }

  find(key: string): Seen {
    return this.#kept.get(key) ?? NOTHING;
  }

  keys(): IterableIterator<string> {
    return this.#kept.keys();
  }

  /**
   * False: it is no news.
   *
   * @param isRead  the bucket is read anew: what stands there counts, whatever was known before
   */
  see(key: string, text: string | null, revision: number, isRead = false): boolean {
    const before = this.#kept.get(key);
    if (revision !== 0 && before !== undefined && !isRead && revision <= before.revision) return false;
    before?.stop();
    if (revision === 0) return this.#kept.delete(key);
    const said = text === null ? ABSENT : (readClaim(text) ?? UNREADABLE);
    const { clock, isOwn } = this.#options;
    const watched = said.state === "claimed" && !isOwn(said);
    const end = said.state === "claimed" ? clock.monotonic() + said.leaseMs : Number.POSITIVE_INFINITY;
    const kept: Kept = { said, revision, end, stop: () => {} };
    this.#kept.set(key, kept);
    if (watched) this.#watch(key, kept);
    return true;
  }

  /**
   * Asks the bucket what stands there. What it says is never older than what was known when it was asked, unless it has
   * lost its end: then that counts.
   *
   * @throws AisleError as the bucket does
   */
  async refresh(kv: KeyValue, key: string): Promise<void> {
    const known = this.find(key).revision;
    const held = await kv.get(key);
    const revision = held?.revision ?? 0;
    this.see(key, held?.value ?? null, revision, revision < known);
  }

  /** Whether the lease of a claim has run out: [seen, seen + leaseMs) is its time. */
  isLapsed(key: string): boolean {
    const kept = this.#kept.get(key);
    return kept !== undefined && this.#options.clock.monotonic() >= kept.end;
  }

  /** A mark of something removed is not needed any more. */
  drop(key: string, revision: number): void {
    if (this.#kept.get(key)?.revision === revision) this.see(key, null, 0);
  }

  close(): void {
    for (const { stop } of this.#kept.values()) stop();
    this.#kept.clear();
  }

  #watch(key: string, kept: Kept): void {
    const { clock, lapsed } = this.#options;
    // A timer may be early by a fraction.
    kept.stop = clock.after(Math.max(1, Math.ceil(kept.end - clock.monotonic())), () => {
      if (this.#kept.get(key) !== kept) return;
      if (this.isLapsed(key)) lapsed(key);
      else this.#watch(key, kept);
    });
  }
}
