import { rmSync } from "node:fs";
import { describe, expect, it, onTestFinished } from "vitest";
import { AisleError } from "../../runtime/errors.ts";
import { Block } from "../../runtime/journal/block.ts";
import { openJournal } from "../../runtime/journal/lmdb.ts";
import { ownerOf } from "../../runtime/journal/owner.ts";
import { repairJournal } from "../../runtime/journal/repair.ts";
import { limits } from "../../runtime/limits.ts";
import { replyOf } from "../../runtime/replies.ts";
import { openDeadLetters } from "../../runtime/store/deadletters.ts";
import { Dice } from "../support/dice.ts";
import { FaultyDisk, FaultyStore } from "../support/faulty-store.ts";
import { damage } from "../support/journal.ts";
import { labSite, until } from "../support/lab-site.ts";
import { MONDAY, SetClock, SIMULATED, type Store, startStore, temporary } from "../support/place.ts";
import { prng } from "../support/prng.ts";

const focus = (id: string) => JSON.stringify({ type: "focus", event_id: id, id: 17, dep: "Women" });

function post({ place }: Store, body: string): Promise<Response> {
  return fetch(`${place.url}/events`, { method: "POST", headers: { "content-type": "application/json" }, body });
}

function dataFolder(): string {
  const dir = temporary();
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

describe("a place whose disk is full", () => {
  it("says so, takes nothing more, is read, and goes on by itself", async () => {
    const disk = new FaultyDisk();
    const open: typeof openJournal = (options) => {
      return openJournal({
        ...options,
        store: new FaultyStore(disk, new Dice(prng(7))),
        limits: { journalRetryMs: 20 },
      });
    };
    await using store = await startStore({ machine: { openJournal: open } });
    const ready = async () => {
      const response = await fetch(`${store.place.url}/readyz`);
      return [response.status, await response.text()] as const;
    };
    expect((await post(store, focus("a"))).status).toBe(202);

    disk.health = "full";
    const waiting = post(store, focus("b"));
    while (store.place.journal.trouble === null) await new Promise((resolve) => setTimeout(resolve, 1));

    expect(await ready()).toEqual([503, expect.stringContaining("the disk is full")]);
    const refused = await post(store, focus("c"));
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([507, "5"]);
    expect((await fetch(`${store.place.url}/pages`)).status).toBe(200);

    disk.health = "well";
    expect((await waiting).status).toBe(202);

    expect((await ready())[0]).toBe(200);
    expect((await post(store, focus("c"))).status).toBe(202);
    const ids = [...store.place.journal.read()].flatMap(({ kind, headers }) => (kind === "event" ? [headers.id] : []));
    expect(ids).toEqual(["a", "b", "c"]);
  });
});

describe("an event that waits while the disk is full", () => {
  /** The journal's clock, with which the time that the disk is full passes at once. */
  class Ahead extends SetClock {
    ms = 0;

    override monotonic(): number {
      return super.monotonic() + this.ms;
    }
  }

  const openOn = (disk: FaultyDisk, clock: Ahead): typeof openJournal => {
    const limits = { journalRetryMs: 20 };
    return (options) => openJournal({ ...options, clock, store: new FaultyStore(disk, new Dice(prng(7))), limits });
  };

  it.each([
    ["plain", { type: "purchase", event_id: "a", customer: "ann", amount: 1 }, true],
    ["one to be looked at", { type: "exit", event_id: "a", customer: "ann" }, false],
  ])("is answered after a while, and taken in later all the same: %s", async (_, event, isPlain) => {
    const disk = new FaultyDisk();
    const clock = new Ahead(MONDAY);
    await using store = await startStore({ dir: SIMULATED, machine: { openJournal: openOn(disk, clock) } });
    const body = JSON.stringify(event);
    expect((await post(store, JSON.stringify({ ...event, event_id: "first" }))).status).toBe(202);

    disk.health = "full";
    const waiting = post(store, body);
    while (store.place.journal.trouble === null) await new Promise((resolve) => setTimeout(resolve, 1));
    clock.ms = limits.fullAnswerMs;
    const answer = await waiting;

    expect(answer.status).toBe(507);
    expect(await answer.json()).toMatchObject({
      detail: expect.stringMatching(/the disk is full.*may still be taken in/),
    });

    disk.health = "well";
    while (store.place.journal.trouble !== null) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(await (await post(store, body)).json()).toMatchObject({ accepted: 0, duplicate: 1 });
    const parts = [...store.place.journal.parts()].filter((part) => part instanceof Block || part.kind === "event");
    expect(parts.map((part) => part instanceof Block)).toEqual([isPlain, isPlain]);
  });

  it("as a change of the board does", async () => {
    const disk = new FaultyDisk();
    const clock = new Ahead(MONDAY);
    await using store = await startStore({ machine: { openJournal: openOn(disk, clock) } });
    disk.health = "full";
    const waiting = fetch(`${store.place.url}/pages/departments/records/Boys`, {
      method: "PATCH",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ cells: { vetoed: "1" } }),
    });
    while (store.place.journal.trouble === null) await new Promise((resolve) => setTimeout(resolve, 1));
    clock.ms = limits.fullAnswerMs;

    expect((await waiting).status).toBe(507);
  });

  it("as the result does that a service brings: once there is room, it counts", async () => {
    const disk = new FaultyDisk();
    const clock = new Ahead(MONDAY);
    const site = labSite(`version: 1
pages: { jobs: { keys: [id], ready: true } }
actors: [{ goal: build, remote: true, lease: 1h }]
`);
    const lab = await site.open({ machine: { openJournal: openOn(disk, clock) } });
    const { bus, base, journal } = lab.place;
    const asked: string[] = [];
    bus.subscribe(`${base}.goals.build`, (message) => {
      asked.push(JSON.parse(Buffer.from(message.payload).toString()).result);
      message.respond(Buffer.from('{"accepted": true}'));
    });
    await lab.make("jobs", { id: "1" });
    await until(() => expect(asked).toHaveLength(1));
    await new Promise((resolve) => setImmediate(resolve));
    const bring = async () => {
      const { payload, headers } = await bus.request(asked[0]!, Buffer.from('{"outcome": "done"}'), {
        timeoutMs: 30_000,
      });
      return { ...JSON.parse(Buffer.from(payload).toString()), header: headers["Nats-Service-Error-Code"] };
    };

    disk.health = "full";
    const waiting = bring();
    while (journal.trouble === null) await new Promise((resolve) => setTimeout(resolve, 1));
    clock.ms = limits.fullAnswerMs;

    expect(await waiting).toEqual({
      ...{ ok: false, code: 507, header: "507" },
      error: expect.stringMatching(/the disk is full.*may still be taken in/),
    });
    expect(lab.logged.filter(({ level }) => (level as number) >= 50)).toEqual([]);

    disk.health = "well";
    await until(() => expect(lab.row("jobs", "1").build).toBe("1"));
    expect(await bring()).toMatchObject({ ok: false, code: 409 });
  });

  it("is answered over the bus with the same code", () => {
    const { headers, payload } = replyOf(new AisleError("full", "the disk is full"));
    expect(headers).toMatchObject({ "Nats-Service-Error-Code": "507" });
    expect(JSON.parse(payload)).toEqual({ code: "full", detail: "the disk is full" });
  });
});

