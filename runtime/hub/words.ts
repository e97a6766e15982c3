// What a place and its hub say to each other: requests on `<base of the hub>.hub.<place>`.

/** Headers of a request: the epoch of the place's journal, and the first sequence that belongs to it. */
export const EPOCH = "Aisle-Epoch";
export const FROM = "Aisle-From";

/** The hub's answer, as JSON. Refused when it has a code. */
export interface Answer {
  /** Everything of the source up to here is in the hub's journal, on disk. Says nothing when refused. */
  readonly through: number;
  readonly code?: string;
  readonly detail?: string;
}

/** The name under which the hub keeps how far it has come. */
export function sourceOf(place: string, epoch: string): string {
  return `hub/${place}-${epoch}`;
}

/** The header `origin` of an entry, at a hub. */
export function originOf(place: string, epoch: string, seq: number): string {
  return `${place}-${epoch}-${seq}`;
}

/** The place that an origin names; epoch and sequence have no dash. */
export function placeIn(origin: string): string {
  return origin.replace(/-[^-]*-[^-]*$/, "");
}

/** Null: it is no answer of a hub. */
export function readAnswer(payload: Uint8Array): Answer | null {
  try {
    const answer = JSON.parse(Buffer.from(payload).toString()) as Answer;
    return Number.isSafeInteger(answer.through) ? answer : null;
  } catch {
    return null;
  }
}
