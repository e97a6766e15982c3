// Spec files, in any dialect → checked specs. What is wrong with a file is told all at once.
import type { Mistake } from "../errors.ts";
import { readSpec } from "./reading.ts";
import type { StreamingSpec, Transform, WindowSpec } from "./spec.ts";
import { type Outline, streamingOf } from "./streaming.ts";
import { readTree } from "./tree.ts";
import { windowOf } from "./window.ts";

export { kindOfSpec } from "./reading.ts";
export type { Outline } from "./streaming.ts";

export interface LoadOptions {
  /** Be as lenient as Blurr's `transform`, which checks nothing; a name that nobody defines ends the run when reached. */
  readonly compat?: boolean;
}

export interface Loaded<Spec> {
  /** Null: there are mistakes. */
  readonly spec: Spec | null;
  /** From the top of the file down. */
  readonly mistakes: readonly Mistake[];
  /** What is accepted and has no effect, or not the one that it seems to have. */
  readonly notes: readonly Mistake[];
}

export interface LoadedStreaming extends Loaded<StreamingSpec> {
  /** What a window spec can be held against, even where the rest has mistakes; null: not that much is known. */
  readonly outline: Outline | null;
}

/** A file's text and its name in messages. */
export interface SpecFile {
  readonly file: string;
  readonly text: string;
}

export function loadStreaming(text: string, file: string, { compat = false }: LoadOptions = {}): LoadedStreaming {
  const reading = readSpec(text, file, "streaming", compat);
  const { report, header } = reading;
  const options = { header, compat };
  const { spec, outline } =
    report === null ? { spec: null, outline: null } : streamingOf(readTree(report, options), report, options);
  const mistakes = reading.mistakes();
  return { spec: mistakes.length > 0 ? null : spec, outline, mistakes, notes: reading.notes() };
}

/** @param streaming  null: not known; what stands in this file is checked, and no spec comes out */
export function loadWindow(
  text: string,
  file: string,
  streaming: Outline | null,
  { compat = false }: LoadOptions = {},
): Loaded<WindowSpec> {
  const reading = readSpec(text, file, "window", compat);
  const { report, header } = reading;
  const options = { header, compat };
  const spec = report === null ? null : windowOf(readTree(report, options), streaming, report, options);
  const mistakes = reading.mistakes();
  return { spec: mistakes.length > 0 ? null : spec, mistakes, notes: reading.notes() };
}

/** A streaming spec, and the window spec over it if there is one. */
export function readTransform(
  { streaming, window = null }: { readonly streaming: SpecFile; readonly window?: SpecFile | null },
  options: LoadOptions = {},
): Loaded<Transform> {
  const first = loadStreaming(streaming.text, streaming.file, options);
  const second = window === null ? null : loadWindow(window.text, window.file, first.outline, options);
  const complete = first.spec !== null && (second === null || second.spec !== null);
  return {
    spec: complete ? { streaming: first.spec!, window: second?.spec ?? null } : null,
    mistakes: [...first.mistakes, ...(second?.mistakes ?? [])],
    notes: [...first.notes, ...(second?.notes ?? [])],
  };
}
