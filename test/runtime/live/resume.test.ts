import { describe, expect, it, onTestFinished } from "vitest";
import type { LoadedRow } from "../../../runtime/checkpoint/checkpoint.ts";
import { ManualClock } from "../../../runtime/clock.ts";
import type { Block } from "../../../runtime/journal/block.ts";
import type { Entry } from "../../../runtime/journal/journal.ts";
import { limits } from "../../../runtime/limits.ts";
import { TableInMemory } from "../../../runtime/live/saved-rows.ts";
import { SiteTransforms } from "../../../runtime/live/transforms.ts";
import type { SiteTransform } from "../../../runtime/site.ts";
import { openDeadLetters, type StoredDeadLetters } from "../../../runtime/store/deadletters.ts";
import { IdentityStore } from "../../../runtime/store/identities.ts";
import { blockOf } from "../../support/blocks.ts";
import { Dice } from "../../support/dice.ts";
import { FaultyDisk, FaultyStore } from "../../support/faulty-store.ts";
import { entriesOf, playersEvents, specOf } from "../../support/folding.ts";
import { tempDir } from "../../support/journal.ts";
import { prng } from "../../support/prng.ts";

const spec = specOf("players.yml", "players-window.yml");
const recorded = entriesOf(
  playersEvents()
    .slice(0, 3_000)
    .map(({ payload, at }) => ({ payload, receivedAt: at })),
);
const PLAYER = (JSON.parse(String(recorded[0]!.payload)) as { customer_identifier: string }).customer_identifier;

/** The journal's parts: runs of entries as blocks, others as objects. */
function* partsOf(entries: readonly Entry[], fromSeq: number): Generator<Entry | Block> {
  const rest = entries.filter(({ seq }) => seq >= fromSeq);
  for (let at = 0; at < rest.length; at += 700) {
    yield blockOf(rest.slice(at, at + 690));
    yield* rest.slice(at + 690, at + 700);
  }
}

/** Specs of a site over a journal that holds so much. @param letters  of what is refused */
function transformsOver(
  entries: readonly Entry[],
  specs: readonly SiteTransform[],
  letters = lettersOn(new FaultyDisk()),
): SiteTransforms {
  const store = new IdentityStore(`${tempDir()}/identities`);
  onTestFinished(() => store.close());
  const fail = (...what: unknown[]): never => {
    throw new Error(what.join(" "));
  };
  return new SiteTransforms({
    config: { memoryBytes: limits.transformBytes, specs: [...specs] },
    journal: {
      lastSeq: entries.at(-1)!.seq,
      append: fail,
      onCommit() {},
      read: fail,
      find: (seq) => entries.find((entry) => entry.seq === seq) ?? null,
      parts: (fromSeq = 1) => partsOf(entries, fromSeq),
    },
    clock: new ManualClock(),
    store,
    readSpecs: fail,
    inForce: fail,
    refuse: (refused) => letters.add(refused),
    isRefused: (source, seq) =>
      letters.isUnwritten(source, seq) || letters.list({ limit: 10_000 }).some((letter) => letter.seq === seq),
    unwritten: (source) => letters.unwritten(source),
    fault: fail,
    info() {},
  });
}

/** Nothing reaches the disk before it is asked for. */
function lettersOn(disk: FaultyDisk): StoredDeadLetters {
  return openDeadLetters({ store: new FaultyStore(disk, new Dice(prng(1))), clock: new ManualClock() });
}

function recover(transforms: SiteTransforms, entries: readonly Entry[], fromSeq = 1): SiteTransforms {
  for (const part of partsOf(entries, fromSeq)) transforms.recover(part);
  transforms.begin();
  return transforms;
}

/** A checkpoint of each spec as of a sequence. */
function saved(transforms: SiteTransforms, seq: number): ReadonlyMap<string, LoadedRow[]> {
  const parts = transforms.saved().map((part): [string, LoadedRow[]] => {
    const rows = new Map<string, LoadedRow>();
    for (const row of part.save({ seq, whole: true })) {
      if (row?.value) rows.set(row.key.toString("latin1"), { key: row.key, value: row.value });
    }
    part.kept();
    return [part.name, [...rows.values()]];
  });
  return new Map(parts);
}

function lines(transforms: SiteTransforms): string[] {
  const all = transforms.all();
  let text = "";
  for (let more = all.next(); more !== null; more = all.next()) text += more;
  return text.split("\n").toSorted();
}

