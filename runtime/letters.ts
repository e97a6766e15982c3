import { AisleError } from "./errors.ts";
import type { DeadLetters, Receipt } from "./http/ports.ts";
import type { EventIngest } from "./ingest.ts";
import type { DeadLetter, StoredDeadLetters } from "./store/deadletters.ts";

/** Dead letters that can be taken in again, once each. */
export function replayable(letters: StoredDeadLetters, ingest: EventIngest): DeadLetters {
  const underWay = new Set<number>();

  /** That it came back is on the disk with what it came back as: nothing in between lets it come twice. */
  async function replay(letter: DeadLetter): Promise<Receipt> {
    const { id, principal, subject, headers, payload } = letter;
    const { type = null, ...rest } = headers;
    const inbound = { principal, subject, type, headers: rest, body: payload };
    const beside = (seq: number) => letters.replaying(id, seq);
    const receipt = await ingest.replay(inbound, { letter: id, seq: letter.seq ?? null, beside });
    await letters.replayed(id);
    return receipt;
  }

  return {
    list: (options) => letters.list(options),
    get: (id) => letters.get(id),
    count: () => letters.count(),
    async replay(id): Promise<Receipt> {
      const letter = letters.get(id);
      if (letter === null) throw new AisleError("not-found", `there is no dead letter ${id}`);
      const { replayedAs, payload, payloadBytes } = letter;
      if (replayedAs !== undefined)
        throw new AisleError("conflict", `dead letter ${id} was taken in again before, as entry ${replayedAs}`);
      if (underWay.has(id)) throw new AisleError("conflict", `dead letter ${id} is being taken in again right now`);
      if (payload.length < payloadBytes)
        throw new AisleError("invalid", `dead letter ${id} was cut to ${payload.length} of ${payloadBytes} bytes`);
      underWay.add(id);
      try {
        return await replay(letter);
      } finally {
        underWay.delete(id);
      }
    },
  };
}
