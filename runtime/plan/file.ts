// The schema of `plan.yml`: every key, its bounds, its default and a line for editors.
import { z } from "zod";
import {
  duration,
  flag,
  integer,
  jsonSchema,
  list,
  map,
  named,
  says,
  text,
  texts,
  version,
  word,
} from "../data/schema.ts";
import { limits } from "../limits.ts";

const SECOND = 1_000; // ms
const DAY = 86_400 * SECOND;
const YEAR = 365 * DAY;

/** What a timer of the platform can count is 24 days. */
const LONGEST_RUN = 20 * DAY;
const RETRIES = 1_000;

const types = () => texts("a type of event");
const name = (what: string) => z.string(says(what));

const keyField = map({
  rank: integer(0, limits.pageColumns).describe("Keys stand in this order, the lowest first"),
  required: flag().default(false).describe("false: may be empty"),
});

const KEYS = "the name of a key field, a list of them, or a map of them, each with its rank";

const keys = z
  .union([name(KEYS), z.array(name(KEYS)), named(keyField, "key fields, each with its rank")], says(KEYS))
  .optional()
  .describe("The fields that name a record, in rank order");

const cell = () => z.string(says("text", (input) => (typeof input === "number" ? " (write it in quotes)" : "")));

const page = map({
  keys,
  data: texts("the name of a field", /^/)
    .optional()
    .describe("Other fields; default: any field that somebody writes makes a column"),
  ready: flag().optional().describe("true: records are ready at once; default: somebody sets 'ready'"),
  complete: word(["by-hand", "all-goals"]).optional().describe("all-goals: set once all goals of the page hold"),
  truth: word(["strict", "lenient"]).optional().describe("lenient: true, yes, x and 1.0 count as 1 too"),
  shared: flag().optional().describe("Whether other nodes may work on its records"),
  records: list(list(cell(), "key cells"), "records, each a list of its key cells")
    .optional()
    .describe("Records that are there from the start"),
  parent: text("a page").nullable().default(null).describe("The page whose records these belong to"),
  opens: types().default([]).describe("Types of events that make a record ready"),
  closes: types().default([]),
  timeToLive: duration(SECOND, YEAR)
    .optional()
    .describe("A record that heard nothing for so long is closed; default its parent's"),
  ranks: texts("a page")
    .optional()
    .describe("Makes it a plan page: its rows say which records of these pages go first"),
});

const scope = <const Words extends readonly [string, ...string[]]>(words: Words) =>
  word(words)
    .default("node" as Words[number])
    .describe("Among whom is counted");

const count = integer(1, limits.runs);

const conflict = z.union(
  [count, map({ limit: count, scope: scope(["record", "node", "site"]) })],
  says(`a whole number from 1 to ${limits.runs}, or a map with limit and scope`),
);

const maxSelves = z.union(
  [count, map({ limit: count, scope: scope(["node", "site"]) })],
  says(`a whole number from 1 to ${limits.runs}, or a map with limit and scope`),
);

const hold = map({
  port: text("a goal, 'offers' or 'predictions'").describe("A goal of a lower layer, or a subject"),
  match: text("the name of a field")
    .nullable()
    .default(null)
    .describe("Field of the lower record that must equal the key of the record that holds; default: all are held"),
  for: duration(1, limits.holdMs).describe("From the last renewal on"),
});

const HOLDS = "a map with port, match and for, or a list of them";
const holds = () => z.union([hold, z.array(hold, says(HOLDS))], says(HOLDS)).default([]);

const TIMES = integer(0, RETRIES);
const retries = z
  .union(
    [
      TIMES,
      map({
        max: TIMES.default(3).describe("Runs after the first"),
        backoff: duration(1, DAY).default(SECOND).describe("Before the second run; doubles each time"),
        backoffMax: duration(1, DAY).optional().describe("Default 5m, or the backoff if that is longer"),
      }),
    ],
    says(`a whole number from 0 to ${RETRIES}, or a map with max, backoff and backoffMax`),
  )
  .describe("How often work that asks for it is tried again; default 3");

const person = z.union(
  [
    z.literal(true, says("true, or a map with who and due")),
    map({
      who: texts("a principal").default([]).describe("Who may fill the cell; default: everybody who may write"),
      due: duration(SECOND, YEAR).optional().describe("A notice is sent when it is empty for so long"),
    }),
  ],
  says("true, or a map with who and due"),
);

const actor = map({
  goal: text("a goal").describe("The goal that it owns"),
  page: text("a page").optional().describe("Default: the page that the actor declares, or the only one"),
  command: text("the path of an executable").optional(),
  module: text("the path of a TypeScript or JavaScript file").optional(),
  remote: z.literal(true, says("true")).optional().describe("A service on the bus, at goals.<goal>"),
  person: person.optional().describe("A cell that only people fill"),
  prerequisites: texts("a field").default([]).describe("Fields that must hold, besides those that the actor declares"),
  conflicts: named(conflict, "goals, each with a number")
    .prefault({})
    .describe("Wait while so many work on that goal; goes before what the actor declares"),
  maxSelves: maxSelves.optional().describe("How many may work at once; default: any number"),
  subsumes: texts("a goal").default([]).describe("Goals that hold too once this one does"),
  layer: integer(0, 100).optional(),
  inhibits: holds().describe("Outputs of lower layers that it blocks"),
  suppresses: holds().describe("Inputs of lower layers that it replaces"),
  timeout: duration(1, LONGEST_RUN).optional().describe("A run may take so long; default 10m"),
  lease: duration(10, DAY).optional().describe("A claim that was not renewed for so long has run out; default 30s"),
  retries: retries.optional(),
  onLapse: word(["retry", "fail"]).optional().describe("What becomes of a run whose lease ran out; default retry"),
  on: types().optional().describe("Types of events that wake it; goes before what the actor declares"),
  with: named(z.unknown(), "settings").optional().describe("Settings of an actor that ships"),
});

export const PlanFile = map({
  version: version(),
  scripts: text("the path of a folder")
    .optional()
    .describe("Executables named after goals: what an actor line means that says nothing else; default 'scripts'"),
  pages: named(page, "pages"),
  actors: list(actor, "actors, by priority"),
});
export type PlanFile = z.output<typeof PlanFile>;

/** A page as it is written. */
export type WrittenPage = PlanFile["pages"][string];
/** A line of `actors` as it is written. */
export type WrittenActor = PlanFile["actors"][number];

/** The JSON Schema (2020-12) of `plan.yml`. */
export function planJsonSchema(): Record<string, unknown> {
  return jsonSchema(PlanFile, "plan.yml");
}
