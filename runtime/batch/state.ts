// What a run takes over from those before it, and leaves for the next: then two batches give what one would have given.
import { createHash } from "node:crypto";
import type { Cold, Fold, Handle } from "../core/fold.ts";
import { AisleError } from "../errors.ts";
import { takeFolder } from "../journal/owner.ts";
import type { Transform } from "../spec/spec.ts";
import { type Changed, RunState, type TailEvent } from "../store/run-state.ts";

/** Part of what identifies a state: raised when folds of the same spec come to mean something else. */
const MEANING = 1;

export class State implements Cold {
  /** Sequence of the first event of this run. */
  readonly firstSeq: number;
  readonly #dir: string;
  readonly #store: RunState;
  readonly #spec: string;
  readonly #giveBack: () => void;
  /** Ordinals of identities that are in memory. */
  readonly #taken = new Set<number>();
  /** Payloads of earlier runs, of the identities taken. */
  readonly #earlier = new Map<number, Uint8Array>();
  readonly #stored: number;

  private constructor(dir: string, store: RunState, spec: string, giveBack: () => void) {
    this.#dir = dir;
    this.#store = store;
    this.#spec = spec;
    this.#giveBack = giveBack;
    this.#stored = store.size;
    this.firstSeq = store.meta?.nextSeq ?? 1;
  }

  /**
   * @throws AisleError `conflict` for the state of another spec or one that another process is using, `invalid` for a
   *   folder that holds something else
   */
  static open(dir: string, transform: Transform, compat: boolean): State {
    const store = new RunState(dir);
    let giveBack = () => {};
    try {
      giveBack = takeFolder(dir);
      const spec = hashOf(transform, compat);
      if (store.meta !== null && store.meta.spec !== spec) {
        const message = `the state in '${dir}' is of another spec, or of this one before it was changed: use the spec that it is of, or an empty folder and all events anew`;
        throw new AisleError("conflict", message);
      }
      return new State(dir, store, spec, giveBack);
    } catch (error) {
      giveBack();
      void store.close();
      throw error;
    }
  }

  get size(): number {
    return this.#stored - this.#taken.size;
  }

  take(key: Uint8Array): Buffer | null {
    const ordinal = this.#store.ordinalOf(key);
    if (ordinal === null || this.#taken.has(ordinal)) return null;
    this.#taken.add(ordinal);
    for (const { seq, payload } of this.#store.tail(ordinal)) this.#earlier.set(seq, payload);
    return this.#store.packed(ordinal);
  }

  /** The payload of an event before this run. */
  lookup(seq: number): Uint8Array {
    const payload = this.#earlier.get(seq);
    if (payload === undefined) throw new AisleError("corrupt", `the state in '${this.#dir}' lacks event ${seq}`);
    return payload;
  }

  /** Lets a new fold go on where the last run was. */
  resume({ core }: Fold): void {
    const { meta } = this.#store;
    if (meta === null) return;
    core.raiseOrdinals(meta.ordinals);
    if (meta.settledAt !== null) core.raiseSettled(meta.settledAt);
    if (meta.highestAt !== null) core.raiseHighest(meta.highestAt);
  }

  /** Identities that are not in memory, in the order in which they first appeared; in Blurr's way, that of the last output. */
  *absent(): Generator<number> {
    for (const ordinal of this.#store.ordinals()) if (!this.#taken.has(ordinal)) yield ordinal;
  }

  /** Takes an identity in that is absent, for `use`, and lets it go again. */
  visit(fold: Fold, ordinal: number, use: (identity: Handle) => void): void {
    const tail = new Map(this.#store.tail(ordinal).map(({ seq, payload }) => [seq, payload]));
    const identity = fold.unpack(this.#store.packed(ordinal));
    fold.thaw(identity, (seq) => ({ payload: tail.get(seq)!, id: null }));
    use(identity);
    fold.forget(identity);
  }

  /**
   * Leaves the state for the next run. The identities can't be asked for anything afterwards.
   *
   * @param payloadOf  of an event of this run or of a tail
   */
  async commit(
    fold: Fold,
    identities: readonly Handle[],
    nextSeq: number,
    payloadOf: (seq: number) => Uint8Array,
  ): Promise<void> {
    const { core } = fold;
    const finite = (micros: number) => (Number.isFinite(micros) ? micros : null);
    const given = identities.map((identity) => core.ordinalOf(identity));
    // Blurr goes through the state in the order in which it was given
    const order = fold.program.compat ? [...given, ...this.absent()] : null;
    const ordinals = given.reduce((most, ordinal) => Math.max(most, ordinal), 0);
    await this.#store.commit(
      changedOf(fold, identities, payloadOf),
      {
        spec: this.#spec,
        nextSeq,
        settledAt: finite(core.settledAt()),
        highestAt: finite(core.highestAt()),
        ordinals: Math.max(ordinals, this.#store.meta?.ordinals ?? 0),
      },
      order,
    );
  }

  async close(): Promise<void> {
    await this.#store.close();
    this.#giveBack();
  }
}

function* changedOf(
  fold: Fold,
  identities: readonly Handle[],
  payloadOf: (seq: number) => Uint8Array,
): Generator<Changed> {
  const { core } = fold;
  for (const identity of identities) {
    core.settleIdentity(identity);
    const tail = Array.from({ length: core.tailCount(identity) }, (_, n): TailEvent => {
      const seq = core.tailSeq(identity, n);
      return { seq, payload: payloadOf(seq) };
    });
    const key = Buffer.from(fold.keyOf(identity));
    yield { key, ordinal: core.ordinalOf(identity), packed: fold.pack(identity), tail };
  }
}

/** Places and wording of a spec don't matter, nor how its files are called. */
function hashOf(transform: Transform, compat: boolean): string {
  const text = JSON.stringify([MEANING, compat, transform], (key, value) => {
    if (key === "at" || key === "text" || key === "file" || key === "start" || key === "end") return undefined;
    return typeof value === "bigint" ? `${value}n` : value;
  });
  return createHash("sha256").update(text).digest("hex");
}
