// The expressions of one spec file: from YAML to resolved code, with every problem at its place in the file.
import { found, shorten } from "../data/mistakes.ts";
import { type Modern, modernise, type OlderWords } from "./older.ts";
import { type Problem, parseExpression } from "./parse.ts";
import { pythonText, pythonValue } from "./python-yaml.ts";
import type { Report } from "./report.ts";
import { resolve } from "./resolve.ts";
import type { Scope } from "./scope.ts";
import type { Code } from "./spec.ts";
import type { Entry } from "./tree.ts";

export class Expressions {
  readonly #report: Report;
  readonly #compat: boolean;

  constructor(report: Report, compat: boolean) {
    this.#report = report;
    this.#compat = compat;
  }

  /**
   * The code of an attribute; null when it is not there or was told to be wrong.
   *
   * @param scope  null: names are not known, so only the grammar is checked
   * @param absentIfFalse  with `compat`, what Python takes for false counts as not there, as in Blurr
   */
  code(entry: Entry | undefined, scope: Scope | null, words: OlderWords, absentIfFalse = false): Code | null {
    if (entry === undefined) return null;
    const text = this.#compat ? this.#pythonText(entry, absentIfFalse) : this.#text(entry);
    if (text === null) return null;

    const modern = modernise(text, words);
    if (modern.problems.length > 0) return this.#tell(entry, text, modern.problems);
    const { expr, problems } = parseExpression(modern.text, { compat: this.#compat });
    if (expr === null) return this.#tell(entry, text, problems, modern);
    if (scope === null) return null;
    const resolved = resolve(expr, modern.text, scope);
    if (resolved.term === null) return this.#tell(entry, text, resolved.problems, modern);
    return { term: resolved.term, text: modern.text, at: this.#report.placeOf(entry.path) };
  }

  /** What is written, in Python's words. */
  #text({ path, value }: Entry): string | null {
    if (typeof value === "string" && value.trim() !== "") return value;
    if (typeof value === "boolean") return value ? "True" : "False";
    if (typeof value === "number") return this.#report.yaml.written(path)?.text ?? String(value);
    if (typeof value === "object" && value !== null) {
      const what = Array.isArray(value) ? "list" : "map";
      const quoted = this.#quoted(path, value);
      this.#report.mistake(path, `is a ${what} of YAML's own, not an expression: put it in quotes, ${quoted}`);
    } else this.#report.mistake(path, `'${path.at(-1)}' is empty: expected an expression`);
    return null;
  }

  /** The value as it stands, in quotes. */
  #quoted(path: Entry["path"], value: object): string {
    const text = this.#report.yaml.sourceOf(path) ?? (Array.isArray(value) ? "[…]" : "{…}");
    return text.includes('"') ? `'${shorten(text.replaceAll("'", "''"))}'` : `"${shorten(text)}"`;
  }

  /** What Blurr would compile: the text of whatever its YAML reader made of it. */
  #pythonText({ path, value }: Entry, absentIfFalse: boolean): string | null {
    const read = pythonValue(this.#report.yaml, path, value);
    if (read.truth) return read.type === "str" && read.text.trim() === "" ? "None" : read.text;
    if (!absentIfFalse) {
      const shown = read.type === "str" ? pythonText(read.text) : read.text;
      this.#report.mistake(path, `'${path.at(-1)}' is ${shown}, which counts as no expression: the run ends here`);
    }
    return null;
  }

  #tell({ path, value }: Entry, text: string, problems: readonly Problem[], modern: Modern | null = null): null {
    const written = typeof value === "string" ? value : found(value);
    for (const { start, message } of problems) {
      const offset = modern === null ? start : modern.back(start);
      this.#report.mistakes.push(
        text === written
          ? this.#report.yaml.mistakeIn(path, written, offset, message)
          : this.#report.yaml.mistake(path, message),
      );
    }
    return null;
  }
}
