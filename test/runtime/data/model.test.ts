import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { Forest } from "../../../runtime/core/forest.ts";
import { readModel } from "../../../runtime/data/model.ts";
import { SiteError } from "../../../runtime/errors.ts";
import { limits } from "../../../runtime/limits.ts";
import { COUPON_FEATURES, FIXTURES, fixture } from "../../support/models.ts";

const XGBOOST = fixture("xgboost-category");
const LIGHTGBM = fixture("lightgbm-category");

function refusal(text: string, features: readonly string[] = XGBOOST.features): string {
  try {
    readModel(text, { file: "models/m", features });
  } catch (error) {
    expect(error).toBeInstanceOf(SiteError);
    return (error as SiteError).message;
  }
  return "accepted";
}

/** XGBoost's fixture after a change; `any`, because what is changed is a stranger's file. */
// biome-ignore lint/suspicious/noExplicitAny: the file's shape is what the reader checks
function xgboost(change: (file: any) => void): string {
  const file = JSON.parse(XGBOOST.text);
  change(file);
  return JSON.stringify(file);
}

/** LightGBM's fixture with its first match replaced. */
function lightgbm(pattern: RegExp, by: string): string {
  expect(LIGHTGBM.text).toMatch(pattern);
  return LIGHTGBM.text.replace(pattern, by);
}

function swapped(names: readonly string[], i: number, j: number): string[] {
  const copy = [...names];
  [copy[i], copy[j]] = [copy[j]!, copy[i]!];
  return copy;
}

describe("readModel", () => {
  it.each(FIXTURES)("reads %s, with its columns and its hash", (name) => {
    const { model, features, text } = fixture(name);

    expect(model.features).toEqual(features);
    expect(model.hash).toBe(createHash("sha256").update(text).digest("hex"));
    expect(model.trees.length).toBeGreaterThan(0);
    expect(model.format).toBe(name.startsWith("lightgbm") ? "lightgbm" : "xgboost");
  });

  it("reads LightGBM's text with the line ends of Windows", () => {
    const { text, features, file } = LIGHTGBM;

    const model = readModel(text.replaceAll("\n", "\r\n"), { file, features });

    expect(model.trees).toEqual(LIGHTGBM.model.trees);
  });

  it("reads base_score as one number, and as the list of one that newer releases write", () => {
    const baseOf = (score: string) =>
      readModel(
        xgboost((file) => {
          file.learner.learner_model_param.base_score = score;
        }),
        XGBOOST,
      ).base;

    expect(baseOf("2.5E-1")).toBe(0.25);
    expect(baseOf("[2.5E-1]")).toBe(0.25);
  });
});

describe("columns", () => {
  const refused = (features: readonly string[]) => refusal(XGBOOST.text, features);

  it("in another order name the first and the order of the model", () => {
    expect(refused(swapped(XGBOOST.features, 1, 3))).toBe(
      "models/m: column 2 is 'basket' in the model and 'age' in the site; the names are the same, only in another order; " +
        "the model's at the 2 that differ: 2 basket, 4 age",
    );
  });

  it("of the retail system's serving order are refused at the first that was exchanged", () => {
    const serving = [...COUPON_FEATURES];
    serving.splice(10, 5, "cust_age_young", "cust_age_mid", "cust_age_old", "cust_gender_F", "cust_gender_M");

    expect(refusal(fixture("coupon").text, serving)).toContain(
      "column 11 is 'cust_gender_F' in the model and 'cust_age_young' in the site",
    );
  });

  it("of another name are named on both sides, with the slip", () => {
    expect(refused(XGBOOST.features.map((name) => (name === "price" ? "prise" : name)))).toBe(
      "models/m: column 5 is 'price' in the model and 'prise' in the site; " +
        "the site lacks 'price' (did you mean 'prise'?); the model lacks 'prise'",
    );
  });

  it("that are too few or too many say so", () => {
    expect(refused(XGBOOST.features.slice(0, 7))).toBe(
      "models/m: column 8 is 'brand' in the model and no column of the site; the model has 8 columns, the site 7; " +
        "the site lacks 'brand'",
    );
    expect(refused([...XGBOOST.features, "sky"])).toContain("no column of the model and 'sky' in the site");
  });

  it("that differ in hundreds are not all listed", () => {
    const features = Array.from({ length: 300 }, (_, i) => `f${i}`);

    const message = refused(features);

    expect(message).toContain("and 280 more");
    expect(message.length).toBeLessThan(1000);
  });

  it("of the same name are refused", () => {
    expect(refused(XGBOOST.features)).toBe("accepted");
    expect(refusal(lightgbm(/feature_names=visits basket/, "feature_names=visits visits"))).toContain(
      "two columns named 'visits'",
    );
  });
});

