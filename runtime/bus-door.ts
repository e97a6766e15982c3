// The bus's door: the fast lane where there is one, and the ordinary way where there is none, or none any more.
import type { LaneDoor } from "./lane-door.ts";

export interface Door {
  /** No further events: resolves once all that were under way have been taken. Their answers still go out. */
  drain(): Promise<void>;
  /** Sends the answers that wait, then ends. Twice is once. */
  close(): Promise<void>;
}

export interface BusDoorOptions {
  /** Opens the fast lane, which calls `handOver` once, with the reason, when it can't be used; a text: why there is none. */
  readonly lane: (handOver: (reason: string) => void) => LaneDoor | string;
  readonly ordinary: () => Door;
  /** Told why the fast lane was left. */
  readonly left: (reason: string) => void;
}

export class BusDoor implements Door {
  /** Null: it is not, or no longer, used. */
  lane: LaneDoor | null = null;
  readonly #options: BusDoorOptions;
  #ordinary: Door | null = null;
  #isClosing = false;

  constructor(options: BusDoorOptions) {
    this.#options = options;
    const lane = options.lane((reason) => this.#leave(reason));
    if (typeof lane === "string") this.#ordinary = options.ordinary();
    else this.lane = lane;
  }

  async drain(): Promise<void> {
    this.#isClosing = true;
    await Promise.all([this.lane?.drain(), this.#ordinary?.drain()]);
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await Promise.all([this.lane?.close(), this.#ordinary?.close()]);
  }

  /** What came meanwhile is lost as with any lost connection, and who asked is told that nobody listens. */
  #leave(reason: string): void {
    this.lane = null;
    if (this.#isClosing) return;
    this.#options.left(reason);
    this.#ordinary = this.#options.ordinary();
  }
}
