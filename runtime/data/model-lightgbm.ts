// LightGBM's text dump (`Booster.save_model("….txt")`): "key=value" lines in blocks, a header and one block per tree.

import { MISSING_RIGHT, type Model, type Tree, ZERO_IS_MISSING } from "../core/model.ts";
import { limits } from "../limits.ts";
import { type Fail, growTree, type Node } from "./model-tree.ts";

/** Objectives whose prediction is understood: true when it is the logistic function of the margin. */
const OBJECTIVES = new Map([
  ["binary", true],
  ["cross_entropy", true],
  ["regression", false],
  ["regression_l1", false],
  ["huber", false],
  ["fair", false],
  ["quantile", false],
  ["mape", false],
  ["lambdarank", false],
  ["rank_xendcg", false],
]);

// decision_type: bit 0 by category, bit 1 missing goes left, bits 2 and 3 what is missing
const BY_CATEGORY = 1;
const DEFAULT_LEFT = 2;
const MISSING_NONE = 0;
const MISSING_ZERO = 1;
const MISSING_NAN = 2;

export function readLightgbm(text: string, fail: Fail): Omit<Model, "hash"> {
  const { header, trees: blocks, end, categories } = readBlocks(text);
  const features = header.text("feature_names", fail).split(" ");
  const width = header.integer("max_feature_idx", fail) + 1;
  if (features.length !== width) {
    fail(`feature_names has ${features.length} names, max_feature_idx says ${width}`, header.lineOf("feature_names"));
  }
  if (width > limits.modelFeatures)
    fail(`the model has ${width} features, at most ${limits.modelFeatures} are allowed`);
  const classes = Math.max(header.integer("num_class", fail), header.integer("num_tree_per_iteration", fail));
  if (classes > 1)
    fail(`the model has ${classes} classes; only models of one score are supported`, header.lineOf("num_class"));
  const { objective, slope } = readObjective(header, fail);
  if (categories !== null && categories !== "null" && categories !== "[]") {
    fail(
      "the model was trained on a data frame's own categories; give it whole numbers and categorical_feature instead",
    );
  }

  const count = header.text("tree_sizes", fail).split(" ").filter(Boolean).length;
  if (!end) fail(`the file is cut off: 'end of trees' is missing after ${blocks.length} of ${count} trees`);
  if (blocks.length !== count) fail(`the file has ${blocks.length} trees, its header says ${count}`);
  if (count > limits.modelTrees) fail(`the model has ${count} trees, at most ${limits.modelTrees} are allowed`);

  // a random forest's score is the mean of its trees
  const scale = header.has("average_output") ? 1 / count : 1;
  let nodesLeft = limits.modelNodes;
  const trees = blocks.map((block, i) => {
    const leaves = block.integer("num_leaves", fail);
    if (leaves < 1) fail(`tree ${i}: num_leaves is ${leaves}`, block.lineOf("num_leaves"));
    nodesLeft -= 2 * leaves - 1;
    if (nodesLeft < 0) fail(`the model has more than ${limits.modelNodes} nodes`);
    return readTree(block, `tree ${i}`, leaves, { features: width, scale }, fail);
  });
  return { format: "lightgbm", features, objective, base: 0, slope, single: false, trees };
}

/** "binary sigmoid:1": the name, then parameters. */
function readObjective(header: Block, fail: Fail): { objective: string; slope: number } {
  const line = header.lineOf("objective");
  const [name = "", ...parameters] = header.text("objective", fail).split(" ");
  const logistic = OBJECTIVES.get(name);
  if (logistic === undefined) {
    fail(`objective '${name}' is not supported; expected one of ${[...OBJECTIVES.keys()].join(", ")}`, line);
  }
  if (parameters.includes("sqrt")) fail("objective 'regression sqrt' is not supported", line);
  if (!logistic) return { objective: name, slope: 0 };
  const given = parameters.find((each) => each.startsWith("sigmoid:"));
  const slope = given === undefined ? 1 : Number(given.slice("sigmoid:".length));
  if (!(slope > 0 && Number.isFinite(slope))) fail(`objective has '${given}', expected a number above 0`, line);
  return { objective: name, slope };
}

