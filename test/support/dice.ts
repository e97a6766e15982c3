/** Choices of a generator of numbers in [0, 1). */
export class Dice {
  readonly random: () => number;

  constructor(random: () => number) {
    this.random = random;
  }

  /** A whole number from 0 up to, not including, `count`. */
  below(count: number): number {
    return Math.floor(this.random() * count);
  }

  chance(share: number): boolean {
    return this.random() < share;
  }

  one<T>(all: readonly T[]): T {
    return all[this.below(all.length)]!;
  }

  /** The first few of them. */
  some<T>(...all: readonly T[]): T[] {
    return all.slice(0, this.below(all.length + 1));
  }

  /** Up to, not including, `count` of them. */
  list<T>(count: number, make: () => T): T[] {
    return Array.from({ length: this.below(count) }, make);
  }
}
