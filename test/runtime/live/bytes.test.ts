import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { BlockRoom } from "../../../runtime/intake/block-room.ts";
import { BLOB_HEADER } from "../../../runtime/journal/blob.ts";
import { playersEvents } from "../../support/folding.ts";
import { type Store, startStore } from "../../support/place.ts";

const SITE = `version: 1
name: players
events:
  identity: text
  forms:
    - { name: game, type: event_id, identity: customer_identifier, time: { path: event_time, unit: iso } }
  types: { app_launched: {}, game_start: {}, game_end: {}, offer_shown: {}, purchase_made: {} }
`;

/** A site on whose board nothing hears of an event. */
function siteDir(): string {
  const dir = mkdtempSync(join(tmpdir(), "aisle-players-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  mkdirSync(join(dir, "transforms"));
  copyFileSync(resolve("test/fixtures/specs/players.yml"), join(dir, "transforms/players.yml"));
  writeFileSync(join(dir, "plan.yml"), "version: 1\npages:\n  players: { keys: [player] }\nactors: []\n");
  writeFileSync(join(dir, "site.yml"), SITE);
  return dir;
}

/** Bytes of blocks are spoiled as soon as they are free again. */
function spoil() {
  const { giveBack } = BlockRoom.prototype;
  const spy = vi.spyOn(BlockRoom.prototype, "giveBack").mockImplementation(function (this: BlockRoom, lent) {
    lent.bytes.fill(0xff, BLOB_HEADER);
    giveBack.call(this, lent);
  });
  onTestFinished(() => spy.mockRestore());
  return spy;
}

async function aggregatesOf({ place, clock }: Store): Promise<string[]> {
  const { intake } = place;
  let sent: Promise<void>[] = [];
  for (const [i, { payload, at }] of playersEvents().entries()) {
    clock.at = Math.max(clock.at, at);
    const { event_id: type } = JSON.parse(String(payload)) as { event_id: string };
    const envelope = intake.envelope({ principal: "nats", subject: `events.${type}`, type, headers: {} });
    const told = new Promise<void>((done, failed) => {
      intake.add(payload, envelope, null, (_, error) => (error === null ? done() : failed(error)));
    });
    sent.push(told);
    if (i % 300 > 0) continue;
    await Promise.all(sent);
    sent = [];
  }
  await Promise.all(sent);
  const text = await (await fetch(`${place.url}/aggregates?format=ndjson`)).text();
  return text.split("\n").toSorted();
}

it("what is on disk is folded as it came, though the bytes that it came in are used again", async () => {
  const at = playersEvents()[0]!.at;
  const start = () => startStore({ dir: siteDir(), at });
  await using plain = await start();
  const expected = await aggregatesOf(plain);
  const spoiled = spoil();
  await using store = await start();

  expect(await aggregatesOf(store)).toEqual(expected);
  expect(expected.length).toBeGreaterThan(3);
  expect(spoiled).toHaveBeenCalled();
});