function readTree(
  block: Block,
  name: string,
  leaves: number,
  { features, scale }: { features: number; scale: number },
  fail: Fail,
): Tree {
  if (block.has("is_linear") && block.integer("is_linear", fail) !== 0) {
    fail(`${name}: linear leaves are not supported`, block.lineOf("is_linear"));
  }
  const leafValue = block.numbers("leaf_value", leaves, fail);
  const splits = leaves - 1;
  const splitNumbers = (key: string) => (splits === 0 ? [] : block.numbers(key, splits, fail));
  const feature = splitNumbers("split_feature");
  const threshold = splitNumbers("threshold");
  const decision = splitNumbers("decision_type");
  const left = splitNumbers("left_child");
  const right = splitNumbers("right_child");
  const categorical = block.has("num_cat") ? block.integer("num_cat", fail) : 0;
  const boundaries = categorical === 0 ? [] : block.numbers("cat_boundaries", categorical + 1, fail);
  const words = categorical === 0 ? [] : block.numbers("cat_threshold", boundaries.at(-1)!, fail);

  // splits keep their numbers as ids, leaf ~c follows after them
  const idOf = (child: number) => (child >= 0 ? child : splits + ~child);
  const nodeAt = (id: number): Node => {
    if (id >= splits) return { leaf: leafValue[id - splits]! * scale };
    const type = decision[id]!;
    const sides = { feature: feature[id]!, left: idOf(left[id]!), right: idOf(right[id]!) };
    if (type & BY_CATEGORY) {
      const set = threshold[id]!;
      const from = boundaries[set];
      const to = boundaries[set + 1];
      if (from === undefined || to === undefined || from > to) {
        fail(
          `${name}: split ${id} asks for set of categories ${set}, there are ${categorical}`,
          block.lineOf("threshold"),
        );
      }
      return { ...sides, threshold: 0, categories: Uint32Array.from(words.slice(from, to)), kind: MISSING_RIGHT };
    }
    return { ...sides, threshold: threshold[id]!, kind: missingKind(type, threshold[id]!, name, fail) };
  };
  // a child that is a split may not be named by the id of a leaf
  for (const child of [...left, ...right]) {
    if (!Number.isInteger(child) || child >= splits || ~child >= leaves) {
      fail(`${name}: a node points at ${child}, outside of its ${splits} splits and ${leaves} leaves`);
    }
  }
  const shape = { root: 0, nodes: splits + leaves, unused: 0, features };
  return growTree(name, shape, nodeAt, fail);
}

function missingKind(type: number, threshold: number, name: string, fail: Fail): number {
  const side = type & DEFAULT_LEFT ? 0 : MISSING_RIGHT;
  switch ((type >> 2) & 3) {
    case MISSING_NONE:
      return 0 <= threshold ? 0 : MISSING_RIGHT; // a missing value is read as 0
    case MISSING_ZERO:
      return side | ZERO_IS_MISSING;
    case MISSING_NAN:
      return side;
    default:
      return fail(`${name}: decision_type ${type} has an unknown kind of missing values`);
  }
}

interface Blocks {
  readonly header: Block;
  readonly trees: readonly Block[];
  /** Whether "end of trees" was there. */
  readonly end: boolean;
  /** The value of "pandas_categorical:", when there. */
  readonly categories: string | null;
}

function readBlocks(text: string): Blocks {
  const header = new Block();
  const trees: Block[] = [];
  let block = header;
  let end = false;
  let categories: string | null = null;
  text.split("\n").forEach((raw, i) => {
    const line = raw.trimEnd();
    if (line === "end of trees") end = true;
    if (line.startsWith("pandas_categorical:")) categories = line.slice("pandas_categorical:".length);
    if (end) return;
    if (/^Tree=\d+$/.test(line)) {
      block = new Block();
      trees.push(block);
    }
    const equals = line.indexOf("=");
    if (line !== "")
      block.add(equals < 0 ? line : line.slice(0, equals), equals < 0 ? "" : line.slice(equals + 1), i + 1);
  });
  return { header, trees, end, categories };
}

/** "key=value" lines, each with the number that it has in the file. */
class Block {
  readonly #lines = new Map<string, { text: string; line: number }>();

  add(key: string, text: string, line: number): void {
    this.#lines.set(key, { text, line });
  }

  has(key: string): boolean {
    return this.#lines.has(key);
  }

  /** 0 when the key is not there. */
  lineOf(key: string): number {
    return this.#lines.get(key)?.line ?? 0;
  }

  text(key: string, fail: Fail): string {
    const found = this.#lines.get(key);
    if (found === undefined) return fail(`'${key}=' is missing`, this.#firstLine());
    return found.text;
  }

  integer(key: string, fail: Fail): number {
    const text = this.text(key, fail);
    if (!/^-?\d+$/.test(text)) fail(`${key} is '${text}', expected a whole number`, this.lineOf(key));
    return Number(text);
  }

  numbers(key: string, length: number, fail: Fail): number[] {
    const parts = this.text(key, fail).split(" ").filter(Boolean);
    if (parts.length !== length) fail(`${key} has ${parts.length} values, expected ${length}`, this.lineOf(key));
    return parts.map((part) => {
      const value =
        part === "inf" ? Number.POSITIVE_INFINITY : part === "-inf" ? Number.NEGATIVE_INFINITY : Number(part);
      if (Number.isNaN(value)) fail(`${key} holds '${part}', expected a number`, this.lineOf(key));
      return value;
    });
  }

  #firstLine(): number {
    return this.#lines.values().next().value?.line ?? 0;
  }
}
