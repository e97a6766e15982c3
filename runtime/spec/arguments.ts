// Arguments of a call → their places.
import { didYouMean } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Arity } from "./builtins.ts";
import type { Span } from "./term.ts";

/** An argument by name. */
export interface Named<T> {
  readonly name: string;
  readonly at: Span;
  readonly value: T;
}

/** What is wrong, and at which argument by name; null: with the call. */
export interface Misplaced {
  readonly at: Span | null;
  readonly message: string;
}

/** Arguments in their places; null: left out. */
export interface Placed<T> {
  readonly args: readonly (T | null)[];
}

/** Python takes these by name only. */
const BY_NAME_ONLY: ReadonlyMap<string, number> = new Map([
  ["sorted", 1],
  ["sort", 0],
]);

/** @param callee  as Python calls it, for messages */
export function placed<T>(
  callee: string,
  { min, max, keywords = [] }: Arity,
  positional: readonly T[],
  named: readonly Named<T>[],
): Placed<T> | Misplaced {
  const given = positional.length + named.length;
  if (given > limits.specArguments) return wrong(`${given} arguments, expected at most ${limits.specArguments}`);
  const most = BY_NAME_ONLY.get(callee) ?? max;
  if (positional.length > most) {
    const byName = most < max ? `; '${keywords[most]}' is given by name` : "";
    return wrong(
      `'${callee}' takes ${most === min ? "" : "at most "}${counted(most)}, got ${positional.length}${byName}`,
    );
  }
  const args: (T | null)[] = [...positional];
  for (const { name, at, value } of named) {
    const index = name === "" ? -1 : keywords.indexOf(name);
    if (index < 0) {
      const names = keywords.filter((keyword) => keyword !== "");
      const known =
        names.length === 0 ? ": it takes none by name" : didYouMean(name, names) || `: it takes ${names.join(", ")}`;
      return wrong(`'${callee}' has no argument '${name}'${known}`, at);
    }
    if (args[index] != null) return wrong(`'${name}' of '${callee}' is given twice: by place and by name`, at);
    while (args.length < index) args.push(null);
    args[index] = value;
  }
  const missing = Array.from({ length: min }).findIndex((_, index) => args[index] == null);
  if (missing >= 0) {
    const name = keywords[missing] ? `: '${keywords[missing]}' is missing` : "";
    const needs = min === max ? counted(min) : `at least ${counted(min)}`;
    return wrong(`'${callee}' takes ${needs}, got ${given}${name}`);
  }
  // int(base=16): the text that the base is of can't be given by name.
  if (args[0] === null && keywords[0] === "") return wrong(`'${callee}' needs an argument by place`);
  return { args };
}

function wrong(message: string, at: Span | null = null): Misplaced {
  return { at, message };
}

function counted(count: number): string {
  return count === 0 ? "no arguments" : count === 1 ? "1 argument" : `${count} arguments`;
}
