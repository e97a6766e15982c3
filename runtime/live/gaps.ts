/** Notices that retention took entries: sequences are given without gaps, from 1. */
export class Gaps {
  #last = 0;
  found = false;

  pass(seq: number): void {
    if (seq !== this.#last + 1) this.found = true;
    this.#last = seq;
  }
}
