// A spec's share in a checkpoint. Identities don't depend on each other, so each is saved with the sequence up to which its
// state goes, a few in each turn of the event loop, while events go on being folded:
//
//   first       what time it was, at sequence `from`
//   then        every identity that has changed since it was saved last
//   at the end  what was counted and refused, at sequence `until`
//
// Who loads it folds the journal from `from` on: each event for identities that lack it, time for all, until `until`.
//
// Rows of a spec, by the first byte of their keys:
//   i  hash of the identity's key, 16 bytes; with u16 behind it for the second piece on.
//      Value: of the first, u16 number of pieces; then what `Fold.pack` gave
//   p  Pace: sequence f64, settledAt f64, sources
//   t  number u32: hashes of the identities that were saved with a tail, in this round
//   e, f, l, r  number u32: pieces of the end, as JSON; fault counts, u32; sequences of late and of refused events, f64
import { createHash } from "node:crypto";
import type { LoadedRow, Round, Saved, SavedRow, SavedTable } from "../checkpoint/checkpoint.ts";
import type { Handle } from "../core/fold.ts";
import { AisleError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Live } from "./live.ts";
import { Resumed, type SavedState } from "./resumed.ts";
import { identityIn, piecesOf, readStretch, SavedRows, stretch, TableInMemory } from "./saved-rows.ts";

/** Identities taken off the list of a round that is over, in one step. */
const ENDED = 512;
const HASH_BYTES = 16;
/** Hashes in one row. */
const TAILS = 2_048;

/** An event that was refused, of which nothing is on disk yet. */
export interface Untold {
  readonly seq: number;
  readonly outcome: "late" | "failed";
}

/** The end of a round, in JSON. */
interface End extends Omit<SavedState, "refused"> {
  readonly identities: number;
  readonly ordinals: number;
  /** µs; null: nothing was folded. */
  readonly highestAt: number | null;
  /** Hashes of identities with a tail. */
  readonly tails: number;
  /** The lowest sequence that somebody's tail needs, or that is untold, or the first that was not in the state. */
  readonly neededSeq: number;
  /** Somebody has to be told of these again. Missing: it was saved by a version that did not know. */
  readonly untold?: readonly Untold[];
}

export interface SavedSpecPorts {
  /** Folds some of what is on disk up to a sequence. @returns whether there is more of it */
  readonly fold: (seq: number) => boolean;
  /** What was refused up to now, and nobody would know of if the process ended; missing: nothing. */
  readonly untold?: () => readonly Untold[];
}

export class SavedSpec implements Saved {
  readonly live: Live;
  readonly name: string;
  readonly version = 1;
  readonly basis: string;
  /** Was it loaded? */
  opened = false;
  /** A spec is built anew also under the hash that another one was saved with. */
  isNew = true;
  /** What was untold when it was saved, if it was loaded: entries that the journal still has. */
  untold: readonly Untold[] = [];
  /** The journal is needed from here on, for what is saved and on disk; 0: nothing is. */
  neededSeq = 0;
  readonly #ports: SavedSpecPorts;
  /** Of the round that is under way, or was last. */
  #needs = 0;
  #isKept = true;
  #hashes: Buffer[] = [];
  #tails = 0;
  /** Identities with a tail that the process before left: what they need of the journal is let go of in the next round. */
  #left: { readonly table: SavedTable; readonly hashes: Buffer } | null = null;

  constructor(live: Live, ports: SavedSpecPorts) {
    this.live = live;
    this.#ports = ports;
    // letters, whatever the name of the spec
    const hash = createHash("sha256").update(live.name).digest("hex").slice(0, 16);
    this.name = `spec${hash.replace(/\d/g, (digit) => String.fromCharCode(0x67 + Number(digit)))}`;
    this.basis = live.spec.hash;
    live.fold.core.noteChanges();
  }

  // Saving

