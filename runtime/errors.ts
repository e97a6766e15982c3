/** What went wrong, in one word. Stable: it reaches logs, metrics and HTTP bodies. */
export type Code =
  | "invalid"
  | "unauthorized"
  | "forbidden"
  | "not-found"
  | "conflict"
  | "too-large"
  | "unsupported"
  | "overloaded"
  | "full"
  | "unavailable"
  | "corrupt";

/**
 * An expected failure: bad input, a full queue, a peer that is away.
 * Bugs are not expected; those are `assert`ed and end what they broke.
 */
export class AisleError extends Error {
  override name = "AisleError";
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** Is there no room for now, and nothing broken? The same call succeeds once others are done, or the disk has space. */
  get passing(): boolean {
    return this.code === "overloaded" || this.code === "full";
  }

  /** Would the same call succeed later, unchanged? */
  get retryable(): boolean {
    return this.passing || this.code === "unavailable";
  }
}

/** One mistake in a file that a person wrote: where it is, what was found, what was expected. */
export interface Mistake {
  readonly file: string;
  /** From 1; 0 when the file as a whole is meant. */
  readonly line: number;
  /** From 1, in code points; 0 when the line as a whole is meant. */
  readonly column: number;
  readonly message: string;
}

/** A site's file that can't be used; carries every mistake found in one pass, not only the first. */
export class SiteError extends AisleError {
  override name = "SiteError";
  readonly mistakes: readonly Mistake[];

  constructor(mistakes: readonly Mistake[]) {
    super("invalid", mistakes.map(formatMistake).join("\n"));
    this.mistakes = mistakes;
  }
}

/** "site.yml:12:3: unknown key 'plcae' (did you mean 'place'?)" */
export function formatMistake({ file, line, column, message }: Mistake): string {
  const where = line === 0 ? file : column === 0 ? `${file}:${line}` : `${file}:${line}:${column}`;
  return `${where}: ${message}`;
}

/** What an error says; of a failed `fetch`, what lies behind it ("connect ECONNREFUSED 127.0.0.1:8002"). */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error && cause.message !== "" ? cause.message : error.message;
}

/** The candidate nearest to `word` by edit distance, if it is near enough to be a slip; else null. */
export function nearest(word: string, candidates: Iterable<string>): string | null {
  let best: string | null = null;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    // The distance is at least this; so a long word from outside costs nothing.
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** " (did you mean 'Sport'?)", or nothing when no candidate is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const near = nearest(word, candidates);
  return near === null ? "" : ` (did you mean '${near}'?)`;
}

/** Letters changed, left out, put in, or swapped with their neighbour: a swap is one slip, not two. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? before[j - 2]! + 1 : substituted;
      next.push(Math.min(substituted, swapped, row[j]! + 1, next[j - 1]! + 1));
    }
    before = row;
    row = next;
  }
  return row[b.length]!;
}
