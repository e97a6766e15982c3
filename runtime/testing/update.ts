// What came out takes the place of what was expected; comments stay, and so does the choice of what is looked at.
import { type Document, isMap as isMapNode, isScalar, isSeq, type Node, type Pair, parseDocument, Scalar } from "yaml";
import { isMap, ownOf } from "./compare.ts";
import type { Outcome } from "./perform.ts";
import type { Expectation } from "./script.ts";

type Part = keyof Expectation;
const PARTS: readonly Part[] = ["decisions", "aggregates", "features", "deadLetters"];

/**
 * The text of a test that expects what came out. A test that expects something goes on looking at the same keys; one
 * that expects nothing yet gets the main ones.
 *
 * @param text  YAML, or JSON when the file is
 */
export function updated(text: string, expect: Expectation | null, outcome: Outcome, isJson: boolean): string {
  const parts = PARTS.filter((part) => isWanted(part, expect, outcome));
  if (isJson) {
    const whole = JSON.parse(text) as Record<string, unknown>;
    const next = parts.map((part) => [part, alike(outcome[part], expect?.[part], BRIEF[part])]);
    return `${JSON.stringify({ ...whole, expect: Object.fromEntries(next) }, null, 2)}\n`;
  }
  const document = parseDocument(text, { schema: "core" });
  if (expect === null) document.set("expect", document.createNode({}));
  for (const part of parts) {
    const node = document.getIn(["expect", part], true) as Node | undefined;
    document.setIn(["expect", part], edited(document, node, outcome[part], BRIEF[part]));
  }
  return document.toString({ lineWidth: 120 });
}

/** What was not expected before is not expected now; but of dead letters there must be none unless they are. */
function isWanted(part: Part, expect: Expectation | null, outcome: Outcome): boolean {
  if (expect !== null && expect[part] !== undefined) return true;
  if (part === "deadLetters") return outcome.deadLetters.length > 0;
  const came = outcome[part];
  return expect === null && (Array.isArray(came) ? true : Object.values(came).some((each) => !isEmpty(each)));
}

function isEmpty(value: unknown): boolean {
  return value === null || (isMap(value) && Object.keys(value).length === 0);
}

/** What is worth looking at, of what nobody has chosen from. */
type Brief = (value: unknown) => unknown;

const BRIEF: Readonly<Record<Part, Brief>> = {
  decisions: (value) => {
    if (!isMap(value) || !("offers" in value)) return value;
    const { customer, department, offers, none } = value;
    if (isMap(none)) return { customer, department, none: { reason: none.reason } };
    return { customer, department, offers: (offers as { coupon: string }[]).map(({ coupon }) => ({ coupon })) };
  },
  // whom it is about stands above it
  aggregates: (value) => (isMap(value) && "_identity" in value ? without(value, "_identity") : value),
  features: (value) => (isMap(value) ? without(value, ...Object.keys(value).filter(isIdentity)) : value),
  deadLetters: (value) => (isMap(value) && "code" in value ? { code: value.code } : value),
};

const isIdentity = (name: string) => name.endsWith("._identity");

function without(map: Readonly<Record<string, unknown>>, ...names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(map).filter(([name]) => !names.includes(name)));
}

/** As much of a value as the model has of its own; all that is worth it where there is no model. */
function alike(value: unknown, model: unknown, brief: Brief): unknown {
  if (Array.isArray(value)) {
    const models = Array.isArray(model) ? model : [];
    // One more than there were looks like the last.
    return value.map((item, i) => alike(item, models[Math.min(i, models.length - 1)], brief));
  }
  if (!isMap(value)) return value;
  if (isMap(model)) {
    const keys = Object.keys(model).filter((key) => Object.hasOwn(value, key));
    return Object.fromEntries(keys.map((key) => [key, alike(value[key], model[key], brief)]));
  }
  const short = brief(value);
  return isMap(short)
    ? Object.fromEntries(Object.entries(short).map(([key, inner]) => [key, alike(inner, undefined, brief)]))
    : short;
}

/** The node with the value in it, as far as that has the same shape; else a new one. */
function edited(document: Document, node: unknown, value: unknown, brief: Brief): unknown {
  if (isMapNode(node) && isMap(value)) {
    for (const pair of [...node.items] as Pair<Scalar, unknown>[]) {
      const key = String(pair.key.value);
      const inner = ownOf(value, key);
      if (inner === undefined) node.delete(pair.key);
      else pair.value = edited(document, pair.value, inner, brief);
    }
    return node;
  }
  if (isSeq(node) && Array.isArray(value)) {
    const model = node.items.length === 0 ? undefined : (node.items.at(-1) as Node).toJS(document);
    const before = node.items.length;
    node.items.length = Math.min(before, value.length);
    for (const [i, item] of value.entries()) {
      if (i < before) node.items[i] = edited(document, node.items[i], item, brief);
      else node.items.push(document.createNode(alike(item, model, brief)));
    }
    return node;
  }
  if (isScalar(node) && !isMap(value) && !Array.isArray(value)) {
    if (node.value === value) return node;
    const scalar = new Scalar(value);
    Object.assign(scalar, { comment: node.comment, commentBefore: node.commentBefore, spaceBefore: node.spaceBefore });
    // quoted, if it was
    if (typeof value === "string" && typeof node.value === "string" && node.type !== undefined) scalar.type = node.type;
    return scalar;
  }
  return document.createNode(alike(value, undefined, brief));
}
