// A run of a transform over files: all events in, then each identity's records or rows out.
//
// First it is seen whom the events are about and when they were, in the order of the input: so identities come out in the
// order in which they first appear. Then the events are folded in the order of their times.
import { type Batch, Fold, type Handle, type Lookup, type Told } from "../core/fold.ts";
import { limits } from "../limits.ts";
import { compile } from "../spec/compile.ts";
import type { Transform } from "../spec/spec.ts";
import { type Input, type Processor, readInput } from "./input.ts";
import { inOrder } from "./order.ts";
import type { Progress } from "./progress.ts";
import { blurrYield, ownYield, resumeLikeBlurr, type Yield } from "./records.ts";
import type { Source } from "./sources.ts";
import { State } from "./state.ts";
import { Outcomes, outcomeText, type Tally } from "./tally.ts";
import type { Writer } from "./writer.ts";

export interface Job {
  readonly transform: Transform;
  readonly sources: readonly Source[];
  readonly processor: Processor;
  /** Do as Blurr does, where that is wrong too. */
  readonly compat: boolean;
  /** Folder where the state is kept between runs; null: the run begins with nothing, and leaves nothing. */
  readonly stateDir: string | null;
  readonly writer: (fold: Fold) => Writer;
  readonly progress?: Progress | undefined;
  /** Told of each event that was not used. */
  readonly debug?: ((line: string) => void) | undefined;
}

/**
 * @throws AisleError when a source can't be read, the output not written, or the state is of another spec; `Aborted`
 *   where Blurr's run would end
 */
export async function transform(job: Job): Promise<Tally> {
  const state = job.stateDir === null ? null : State.open(job.stateDir, job.transform, job.compat);
  try {
    const input = await readInput({
      sources: job.sources,
      processor: job.processor,
      arrays: !job.compat,
      progress: (bytes, events) => job.progress?.read(bytes, events),
    });
    return await new Run(job, state, input).go();
  } finally {
    await state?.close();
  }
}

class Run {
  readonly #job: Job;
  readonly #state: State | null;
  readonly #input: Input;
  readonly #fold: Fold;
  readonly #firstSeq: number;
  readonly #outcomes = new Outcomes();

