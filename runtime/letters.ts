import { AisleError } from "./errors.ts";
import type { DeadLetters, Receipt } from "./http/ports.ts";
import type { EventIngest } from "./ingest.ts";
import type { StoredDeadLetters } from "./store/deadletters.ts";

/** Dead letters that can be taken in again. */
export function replayable(letters: StoredDeadLetters, ingest: EventIngest): DeadLetters {
  return {
    list: (options) => letters.list(options),
    get: (id) => letters.get(id),
    count: () => letters.count(),
    async replay(id): Promise<Receipt> {
      const letter = letters.get(id);
      if (letter === null) throw new AisleError("not-found", `there is no dead letter ${id}`);
      if (letter.replayedAs !== undefined) {
        throw new AisleError("conflict", `dead letter ${id} was taken in again before, as entry ${letter.replayedAs}`);
      }
      const { principal, subject: path, headers, payload, payloadBytes } = letter;
      if (payload.length < payloadBytes)
        throw new AisleError("invalid", `dead letter ${id} was cut to ${payload.length} of ${payloadBytes} bytes`);
      const { type = null, ...rest } = headers;
      const inbound = { principal, subject: path, type, headers: rest, body: payload };
      const receipt = await ingest.replay(inbound, id, letter.seq ?? null);
      const seq = receipt.seqs[0];
      if (seq !== undefined) await letters.markReplayed(id, seq);
      return receipt;
    },
  };
}