  *save({ seq, whole }: Round): Generator<SavedRow | null> {
    const { live } = this;
    yield* this.#endRound();
    if (whole && (this.opened || live.round > 0)) yield* this.#changeAll();
    while (this.#ports.fold(seq)) yield null;
    this.#checkWorks();
    this.#begin();
    try {
      // Both as of now, whenever they are asked for.
      yield* [paceRow(live), boundRow(live)];
      for (let found = true; found; ) {
        found = yield* this.#saveChanged();
        found = (yield* this.#saveCold()) || found;
        found = (yield* this.#saveLeft()) || found;
      }
      yield* this.#saveEnd();
    } finally {
      live.late = null; // also of a round that is left
    }
  }

  kept(): void {
    this.isNew = false;
    this.#isKept = true;
    this.#left = null;
    this.neededSeq = this.#needs;
  }

  #begin(): void {
    const { live } = this;
    live.round++;
    live.late = [];
    live.fold.core.beginRound();
    this.#isKept = false;
    this.#needs = live.seq + 1;
    this.#hashes = [];
    this.#tails = 0;
  }

  /** What the last round saved has not changed since; or has to be saved again, as the round is lost. */
  *#endRound(): Generator<null> {
    const { fold, cold, round } = this.live;
    while (fold.core.endRound(Number(this.#isKept), ENDED)) yield null;
    let steps = 0;
    for (const [hex, note] of cold.changed) {
      if (note.hasTail || (note.round === round && !this.#isKept)) note.round = 0;
      else if (note.round !== 0) cold.changed.delete(hex);
      if (++steps % ENDED === 0) yield null;
    }
  }

  #checkWorks(): void {
    const { name, broken, closed, late } = this.live;
    if (closed || broken !== null)
      throw new AisleError("unavailable", `the spec '${name}' was replaced, or has failed: it can't be saved`);
    if (late !== null && late.length > limits.refusedEvents)
      throw new AisleError("overloaded", `${late.length} events were late while '${name}' was saved`);
  }

  /** All that is in memory. */
  *#saveChanged(): Generator<SavedRow | null, boolean> {
    const { core } = this.live.fold;
    let found = false;
    for (let handle = core.nextOfRound(); handle !== 0; handle = core.nextOfRound()) {
      this.#checkWorks();
      found = true;
      yield* this.#saveOne(handle);
    }
    return found;
  }

  *#saveOne(handle: Handle): Generator<SavedRow> {
    const { live } = this;
    const { fold, cold } = live;
    const { core } = fold;
    live.thaw(handle);
    core.settleIdentity(handle);
    core.setFolded(handle, live.seq);
    const bytes = fold.pack(handle, true);
    const hash = cold.hashOf(fold.keyBytes(handle));
    const hasTail = core.tailCount(handle) > 0;
    if (hasTail) this.#needs = Math.min(this.#needs, core.oldestOf(handle));
    core.giveToRound(handle);
    yield* piecesOf(hash, bytes);
    if (!hasTail) return;
    this.#hashes.push(hash);
    if (this.#hashes.length === TAILS) yield this.#tailsRow();
  }

  #tailsRow(): SavedRow {
    const key = Buffer.from("t\0\0\0\0", "latin1");
    key.writeUInt32BE(this.#tails / TAILS, 1);
    const value = Buffer.concat(this.#hashes);
    this.#tails += this.#hashes.length;
    this.#hashes = [];
    return { key, value };
  }

  /** What went to the disk since it was saved. What has a tail comes back for a moment, so that it settles. */
  *#saveCold(): Generator<SavedRow | null, boolean> {
    const { fold, cold, round } = this.live;
    let found = false;
    for (const [hex, note] of cold.changed) {
      if (note.round === round) continue;
      this.#checkWorks();
      found = true;
      const hash = Buffer.from(hex, "hex");
      if (note.hasTail) yield* this.#saveAside(fold.unpack(cold.takeByHash(hash)!));
      else {
        note.round = round;
        yield* piecesOf(hash, cold.peekByHash(hash)!);
      }
    }
    return found;
  }

  /** One that is in memory only to be saved: it goes to the disk at once. */
  #saveAside(handle: Handle): readonly SavedRow[] {
    const { fold, cold, round } = this.live;
    const rows = [...this.#saveOne(handle)];
    const note = { hasTail: fold.core.tailCount(handle) > 0, round };
    cold.put([{ key: fold.keyBytes(handle), bytes: fold.pack(handle), note }]);
    fold.forget(handle);
    return rows;
  }

  *#saveLeft(): Generator<SavedRow | null, boolean> {
    if (this.#left === null) return false;
    const { table, hashes } = this.#left;
    const { fold, cold } = this.live;
    for (let at = 0; at < hashes.length; at += HASH_BYTES) {
      this.#checkWorks();
      const hash = hashes.subarray(at, at + HASH_BYTES);
      // what was touched since has changed, and is saved as such
      const packed = cold.peekByHash(hash) === null ? identityIn(table, hash) : null;
      const handle = packed === null ? null : fold.unpackNew(packed);
      if (handle === null) yield null;
      else yield* this.#saveAside(handle);
    }
    this.#left = { table, hashes: hashes.subarray(hashes.length) };
    return hashes.length > 0;
  }

  /** As of one moment, however many rows it takes. */
  *#saveEnd(): Generator<SavedRow | null> {
    const { live } = this;
    const { core } = live.fold;
    this.#checkWorks();
    const late = live.late ?? [];
    live.late = null;
    if (this.#hashes.length > 0) yield* [this.#tailsRow()];
    const untold = this.#ports.untold?.() ?? [];
    this.#needs = untold.reduce((least, { seq }) => Math.min(least, seq), this.#needs);
    const { refused, ...state } = live.saved;
    const end: End = {
      ...state,
      identities: core.identitiesCount() + live.cold.size,
      ordinals: core.ordinalsGiven(),
      highestAt: core.highestAt() === Number.NEGATIVE_INFINITY ? null : core.highestAt(),
      tails: this.#tails,
      neededSeq: this.#needs,
      untold,
    };
    const faults = bytesOf(live.fold.faultCounts);
    const [lateSeqs, refusedSeqs] = [bytesOf(Float64Array.from(late)), bytesOf(Float64Array.from(refused))];
    yield* stretch("e", Buffer.from(JSON.stringify(end)));
    yield* stretch("f", faults);
    yield* stretch("l", lateSeqs);
    yield* stretch("r", refusedSeqs);
  }

  /** What was saved before is gone: everything that is known has to be saved. Rare, and not in slices. */
  *#changeAll(): Generator<null> {
    if (this.opened) throw new AisleError("unavailable", `'${this.live.name}' was loaded from what is to be replaced`);
    const { core } = this.live.fold;
    core.changeAll();
    for (const hex of this.live.cold.names()) {
      if (!this.live.cold.changed.has(hex)) this.live.cold.changed.set(hex, { hasTail: true, round: 0 });
    }
    yield null;
  }

  // Loading

  load(rows: Iterable<LoadedRow>, seq: number): void {
    this.open(new TableInMemory(rows), seq);
  }

  /** @throws AisleError `corrupt` */
  open(table: SavedTable, _seq: number): void {
    const { live } = this;
    const { fold, cold } = live;
    const { core } = fold;
    const end = JSON.parse(readStretch(table, "e").toString()) as End;
    const [faults, late, refused] = ["f", "l", "r"].map((name) => readStretch(table, name)) as [Buffer, Buffer, Buffer];
    const fromSeq = readPace(live, table);
    readBound(live, table);
    core.raiseOrdinals(end.ordinals);
    if (end.highestAt !== null) core.raiseHighest(end.highestAt);
    const saved = new SavedRows(table, () => core.identitiesCount() + cold.here);
    cold.saved = saved;
    live.resume(
      new Resumed({
        fromSeq,
        state: { ...end, refused: [...doublesOf(refused)] },
        late: new Set(doublesOf(late)),
        end: () => {
          fold.faultCounts = new Uint32Array(faults.buffer.slice(faults.byteOffset, faults.byteOffset + faults.length));
          const given = core.ordinalsGiven();
          saved.count = () => end.identities + core.ordinalsGiven() - given;
        },
      }),
    );
    this.#left = { table, hashes: readTails(table, end.tails) };
    this.neededSeq = end.neededSeq;
    this.untold = end.untold ?? [];
    this.opened = true;
    this.isNew = false;
  }
}

function paceRow({ fold, seq }: Live): SavedRow {
  const { sources, settledAt } = fold.pace;
  const value = Buffer.alloc(16 + sources.length);
  value.writeDoubleLE(seq, 0);
  value.writeDoubleLE(settledAt, 8);
  value.set(sources, 16);
  return { key: Buffer.from("p"), value };
}

/** @returns the sequence that it was saved at */
function readPace({ fold }: Live, table: SavedTable): number {
  const value = table.get(Buffer.from("p"));
  if (value === null) throw new AisleError("corrupt", "a row is missing: p");
  fold.passedAs({ settledAt: value.readDoubleLE(8), sources: value.subarray(16) });
  return value.readDoubleLE(0);
}

function boundRow({ tailEvents }: Live): SavedRow {
  const value = Buffer.alloc(4);
  value.writeUInt32LE(tailEvents);
  return { key: Buffer.from("b"), value };
}

/** Saved by a version that did not bind tails anew: nothing was said of it. */
function readBound({ fold }: Live, table: SavedTable): void {
  const value = table.get(Buffer.from("b"));
  if (value !== null) fold.core.boundTail(value.readUInt32LE());
}

function readTails(table: SavedTable, count: number): Buffer {
  const rows: Buffer[] = [];
  for (let n = 0; n * TAILS < count; n++) {
    const key = Buffer.from("t\0\0\0\0", "latin1");
    key.writeUInt32BE(n, 1);
    const row = table.get(key);
    if (row === null) throw new AisleError("corrupt", `a row is missing: t ${n}`);
    rows.push(row.subarray(0, (count - n * TAILS) * HASH_BYTES));
  }
  return Buffer.concat(rows);
}

function bytesOf(numbers: Uint32Array | Float64Array): Buffer {
  return Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}

function doublesOf(bytes: Buffer): Float64Array {
  return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}
