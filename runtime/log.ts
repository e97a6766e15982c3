import { type DestinationStream, type Logger, pino } from "pino";
import type { Site } from "./site.ts";

export type Log = Logger;

/**
 * JSON lines, or readable ones when a terminal reads them. Customer data is only ever logged at `debug`.
 *
 * @param out  where lines go; default stderr, so that stdout stays for people and pipes
 */
export async function createLog(
  { level, format }: Site["log"],
  terminal: boolean,
  out?: DestinationStream,
): Promise<Log> {
  const pretty = format === "pretty" || (format === "auto" && terminal);
  if (!pretty) return pino({ level, base: null }, out ?? pino.destination({ fd: 2, sync: false }));
  // Loaded only where somebody looks: it takes longer than the rest of the log.
  const { PinoPretty } = await import("pino-pretty");
  return pino(
    { level, base: null },
    PinoPretty({ destination: 2, sync: true, ignore: "pid,hostname", translateTime: "SYS:HH:MM:ss" }),
  );
}
