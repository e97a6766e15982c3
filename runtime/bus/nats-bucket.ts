import { AisleError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Link } from "./nats.ts";
import { codeOf, ERR } from "./nats-codes.ts";
import { isAtLeast } from "./nats-versions.ts";

type Manager = Awaited<ReturnType<Link["connection"]["jetstreamManager"]>>;
type StreamInfo = Awaited<ReturnType<Manager["streams"]["info"]>>;

export interface BucketSettings {
  /** Servers that keep a copy. */
  readonly replicas: number;
  readonly bytesMax: number;
}

/** Before it, a cluster could let two changes that expect the same revision both pass. */
const SERIALISED_SINCE = [2, 9, 21] as const;

/**
 * The stream of a bucket, made if it is not there.
 *
 * @param prefix  of its subjects
 * @throws AisleError `unsupported` when the server can't keep changes of replicas apart, and what the package throws
 */
export async function findBucket(
  { library, connection }: Link,
  stream: string,
  prefix: string,
  { replicas, bytesMax }: BucketSettings,
): Promise<StreamInfo> {
  if (replicas > 1) checkVersion(connection.info?.version ?? "", replicas);
  const { streams } = await connection.jetstreamManager({ timeout: limits.bucketRequestMs, checkAPI: false });
  try {
    return await streams.info(stream);
  } catch (error) {
    if (codeOf(error) !== ERR.noStream) throw error;
  }
  try {
    return await streams.add({
      ...{ name: stream, subjects: [`${prefix}>`], max_msgs_per_subject: 1, max_bytes: bytesMax },
      ...{ num_replicas: replicas, allow_rollup_hdrs: true, deny_delete: true, allow_direct: true },
      retention: library.RetentionPolicy.Limits,
      storage: library.StorageType.File,
      // At the bound who writes is told; nothing that stands there goes.
      discard: library.DiscardPolicy.New,
    });
  } catch (error) {
    // Another node was first, with settings of its own.
    if (codeOf(error) === ERR.inUse) return streams.info(stream);
    throw error;
  }
}

function checkVersion(version: string, replicas: number): void {
  if (isAtLeast(version, SERIALISED_SINCE)) return;
  const expected = `nats-server ${SERIALISED_SINCE.join(".")} or later, or one replica`;
  throw new AisleError("unsupported", `${replicas} replicas need ${expected}; this one is ${version}`);
}
