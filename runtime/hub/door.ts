// The hub's side: takes over what places send of their journals, each entry once.
import type { Bus, Message } from "../bus/bus.ts";
import { decodeToken } from "../bus/subject.ts";
import type { Clock } from "../clock.ts";
import type { Dedupe } from "../dedupe.ts";
import { AisleError } from "../errors.ts";
import type { Journal } from "../journal/journal.ts";
import { limits } from "../limits.ts";
import { draftsOf, readBatch } from "./batch.ts";
import { freshOf } from "./ids.ts";
import { type Answer, EPOCH, FROM, sourceOf } from "./words.ts";

export interface HubDoorPorts {
  readonly bus: Bus;
  /** `<prefix>.<site>.<place>` of the hub: it is asked on `<base>.hub.<place>`. */
  readonly base: string;
  readonly journal: Pick<Journal, "append" | "position">;
  readonly clock: Pick<Clock, "now">;
  /** The hub's own: one bound for the ids of all places and of its own publishers. */
  readonly dedupe: Pick<Dedupe, "seen" | "add">;
}

export interface HubDoorStats {
  /** Entries of other places that were journalled. */
  readonly entries: number;
  /** Events that were passed over, as the hub had them under their publisher's id. */
  readonly repeated: number;
  /** Batches that were refused, for whatever reason. */
  readonly refused: number;
}

/** One question: a batch, or, with no bytes, how far the source has come. */
interface Question {
  readonly place: string;
  readonly epoch: string;
  readonly source: string;
  /** First sequence of the source. */
  readonly from: number;
  readonly bytes: Buffer;
  readonly message: Message;
}

/**
 * How far a source has come stands in the commit with what came from it, so that nothing is taken twice or passed over,
 * whoever is killed when. Where the source is new, as the place was restored, the ids of events say what came before.
 * Questions of one place wait for each other, those of several don't.
 */
export class HubDoor {
  readonly #ports: HubDoorPorts;
  /** By place: questions that wait, the one under way first. */
  readonly #queues = new Map<string, Question[]>();
  #stop: () => void = () => {};
  #isClosed = false;
  #entries = 0;
  #repeated = 0;
  #refused = 0;

  constructor(ports: HubDoorPorts) {
    this.#ports = ports;
  }

  open(): void {
    const { bus, base } = this.#ports;
    const subscription = bus.subscribe(`${base}.hub.*`, (message) => this.#ask(message));
    this.#stop = () => subscription.unsubscribe();
  }

  stats(): HubDoorStats {
    return { entries: this.#entries, repeated: this.#repeated, refused: this.#refused };
  }

  /** What has begun is still journalled, and answered while the bus is there. */
  close(): void {
    this.#isClosed = true;
    this.#stop();
  }

  #ask(message: Message): void {
    let question: Question;
    try {
      question = this.#read(message);
    } catch (error) {
      this.#refuse(message, error);
      return;
    }
    const { place } = question;
    const queue = this.#queues.get(place);
    if (queue === undefined) {
      this.#queues.set(place, [question]);
      void this.#work(place);
    } else if (queue.length < limits.hubQueue) queue.push(question);
    else this.#refuse(message, new AisleError("overloaded", `${limits.hubQueue} batches of '${place}' wait`));
  }

  /** @throws AisleError `invalid` */
  #read(message: Message): Question {
    const { subject, headers, payload } = message;
    const place = decodeToken(subject.slice(this.#ports.base.length + ".hub.".length));
    const epoch = headers[EPOCH] ?? "";
    const from = Number(headers[FROM]);
    if (!/^[0-9a-z]{1,32}$/.test(epoch) || !Number.isSafeInteger(from) || from < 1)
      throw new AisleError("invalid", `expected the headers '${EPOCH}' and '${FROM}' of a place's journal`);
    // The payload is the bus's own; the journal keeps what it is handed.
    return { place, epoch, from, source: sourceOf(place, epoch), bytes: Buffer.from(payload), message };
  }

  async #work(place: string): Promise<void> {
    const queue = this.#queues.get(place)!;
    while (queue.length > 0 && !this.#isClosed) {
      const question = queue[0]!;
      try {
        this.#answer(question.message, { through: await this.#take(question) });
      } catch (error) {
        this.#refuse(question.message, error);
      }
      queue.shift();
    }
    this.#queues.delete(place);
  }

  /** @returns up to where the source is on disk */
  async #take({ bytes, source, place, epoch, from }: Question): Promise<number> {
    const through = Number(this.#ports.journal.position(source) ?? from - 1);
    if (bytes.length === 0) return through;
    const { first, last } = readBatch(bytes);
    if (last <= through) return through;
    if (first > through + 1)
      throw new AisleError("conflict", `the batch begins at ${first}: expected what follows on ${through}`);
    const drafts = draftsOf(bytes, through, { place, epoch });
    const { journal, dedupe, clock } = this.#ports;
    const fresh = freshOf(drafts, dedupe);
    // Also where none is fresh: by the time that their ids are forgotten, nobody may ask for these again.
    await journal.append(fresh.drafts, { position: { source, value: String(last) } });
    for (const print of fresh.prints) dedupe.add(print, clock.now());
    this.#entries += fresh.drafts.length;
    this.#repeated += drafts.length - fresh.drafts.length;
    return last;
  }

  #refuse(message: Message, error: unknown): void {
    this.#refused++;
    const { code, message: detail } =
      error instanceof AisleError ? error : { code: "unavailable" as const, message: (error as Error).message };
    this.#answer(message, { through: 0, code, detail });
  }

  #answer(message: Message, answer: Answer): void {
    message.respond(Buffer.from(JSON.stringify(answer)));
  }
}
