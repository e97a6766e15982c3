// XGBoost's JSON (`Booster.save_model("….json")`), as documented with its releases 1.x to 3.x.

import { MISSING_RIGHT, type Model, type Tree } from "../core/model.ts";
import { limits } from "../limits.ts";
import { categoryBits, type Fail, growTree, type Node } from "./model-tree.ts";

/** Objectives whose prediction is understood: true when it is the logistic function of the margin. */
const OBJECTIVES = new Map([
  ["binary:logistic", true],
  ["reg:logistic", true],
  ["reg:squarederror", false],
  ["reg:absoluteerror", false],
  ["reg:pseudohubererror", false],
  ["rank:pairwise", false],
  ["rank:ndcg", false],
]);

/** Categories are whole f32 numbers below this. */
const CATEGORIES_MAX = 16_777_216;

export function readXgboost(text: string, fail: Fail): Omit<Model, "hash"> {
  const file = new Cursor(parse(text, fail), "", fail);
  const learner = file.object("learner");
  const features = learner.strings("feature_names");
  const parameters = learner.object("learner_model_param");
  const objective = learner.object("objective").string("name");
  const logistic = OBJECTIVES.get(objective);
  if (logistic === undefined) {
    fail(`objective '${objective}' is not supported; expected one of ${[...OBJECTIVES.keys()].join(", ")}`);
  }
  const classes = parameters.count("num_class");
  if (classes > 1) fail(`the model has ${classes} classes; only models of one score are supported`);
  const targets = parameters.has("num_target") ? parameters.count("num_target") : 1;
  if (targets > 1) fail(`the model has ${targets} targets; only models of one score are supported`);
  const width = parameters.count("num_feature");
  if (features.length === 0) {
    fail(`the model has no feature names, so its ${width} columns can't be checked; train it with feature_names`);
  }
  if (features.length !== width) fail(`the model names ${features.length} features, but its trees read ${width}`);
  if (width > limits.modelFeatures)
    fail(`the model has ${width} features, at most ${limits.modelFeatures} are allowed`);

  const booster = learner.object("gradient_booster");
  const name = booster.string("name");
  if (name !== "gbtree") fail(`booster '${name}' is not supported; expected 'gbtree'`);
  const forest = booster.object("model");
  if (forest.has("cats") && forest.object("cats").list("enc").length > 0) {
    fail("the model was trained on a data frame's own categories; give it whole numbers and feature_types 'c' instead");
  }
  const drafts = forest.list("trees");
  const count = forest.object("gbtree_model_param").count("num_trees");
  if (drafts.length !== count) fail(`the file has ${drafts.length} trees, its header says ${count}`);
  if (count > limits.modelTrees) fail(`the model has ${count} trees, at most ${limits.modelTrees} are allowed`);

  let left = limits.modelNodes;
  const spend: Spend = (nodes) => {
    left -= nodes;
    if (left < 0) fail(`the model has more than ${limits.modelNodes} nodes`);
  };
  const trees = drafts.map((draft, i) => {
    return readTree(new Cursor(draft, `tree ${i}`, fail), { name: `tree ${i}`, features: width, spend }, fail);
  });
  return {
    format: "xgboost",
    features,
    objective,
    base: baseMargin(parameters.string("base_score"), logistic, fail),
    slope: logistic ? 1 : 0,
    single: true,
    trees,
  };
}

/** Counts nodes, and words of sets of categories, against the limit. */
type Spend = (nodes: number) => void;

interface Place {
  /** "tree 3", for messages. */
  readonly name: string;
  readonly features: number;
  readonly spend: Spend;
}

function readTree(tree: Cursor, place: Place, fail: Fail): Tree {
  const { name, features, spend } = place;
  const left = tree.numbers("left_children");
  const nodes = left.length;
  spend(nodes);
  const right = tree.numbers("right_children", nodes);
  const feature = tree.numbers("split_indices", nodes);
  const condition = tree.numbers("split_conditions", nodes);
  const defaultLeft = tree.numbers("default_left", nodes);
  const parameters = tree.object("tree_param");
  if (parameters.has("size_leaf_vector") && parameters.count("size_leaf_vector") > 1) {
    fail(`${name}: leaves have several values; only models of one score are supported`);
  }
  const categories = readCategories(tree, nodes, place, fail);

  const nodeAt = (id: number): Node => {
    if (left[id] === -1) return { leaf: condition[id]! };
    const missing = defaultLeft[id] === 1 ? 0 : MISSING_RIGHT;
    const set = categories.get(id);
    if (set !== undefined) {
      // a category in the set goes right here, left in ours: exchange the sides
      const swapped = { left: right[id]!, right: left[id]!, kind: missing ^ MISSING_RIGHT };
      return { feature: feature[id]!, threshold: 0, categories: set, ...swapped };
    }
    // `x < t` goes left: for f64 the same as `x <= the number before t`
    const threshold = numberBefore(Math.fround(condition[id]!));
    return { feature: feature[id]!, threshold, kind: missing, left: left[id]!, right: right[id]! };
  };
  const unused = parameters.has("num_deleted") ? parameters.count("num_deleted") : 0;
  return growTree(name, { root: 0, nodes, unused, features }, nodeAt, fail);
}

