// What a nats-server can do, by its version.

/** Before it, JetStream knows no `sync_interval: always`: it acknowledges what is not on the disk. */
const SYNCS_SINCE = [2, 10, 0] as const;

/** `2.9.10`, `2.11.0-RC.1` → is it this version or a later one? Null for a text that is no version: no. */
export function isAtLeast(version: string | null, least: readonly number[]): boolean {
  const parts = (version ?? "").split(/[.-]/).map(Number);
  for (const [i, wanted] of least.entries()) {
    const part = parts[i] ?? 0;
    if (Number.isNaN(part) || part < wanted) return false;
    if (part > wanted) return true;
  }
  return true;
}

/** What rests on a stream. */
export interface Resting {
  /** The beginning of a sentence: `events of the stream 'SALES' rest on JetStream alone`. */
  readonly rests: string;
  /** The site says that its server has `sync_interval: always`. */
  readonly synced: boolean;
  /** What in `site.yml` says so. */
  readonly setting: string;
  /** Of the stream: `file` or `memory`. */
  readonly storage: string;
}

/**
 * Whether what a stream acknowledges lasts: null, or why not and what to do, in a sentence.
 *
 * @param version  of its server; null: not known
 */
export function frailtyOf({ rests, synced, setting, storage }: Resting, version: string | null): string | null {
  if (storage === "memory")
    return `${rests}, and it keeps them in memory: they are gone when its server ends; make the stream with the storage 'file'`;
  const sync = `set 'sync_interval: always' there, then '${setting}: true' here`;
  if (version !== null && !isAtLeast(version, SYNCS_SINCE))
    return `${rests}, and nats-server ${version} acknowledges before it syncs: a power cut there loses the last of them; from 2.10 on ${sync}`;
  if (synced) return null;
  const server = version === null ? "its server" : `nats-server ${version}`;
  return `${rests}, and whether ${server} syncs before it acknowledges is not known: ${sync}`;
}
