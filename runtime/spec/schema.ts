// A JSON Schema (2020-12) for spec files, made from `attributes.ts`: what editors complete and underline. It knows
// every dialect. What only names and expressions show, and that the case of a type does not count, it can't say.
import { z } from "zod";
import { DURATION_PATTERN } from "../data/units.ts";
import { limits } from "../limits.ts";
import { AGGREGATES_OF, ATTRIBUTES, type Attribute, type Form, type NodeKind } from "./attributes.ts";
import {
  AGGREGATE_TYPES,
  type Dialect,
  HEADER_TYPES,
  type HeaderType,
  namesOf,
  STORE_TYPES,
  VERSIONS,
} from "./dialect.ts";
import { DIMENSION_TYPES, WINDOW_TYPES } from "./forms.ts";
import { FIELD_TYPES } from "./spec.ts";

/** Any spec file. */
export function specSchema(): z.ZodType {
  return z.union(HEADER_TYPES.map((header) => new SchemaMaker(header).map(header.kind, header.dialect, [header.name])));
}

export function specJsonSchema(): Record<string, unknown> {
  const made = z.toJSONSchema(specSchema(), { io: "input", reused: "ref" });
  return { ...made, title: "A transform spec: streaming or window" };
}

class SchemaMaker {
  readonly #header: HeaderType;
  /** Each schema once, so that the JSON Schema can refer to it. */
  readonly #made = new Map<string, z.ZodType>();

  constructor(header: HeaderType) {
    this.#header = header;
  }

  /** @param types  what its Type may be, where that is what makes it this kind of map */
  map(kind: NodeKind, dialect: Dialect, types: readonly string[] | null = null): z.ZodType {
    return this.#once(`${kind} ${dialect}`, () => {
      const shape: Record<string, z.ZodType> = {};
      for (const [name, attribute] of Object.entries(ATTRIBUTES[kind])) {
        if (attribute.only !== undefined && !attribute.only.includes(dialect)) continue;
        const names = [
          ...namesOf(name, this.#header.dialect),
          ...(attribute.alias === undefined ? [] : [attribute.alias]),
        ];
        const form = name === "Type" && types !== null ? word(types) : this.#value(attribute, dialect);
        const value = form.describe(attribute.about);
        // Of several names any may be the one.
        const must = names.length === 1 && isRequired(kind, attribute, dialect);
        for (const written of names) shape[written] = must ? value : value.optional();
      }
      return z.strictObject(shape);
    });
  }

  #value({ form, required }: Attribute, dialect: Dialect): z.ZodType {
    if (form.is === "map") {
      const map = this.map(form.of, dialect);
      return form.of === "span" ? z.union([map, z.array(map).length(1)]) : map;
    }
    if (form.is !== "list") return this.#once(JSON.stringify(form), () => scalar(form, this.#header.dialect));
    const item = form.of === "aggregate" ? this.#aggregates() : this.map(form.of, dialect);
    const list = z
      .array(item)
      .min(required === true ? 1 : 0)
      .max(form.of === "aggregate" ? limits.specAggregates : limits.specItems);
    return form.of === "store" && dialect === "draft" ? z.union([item, list]) : list;
  }

  #aggregates(): z.ZodType {
    const { kind, dialect } = this.#header;
    // Those of 0.2 stand in the same files as today's.
    const dialects: Dialect[] = dialect === "today" ? ["today", "0.2"] : [dialect];
    const types = AGGREGATE_TYPES.filter(
      (type) => dialects.includes(type.dialect) && AGGREGATES_OF[kind].includes(type.kind),
    );
    return z.union(types.map((type) => this.map(`${type.kind} aggregate`, type.dialect, [type.name])));
  }

  #once(key: string, make: () => z.ZodType): z.ZodType {
    const before = this.#made.get(key);
    if (before !== undefined) return before;
    const made = make();
    this.#made.set(key, made);
    return made;
  }
}

/** Required whatever else stands there. */
function isRequired(kind: NodeKind, { required, optionalIn, orElse }: Attribute, dialect: Dialect): boolean {
  if (required !== true || orElse !== undefined || optionalIn?.includes(dialect) === true) return false;
  // The first draft may say all this in a map of its own.
  return !(kind === "window aggregate" && dialect === "draft");
}

function word(words: readonly string[]): z.ZodType {
  return z.enum(words as [string, ...string[]]);
}

function scalar(form: Form, dialect: Dialect): z.ZodType {
  switch (form.is) {
    case "store type":
      return word(STORE_TYPES.map(({ name }) => name));
    case "field type":
      return word(FIELD_TYPES);
    case "dimension type":
      return word(DIMENSION_TYPES);
    case "window type":
      return word(dialect === "draft" ? [...WINDOW_TYPES, "Day", "Hour", "Count"] : WINDOW_TYPES);
    case "version":
      return word(VERSIONS[dialect]);
    case "name":
      return z
        .string()
        .max(limits.specNameChars)
        .regex(/^(?!_|run_)[^\W\d]\w*$/);
    case "field name":
      return z
        .string()
        .max(limits.specNameChars)
        .regex(/^(?!_|run_)[^.]+$/);
    case "code":
      return z.union([z.string().min(1).max(limits.specExpressionChars), z.number(), z.boolean()]);
    case "source":
    case "text":
      return z.string().min(1);
    case "texts":
      return z.array(z.string());
    case "whole":
      return z.union([z.int().min(form.min).max(form.max), z.string().regex(/^\d+$/)]);
    case "window value":
      return z.number().min(-limits.windowDays).max(limits.windowDays);
    case "duration":
      return z.string().regex(new RegExp(DURATION_PATTERN));
    case "retention":
      return z.union([z.int().min(1), z.string().regex(new RegExp(DURATION_PATTERN))]);
    default:
      return z.any();
  }
}