  constructor(job: Job, state: State | null, input: Input) {
    const { transform, compat } = job;
    this.#job = job;
    this.#state = state;
    this.#input = input;
    this.#firstSeq = state?.firstSeq ?? 1;
    this.#fold = new Fold(compile(transform, { compat }), {
      rows: transform.window !== null && !compat,
      // all that there is has come: only a run that goes on may be told of earlier events later
      latenessMs: state === null ? 0 : null,
      unordered: compat,
      ...(state === null ? {} : { cold: state }),
    });
    state?.resume(this.#fold);
  }

  async go(): Promise<Tally> {
    const { payloads } = this.#input;
    const times = new Float64Array(payloads.count).fill(Number.NaN);
    const present = this.#register(times);
    if (this.#job.compat) for (const identity of present) resumeLikeBlurr(this.#fold, identity);
    this.#foldAll(inOrder(times));
    if (this.#job.compat) for (const identity of present) this.#fold.core.finishRun(identity);
    const identities = this.#fold.identities();
    for (const identity of identities) this.#fold.thaw(identity, this.#lookup);
    const shown = this.#job.compat ? present : identities;
    await this.#write(shown);
    await this.#state?.commit(this.#fold, shown, this.#firstSeq + payloads.count, this.#payloadOf);
    return this.#outcomes.tally(this.#fold, payloads.count);
  }

  /** @returns identities that events are about, in the order in which they appear in the input */
  #register(times: Float64Array): Handle[] {
    const present = new Set<Handle>();
    const all = Uint32Array.from(times, (_, i) => i);
    for (const [from, to] of this.#batches(all)) {
      times.set(this.#fold.register(this.#batch(all, from, to), this.#told(all, from)), from);
      for (const identity of this.#fold.subjects(to - from)) if (identity !== 0) present.add(identity);
    }
    return [...present];
  }

  #foldAll(order: Uint32Array): void {
    this.#job.progress?.folded(0, order.length);
    for (const [from, to] of this.#batches(order)) {
      this.#fold.fold(this.#batch(order, from, to), this.#lookup, this.#told(order, from));
      this.#job.progress?.folded(to, order.length);
    }
    this.#job.progress?.done();
  }

  /** Slices of the order: of so many events and bytes as the core takes at once. */
  *#batches(order: Uint32Array): Generator<[number, number]> {
    const { payloads } = this.#input;
    let from = 0;
    let bytes = 0;
    for (let i = 0; i < order.length; i++) {
      const more = payloads.bytesOf(order[i]!);
      if (i > from && (i - from === limits.batchEvents || bytes + more > limits.batchBytes)) {
        yield [from, i];
        from = i;
        bytes = 0;
      }
      bytes += more;
    }
    if (from < order.length) yield [from, order.length];
  }

  #batch(order: Uint32Array, from: number, to: number): Batch {
    const { payloads } = this.#input;
    const indexes = order.subarray(from, to);
    return {
      payloads: Array.from(indexes, (index) => payloads.at(index)),
      seqs: Float64Array.from(indexes, (index) => this.#firstSeq + index),
    };
  }

  #told(order: Uint32Array, from: number): Told {
    const { debug } = this.#job;
    return (outcome, index, seq, fault) => {
      this.#outcomes.add(outcome);
      if (debug === undefined) return;
      const place =
        seq < this.#firstSeq
          ? `event ${seq}`
          : this.#input.placeOf(index < 0 ? seq - this.#firstSeq : order[from + index]!);
      debug(`${place}: ${outcomeText(outcome, fault)}`);
    };
  }

  readonly #payloadOf = (seq: number): Uint8Array =>
    seq < this.#firstSeq ? this.#state!.lookup(seq) : this.#input.payloads.at(seq - this.#firstSeq);

  readonly #lookup: Lookup = (seq) => ({ payload: this.#payloadOf(seq), id: null });

  // Output

  async #write(present: readonly Handle[]): Promise<void> {
    const fold = this.#fold;
    const writer = this.#job.writer(fold);
    try {
      await this.#writeAll(writer, present);
    } catch (error) {
      await writer.abandon();
      throw error;
    }
  }

  async #writeAll(writer: Writer, present: readonly Handle[]): Promise<void> {
    const fold = this.#fold;
    const given = this.#job.compat ? blurrYield(fold) : ownYield(fold);
    if (this.#job.compat) {
      for (const identity of present) await this.#one(writer, given, identity);
      for (const ordinal of this.#state?.absent() ?? []) await this.#absent(writer, given, ordinal);
    } else {
      const absent = this.#state?.absent() ?? [].values();
      let next = absent.next();
      for (const identity of present) {
        for (; !next.done && next.value < fold.core.ordinalOf(identity); next = absent.next())
          await this.#absent(writer, given, next.value);
        await this.#one(writer, given, identity);
      }
      for (; !next.done; next = absent.next()) await this.#absent(writer, given, next.value);
    }
    await writer.end();
  }

  async #one(writer: Writer, given: Yield, identity: Handle): Promise<void> {
    this.#give(writer, given, identity, true);
    await writer.ready();
  }

  async #absent(writer: Writer, given: Yield, ordinal: number): Promise<void> {
    this.#state!.visit(this.#fold, ordinal, (identity) =>
      // Blurr makes no rows for who has no events in the run
      this.#give(writer, given, identity, !this.#job.compat),
    );
    await writer.ready();
  }

  #give(writer: Writer, given: Yield, identity: Handle, withRows: boolean): void {
    if (this.#job.transform.window === null) writer.records(identity, given.records(identity));
    else writer.rows(identity, withRows ? given.rows(identity) : []);
  }
}
