import type { BusState, OnError } from "./bus.ts";

/** For a bus that was given no `onError`: a line on stderr, never silence, never the end of the process. */
export const warn: OnError = (error, subject) => {
  process.emitWarning(`on '${subject}': ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
};

/** Tells `onError`; a reporter that fails itself must not stop the bus. */
export function report(onError: OnError, error: unknown, subject: string): void {
  try {
    onError(error, subject);
  } catch (second) {
    warn(second, subject);
  }
}

/** Tells every listener, also after one that throws. */
export function announce(listeners: readonly ((state: BusState) => void)[], state: BusState, onError: OnError): void {
  for (const listener of listeners) {
    try {
      listener(state);
    } catch (error) {
      report(onError, error, "");
    }
  }
}
