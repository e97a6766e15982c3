// Expressions without quotes in a map on one line: `{ Name: n, Type: integer, Value: source.n[0] }`. There YAML takes
// the bracket for one of its own and is lost. They are told of, and put in quotes so that the rest can be read.
import type { Mistake } from "../errors.ts";

export interface Quoted {
  readonly text: string;
  readonly mistakes: readonly Mistake[];
}

/** A key in a map on one line, and what begins its value: nothing that YAML has quotes or brackets for. */
const VALUE = /[{,]\s*[A-Za-z_]\w*:\s+(?=[^\s'"[\]{},#&*!|>%@`])/g;

/** Null: there is none. */
export function quoteFlowValues(text: string, file: string): Quoted | null {
  const mistakes: Mistake[] = [];
  const lines = text.split("\n").map((line, index) => {
    if (!/^\s*(?:- *)?[\w ]*:? *\{/.test(line)) return line;
    let quoted = "";
    let done = 0;
    for (const { index: at, 0: before } of line.matchAll(VALUE)) {
      const start = at + before.length;
      if (start < done) continue;
      const value = valueFrom(line, start);
      const bracket = value?.search(/[[{]/) ?? -1;
      if (value === null || bracket < 0) continue;
      const inQuotes = `'${value.replaceAll("'", "''")}'`;
      const column = [...line.slice(0, start + bracket)].length + 1;
      const message = `found '${value[bracket]}' in '${value}', which has no quotes: expected ${inQuotes}`;
      mistakes.push({ file, line: index + 1, column, message });
      quoted += line.slice(done, start) + inQuotes;
      done = start + value.length;
    }
    return quoted + line.slice(done);
  });
  return mistakes.length === 0 ? null : { text: lines.join("\n"), mistakes };
}

/** Up to the comma or brace that ends the value, brackets counted; null: it does not end on the line. */
function valueFrom(line: string, start: number): string | null {
  let depth = 0;
  for (let i = start; i < line.length; i++) {
    const char = line[i]!;
    if (depth === 0 && (char === "," || char === "}")) return line.slice(start, i).trimEnd();
    if ("([{".includes(char)) depth++;
    else if (")]}".includes(char)) depth--;
  }
  return null;
}