describe("XGBoost's JSON", () => {
  // biome-ignore lint/suspicious/noExplicitAny: the file's shape is what the reader checks
  const cases: [string, (file: any) => void, string][] = [
    [
      "an unknown objective",
      (f) => (f.learner.objective.name = "count:poisson"),
      "objective 'count:poisson' is not supported",
    ],
    ["dart", (f) => (f.learner.gradient_booster.name = "dart"), "booster 'dart' is not supported"],
    ["gblinear", (f) => (f.learner.gradient_booster.name = "gblinear"), "booster 'gblinear' is not supported"],
    ["several classes", (f) => (f.learner.learner_model_param.num_class = "3"), "the model has 3 classes"],
    ["several targets", (f) => (f.learner.learner_model_param.num_target = "2"), "the model has 2 targets"],
    [
      "no feature names",
      (f) => (f.learner.feature_names = []),
      "has no feature names, so its 8 columns can't be checked",
    ],
    ["names for fewer columns", (f) => f.learner.feature_names.pop(), "names 7 features, but its trees read 8"],
    ["a missing tree", (f) => model(f).trees.pop(), "the file has 9 trees, its header says 10"],
    ["a base score of two", (f) => (f.learner.learner_model_param.base_score = "[1E0,2E0]"), "expected one number"],
    [
      "no base score",
      (f) => delete f.learner.learner_model_param.base_score,
      "learner_model_param.base_score is missing",
    ],
    ["a data frame's categories", (f) => (model(f).cats.enc = [["a"]]), "a data frame's own categories"],
    ["a child outside", (f) => (tree(f).left_children[0] = 99), "tree 0: a node points at node 99, outside"],
    ["a negative child", (f) => (tree(f).right_children[0] = -7), "tree 0: a node points at node -7, outside"],
    ["a cycle", (f) => (tree(f).right_children[1] = 0), "tree 0: node 0 is reached twice"],
    ["a shared branch", (f) => (tree(f).right_children[0] = tree(f).left_children[0]), "is reached twice"],
    ["a branch cut off", (f) => (tree(f).left_children[0] = -1), "can't be reached"],
    [
      "a threshold that is no number",
      (f) => (tree(f).split_conditions[0] = null),
      "split_conditions[0] is not a number",
    ],
    ["a feature outside", (f) => (tree(f).split_indices[0] = 8), "tree 0: node 0 reads feature 8, the model has 8"],
    ["a fraction of a feature", (f) => (tree(f).split_indices[0] = 0.5), "node 0 reads feature 0.5"],
    ["a short list", (f) => tree(f).split_conditions.pop(), "tree 0.split_conditions has"],
    [
      "leaves of several values",
      (f) => (tree(f).tree_param.size_leaf_vector = "2"),
      "tree 0: leaves have several values",
    ],
    ["a negative category", (f) => (tree(f).categories[0] = -1), "has the category -1"],
    ["a huge category", (f) => (tree(f).categories[0] = 2 ** 24), "has the category 16777216"],
    ["categories cut off", (f) => tree(f).categories.pop(), "are cut off"],
    ["a split by no category", (f) => tree(f).split_type.fill(1), "splits by category, but has none"],
    ["a tree that is no object", (f) => (model(f).trees[3] = 7), "tree 3 is not an object"],
    ["a learner that is a list", (f) => (f.learner = []), "learner is not an object"],
    [
      "more trees than the limit",
      (f) => {
        model(f).trees = Array.from({ length: limits.modelTrees + 1 }, () => tree(f));
        model(f).gbtree_model_param.num_trees = `${limits.modelTrees + 1}`;
      },
      `has ${limits.modelTrees + 1} trees, at most ${limits.modelTrees} are allowed`,
    ],
    [
      "more features than the limit",
      (f) => {
        f.learner.feature_names = Array.from({ length: limits.modelFeatures + 1 }, (_, i) => `f${i}`);
        f.learner.learner_model_param.num_feature = `${limits.modelFeatures + 1}`;
      },
      `at most ${limits.modelFeatures} are allowed`,
    ],
    [
      "sets of categories that take more than the limit",
      (f) => {
        tree(f).categories[0] = 2 ** 24 - 1;
        model(f).trees = Array.from({ length: 10 }, () => tree(f));
      },
      `more than ${limits.modelNodes} nodes`,
    ],
  ];
  // biome-ignore lint/suspicious/noExplicitAny: the file's shape is what the reader checks
  const model = (file: any) => file.learner.gradient_booster.model;
  // biome-ignore lint/suspicious/noExplicitAny: the file's shape is what the reader checks
  const tree = (file: any) => model(file).trees[0];

  it.each(cases)("with %s is refused", (_, change, message) => {
    expect(refusal(xgboost((file) => void change(file)))).toContain(message);
  });

  it("cut off anywhere is refused", () => {
    const { text } = XGBOOST;
    for (let length = 10; length < text.length - 1; length += 997) {
      expect(refusal(text.slice(0, length))).toMatch(/^models\/m(:\d+)?: is not whole JSON, maybe cut off/);
    }
  });

  it("in its binary form is refused with what to do", () => {
    expect(refusal("{L\u0000\u0000")).toContain("save it with a name that ends in .json");
  });
});

