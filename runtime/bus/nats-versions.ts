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

/**
 * Whether what a stream acknowledges lasts: null, or why not, in a sentence.
 *
 * @param version  of its server; null: not known
 * @param synced  the site says that its server has `sync_interval: always`
 */
export function frailtyOf(
  { name, storage }: { readonly name: string; readonly storage: string },
  version: string | null,
  synced: boolean,
): string | null {
  const rests = `events of the stream '${name}' rest on JetStream alone until they are consumed`;
  if (storage === "memory") return `${rests}, and it keeps them in memory: they are gone when its server ends`;
  if (version !== null && !isAtLeast(version, SYNCS_SINCE))
    return `${rests}, and nats-server ${version} acknowledges before it syncs: a power cut there loses the last of them`;
  if (synced) return null;
  const server = version === null ? "its server" : `nats-server ${version}`;
  return `${rests}, and whether ${server} syncs before it acknowledges is not known: set 'sync_interval: always' there, then 'synced: true' here`;
}
