// A spec file's text → YAML whose header is known, with all that is wrong so far. Lines in the wrong column are put
// where they were meant to be, so that the rest can be checked in the same run.
import { found, inOrder } from "../data/mistakes.ts";
import { parseYaml, type YamlFile } from "../data/yaml.ts";
import { didYouMean, formatMistake, type Mistake, nearest } from "../errors.ts";
import { limits } from "../limits.ts";
import { HEADER_TYPES, type HeaderType, typeNamed } from "./dialect.ts";
import { quoteFlowValues } from "./flow.ts";
import { expectation } from "./forms.ts";
import { mendLayout } from "./layout.ts";
import { Report } from "./report.ts";
import { isMap, type YamlMap } from "./tree.ts";

export type SpecKind = HeaderType["kind"];

export interface Reading {
  /** What to go on with; null: nothing. */
  readonly report: Report | null;
  readonly header: HeaderType;
  /** All mistakes so far, the report's among them: from the top of the file, a bounded number. */
  mistakes(): Mistake[];
  /** The report's notes, likewise. */
  notes(): Mistake[];
}

export function readSpec(text: string, file: string, kind: SpecKind, compat: boolean): Reading {
  const { yaml, mistakes, shifts } = parse(text, file, compat);
  const report = yaml === null ? null : new Report(yaml);
  const header = report === null ? null : headerOf(report, kind);
  const told = (list: readonly Mistake[]) =>
    inOrder(withoutRepeats(list.map((mistake) => shiftedBack(mistake, shifts))), limits.specMistakes);
  return {
    report: header === null ? null : report,
    header: header ?? HEADER_TYPES.find((type) => type.kind === kind)!,
    mistakes: () => [...told([...(report?.mistakes ?? []), ...mistakes])],
    notes: () => told(report?.notes ?? []),
  };
}

/** What a file is, or is meant to be; null: no spec. */
export function kindOfSpec(text: string): SpecKind | null {
  const line = /^Type *: *(["']?)([A-Za-z:]{1,100})\1 *(?:#.*)?$/m.exec(text);
  if (line !== null) return typeNamed(HEADER_TYPES, line[2])?.kind ?? meantKind(text);
  const value = parseYaml(text, "", [], undefined, "last")?.value;
  return isMap(value) ? (typeNamed(HEADER_TYPES, value.Type)?.kind ?? meantKind(text)) : meantKind(text);
}

/** By the attributes that only one kind of header has. */
function meantKind(text: string): SpecKind | null {
  if (/^(?:Anchor|SourceBTS|SourceDTC) *:/m.test(text)) return "window";
  return /^(?:Aggregates|DataGroups|Identity) *:/m.test(text) ? "streaming" : null;
}

interface Parsed {
  readonly yaml: YamlFile | null;
  readonly mistakes: readonly Mistake[];
  /** By line, how far it was moved to the right before it was read. */
  readonly shifts: readonly number[];
}

function parse(text: string, file: string, compat: boolean): Parsed {
  const mistakes: Mistake[] = [];
  const yaml = parseYaml(text, file, mistakes, undefined, compat ? "last" : "join");
  const quoted = yaml === null && !compat && text.length <= limits.yamlBytes ? quoteFlowValues(text, file) : null;
  if (quoted !== null) {
    const rest = parse(quoted.text, file, compat);
    return { ...rest, mistakes: [...quoted.mistakes, ...rest.mistakes] };
  }
  const mended = yaml === null && !compat && text.length <= limits.yamlBytes ? mendLayout(text, file) : null;
  if (mended === null) return { yaml, mistakes, shifts: [] };

  const again: Mistake[] = [];
  const better = parseYaml(mended.text, file, again, undefined, "join");
  const { shifts } = mended;
  // Those about the layout stand in the file as they are; moved as the others are, they come back to there.
  const moved = mended.mistakes.map((mistake) => ({
    ...mistake,
    column: mistake.column + (shifts[mistake.line - 1] ?? 0),
  }));
  return { yaml: better, mistakes: [...moved, ...again], shifts };
}

function withoutRepeats(list: readonly Mistake[]): Mistake[] {
  return [...new Map(list.map((mistake) => [formatMistake(mistake), mistake])).values()];
}

function shiftedBack(mistake: Mistake, shifts: readonly number[]): Mistake {
  const shift = shifts[mistake.line - 1] ?? 0;
  return shift === 0 || mistake.column === 0 ? mistake : { ...mistake, column: Math.max(1, mistake.column - shift) };
}

/** The type that the header gives, or most likely means; null: this is no spec of that kind, which was told. */
function headerOf(report: Report, kind: SpecKind): HeaderType | null {
  const { value } = report.yaml;
  const fitting = HEADER_TYPES.filter((type) => type.kind === kind);
  const today = fitting[0]!;
  if (!isMap(value)) {
    report.mistake([], `expected a map that begins with 'Type: ${today.name}', found ${found(value)}`);
    return null;
  }
  const key = typeKey(value);
  if (key === null) return today; // That it is missing is told with the others.
  const written = value[key];
  const type = typeNamed(HEADER_TYPES, written);
  if (type?.kind === kind) return type;
  if (type !== null) {
    report.mistake([key], `expected a ${kind} spec, found a ${type.kind} spec: '${type.name}'`);
    return null;
  }
  const names = fitting.map(({ name }) => name);
  const near = typeof written === "string" && written.length < 64 ? nearest(written, names) : null;
  const hint = near === null ? "" : didYouMean(String(written), [near]);
  const expected = expectation({ is: "header type" }, "today");
  report.mistake([key], `expected ${expected}, found ${found(written)}${hint}`);
  return typeNamed(fitting, near) ?? today;
}

function typeKey(value: YamlMap): string | null {
  if (Object.hasOwn(value, "Type")) return "Type";
  return nearest(
    "Type",
    Object.keys(value).filter((key) => key.length < 8),
  );
}
