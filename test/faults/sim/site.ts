// The simulator's site, read once for all seeds.
import { fileURLToPath } from "node:url";
import { actors } from "../../../actors/index.ts";
import { type OpenedSite, openSite, type SiteOptions } from "../../../runtime/config.ts";
import { limits } from "../../../runtime/limits.ts";

const DIR = fileURLToPath(new URL("../site", import.meta.url));
const DECLARED = actors as unknown as SiteOptions["actors"];

export const CUSTOMERS = ["ann", "bob", "cat", "dan"] as const;
export const DEPARTMENTS = ["Boys", "Sport"] as const;

/** Bounds so small that a run meets them: what is cut into pieces, gathered, or sent back there is here too. */
const SMALL: Partial<Record<keyof typeof limits, number>> = {
  ...{ intakeItems: 64, intakeBytes: 32_768, intakePending: 40, intakePendingBytes: 65_536 },
  ...{ intakeHoldBytes: 64, intakeBatchBytes: 512 },
  ...{ blockEntries: 6, blockBytes: 16_384, intakeEnvelopes: 64, intakeEnvelopeBytes: 8_192 },
  ...{ journalQueueEntries: 80, commitEntries: 10 },
  ...{ foldEvents: 8, foldBacklogEvents: 16, foldQueue: 20 },
  ...{ checkpointEntries: 5, checkpointQueueEntries: 30, checkpointCommitBytes: 4_096 },
  ...{ outboxFlights: 4, outboxReadEntries: 7, outboxNoteEntries: 10 },
};
Object.assign(limits, SMALL);

let opened: OpenedSite | null = null;

export function simSite(): OpenedSite {
  opened ??= openSite(DIR, { env: {}, hostname: "box", actors: DECLARED, overrides: { play: null, port: 0 } });
  return opened;
}