describe("specs that go on from a checkpoint", () => {
  const [before, all] = [recorded.slice(0, 2_000), recorded];
  const checkpoint = () => saved(recover(transformsOver(before, [spec]), before), 2_000);
  const resumed = (entries: readonly Entry[], specs: readonly SiteTransform[]) => {
    const rows = checkpoint();
    const transforms = transformsOver(entries, specs);
    for (const part of transforms.saved())
      if (part.basis === spec.hash) part.open(new TableInMemory(rows.get(part.name)!), 2_000);
    transforms.resume(2_000);
    return recover(transforms, entries, 2_001);
  };

  it("know what a replay of everything tells them", async () => {
    const fresh = recover(transformsOver(all, [spec]), all);

    const transforms = resumed(all, [spec]);

    expect(transforms.specs()).toEqual(
      fresh.specs().map((state) => ({ ...state, identities: expect.anything(), heldBytes: expect.anything() })),
    );
    expect(await transforms.features(PLAYER, null)).toEqual(await fresh.features(PLAYER, null));
    expect(lines(transforms)).toEqual(lines(fresh));
  });

  it("need no entry from before it, but those of events that are not settled", () => {
    const rows = checkpoint();
    const transforms = transformsOver(all, [spec]);
    const [part] = transforms.saved();
    part!.open(new TableInMemory(rows.get(part!.name)!), 2_000);
    expect(part!.neededSeq).toBeGreaterThan(1);
    expect(part!.neededSeq).toBeLessThanOrEqual(2_001);

    const rest = all.filter(({ seq }) => seq >= part!.neededSeq);
    const cut = resumed(rest, [spec]);

    expect(lines(cut)).toEqual(lines(recover(transformsOver(all, [spec]), all)));
    expect(cut.specs()[0]!.incomplete).toBe(false);
  });

  it("fold the journal anew where they have changed, and say what is missing", () => {
    const changed: SiteTransform = { ...spec, hash: "another" };

    expect(lines(resumed(all, [changed]))).toEqual(lines(recover(transformsOver(all, [spec]), all)));
    expect(resumed(all, [changed]).specs()[0]!.incomplete).toBe(false);
    expect(resumed(all.slice(1_000), [changed]).specs()[0]!.incomplete).toBe(true);
  });

  it("are not loaded from rows of which some are missing", () => {
    const rows = [...checkpoint().values()][0]!;
    for (const name of ["p", "e", "f", "l", "r"]) {
      const [part] = transformsOver(all, [spec]).saved();
      const table = new TableInMemory(rows.filter(({ key }) => key.toString("latin1", 0, 1) !== name));
      expect(() => part!.open(table, 2_000), name).toThrow("a row is missing");
    }
  });

  it.each([
    ["no letter reached the disk", ""],
    ["the letters were there before it", "before"],
    ["the letters came to the disk behind it", "behind"],
  ])("tell once of what was refused before it: %s", async (_, written) => {
    // The first event of all comes twice more, as old as it is: before the checkpoint is begun, and before it is done.
    const { receivedAt } = recorded[1_999]!;
    const entries = before.map((entry) =>
      entry.seq === 1_990 || entry.seq === 2_000 ? { ...recorded[0]!, seq: entry.seq, receivedAt } : entry,
    );
    const disk = new FaultyDisk();
    const letters = lettersOn(disk);
    const first = transformsOver(entries, [spec], letters);
    for (const entry of entries.slice(0, 1_995)) first.recover(entry);
    const [part] = first.saved();
    const save = part!.save({ seq: 1_995, whole: true });
    const rows = [];
    while (rows[0] == null) rows.unshift(save.next().value);
    for (const entry of entries.slice(1_995)) first.recover(entry);
    first.catchUp();
    if (written === "before") await letters.flush();
    rows.push(...save);
    if (written === "behind") await letters.flush();

    const again = lettersOn(disk);
    const transforms = transformsOver(entries, [spec], again);
    const [loaded] = transforms.saved();
    loaded!.open(new TableInMemory(rows.filter((row) => row !== null) as LoadedRow[]), 1_995);
    transforms.resume(1_995);
    recover(transforms, entries, 1_996);
    await again.flush();

    const told = again.list({ limit: 10_000 }).map(({ code, seq }) => `${code} ${seq}`);
    expect(told.filter((each) => /1990|2000/.test(each)).sort()).toEqual(["late 1990", "late 2000"]);
    // Nobody can tell of what the journal has no more.
    if (written !== "before") expect(loaded!.neededSeq).toBeLessThanOrEqual(1_990);
  });
});
