// Decisions whose messages are under way, in the order of the journal.

export interface Flight {
  readonly seq: number;
  /** ms since epoch */
  readonly receivedAt: number;
  readonly customer: string;
  readonly bytes: number;
  /** Messages that are not confirmed. */
  left: number;
}

export class Flights {
  /** Those that are confirmed stay until all before them are. */
  readonly #flights = new Map<number, Flight>();
  /** Under way, by customer. */
  readonly #customers = new Map<string, number>();
  /** Confirmed, after one that was lost: they are not sent again. */
  readonly #done = new Set<number>();
  #bytes = 0;
  #whenEmpty: (() => void)[] = [];

  /** Under way, and those that wait for them. */
  get size(): number {
    return this.#flights.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** All before the oldest are confirmed; null: there is none. */
  get through(): number | null {
    const oldest = this.#flights.values().next().value;
    return oldest === undefined ? null : oldest.seq - 1;
  }

  get oldestAt(): number | null {
    return this.#flights.values().next().value?.receivedAt ?? null;
  }

  has(customer: string): boolean {
    return this.#customers.has(customer);
  }

  add(flight: Flight): Flight {
    this.#flights.set(flight.seq, flight);
    this.#bytes += flight.bytes;
    this.#customers.set(flight.customer, (this.#customers.get(flight.customer) ?? 0) + 1);
    return flight;
  }

  isUnderWay(flight: Flight): boolean {
    return flight.left > 0 && this.#flights.get(flight.seq) === flight;
  }

  /** It was confirmed. */
  end(flight: Flight): void {
    flight.left = 0;
    this.#bytes -= flight.bytes;
    this.#leave(flight);
    for (const first of this.#flights.values()) {
      if (first.left > 0) return;
      this.#flights.delete(first.seq);
    }
    for (const resolve of this.#whenEmpty.splice(0)) resolve();
  }

  /** All that are under way are lost. */
  lose(): void {
    for (const { seq, left } of this.#flights.values()) if (left === 0) this.#done.add(seq);
    this.#flights.clear();
    this.#customers.clear();
    this.#bytes = 0;
    for (const resolve of this.#whenEmpty.splice(0)) resolve();
  }

  /** Whether this one was confirmed before those that were lost; asked once, when its turn comes again. */
  wasDone(seq: number): boolean {
    const wasDone = this.#done.delete(seq);
    if (wasDone && this.size > 0) this.#flights.set(seq, { seq, receivedAt: 0, customer: "", bytes: 0, left: 0 });
    return wasDone;
  }

  /** Confirmed, and behind one that is not: after a crash they are sent again. */
  get ahead(): number {
    let ahead = this.#done.size;
    for (const { left } of this.#flights.values()) if (left === 0) ahead++;
    return ahead;
  }

  /** Resolves once nothing is under way. */
  whenEmpty(): Promise<void> {
    if (this.#flights.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenEmpty.push(resolve));
  }

  #leave({ customer }: Flight): void {
    const left = (this.#customers.get(customer) ?? 1) - 1;
    if (left === 0) this.#customers.delete(customer);
    else this.#customers.set(customer, left);
  }
}
