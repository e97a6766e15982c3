/** Notices that retention took entries: sequences are given without gaps, from 1. */
export class Gaps {
  #last = 0;
  found = false;

  /** What is up to here is known of otherwise. */
  beginBehind(seq: number): void {
    this.#last = seq;
  }

  /** Entries that follow each other; some of them may have been passed before. */
  passAll(firstSeq: number, lastSeq: number): void {
    if (firstSeq > this.#last + 1) this.found = true;
    this.#last = lastSeq;
  }
}