describe("LightGBM's text", () => {
  it.each([
    ["an unknown objective", /objective=.*/, "objective=poisson", ":7: objective 'poisson' is not supported"],
    ["a square root", /objective=.*/, "objective=regression sqrt", "'regression sqrt' is not supported"],
    ["a broken sigmoid", /sigmoid:\S+/, "sigmoid:none", "objective has 'sigmoid:none'"],
    ["several classes", /num_class=1/, "num_class=3", ":3: the model has 3 classes"],
    [
      "a wrong number of columns",
      /max_feature_idx=7/,
      "max_feature_idx=8",
      "feature_names has 8 names, max_feature_idx says 9",
    ],
    ["no objective", /objective=.*\n/, "", "'objective=' is missing"],
    [
      "a data frame's categories",
      /pandas_categorical:.*/,
      'pandas_categorical:[["a","b"]]',
      "a data frame's own categories",
    ],
    ["linear leaves", /is_linear=0/, "is_linear=1", "tree 0: linear leaves are not supported"],
    ["a threshold that is no number", /threshold=\S+/, "threshold=nan", "threshold holds 'nan', expected a number"],
    ["a leaf that is not finite", /leaf_value=\S+/, "leaf_value=inf", "has the value Infinity"],
    ["a short list", /threshold=\S+ /, "threshold=", "threshold has 38 values, expected 39"],
    ["a child outside", /left_child=\S+/, "left_child=39", "tree 0: a node points at 39, outside of its 39 splits"],
    ["a leaf outside", /left_child=\S+/, "left_child=-41", "tree 0: a node points at -41, outside"],
    ["a cycle", /left_child=\S+/, "left_child=0", "tree 0: node 0 is reached twice"],
    ["a feature outside", /split_feature=\S+/, "split_feature=8", "reads feature 8, the model has 8"],
    ["an unknown kind of missing values", /decision_type=\S+/, "decision_type=12", "decision_type 12"],
    ["no leaves", /num_leaves=40/, "num_leaves=0", "tree 0: num_leaves is 0"],
    ["a count that is none", /num_leaves=40/, "num_leaves=many", "num_leaves is 'many', expected a whole number"],
    ["a set of categories outside", /decision_type=8/, "decision_type=9", "tree 0: split 0 asks for set of categories"],
    ["sets of categories cut off", /cat_boundaries=0 \d+/, "cat_boundaries=0", "cat_boundaries has"],
  ])("with %s is refused", (_, pattern, by, message) => {
    expect(refusal(lightgbm(pattern, by))).toContain(message);
  });

  it("cut off anywhere before its last tree ends is refused", () => {
    const { text } = LIGHTGBM;
    const end = text.indexOf("end of trees");
    for (let length = 5; length < end; length += 1009) {
      expect(refusal(text.slice(0, length))).toMatch(
        /is missing|cut off|names, max_feature_idx|not supported|expected/,
      );
    }
  });

  it("without one of its trees is refused", () => {
    expect(refusal(lightgbm(/Tree=11\n[\s\S]*?\n\n\n/, ""))).toContain("the file has 11 trees, its header says 12");
  });
});