/** Node → the categories that its split sends right. */
function readCategories(tree: Cursor, nodes: number, { name, spend }: Place, fail: Fail): Map<number, Uint32Array> {
  const sets = new Map<number, Uint32Array>();
  if (!tree.has("split_type")) return sets; // before 1.3 there were no categories
  const types = tree.numbers("split_type", nodes);
  const owners = tree.numbers("categories_nodes");
  const segments = tree.numbers("categories_segments", owners.length);
  const sizes = tree.numbers("categories_sizes", owners.length);
  const all = tree.numbers("categories");
  owners.forEach((node, i) => {
    const categories = all.slice(segments[i]!, segments[i]! + sizes[i]!);
    if (categories.length !== sizes[i]) fail(`${name}: the categories of node ${node} are cut off`);
    for (const category of categories) {
      if (!Number.isInteger(category) || category < 0 || category >= CATEGORIES_MAX) {
        fail(`${name}: node ${node} has the category ${category}, expected a whole number below ${CATEGORIES_MAX}`);
      }
    }
    sets.set(node, categoryBits(categories, spend));
  });
  types.forEach((type, node) => {
    if (type === 1 && !sets.has(node)) fail(`${name}: node ${node} splits by category, but has none`);
    if (type !== 1) sets.delete(node);
  });
  return sets;
}

/** `base_score` is a probability for logistic objectives; "5E-1", since 3.1 "[5E-1]". */
function baseMargin(text: string, logistic: boolean, fail: Fail): number {
  const inner = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
  const score = inner.trim() === "" ? Number.NaN : Math.fround(Number(inner));
  if (!Number.isFinite(score)) fail(`base_score is '${text}', expected one number`);
  if (!logistic) return score;
  if (!(score > 0 && score < 1)) fail(`base_score is ${text}, expected a probability between 0 and 1`);
  return -Math.log(1 / score - 1);
}

/** The greatest f64 below `value`. */
function numberBefore(value: number): number {
  if (!Number.isFinite(value)) return value;
  if (value === 0) return -Number.MIN_VALUE;
  const bits = new BigInt64Array(Float64Array.of(value).buffer);
  bits[0]! += value > 0 ? -1n : 1n;
  return new Float64Array(bits.buffer)[0]!;
}

function parse(text: string, fail: Fail): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const message = (error as Error).message;
    const position = /at position (\d+)/.exec(message);
    const line = position === null ? 0 : text.slice(0, Number(position[1])).split("\n").length;
    fail(`is not whole JSON, maybe cut off (${message.replace(/, ?"[\s\S]*$/, "")})`, line);
  }
}

/** Walks a parsed file and names the place of what is missing or of another kind. */
class Cursor {
  readonly #value: Record<string, unknown>;
  readonly #path: string;
  readonly #fail: Fail;

  constructor(value: unknown, path: string, fail: Fail) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      fail(`${path === "" ? "the file" : path} is not an object`);
    }
    this.#value = value as Record<string, unknown>;
    this.#path = path;
    this.#fail = fail;
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#value, key);
  }

  object(key: string): Cursor {
    return new Cursor(this.#get(key), this.#name(key), this.#fail);
  }

  string(key: string): string {
    const value = this.#get(key);
    if (typeof value !== "string") this.#fail(`${this.#name(key)} is not text`);
    return value;
  }

  /** Counts are written as text. */
  count(key: string): number {
    const value = this.#get(key);
    const count = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
    if (typeof count !== "number" || !Number.isInteger(count) || count < 0) {
      this.#fail(`${this.#name(key)} is ${JSON.stringify(value)}, expected a count`);
    }
    return count;
  }

  list(key: string): readonly unknown[] {
    const value = this.#get(key);
    if (!Array.isArray(value)) this.#fail(`${this.#name(key)} is not a list`);
    return value;
  }

  strings(key: string): readonly string[] {
    const value = this.has(key) ? this.list(key) : [];
    if (!value.every((each) => typeof each === "string"))
      this.#fail(`${this.#name(key)} holds something else than text`);
    return value;
  }

  /** Booleans count as 0 and 1: older releases wrote `default_left` so. */
  numbers(key: string, length?: number): readonly number[] {
    const value = this.list(key);
    if (length !== undefined && value.length !== length) {
      this.#fail(`${this.#name(key)} has ${value.length} values, expected ${length}`);
    }
    for (let i = 0; i < value.length; i++) {
      if (typeof value[i] === "boolean") return value.map(Number);
      if (typeof value[i] !== "number") this.#fail(`${this.#name(key)}[${i}] is not a number`);
    }
    return value as readonly number[];
  }

  #get(key: string): unknown {
    if (!this.has(key)) this.#fail(`${this.#name(key)} is missing`);
    return this.#value[key];
  }

  #name(key: string): string {
    return this.#path === "" ? key : `${this.#path}.${key}`;
  }
}
