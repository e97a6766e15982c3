// Question: how fast are events folded into sessions and profiles by the offer-ai spec, against the same by hand in
//           TypeScript, and against scanning alone? How long does a spec take to compile, how much memory does an
//           identity take, and how long a row of features?
// Shape:    the recorded events of a game with identities and times replaced: each identity plays a stretch of them, all
//           interleaved evenly, in order of time; 20,000 identities (1,000 and 100,000 beside it), batches of 1,024 (and
//           of 1). Every candidate takes the same events in turns, from the same warm state, copies and parsing included.

import { Fold, type Lookup } from "../runtime/core/fold.ts";
import { Scanner } from "../runtime/core/scanner.ts";
import { compile } from "../runtime/spec/compile.ts";
import type { Transform } from "../runtime/spec/spec.ts";
import { keep, median } from "./measure.ts";
import { isoSeconds, moveOn, offerAi, Sessions, START, type Workload, workload } from "./offers.ts";

/** Events that one candidate takes in a turn. */
const TURN = 16_384;
const BATCH = 1_024;

/** What the offer-ai spec reads. */
const FIELDS = [
  "customer_identifier",
  "event_time",
  "event_id",
  "country",
  "signin_method",
  "session_id",
  "won",
  "txn_amount",
  "purchase_source",
  "offer_type",
  "offer_purchased",
  "offer_price",
];

export async function bench({ quick }: { quick: boolean }): Promise<{
  figures: Record<string, number>;
  ratios: Record<string, number>;
}> {
  const rounds = quick ? 3 : 15;
  const count = quick ? 4 * TURN : 16 * TURN;
  const transform = offerAi();
  const medium = workload(quick ? 4_000 : 20_000, count);
  const small = workload(quick ? 200 : 1_000, count);
  const large = workload(quick ? 20_000 : 100_000, count);
  const fold = new Folding(transform, medium, BATCH);
  const candidates = {
    fold,
    fold_1: new Folding(transform, medium, 1),
    fold_small: new Folding(transform, small, BATCH),
    fold_large: new Folding(transform, large, BATCH),
    scan: new Scanning(medium, BATCH),
    typescript: new Typescript(medium),
    typescript_1: new Typescript(medium),
  };
  const times = inTurns(candidates, rounds, count / TURN);
  const ratio = (slow: keyof typeof candidates, fast: keyof typeof candidates) =>
    median(times[slow].map((ns, round) => ns / times[fast][round]!));
  const foldNs = median(times.fold);
  return {
    figures: {
      "fold.ns_per_event": foldNs,
      "fold.ns_over_scan": foldNs - median(times.scan),
      "fold.events_per_s_one_core": 1e9 / foldNs,
      "fold.bytes_per_identity": fold.bytesPerIdentity(),
      "spec.compile_ms": compileMs(),
      ...windows(transform, quick),
    },
    ratios: {
      "fold.vs_typescript": ratio("typescript", "fold"),
      "fold.vs_typescript_batch_1": ratio("typescript_1", "fold_1"),
      "fold.vs_scan_alone": ratio("scan", "fold"),
      "fold.identities_100k_vs_1k": ratio("fold_small", "fold_large"),
    },
  };
}

// Candidates

interface Candidate {
  readonly load: Workload;
  /** Takes the events [from, to) of its workload. */
  take(from: number, to: number): void;
}

/** Each candidate takes the same turn, one after the other. @returns ns per event, per round */
function inTurns<T extends Record<string, Candidate>>(
  candidates: T,
  rounds: number,
  turns: number,
): Record<keyof T, number[]> {
  const names = Object.keys(candidates) as (keyof T)[];
  const times = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<keyof T, number[]>;
  const loads = new Set(names.map((name) => candidates[name]!.load));
  // one pass warms up: state, caches, compiler
  for (let turn = 0; turn < turns + rounds; turn++) {
    if (turn >= turns)
      for (const load of loads) moveOn(load, (turn % turns) * TURN, TURN, Math.floor(turn / turns) * turns * TURN);
    const from = (turn % turns) * TURN;
    for (const name of turn % 2 === 0 ? names : names.toReversed()) {
      const start = performance.now();
      candidates[name]!.take(from, from + TURN);
      if (turn >= turns) times[name].push(((performance.now() - start) * 1e6) / TURN);
    }
  }
  return times;
}

const unasked: Lookup = () => {
  throw new Error("an event came late");
};

class Folding implements Candidate {
  readonly load: Workload;
  readonly #fold: Fold;
  readonly #size: number;
  readonly #before: number;
  #seq = 0;

  constructor(transform: Transform, load: Workload, size: number) {
    this.load = load;
    this.#size = size;
    this.#fold = new Fold(compile({ ...transform, window: null }));
    this.#before = this.#fold.usedBytes;
  }

  take(from: number, to: number): void {
    for (let at = from; at < to; at += this.#size) {
      const payloads = this.load.payloads.slice(at, at + this.#size);
      const seqs = payloads.map(() => ++this.#seq);
      this.#fold.fold({ payloads, seqs }, unasked, (outcome) => {
        throw new Error(`an event is ${outcome}`);
      });
    }
  }

  bytesPerIdentity(): number {
    return (this.#fold.usedBytes - this.#before) / this.#fold.core.identitiesCount();
  }
}

class Scanning implements Candidate {
  readonly load: Workload;
  readonly #scanner = new Scanner(FIELDS);
  readonly #size: number;

  constructor(load: Workload, size: number) {
    this.load = load;
    this.#size = size;
  }

  take(from: number, to: number): void {
    for (let at = from; at < to; at += this.#size)
      keep(this.#scanner.scan(this.load.payloads.slice(at, at + this.#size)).malformed);
  }
}

/** The same by hand: what somebody would write who needs just this. */
class Typescript implements Candidate {
  readonly load: Workload;
  readonly #sessions = new Sessions();

  constructor(load: Workload) {
    this.load = load;
  }

  take(from: number, to: number): void {
    for (let i = from; i < to; i++) this.#sessions.event(JSON.parse(this.load.payloads[i]!.toString()));
  }
}

// Compiling, windows

/** Both specs from their text to the bytecode, warm: the median of many. */
function compileMs(): number {
  const times = Array.from({ length: 40 }, () => {
    const start = performance.now();
    compile(offerAi());
    return performance.now() - start;
  });
  return median(times.slice(20));
}

const BLOCKS = 1_000;

/** A row of features for an identity with 1,000 blocks, µs. */
function windows(transform: Transform, quick: boolean): Record<string, number> {
  const fold = new Fold(compile(transform), { latenessMs: 0 });
  const payloads = Array.from({ length: BLOCKS }, (_, i) =>
    Buffer.from(
      JSON.stringify({
        event_id: "game_start",
        event_time: isoSeconds(START + i * 600_000),
        customer_identifier: "one",
        session_id: `s${i}`,
      }),
    ),
  );
  const lookup: Lookup = (seq) => ({ payload: payloads[seq - 1]!, id: null });
  fold.fold({ payloads, seqs: payloads.map((_, i) => i + 1) }, lookup, () => {});
  const identity = fold.find("one")!;
  const times = Array.from({ length: quick ? 500 : 5_000 }, () => {
    const start = performance.now();
    keep(fold.features(identity)!.length);
    return (performance.now() - start) * 1_000;
  })
    .slice(100)
    .sort((a, b) => a - b);
  return {
    "window.features_p50_us": times[times.length >> 1]!,
    "window.features_p99_us": times[Math.floor(times.length * 0.99)]!,
  };
}