describe("a place whose journal has a damaged entry", () => {
  it("refuses to start, names it, and starts once it was moved to the dead letters", async () => {
    const dataDir = dataFolder();
    let seq = 0;
    {
      await using store = await startStore({ dataDir });
      await post(store, focus("whole"));
      await post(store, focus("damaged"));
      await post(store, focus("behind"));
      seq = [...store.place.journal.read()].find(({ headers }) => headers.id === "damaged")!.seq;
    }
    rmSync(`${dataDir}/checkpoint`, { recursive: true, force: true }); // else it stands for what came before it
    await damage(dataDir, seq, (blob) => {
      blob[blob.indexOf("damaged")]! ^= 1;
      return blob;
    });

    await expect(startStore({ dataDir })).rejects.toMatchObject({
      code: "corrupt",
      message: expect.stringMatching(`journal: entry ${seq}: has checksum .*'aisle journal repair --data ${dataDir}'`),
    });
    expect(ownerOf(dataDir)).toBe(null);

    const clock = new SetClock(MONDAY);
    const journal = openJournal({ dir: dataDir, clock, random: (bytes) => new Uint8Array(bytes) });
    const letters = openDeadLetters({ store: journal.store, clock });
    await repairJournal(journal.store, letters);
    await letters.close();
    await journal.close();

    await using store = await startStore({ dataDir });
    const ids = [...store.place.journal.read()].flatMap(({ kind, headers }) => (kind === "event" ? [headers.id] : []));
    expect(ids).toEqual(["whole", "behind"]);
    expect(store.place.letters.list({ limit: 5 })).toMatchObject([{ code: "corrupt", seq }]);
  });
});
