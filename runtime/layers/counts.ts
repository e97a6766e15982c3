// What happened to each port.

/** How often, since the start. */
export interface PortCounts {
  renewed: number;
  /** An output was asked for and found held. */
  blocked: number;
  /** An input was read and found replaced. */
  replaced: number;
  /** Holds that ended, were let go, or had to go before their end. */
  released: number;
  /** Of those: because of `limits.holds`. */
  evicted: number;
}

/** By name of the port; of ports that something happened to. */
export class Counts extends Map<string, PortCounts> {
  add(port: string, what: keyof PortCounts): void {
    let counts = this.get(port);
    if (counts === undefined) {
      counts = { renewed: 0, blocked: 0, replaced: 0, released: 0, evicted: 0 };
      this.set(port, counts);
    }
    counts[what]++;
  }
}
