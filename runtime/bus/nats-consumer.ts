import type { ConsumerConfig, ConsumerInfo, JetStreamManager, StreamInfo } from "nats";
import { AisleError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Link } from "./nats.ts";
import { codeOf, ERR } from "./nats-codes.ts";
import { ns } from "./nats-stream-line.ts";
import type { StreamMark, StreamNote } from "./stream.ts";

export interface ConsumerSettings {
  readonly stream: string;
  /** Durable name. */
  readonly consumer: string;
  /** Which subjects; null: all of the stream. */
  readonly filter: string | null;
  /** Where one begins that never consumed anything. */
  readonly from: "all" | "new";
  /** Of JetStream, as seen through a leaf node; null: the server's own. */
  readonly domain: string | null;
}

/** A consumer that will deliver exactly what lies behind `mark`, perhaps with some before. */
export interface OpenedConsumer {
  readonly mark: StreamMark;
  /** Deliveries that it has made. */
  readonly delivered: number;
  readonly info: StreamInfo;
  readonly notes: readonly StreamNote[];
}

/**
 * Finds the stream and its durable consumer, and makes it anew where it would not go on right behind the mark: what was
 * delivered to a process that is gone would come late, after what is newer.
 *
 * @param mark  how far the stream was consumed; null: never
 * @throws AisleError `unsupported` for a stream or consumer that can't be read this way; what the package throws
 */
export async function openConsumer(
  { library, connection }: Link,
  settings: ConsumerSettings,
  mark: StreamMark | null,
): Promise<OpenedConsumer> {
  const { stream, domain } = settings;
  const manager = await connection.jetstreamManager({
    ...{ timeout: limits.consumeRequestMs, checkAPI: false },
    ...(domain === null ? {} : { domain }),
  });
  const info = await manager.streams.info(stream);
  // Interest goes with the consumer, which is made anew at times; a work queue has no acknowledgement of many at once.
  if (info.config.retention !== library.RetentionPolicy.Limits)
    throw unsupported(`the stream '${stream}' has the retention '${info.config.retention}': expected 'limits'`);
  const notes: StreamNote[] = [];
  const existing = await found(manager, settings);
  if (existing !== null) checkConfig(existing.config, settings);
  const start = mark === null ? firstPlace(existing, settings, info) : await placeOf(manager, info, mark, notes);
  const made = { created: info.created, seq: start.seq, time: start.time };
  if (existing !== null && goesOn(existing, settings, start))
    return { mark: made, delivered: existing.delivered.consumer_seq, info, notes };
  if (existing === null && mark !== null && notes.length === 0) {
    const detail = `the consumer '${settings.consumer}' of the stream '${stream}' was gone: made again from ${start.seq + 1} on`;
    notes.push({ kind: "recreated", detail });
  }
  if (existing !== null) await manager.consumers.delete(stream, settings.consumer);
  await manager.consumers.add(stream, configOf(library, settings, start));
  return { mark: made, delivered: 0, info, notes };
}

/** Where to go on: behind this message, or with `after`, behind this time. */
interface Place {
  readonly seq: number;
  readonly time: string;
  /** ns since epoch; null: the sequence says it. */
  readonly after: string | null;
}

/** Of one who never consumed anything. */
function firstPlace(existing: ConsumerInfo | null, { from }: ConsumerSettings, { state }: StreamInfo): Place {
  const seq = existing?.ack_floor.stream_seq ?? (from === "new" ? state.last_seq : 0);
  return { seq, time: "", after: null };
}

/** The mark's place in the stream as it is now. */
async function placeOf(
  manager: JetStreamManager,
  { config, created, state }: StreamInfo,
  mark: StreamMark,
  notes: StreamNote[],
): Promise<Place> {
  const { name } = config;
  if (mark.created !== created) {
    const detail = `the stream '${name}' is another than before (made ${created}): read from its beginning`;
    notes.push({ kind: "anew", detail });
    return { seq: 0, time: "", after: null };
  }
  const lost =
    mark.seq > state.last_seq
      ? `the stream '${name}' ends at ${state.last_seq}, and was consumed up to ${mark.seq}`
      : (await isRewritten(manager, name, mark))
        ? `the message ${mark.seq} of the stream '${name}' is another than the one consumed`
        : null;
  if (lost !== null) {
    notes.push({ kind: "rewound", detail: `${lost}: its server had lost its end; read on by time` });
    return { seq: 0, time: mark.time, after: mark.time };
  }
  const gone = state.first_seq - mark.seq - 1;
  if (gone > 0) {
    const detail = `up to ${gone} messages of the stream '${name}' (${mark.seq + 1} … ${state.first_seq - 1}) went before they were read`;
    notes.push({ kind: "gone", detail, messages: gone });
    return { ...mark, seq: state.first_seq - 1, after: null };
  }
  return { ...mark, after: null };
}

