// How far a run is, in one line of a terminal that is written over and over.
import type { Clock } from "../clock.ts";

export interface Progress {
  /** More of the input was read. @param events  so far */
  read(bytes: number, events: number): void;
  folded(events: number, of: number): void;
  /** All is folded: the line goes. */
  done(): void;
}

/** Between two writings, ms. */
const EVERY_MS = 100;
const WIDTH = 30;

/**
 * @param bytes  of all sources; null: not known
 * @param write  to the terminal, without a line break
 */
export function terminalProgress(clock: Clock, bytes: number | null, write: (text: string) => void): Progress {
  const begin = clock.monotonic();
  let shown = Number.NEGATIVE_INFINITY;
  let read = 0;
  let foldBegin: number | null = null;
  const show = (text: () => string) => {
    const now = clock.monotonic();
    if (now - shown < EVERY_MS) return;
    shown = now;
    write(`\r${text()}\x1b[K`);
  };
  return {
    read(more, events) {
      read += more;
      const share = bytes === null || bytes === 0 ? null : read / bytes;
      show(() => lineOf("reading", share, events, clock.monotonic() - begin));
    },
    folded(events, of) {
      foldBegin ??= clock.monotonic();
      const ms = clock.monotonic() - foldBegin;
      show(() => lineOf("folding", events / of, events, ms));
    },
    done() {
      if (shown !== Number.NEGATIVE_INFINITY) write("\r\x1b[K");
    },
  };
}

function lineOf(what: string, share: number | null, events: number, ms: number): string {
  const perSecond = ms <= 0 ? 0 : Math.round((events / ms) * 1000);
  const count = `${events.toLocaleString("en-US")} events, ${perSecond.toLocaleString("en-US")}/s`;
  if (share === null) return `${what}  ${count}`;
  const full = Math.round(Math.min(share, 1) * WIDTH);
  const percent = `${Math.floor(Math.min(share, 1) * 100)}`.padStart(3);
  return `${what}  [${"#".repeat(full)}${"-".repeat(WIDTH - full)}] ${percent} %  ${count}`;
}
