// A site's `transforms/*.yml`: streaming specs, and the window spec over each that has one.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { hashOf, readText } from "../data/files.ts";
import { oneOf } from "../data/mistakes.ts";
import { didYouMean, type Mistake } from "../errors.ts";
import { limits } from "../limits.ts";
import type { SiteTransform } from "../site.ts";
import { kindOfSpec, type LoadedStreaming, loadStreaming, loadWindow } from "../spec/load.ts";

export interface Specs {
  /** In the order of their files' names. */
  readonly list: readonly SiteTransform[];
  /** sha256 of all files, hex; null: there are none. */
  readonly hash: string | null;
  /** What is accepted and has no effect, or not the one that it seems to have. */
  readonly notes: readonly Mistake[];
}

const FOLDER = "transforms";

interface File {
  readonly name: string;
  readonly text: string;
}

interface Streaming extends File {
  readonly loaded: LoadedStreaming;
}

/** @param mistakes  all that is wrong is added */
export function readSpecs(dir: string, mistakes: Mistake[]): Specs {
  const files = filesOf(dir, mistakes);
  if (files.length === 0) return { list: [], hash: null, notes: [] };
  const windows = files.filter(({ text }) => kindOfSpec(text) === "window");
  const streamings = files
    .filter((file) => !windows.includes(file))
    .map((file) => ({ ...file, loaded: loadStreaming(file.text, file.name) }));
  for (const { loaded } of streamings) mistakes.push(...loaded.mistakes);
  checkNames(streamings, mistakes);

  const notes = streamings.flatMap(({ loaded }) => loaded.notes);
  const windowOf = new Map<Streaming, File>();
  const specOf = new Map<File, SiteTransform["transform"]["window"]>();
  for (const file of windows) {
    const streaming = streamingOf(file, streamings, mistakes);
    const { spec, mistakes: found, notes: said } = loadWindow(file.text, file.name, streaming?.loaded.outline ?? null);
    mistakes.push(...found);
    notes.push(...said);
    if (streaming === null) continue;
    const other = windowOf.get(streaming);
    if (other !== undefined)
      mistakes.push(at(file, SOURCE, `'${other.name}' is a window spec over '${streaming.name}' already`));
    windowOf.set(streaming, file);
    specOf.set(file, spec);
  }
  const list = streamings.flatMap((streaming): SiteTransform[] => {
    const { spec } = streaming.loaded;
    const window = windowOf.get(streaming);
    const windowSpec = window === undefined ? null : (specOf.get(window) ?? null);
    if (spec === null || (window !== undefined && windowSpec === null)) return [];
    const texts = window === undefined ? [streaming.text] : [streaming.text, window.text];
    const hash = hashOf(texts.map((text) => Buffer.from(text)));
    return [{ name: spec.name, transform: { streaming: spec, window: windowSpec }, hash }];
  });
  return { list, hash: hashOf(files.flatMap(({ name, text }) => [Buffer.from(name), Buffer.from(text)])), notes };
}

function filesOf(dir: string, mistakes: Mistake[]): File[] {
  const say = (file: string, message: string) => mistakes.push({ file, line: 0, column: 0, message });
  let names: string[];
  try {
    names = readdirSync(join(dir, FOLDER)).filter((name) => /\.ya?ml$/.test(name));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT") say(FOLDER, `can't be read: ${message}`);
    return [];
  }
  if (names.length > limits.transformFiles) {
    say(FOLDER, `has ${names.length} files, at most ${limits.transformFiles} are read`);
    return [];
  }
  return names.sort().flatMap((name) => {
    try {
      return [{ name: `${FOLDER}/${name}`, text: readText(join(dir, FOLDER, name), name, limits.yamlBytes) }];
    } catch (error) {
      say(`${FOLDER}/${name}`, (error as Error).message);
      return [];
    }
  });
}

/** A spec is known by its name: in answers, metrics and window specs. */
function checkNames(streamings: readonly Streaming[], mistakes: Mistake[]): void {
  const owners = new Map<string, File>();
  for (const file of streamings) {
    const name = file.loaded.outline?.name;
    if (name === undefined) continue;
    const other = owners.get(name);
    if (other === undefined) owners.set(name, file);
    else mistakes.push(at(file, /^Name *:/m, `'${name}' is the name of the spec in '${other.name}' already`));
  }
}

/** Where a window spec says which streaming spec it looks at. */
const SOURCE = /^[ -]*(?:SourceBTS|SourceDTC|Source) *: *["']?([A-Za-z_]\w*)/m;

/** The streaming spec that a window spec looks at; null: there is none, which is told. */
function streamingOf(file: File, streamings: readonly Streaming[], mistakes: Mistake[]): Streaming | null {
  // One alone is meant in any case; a slip in its name is told with the rest of the file.
  if (streamings.length === 1) return streamings[0]!;
  const name = SOURCE.exec(file.text)?.[1] ?? "";
  const named = streamings.find(({ loaded }) => loaded.outline?.name === name);
  if (named !== undefined) return named;
  const names = streamings.flatMap(({ loaded }) => loaded.outline?.name ?? []);
  const known = names.length === 0 ? "there is none in this folder" : `expected ${oneOf(names)}`;
  const what = name === "" ? "names no streaming spec as its source" : `no streaming spec is called '${name}'`;
  mistakes.push(at(file, SOURCE, `${what}${didYouMean(name, names) || `: ${known}`}`));
  return null;
}

function at({ name, text }: File, pattern: RegExp, message: string): Mistake {
  const index = pattern.exec(text)?.index;
  if (index === undefined) return { file: name, line: 0, column: 0, message };
  const before = text.slice(0, index).split("\n");
  return { file: name, line: before.length, column: before.at(-1)!.length + 1, message };
}
