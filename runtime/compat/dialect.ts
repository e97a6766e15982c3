/** Whose behaviour: the program in Ruby and the older module in Perl decide some things differently. */
export type Dialect = "ruby" | "perl";

/** What a goal's cell says: the text before its first colon, and behind it the host. */
export interface Status {
  /** `r`, `1`, `F`; null: empty, or nothing that is known, which is written over as if it were empty. */
  readonly mark: "r" | "1" | "F" | null;
  readonly host: string;
}

/** Case counts, and only the text before the first colon: `1:anything` is done, `r` alone is running. */
export function statusOf(text: string, dialect: Dialect): Status {
  const [before = "", host = ""] = text.split(":");
  if (before === "r" || before === "F") return { mark: before, host };
  const isDone = dialect === "ruby" ? before === "1" : perlNumber(before) === 1;
  return { mark: isDone ? "1" : null, host };
}

/** Whether `ready` or `complete` holds. Ruby: `1` and nothing else; Perl: anything but "" and `0`. */
export function isSet(text: string, dialect: Dialect): boolean {
  return dialect === "ruby" ? text === "1" : isPerlTrue(text);
}

/** Whether a prerequisite holds. Ruby: `1` and nothing else; Perl: a number that equals 1, so `1.0` too. */
export function isMet(text: string, dialect: Dialect): boolean {
  return dialect === "ruby" ? text === "1" : perlNumber(text) === 1;
}

/** Whether what a body returned means success. Ruby: anything but nil and false; Perl: nor 0, "0" and "". */
export function isSuccess(value: unknown, dialect: Dialect): boolean {
  if (value === null || value === undefined || value === false) return false;
  return dialect === "ruby" || isPerlTrue(String(value));
}

export function isPerlTrue(text: string): boolean {
  return text !== "" && text !== "0";
}

/** A text as Perl takes it for a number: what begins it, else 0. */
function perlNumber(text: string): number {
  const number = /^\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)/i.exec(text)?.[1];
  return number === undefined ? 0 : Number(number);
}