describe("a file", () => {
  it.each([
    ["nothing", ""],
    ["a picture", "\u0089PNG\r\n"],
    ["a list", "[1, 2]"],
    ["a table", "a,b\n1,2\n"],
  ])("of %s is neither of both", (_, text) => {
    expect(refusal(text)).toBe("models/m: is neither XGBoost's JSON nor LightGBM's text");
  });
});

describe("the shipped coupon model", () => {
  const { model } = fixture("coupon");
  const forest = new Forest(model, { shared: COUPON_FEATURES.map((name) => name.startsWith("cust_")) });

  /** A row from what is not 0 in it. */
  const row = (columns: Record<string, number>) => Float64Array.from(COUPON_FEATURES, (name) => columns[name] ?? 0);
  const customer = (numbers: readonly number[], gender: string, age: string) => ({
    ...Object.fromEntries(COUPON_FEATURES.slice(0, 6).map((name, i) => [name, numbers[i]!])),
    [`cust_gender_${gender}`]: 1,
    [`cust_age_${age}`]: 1,
  });
  const coupon = (type: string, department: string, numbers: readonly number[]) => ({
    ...Object.fromEntries(COUPON_FEATURES.slice(6, 10).map((name, i) => [name, numbers[i]!])),
    [`coupon_type_${type}`]: 1,
    [`coupon_dpt_${department}`]: 1,
  });
  const someone = customer([15.22, 2009, 12.17, 2113, 924, 5841], "F", "mid");

  it("ranks coupon 116 first for customer 25, as the original did", () => {
    const coupons = [
      coupon("department", "Boys", [64, 1, 11.53, 609]),
      coupon("buy_all", "Boys", [65, 4, 7.85, 4]),
      coupon("buy_all", "Boys", [69, 5, 66.62, 5]),
    ];
    forest.prepare(Float64Array.from(coupons.flatMap((each) => [...row(each)])));

    const [first, second, third] = forest.scoreMany(row(someone), Uint32Array.of(0, 1, 2));

    expect(first).toBeGreaterThan(second!);
    expect(first).toBeGreaterThan(third!);
    expect(Math.abs(first! - 0.9655)).toBeLessThan(0.1);
  });

  it("tells a department coupon from a small one, where exchanged columns scored both 0.99", () => {
    // only the coupons are recorded of this case: the customer's numbers are another's
    const old = customer([15.22, 2009, 12.17, 2113, 924, 5841], "F", "old");
    const [department, all] = [
      coupon("department", "Sport", [57, 1, 18.23, 641]),
      coupon("buy_all", "Sport", [18, 4, 12.39, 4]),
    ].map((each) => forest.scoreRow(row({ ...old, ...each })));

    expect(department! - all!).toBeGreaterThan(0.3);
  });

  it("never scores a greater discount lower, nor more pieces to buy higher", () => {
    for (const type of ["buy_all", "buy_more", "department", "just_discount"]) {
      const score = (discount: number, howMany: number) =>
        forest.scoreRow(row({ ...someone, ...coupon(type, "Women", [discount, howMany, 12, 10]) }));
      for (let discount = 5; discount < 70; discount++) {
        expect(score(discount + 1, 3)).toBeGreaterThanOrEqual(score(discount, 3));
      }
      for (let howMany = 1; howMany < 6; howMany++) {
        expect(score(40, howMany + 1)).toBeLessThanOrEqual(score(40, howMany));
      }
    }
  });
});
