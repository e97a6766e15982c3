/** A part of an expression: text, and parts in it. */
export interface Part {
  readonly parts: readonly (string | Part)[];
  /** An operator stands at its outside: brackets round it may matter. */
  readonly open: boolean;
}

export function textOf({ parts }: Part): string {
  return parts.map((part) => (typeof part === "string" ? part : textOf(part))).join("");
}

/** Parts one behind the other, with nothing open at the outside. */
export function closed(...parts: readonly (string | Part)[]): Part {
  return { parts, open: false };
}

export function open(...parts: readonly (string | Part)[]): Part {
  return { parts, open: true };
}

/** With commas between them. */
export function listed(items: readonly (string | Part)[]): (string | Part)[] {
  return items.flatMap((item, i) => (i === 0 ? [item] : [", ", item]));
}

/** Each part put in place of one that it is in, or something plain in place of it: what may be shorter. */
export function* simpler(part: Part): Iterable<Part> {
  for (const inner of within(part)) if (inner !== part) yield inner;
  for (const [i, each] of part.parts.entries()) {
    if (typeof each === "string") continue;
    const put = (other: Part): Part => ({ ...part, parts: part.parts.with(i, other) });
    for (const plain of ["1", "''", "[]", "None", "0.5", "{}"]) {
      if (textOf(each).length > plain.length) yield put(closed(plain));
    }
    for (const other of simpler(each)) yield put(other);
  }
}

function* within(part: Part): Iterable<Part> {
  yield part;
  for (const each of part.parts) if (typeof each !== "string") yield* within(each);
}
