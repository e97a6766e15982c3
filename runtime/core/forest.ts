import { AisleError } from "../errors.ts";
import { limits } from "../limits.ts";
import { instantiate } from "./core.ts";
import type { Model } from "./model.ts";
import { type Columns, columnsOf, MASK_LEAVES, maskTables, type Whose, walkTables } from "./tables.ts";

/** The part of the core that scores; see assembly/forest.ts. */
type Kernel = {
  reserve(bytes: number): number;
  forestPrepare(forest: number, rows: number, features: number, first: number, count: number): void;
  forestScoreMany(forest: number, count: number): void;
  forestScoreRow(forest: number): number;
};

/** The kernel's `Forest`, after its two f64: the same names in the same order, as test/assembly/forest.test.ts holds. */
export const FIELDS = [
  "columns",
  "sharedColumns",
  "rowColumns",
  "crossingColumns",
  "values",
  "row",
  "candidates",
  "crossed",
  "crossingFeatures",
  "crossingFeatureCount",
  "scores",
  "factorised",
  "trees",
  "splitsFrom",
  "splitThresholds",
  "splitMasks",
  "splitTrees",
  "leaves",
  "leafShift",
  "mixed",
  "sharedMasks",
  "rowMasks",
  "active",
  "prepared",
  "groups",
  "groupCount",
  "deepRoots",
  "deepCount",
] as const;
type Field = (typeof FIELDS)[number];

/**
 * Crossing splits per tree up to which applying them to every pair beats walking the trees. Measured with 200 trees of
 * depth 6: per pair 0.6 µs at 2.5 of them, 1.2 µs at 8, and 2 µs for walking.
 */
const CROSSING_SPLITS_PER_TREE = 8;
/** Rows handed to the kernel at a time while preparing. */
const PREPARE_ROWS = 256;

export interface ForestOptions {
  /** Per feature: true when it is the customer's, the same for all rows of a request. */
  readonly shared: readonly boolean[];
  /** Per feature: true when it is known only per pair of customer and coupon; default none. */
  readonly crossing?: readonly boolean[];
  /** Default: "factorised" where the model allows it. */
  readonly path?: "general";
}

/**
 * A model at work: scores of one customer for many coupons, or of single rows. Scores are probabilities when the
 * objective has a link, else margins. Each forest has a core of its own, so dropping it frees its memory.
 */
export class Forest {
  /** "factorised": masks of the coupons are kept, a pair costs an AND per tree. "general": trees are walked per pair. */
  readonly path: "factorised" | "general";
  /** sha256 of the model's file, hex. */
  readonly hash: string;
  /** The columns of a row, in order. */
  readonly features: readonly string[];

  readonly #core: Kernel & { memory: WebAssembly.Memory };
  readonly #address: number;
  readonly #fields: Record<Field, number>;
  /** Bytes of one prepared row: its masks, or its values. */
  readonly #preparedBytes: number;
  readonly #staged: number;
  #rows = 0;
  #rowCapacity = 0;
  #candidateCapacity = 0;
  #views: Views;

