// What to say of a name that nobody defines.
import { didYouMean } from "../errors.ts";
import { BUILTINS, importOf } from "./imports.ts";
import type { Scope } from "./scope.ts";
import { meantBy } from "./unavailable.ts";

/** Names that have a meaning at some places only: which. */
const PLACES: ReadonlyMap<string, string> = new Map([
  ["source", "a window's condition and header read aggregates, as in spec.aggregate.field"],
  ["time", "it is the event's, in the aggregates of a streaming spec; blocks have _start_time and _end_time"],
  ["identity", "it is what this expression says"],
  ["anchor", "it is a block of the streaming spec, in the aggregates of a window spec"],
]);

/** @param locals  what `for`s name around it */
export function whyUnknown(name: string, scope: Scope, locals: readonly string[]): string {
  const { source, stream, aggregates } = scope;
  if (name === "source" && source === "early") {
    return "'source' is used before it is defined: no window aggregate stands above this variable";
  }
  const where = PLACES.get(name);
  if (where !== undefined) return `'${name}' is not known here: ${where}`;

  const wanted = importOf(name);
  if (wanted !== null) return `'${name}' is not imported: add ${wanted} to Import`;
  const owner = aggregates.find(({ columns }) => columns.some((column) => column.name === name));
  if (owner !== undefined) return `unknown name '${name}' (did you mean '${owner.name}.${name}'?)`;
  if (typeof source === "object" && source.columns.some((column) => column.name === name)) {
    return `unknown name '${name}' (did you mean 'source.${name}'?)`;
  }
  if (stream?.aggregates.some((aggregate) => aggregate.name === name)) {
    return `unknown name '${name}' (did you mean '${stream.name}.${name}'?)`;
  }
  const meant = meantBy(name);
  if (meant !== null) return `unknown name '${name}' (did you mean '${meant}'?)`;
  return `unknown name '${name}'${near(name, [...locals, ...namesIn(scope)])}`;
}

/** Of a name of one letter every other one is near. */
export function near(name: string, known: readonly string[]): string {
  return name.length < 2 ? "" : didYouMean(name, known);
}

/** Everything that a name may be. */
function namesIn({ source, time, identity, anchor, bareFields, aggregates, stream, imports }: Scope): string[] {
  return [
    ...(source === "absent" || source === "early" ? [] : ["source"]),
    ...(time ? ["time"] : []),
    ...(identity ? ["identity"] : []),
    ...(anchor === null ? [] : ["anchor"]),
    ...(bareFields === null ? [] : aggregates[bareFields]!.columns.map(({ name }) => name)),
    ...aggregates.map(({ name }) => name),
    ...(stream === null ? [] : [stream.name]),
    ...imports.keys(),
    ...Object.keys(BUILTINS),
  ];
}
