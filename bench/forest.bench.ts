// Question: how much faster than ONNX Runtime does the core score one customer × 500 coupons, and one row?
// Shape:    200 trees, complete to depth 6 (64 leaves), 40 customer and 10 coupon features, none crossing, none
//           missing; f32 thresholds and features, no link, so that both sides do the same sums. ONNX Runtime runs with 1
//           and with 2 threads, the faster counts; its tensors are filled once and reused, so it is not charged
//           for putting the customer's and the coupons' features together.
// Not:      loading, preparing the catalogue (a figure beside), batches of rows that share nothing.

import { createRequire } from "node:module";
import { resolve } from "node:path";
import { Forest } from "../runtime/core/forest.ts";
import type { Model } from "../runtime/core/model.ts";
import { randomModel, randomRows } from "../test/support/forests.ts";
import { prng } from "../test/support/prng.ts";
import { type Candidate, interleave, keep } from "./measure.ts";

const CUSTOMER_FEATURES = 40;
const FEATURES = 50;
const COUPONS = 500;
/** Rows of one run of the single-row question: one row takes too little for the clock. */
const ROWS = 100;
const TOLERANCE = 1e-5;

export async function bench(options: {
  quick: boolean;
}): Promise<{ figures: Record<string, number>; ratios: Record<string, number> }> {
  const random = prng(42);
  const shape = { trees: 200, features: FEATURES, depth: 6, complete: true, categorical: 0, link: false };
  const model = randomModel(random, shape);
  const rows = randomRows(random, COUPONS, FEATURES, { missing: 0, zero: 0, whole: 0 });
  const customer = rows.slice(0, FEATURES);
  const pairs = rows.map((value, i) => (i % FEATURES < CUSTOMER_FEATURES ? customer[i % FEATURES]! : value));
  const shared = Array.from({ length: FEATURES }, (_, i) => i < CUSTOMER_FEATURES);
  const forest = new Forest(model, { shared });
  const general = new Forest(model, { shared, path: "general" });
  for (const each of [forest, general]) each.prepare(rows);
  const candidates = Uint32Array.from({ length: COUPONS }, (_, i) => i);

  const many: Candidate[] = [
    { name: "factorised", run: () => keep(forest.scoreMany(customer, candidates)[7]! * 1e6) },
    { name: "general", run: () => keep(general.scoreMany(customer, candidates)[7]! * 1e6) },
    { name: "prepare", run: () => forest.prepare(rows) },
  ];
  const single: Candidate[] = [
    {
      name: "row",
      run: () => {
        for (let i = 0; i < ROWS; i++) keep(forest.scoreRow(rows.subarray(i * FEATURES, (i + 1) * FEATURES)) * 1e6);
      },
    },
  ];

  const ort = peers();
  if (ort === null) {
    console.log(
      "forest: onnxruntime-node is not installed, its ratios are left out: npm ci --prefix bench --ignore-scripts",
    );
  } else {
    for (const threads of [1, 2]) {
      const session = await ort.session(onnxModel(model, ort), threads);
      const all = await session(pairs, COUPONS);
      same(await all(), forest.scoreMany(customer, candidates));
      const one = await Promise.all(
        Array.from({ length: ROWS }, (_, i) => session(rows.subarray(i * FEATURES, (i + 1) * FEATURES), 1)),
      );
      for (const [i, run] of one.entries()) {
        same(await run(), [forest.scoreRow(rows.subarray(i * FEATURES, (i + 1) * FEATURES))]);
      }
      many.push({ name: `onnx ${threads}`, run: async () => keep((await all())[7]! * 1e6) });
      single.push({
        name: `onnx ${threads}`,
        run: async () => {
          for (const run of one) keep((await run())[0]! * 1e6);
        },
      });
    }
  }

  const rounds = options.quick ? { rounds: 5, msPerSlice: 60 } : { rounds: 9, msPerSlice: 300 };
  const manyTimes = await interleave(many, rounds);
  const singleTimes = await interleave(single, rounds);

  const us = (ns: number | undefined, times = 1) => ns! / 1000 / times;
  const figures: Record<string, number> = {
    "forest.one_customer_500_coupons_us": us(manyTimes.medianNs.factorised),
    "forest.one_customer_500_coupons_general_us": us(manyTimes.medianNs.general),
    "forest.prepare_500_coupons_us": us(manyTimes.medianNs.prepare),
    "forest.single_row_us": us(singleTimes.medianNs.row, ROWS),
  };
  const ratios: Record<string, number> = {};
  if (ort !== null) {
    const faster = (a: number | undefined, b: number | undefined) => (a! <= b! ? "onnx 1" : "onnx 2");
    const manyPeer = faster(manyTimes.medianNs["onnx 1"], manyTimes.medianNs["onnx 2"]);
    const singlePeer = faster(singleTimes.medianNs["onnx 1"], singleTimes.medianNs["onnx 2"]);
    figures["forest.one_customer_500_coupons_onnxruntime_us"] = us(manyTimes.medianNs[manyPeer]);
    figures["forest.single_row_onnxruntime_us"] = us(singleTimes.medianNs[singlePeer], ROWS);
    ratios["forest.one_customer_500_coupons_vs_onnxruntime"] = manyTimes.ratio(manyPeer, "factorised");
    ratios["forest.single_row_vs_onnxruntime"] = singleTimes.ratio(singlePeer, "row");
  }
  return { figures, ratios };
}