  /** Throws `too-large` when the tables would pass `limits.modelTableBytes`. */
  constructor(model: Model, options: ForestOptions) {
    const whose = whoseFeatures(model, options);
    const columns = columnsOf(model, whose);
    this.path = options.path ?? pathFor(model, columns);
    this.hash = model.hash;
    this.features = model.features;
    this.#core = instantiate<Kernel>();
    const factorised = this.path === "factorised";
    const width = model.features.length;

    const crossingFeatures = [...whose.keys()].filter((feature) => whose[feature] === "crossing");
    const walk = walkTables(model, columns);
    const heap = this.#place(walk.heap);
    const heapLeaves = this.#place(walk.heapLeaves);
    const deep = this.#place(walk.deep);
    const masks = factorised ? maskTables(model, columns) : null;
    const treeBytes = masks === null ? 0 : masks.trees * 8;
    this.#preparedBytes = masks === null ? columns.row * 8 : treeBytes;
    const list = columns.list.flatMap(({ feature, kind, set }) => [feature, kind, this.#place(set), set.length]);
    this.#fields = {
      columns: this.#place(Uint32Array.from(list)),
      sharedColumns: columns.shared,
      rowColumns: columns.row,
      crossingColumns: columns.crossing,
      values: this.#reserve(columns.list.length * 8),
      row: this.#reserve(width * 8),
      candidates: 0,
      crossed: 0,
      crossingFeatures: this.#place(Uint32Array.from(crossingFeatures)),
      crossingFeatureCount: crossingFeatures.length,
      scores: 0,
      factorised: factorised ? 1 : 0,
      trees: masks?.trees ?? 0,
      splitsFrom: masks === null ? 0 : this.#place(masks.splitsFrom),
      splitThresholds: masks === null ? 0 : this.#place(masks.splitThresholds),
      splitMasks: masks === null ? 0 : this.#place(masks.splitMasks),
      splitTrees: masks === null ? 0 : this.#place(masks.splitTrees),
      leaves: masks === null ? 0 : this.#place(masks.leaves),
      leafShift: masks?.leafShift ?? 0,
      mixed: masks === null ? 0 : this.#place(masks.mixed),
      sharedMasks: this.#reserve(treeBytes),
      rowMasks: this.#reserve(treeBytes),
      active: this.#reserve(treeBytes * 2),
      prepared: 0,
      groups: this.#place(
        Uint32Array.from(walk.groups.flatMap(({ nodes, leaves, depth }) => [heap + nodes, heapLeaves + leaves, depth])),
      ),
      groupCount: walk.groups.length,
      deepRoots: this.#place(Uint32Array.from(walk.deepRoots, (root) => deep + root)),
      deepCount: walk.deepRoots.length,
    };
    this.#staged = this.#reserve(PREPARE_ROWS * width * 8);
    this.#address = this.#reserve(16 + FIELDS.length * 4);
    new Float64Array(this.#core.memory.buffer, this.#address, 2).set([model.base, model.slope]);
    this.#views = this.#sync();
  }

  /** Rows of the catalogue that are prepared. */
  get rows(): number {
    return this.#rows;
  }

  /** Bytes of the core's memory. */
  get bytes(): number {
    return this.#core.memory.buffer.byteLength;
  }

  /**
   * Takes the catalogue's rows, in place of those before; what they need is worked out now, once.
   *
   * @param rows  f64[rows × features]; only columns that are neither shared nor crossing are read. Missing is NaN
   */
  prepare(rows: Float64Array): void {
    const width = this.features.length;
    if (rows.length % width !== 0) {
      throw new RangeError(`${rows.length} values are not whole rows of ${width} features`);
    }
    const count = rows.length / width;
    if (count > this.#rowCapacity) {
      // never freed, hence doubled: what earlier catalogues took is at most as much again
      const capacity = Math.max(count, this.#rowCapacity * 2);
      this.#fields.prepared = this.#reserve(capacity * this.#preparedBytes);
      this.#rowCapacity = capacity;
      this.#views = this.#sync();
    }
    for (let first = 0; first < count; first += PREPARE_ROWS) {
      const chunk = rows.subarray(first * width, (first + PREPARE_ROWS) * width);
      new Float64Array(this.#core.memory.buffer, this.#staged, chunk.length).set(chunk);
      this.#core.forestPrepare(this.#address, this.#staged, width, first, chunk.length / width);
    }
    this.#rows = count;
  }

  /**
   * Scores of some prepared rows for one customer.
   *
   * @param customer    full-width row; its shared columns are read
   * @param candidates  indexes of prepared rows, in any order
   * @param crossed     f64[candidates × crossing features], features in the model's order; only with crossing features
   * @returns f64[candidates], a view: valid until the next call, copy it to keep it
   */
  scoreMany(customer: Float64Array, candidates: Uint32Array, crossed?: Float64Array): Float64Array {
    const count = candidates.length;
    const rows = this.#rows;
    for (let i = 0; i < count; i++) {
      if (candidates[i]! >= rows) throw new RangeError(`row ${candidates[i]} was not prepared, only ${rows} were`);
    }
    const crossedCount = count * this.#fields.crossingFeatureCount;
    if ((crossed?.length ?? 0) !== crossedCount) {
      throw new RangeError(`got ${crossed?.length ?? 0} crossing values, expected ${crossedCount}`);
    }
    if (count > this.#candidateCapacity) this.#growCandidates(count);

    const views = this.#views;
    this.#setRow(customer);
    views.candidates.set(candidates);
    if (crossed !== undefined) views.crossed.set(crossed);
    this.#core.forestScoreMany(this.#address, count);
    return views.scores.subarray(0, count);
  }

  /** Score of one full-width row; missing is NaN. */
  scoreRow(row: Float64Array): number {
    this.#setRow(row);
    return this.#core.forestScoreRow(this.#address);
  }

  #setRow(row: Float64Array): void {
    if (row.length !== this.features.length) {
      throw new RangeError(`a row has ${this.features.length} features, got ${row.length}`);
    }
    this.#views.row.set(row);
  }

  #growCandidates(count: number): void {
    const capacity = Math.max(1024, count, this.#candidateCapacity * 2);
    this.#fields.candidates = this.#reserve(capacity * 4);
    this.#fields.scores = this.#reserve(capacity * 8);
    this.#fields.crossed = this.#reserve(capacity * this.#fields.crossingFeatureCount * 8);
    this.#candidateCapacity = capacity;
    this.#views = this.#sync();
  }

  /** Writes the kernel's `Forest` and makes the views anew: reserving may have moved the memory. */
  #sync(): Views {
    const { buffer } = this.#core.memory;
    const fields = this.#fields;
    new Uint32Array(buffer, this.#address + 16, FIELDS.length).set(FIELDS.map((name) => fields[name]));
    const capacity = this.#candidateCapacity;
    return {
      row: new Float64Array(buffer, fields.row, this.features.length),
      candidates: new Uint32Array(buffer, fields.candidates, capacity),
      crossed: new Float64Array(buffer, fields.crossed, capacity * fields.crossingFeatureCount),
      scores: new Float64Array(buffer, fields.scores, capacity),
    };
  }

  #place(table: ArrayBuffer | Uint32Array | Float64Array): number {
    const bytes = table instanceof ArrayBuffer ? new Uint8Array(table) : new Uint8Array(table.buffer);
    const address = this.#reserve(bytes.length);
    new Uint8Array(this.#core.memory.buffer, address, bytes.length).set(bytes);
    return address;
  }

  #reserve(bytes: number): number {
    if (this.bytes + bytes > limits.modelTableBytes) {
      throw new AisleError("too-large", `the model's tables need more than ${limits.modelTableBytes} bytes`);
    }
    return this.#core.reserve(bytes) >>> 0;
  }
}

interface Views {
  readonly row: Float64Array;
  readonly candidates: Uint32Array;
  readonly crossed: Float64Array;
  readonly scores: Float64Array;
}

function whoseFeatures({ features }: Model, { shared, crossing }: ForestOptions): Whose[] {
  for (const flags of [shared, crossing ?? shared]) {
    if (flags.length !== features.length) {
      throw new RangeError(`the model has ${features.length} features, got flags for ${flags.length}`);
    }
  }
  return features.map((name, i) => {
    if (!crossing?.[i]) return shared[i] ? "shared" : "row";
    if (shared[i]) throw new RangeError(`'${name}' can't be both the customer's and crossing`);
    return "crossing";
  });
}

function pathFor({ trees }: Model, columns: Columns): Forest["path"] {
  if (trees.some(({ leaves }) => leaves.length > MASK_LEAVES)) return "general";
  const firstCrossing = columns.shared + columns.row;
  const crossing = columns.of.reduce((sum, of) => sum + of.filter((column) => column >= firstCrossing).length, 0);
  return crossing <= CROSSING_SPLITS_PER_TREE * trees.length ? "factorised" : "general";
}
