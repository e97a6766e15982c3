// The whole state of a place as text: two places are in the same state when their texts are equal.
import { writeSheet } from "../../../runtime/board/csv.ts";
import type { Place } from "../../../runtime/main.ts";

/** Part of the state → its text. */
export type Digest = Readonly<Record<string, string>>;

export function digestOf(place: Place): Digest {
  const parts: Record<string, string> = {};
  for (const page of place.runner.board.pages) parts[`page ${page.name}`] = piecesOf(writeSheet(page));
  parts.aggregates = sorted(piecesOf(place.transforms.all()));
  // What had ended by the journal's own time, retention may have taken away before the clock was set back.
  const lastAt = place.journal.find(place.journal.lastSeq)?.receivedAt ?? 0;
  const standing = place.offers.standing(null).filter(({ decision }) => decision.expiresAt > lastAt);
  parts.offers = JSON.stringify(standing);
  return parts;
}

/** The first part in which they differ, with both texts; null: none. */
export function differenceOf(one: Digest, other: Digest): string | null {
  for (const name of new Set([...Object.keys(one), ...Object.keys(other)]))
    if (one[name] !== other[name]) return `${name}:\n${one[name]}\nand\n${other[name]}`;
  return null;
}

function piecesOf(pieces: { next(): string | Uint8Array | null }): string {
  let text = "";
  for (;;) {
    const piece = pieces.next();
    if (piece === null) return text;
    text += typeof piece === "string" ? piece : Buffer.from(piece).toString();
  }
}

/** Identities stand in the order in which memory holds them. */
export function sorted(lines: string): string {
  return lines.split("\n").sort().join("\n");
}