/** A comparison of different answers would compare nothing. */
function same(theirs: ArrayLike<number>, ours: ArrayLike<number>): void {
  for (let i = 0; i < ours.length; i++) {
    if (!(Math.abs(theirs[i]! - ours[i]!) <= TOLERANCE)) {
      throw new Error(`row ${i}: onnxruntime gives ${theirs[i]}, the forest ${ours[i]}`);
    }
  }
}

/** Only what is used of the peers, typed here because a checkout without them has to compile. */
interface Onnx {
  ModelProto: { encode(message: unknown): { finish(): Uint8Array } };
}
interface OnnxRuntime {
  Tensor: new (type: "float32", data: Float32Array, dims: number[]) => { data: Float32Array };
  InferenceSession: {
    create(
      model: Uint8Array,
      options: object,
    ): Promise<{ run(feeds: Record<string, unknown>, fetches: Record<string, unknown>): Promise<unknown> }>;
  };
}

interface Peers {
  readonly onnx: Onnx;
  /** A session; given rows, a function that scores them again and again, into the same tensor. */
  session(
    model: Uint8Array,
    threads: number,
  ): Promise<(rows: Float64Array, count: number) => Promise<() => Promise<Float32Array>>>;
}

/** From bench/node_modules, wherever this file was compiled to; null when they are not there. */
function peers(): Peers | null {
  const require = createRequire(resolve("bench/package.json"));
  let onnx: Onnx;
  let ort: OnnxRuntime;
  try {
    ({ onnx } = require("onnx-proto") as { onnx: Onnx });
    ort = require("onnxruntime-node") as OnnxRuntime;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND") return null;
    throw error;
  }
  return {
    onnx,
    async session(model, threads) {
      const session = await ort.InferenceSession.create(model, {
        executionProviders: ["cpu"],
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        graphOptimizationLevel: "all",
      });
      return async (rows, count) => {
        const feeds = { rows: new ort.Tensor("float32", Float32Array.from(rows), [count, FEATURES]) };
        const scores = new ort.Tensor("float32", new Float32Array(count), [count, 1]);
        const fetches = { scores };
        return async () => {
          await session.run(feeds, fetches);
          return scores.data;
        };
      };
    },
  };
}

/** The same trees as one TreeEnsembleRegressor; `value <= threshold` is ONNX's BRANCH_LEQ. */
function onnxModel(model: Model, { onnx }: Peers): Uint8Array {
  const nodes = { tree: [], id: [], feature: [], mode: [], value: [], yes: [], no: [] } as {
    [key in "tree" | "id" | "feature" | "value" | "yes" | "no"]: number[];
  } & { mode: string[] };
  const targets = { tree: [] as number[], id: [] as number[], weight: [] as number[] };
  model.trees.forEach((tree, t) => {
    const splits = tree.features.length;
    const idOf = (child: number) => (child >= 0 ? child : splits + ~child);
    for (let split = 0; split < splits; split++) {
      nodes.mode.push("BRANCH_LEQ");
      nodes.feature.push(tree.features[split]!);
      nodes.value.push(tree.thresholds[split]!);
      nodes.yes.push(idOf(tree.left[split]!));
      nodes.no.push(idOf(tree.right[split]!));
    }
    tree.leaves.forEach((leaf, i) => {
      nodes.mode.push("LEAF");
      for (const zero of [nodes.feature, nodes.value, nodes.yes, nodes.no]) zero.push(0);
      targets.tree.push(t);
      targets.id.push(splits + i);
      targets.weight.push(leaf);
    });
    for (let id = 0; id < splits + tree.leaves.length; id++) {
      nodes.tree.push(t);
      nodes.id.push(id);
    }
  });

  const ints = (name: string, values: number[]) => ({ name, type: 7, ints: values });
  const floats = (name: string, values: number[]) => ({ name, type: 6, floats: values });
  const tensor = (name: string, width: number) => ({
    name,
    type: { tensorType: { elemType: 1, shape: { dim: [{ dimParam: "rows" }, { dimValue: width }] } } },
  });
  const ensemble = {
    opType: "TreeEnsembleRegressor",
    domain: "ai.onnx.ml",
    input: ["rows"],
    output: ["scores"],
    attribute: [
      { name: "n_targets", type: 2, i: 1 },
      floats("base_values", [model.base]),
      ints("nodes_treeids", nodes.tree),
      ints("nodes_nodeids", nodes.id),
      ints("nodes_featureids", nodes.feature),
      { name: "nodes_modes", type: 8, strings: nodes.mode.map((mode) => Buffer.from(mode)) },
      floats("nodes_values", nodes.value),
      ints("nodes_truenodeids", nodes.yes),
      ints("nodes_falsenodeids", nodes.no),
      ints("target_treeids", targets.tree),
      ints("target_nodeids", targets.id),
      ints(
        "target_ids",
        targets.id.map(() => 0),
      ),
      floats("target_weights", targets.weight),
    ],
  };
  return onnx.ModelProto.encode({
    irVersion: 8,
    opsetImport: [
      { domain: "", version: 15 },
      { domain: "ai.onnx.ml", version: 3 },
    ],
    graph: { name: "forest", node: [ensemble], input: [tensor("rows", FEATURES)], output: [tensor("scores", 1)] },
  }).finish();
}
