// A journal that was restored goes on under another epoch: what stood in the backup belongs to the source of before.

/** A stretch of the journal that was written under one epoch, and is one source to the hub. */
export interface Segment {
  readonly epoch: string;
  /** First sequence. */
  readonly from: number;
}

/** Those known, and one for the epoch in force, which begins behind what the journal holds when it is new. */
export function segmentsOf(known: readonly Segment[], epoch: string, lastSeq: number): readonly Segment[] {
  if (known.length === 0) return [{ epoch, from: 1 }];
  return known.at(-1)!.epoch === epoch ? known : [...known, { epoch, from: lastSeq + 1 }];
}

/** The segment that a sequence is in, and the last sequence that it may have. */
export function segmentAt(segments: readonly Segment[], seq: number): Segment & { readonly end: number } {
  let index = segments.length - 1;
  while (index > 0 && segments[index]!.from > seq) index--;
  const next = segments[index + 1];
  return { ...segments[index]!, end: next === undefined ? Number.POSITIVE_INFINITY : next.from - 1 };
}