/** A server that lost its end at a crash gives the same sequences once more, to other messages. */
async function isRewritten(manager: JetStreamManager, stream: string, { seq, time }: StreamMark): Promise<boolean> {
  if (seq === 0) return false;
  try {
    const { timestamp } = await manager.streams.getMessage(stream, { seq });
    return nanoseconds(timestamp) > BigInt(time);
  } catch (error) {
    if (codeOf(error) === ERR.noMessage || codeOf(error) === "404") return false;
    throw error;
  }
}

async function found(manager: JetStreamManager, { stream, consumer }: ConsumerSettings): Promise<ConsumerInfo | null> {
  try {
    return await manager.consumers.info(stream, consumer);
  } catch (error) {
    if (codeOf(error) === ERR.noConsumer) return null;
    throw error;
  }
}

function checkConfig({ ack_policy, deliver_subject }: ConsumerConfig, { stream, consumer }: ConsumerSettings): void {
  const its = `the consumer '${consumer}' of the stream '${stream}'`;
  const advice = "delete it, or name another in site.yml";
  if (deliver_subject)
    throw unsupported(`${its} pushes to '${deliver_subject}': expected one that is asked; ${advice}`);
  if (ack_policy !== "all") throw unsupported(`${its} has the ack policy '${ack_policy}': expected 'all'; ${advice}`);
}

/** Would the consumer deliver all that lies behind the place, before anything else that is newer? */
function goesOn(
  { config, delivered, num_ack_pending }: ConsumerInfo,
  settings: ConsumerSettings,
  place: Place,
): boolean {
  const { deliver_policy, opt_start_seq = 0, filter_subject } = config;
  const beginsBefore =
    delivered.consumer_seq > 0 ||
    deliver_policy === "all" ||
    (deliver_policy === "by_start_sequence" && opt_start_seq <= place.seq + 1);
  const isSame = (filter_subject ?? null) === settings.filter;
  return isSame && beginsBefore && num_ack_pending === 0 && place.after === null && delivered.stream_seq <= place.seq;
}

function configOf(
  library: Link["library"],
  { consumer, filter }: ConsumerSettings,
  { seq, after }: Place,
): Partial<ConsumerConfig> {
  const { All, StartSequence, StartTime } = library.DeliverPolicy;
  const start =
    seq === 0 && after === null
      ? { deliver_policy: All }
      : after === null
        ? { deliver_policy: StartSequence, opt_start_seq: seq + 1 }
        : { deliver_policy: StartTime, opt_start_time: isoOf(BigInt(after) + 1n) };
  return {
    ...{
      durable_name: consumer,
      ack_policy: library.AckPolicy.All,
      ack_wait: ns(limits.consumeAckMs),
      max_deliver: -1,
    },
    // What is under way here is bounded by what is asked for; this bound is for what a broken line leaves behind.
    max_ack_pending: 2 * limits.consumedMessages,
    ...(filter === null ? {} : { filter_subject: filter }),
    ...start,
  };
}

/** ns since epoch of `2026-03-02T09:00:00.123456789Z`. */
function nanoseconds(iso: string): bigint {
  const [, whole = iso, fraction = "", zone = "Z"] = /^(.*?)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(iso) ?? [];
  return BigInt(Date.parse(`${whole}${zone}`)) * 1_000_000n + BigInt(fraction.padEnd(9, "0").slice(0, 9));
}

function isoOf(ns: bigint): string {
  const second = new Date(Number(ns / 1_000_000_000n) * 1_000).toISOString().slice(0, 19);
  return `${second}.${String(ns % 1_000_000_000n).padStart(9, "0")}Z`;
}

function unsupported(message: string): AisleError {
  return new AisleError("unsupported", message);
}
