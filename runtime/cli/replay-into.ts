// `aisle replay --into`: a data folder with a stretch of a journal, and the state that it makes.
import { join } from "node:path";
import type { OnError } from "../bus/bus.ts";
import { MemoryBus } from "../bus/memory.ts";
import { awake, type Clock } from "../clock.ts";
import type { OpenedSite } from "../config.ts";
import { BlobReader, BlobWriter, readHeader } from "../journal/blob.ts";
import { excerptWrite, JOURNAL, META, removedSeq, removedWrite } from "../journal/meta.ts";
import { keyOf, seqOf } from "../key.ts";
import { createLog } from "../log.ts";
import { excerptLacks, Place } from "../main.ts";
import { openStore } from "../store/lmdb.ts";
import type { Row, Store, Write } from "../store/store.ts";
import { renewEpoch } from "./epoch.ts";
import { makeTarget } from "./folders.ts";
import type { Stretch } from "./replay-bounds.ts";
import type { Shell } from "./shell.ts";

/** Commits copied in one. */
const FETCH = 32;

/** Sequences stay; the folder has an epoch of its own. */
export async function replayInto(
  shell: Shell,
  stretch: Stretch,
  opened: OpenedSite,
  into: string,
  json: boolean,
): Promise<void> {
  makeTarget(join(into, "journal"));
  await copyCommits(shell, stretch, into);
  const { epoch, lastSeq } = await renewEpoch(into);
  const log = await createLog({ ...opened.site.log, level: "warn" }, shell.terminal);
  // Nobody outside is to hear of it.
  const machine = { openBus: (_: unknown, clock: Clock, onError: OnError) => new MemoryBus({ clock, onError }) };
  const place = new Place({ ...opened, dataDir: into, log, version: shell.version, machine });
  try {
    await place.attach();
    place.checkpoints.begin();
    await awake(place.checkpoints.checkpointer!.now());
  } finally {
    await place.stop();
  }
  const { fromSeq } = stretch;
  if (json) shell.write(JSON.stringify({ data: into, epoch, fromSeq, toSeq: lastSeq }, null, 2));
  else shell.write(`'${into}' has the entries ${fromSeq} to ${lastSeq}, and the state that they make`);
  const lacks = excerptLacks(opened.site, into);
  if (lacks !== null) shell.warn(lacks);
}

async function copyCommits(shell: Shell, { journal, fromSeq, toSeq }: Stretch, into: string): Promise<void> {
  const from = journal.store;
  const to = openStore({ path: join(into, "journal"), what: "journal", tables: [META, JOURNAL] });
  try {
    // Positions and notes are not copied: they are of the journal's end, and of a place that may go on beside this one.
    await to.commit([excerptWrite(), ...[...from.range(META)].map((row) => ({ table: META, ...row }))]);
    const removed = removedSeq(from);
    if (removed < fromSeq - 1) await to.commit([removedWrite(fromSeq - 1)]);
    for (const rows of commitsOf(from, toSeq)) {
      const writes = rows.flatMap((row) => within(row, fromSeq, toSeq) ?? []);
      if (writes.length > 0) await to.commit(writes);
      shell.overwrite?.(`\rcopying  ${Math.floor((100 * seqOf(rows.at(-1)!.key)) / Math.max(1, toSeq))} %\x1b[K`);
    }
    shell.overwrite?.("\r\x1b[K");
  } finally {
    await to.close();
  }
}

function* commitsOf(store: Store, toSeq: number): Generator<Row[]> {
  let start = keyOf(0);
  for (;;) {
    const rows = [...store.range(JOURNAL, { start, end: keyOf(toSeq + 1), limit: FETCH })];
    if (rows.length > 0) yield rows;
    if (rows.length < FETCH) return;
    start = keyOf(seqOf(rows.at(-1)!.key) + 1);
  }
}

/** The commit, or what of it is in the stretch; null: nothing. @throws when what would have to be divided is damaged */
function within({ key, value }: Row, fromSeq: number, toSeq: number): Write | null {
  const header = readHeader(value);
  if (typeof header === "string") throw new Error(header);
  const [first, last] = [Math.max(header.firstSeq, fromSeq), Math.min(header.lastSeq, toSeq)];
  if (first > last) return null;
  if (first === header.firstSeq && last === header.lastSeq) return { table: JOURNAL, key, value };
  const reader = new BlobReader(({ detail }) => {
    throw new Error(detail);
  });
  const writer = new BlobWriter(value.length);
  let lastAt = 0;
  reader.open(value, seqOf(key));
  while (reader.next()) {
    if (reader.seq < fromSeq || reader.seq > toSeq) continue;
    writer.copy(reader);
    lastAt = reader.receivedAt;
  }
  const rest = { firstSeq: first, lastSeq: last, appliedSeq: Math.min(header.appliedSeq, last), lastAt };
  return { table: JOURNAL, key: keyOf(first), value: writer.finish(rest) };
}
