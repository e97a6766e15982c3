import { beforeEach, describe, expect, it } from "vitest";
import { ManualClock } from "../../runtime/clock.ts";
import { Dedupe } from "../../runtime/dedupe.ts";
import { AisleError } from "../../runtime/errors.ts";
import type { Inbound } from "../../runtime/http/ports.ts";
import { EventIngest, type Refused } from "../../runtime/ingest.ts";
import { limits } from "../../runtime/limits.ts";
import { MemoryJournal } from "../support/memory-journal.ts";
import { prng } from "../support/prng.ts";
import { MINUTE, OPENING, shopReader } from "../support/shop.ts";

const UTF8 = new TextEncoder();
const TS = OPENING / 1_000; // s

const entry = (id: number, more: object = {}) => ({ type: "entry", id, ts: TS, ...more });

describe("ingest", () => {
  let clock: ManualClock;
  let journal: MemoryJournal;
  let dedupe: Dedupe;
  let letters: Refused[];
  let counted: string[];
  let backlog: number;
  let ingest: EventIngest;

  beforeEach(() => {
    clock = new ManualClock(OPENING);
    journal = new MemoryJournal(clock);
    dedupe = new Dedupe(1_000);
    letters = [];
    counted = [];
    backlog = 0;
    ingest = new EventIngest({
      journal,
      clock,
      reader: shopReader(),
      dedupe,
      refuse: (refused) => letters.push(refused),
      backlog: () => backlog,
      count: (outcome, type) => counted.push(`${outcome} ${type}`),
    });
  });

  function inbound(body: unknown, more: Partial<Inbound> = {}): Inbound {
    const bytes =
      body instanceof Uint8Array ? body : UTF8.encode(typeof body === "string" ? body : JSON.stringify(body));
    return { principal: "http", subject: "/events", type: null, headers: {}, body: bytes, ...more };
  }

  const accept = (body: unknown, more: Partial<Inbound> = {}) => ingest.accept(inbound(body, more));
  const onDisk = () =>
    journal.disk.entries.map(({ payload }) => JSON.parse(Buffer.from(payload).toString()) as { id: number });
  const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString();

  describe("a body", () => {
    it("of one object becomes one entry", async () => {
      const receipt = await accept(entry(7));

      expect(receipt).toEqual({ accepted: 1, duplicate: 0, rejected: [], seqs: [1] });
      expect(journal.disk.entries[0]).toMatchObject({
        seq: 1,
        kind: "event",
        principal: "http",
        subject: "/events",
        headers: {},
        receivedAt: OPENING,
      });
      expect(onDisk()).toEqual([entry(7)]);
    });

    it("is journalled byte for byte, without what stands round its items", async () => {
      const written = '{"type" : "entry","id":7,  "note":"\\u00e9 é" }';
      await accept(` [ ${written} ,\n${written}] `);

      expect(journal.disk.entries.map(({ payload }) => textOf(payload))).toEqual([written, written]);
    });

    it("of lines becomes an entry per line", async () => {
      const lines = [1, 2, 3].map((id) => JSON.stringify(entry(id)));

      expect(await accept(`${lines.join("\n")}\n\n`)).toMatchObject({ accepted: 3, seqs: [1, 2, 3] });
    });

    it("with an outcome becomes an entry of that kind", async () => {
      await accept([entry(7), { type: "outcome", id: 7, coupon: "12", action: "shown" }]);

      expect(journal.disk.entries.map(({ kind }) => kind)).toEqual(["event", "outcome"]);
    });

    it("is answered only when it is on disk", async () => {
      journal.hold();
      let answered = false;
      const receipt = accept(entry(7)).then(() => {
        answered = true;
      });
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(answered).toBe(false);
      journal.release();
      await receipt;

      expect(journal.lastSeq).toBe(1);
    });

    it("goes into one commit with others that come meanwhile, in order", async () => {
      const receipts = await Promise.all([accept(entry(1)), accept([entry(2), entry(3)]), accept(entry(4))]);

      expect(receipts.map(({ seqs }) => seqs)).toEqual([[1], [2, 3], [4]]);
      expect(journal.commits).toBe(1);
    });

    it("without an event appends nothing", async () => {
      expect(await accept("[]")).toEqual({ accepted: 0, duplicate: 0, rejected: [], seqs: [] });
      expect(letters).toEqual([]);
      expect(journal.lastSeq).toBe(0);
    });
  });

  describe("a bad item", () => {
    const BAD = { type: "focus", id: 7, ts: TS, dep: "Shoes" };

    it.each([
      ["first", [BAD, entry(1), entry(2)], 0],
      ["in the middle", [entry(1), BAD, entry(2)], 1],
      ["last", [entry(1), entry(2), BAD], 2],
    ])("%s costs no other", async (_, items, index) => {
      const receipt = await accept(items);

      expect(receipt).toMatchObject({ accepted: 2, seqs: [1, 2] });
      expect(receipt.rejected).toEqual([
        {
          index,
          pointer: "/dep",
          code: "unknown-department",
          detail: "'Shoes' is no department of this site: expected one of Boys, Sport",
        },
      ]);
      expect(onDisk().map(({ id }) => id)).toEqual([1, 2]);
    });

    it("stands in the dead letters with all that a second try needs", async () => {
      await accept([entry(1), BAD], {
        principal: "nats",
        subject: "events.focus",
        type: "focus",
        headers: { traceparent: "00-1", accept: "x" },
      });

      expect(letters).toEqual([
        {
          code: "unknown-department",
          detail: expect.stringContaining("Shoes"),
          where: { source: "events.focus", index: 1, pointer: "/dep" },
          principal: "nats",
          subject: "events.focus",
          headers: { traceparent: "00-1", type: "focus" },
          payload: expect.anything(),
        },
      ]);
      expect(JSON.parse(textOf(letters[0]!.payload))).toEqual(BAD);
    });

    it("in a line costs no other line", async () => {
      const receipt = await accept(`${JSON.stringify(entry(1))}\n{"type":"ent\n${JSON.stringify(entry(2))}`);

      expect(receipt).toMatchObject({ accepted: 2, rejected: [{ index: 1, code: "malformed" }] });
    });

    it("that breaks the array costs what stands behind it, and says where", async () => {
      const start = `[${JSON.stringify(entry(1))},`;
      const receipt = await accept(`${start}{"id":2`);

      const detail = `byte ${start.length + 7} of the body: expected ',' or ']'; nothing after it was read`;
      expect(receipt).toEqual({
        accepted: 1,
        duplicate: 0,
        rejected: [{ index: 1, pointer: "", code: "malformed", detail }],
        seqs: [1],
      });
      expect(letters[0]).toMatchObject({ where: { source: "/events", index: 1, offset: start.length + 7 } });
      expect(textOf(letters[0]!.payload)).toBe(',{"id":2');
    });

    it.each([
      ["nothing", ""],
      ["white space", " \n "],
      ["junk", "junk"],
      ["a number", "7"],
      ["half an object", '{"type"'],
    ])("may be the whole body: %s", async (_, body) => {
      expect(await accept(body)).toMatchObject({
        accepted: 0,
        duplicate: 0,
        rejected: [{ index: 0, code: "malformed" }],
        seqs: [],
      });
      expect(letters.length).toBe(1);
    });

    it("comes with more headers, or longer ones, than a hub could still keep with it", async () => {
      const tagged = (count: number, bytes: number) =>
        Object.fromEntries(Array.from({ length: count }, (_, i) => [`ce-x${i}`, "x".repeat(bytes)]));
      const body = entry(7);
      for (const headers of [tagged(65, 1), tagged(2, 9_000), { traceparent: "é".repeat(9_000) }]) {
        expect(await accept(body, { headers })).toMatchObject({ accepted: 0, rejected: [{ code: "too-large" }] });
      }
      expect(await accept(body, { headers: { "idempotency-key": "k".repeat(17_000) } })).toMatchObject({ accepted: 0 });
      expect(letters.map(({ headers }) => headers)).toEqual([{}, {}, {}, {}]);
      const cloud = { "ce-specversion": "1.0", "ce-id": "7", "ce-type": "entry" };
      await accept(body, { headers: { ...cloud, ...tagged(65, 1) } });
      expect(letters[4]!.headers).toEqual(cloud); // what it is read by, so that it can still be taken in

      expect(await accept(body, { headers: { ...tagged(64, 200), "user-agent": "u".repeat(20_000) } })).toMatchObject({
        accepted: 1,
      });
      expect(Object.keys(journal.disk.entries[0]!.headers)).toHaveLength(64);
    });

    it("is too large beyond the bound, and not at it", async () => {
      const padded = (bytes: number) => {
        const without = JSON.stringify(entry(7, { pad: "" })).length;
        return JSON.stringify(entry(7, { pad: "x".repeat(bytes - without) }));
      };

      expect(await accept(padded(limits.eventBytes))).toMatchObject({ accepted: 1 });
      expect((await accept(padded(limits.eventBytes + 1))).rejected).toEqual([
        {
          index: 0,
          pointer: "",
          code: "too-large",
          detail: `the event has ${limits.eventBytes + 1} bytes: expected at most ${limits.eventBytes}`,
        },
      ]);
    });

    it("is ahead of time beyond five minutes, and not at them", async () => {
      const at = (ahead: number) => entry(7, { ts: OPENING + ahead });

      expect(await accept(at(5 * MINUTE))).toMatchObject({ accepted: 1 });
      expect((await accept(at(5 * MINUTE + 1_000))).rejected).toEqual([
        {
          index: 0,
          pointer: "",
          code: "ahead-of-time",
          detail: "the event is 301 s ahead of this place's clock: expected at most 300 s",
        },
      ]);
    });

    it("may be of long ago, and without a time", async () => {
      expect(await accept([entry(7, { ts: 1 }), { type: "entry", id: 8 }])).toMatchObject({ accepted: 2 });
    });

    it("is counted by its code, and the others by their type", async () => {
      await accept([BAD, entry(1, { event_id: "a" }), entry(1, { event_id: "a" }), { type: "exit", id: 1 }]);

      expect(counted).toEqual(["accepted entry", "accepted exit", "duplicate entry", "rejected unknown-department"]);
    });

    it("that a face refused by itself is kept and counted too", () => {
      ingest.refused(
        inbound("{}", { headers: { "content-type": "text/csv" } }),
        "unsupported-content-type",
        "text/csv is no JSON",
      );

      expect(letters).toMatchObject([
        {
          code: "unsupported-content-type",
          detail: "text/csv is no JSON",
          where: { source: "/events", index: 0 },
          headers: { "content-type": "text/csv" },
        },
      ]);
      expect(counted).toEqual(["rejected unsupported-content-type"]);
    });
  });

  it("loses nothing: every item of a random batch is an entry, a duplicate or a rejection with its letter", async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = prng(seed);
      const items = Array.from({ length: 1 + Math.floor(random() * 12) }, (_, index) => {
        const kind = random();
        if (kind < 0.2) return "{oops}";
        if (kind < 0.4) return JSON.stringify({ type: "focus", id: 7, dep: "Shoes" });
        return JSON.stringify(
          entry(1_000 * seed + index, random() < 0.4 ? { event_id: `${seed}-${Math.floor(random() * 3)}` } : {}),
        );
      });
      const before = { entries: journal.lastSeq, letters: letters.length };

      const { accepted, duplicate, rejected, seqs } = await accept(
        random() < 0.5 ? `[${items.join()}]` : items.join("\n"),
      );

      const shown = `seed ${seed}: ${items.join(" ")}`;
      expect(accepted + duplicate + rejected.length, shown).toBe(items.length);
      expect(journal.lastSeq - before.entries, shown).toBe(accepted);
      expect(letters.length - before.letters, shown).toBe(rejected.length);
      expect(seqs, shown).toEqual(Array.from({ length: accepted }, (_, i) => before.entries + 1 + i));
      expect(
        rejected.map(({ index }) => index),
        shown,
      ).toEqual(rejected.map(({ index }) => index).sort((a, b) => a - b));
    }
  });

  describe("an id", () => {
    const withId = (more: object = {}) => entry(7, { event_id: "a", ...more });

    it("is taken once within a batch", async () => {
      expect(await accept([withId(), withId(), entry(8)])).toMatchObject({ accepted: 2, duplicate: 1, seqs: [1, 2] });
    });

    it("is taken once over batches", async () => {
      await accept(withId());

      expect(await accept(withId())).toEqual({ accepted: 0, duplicate: 1, rejected: [], seqs: [] });
    });

    it("is kept with its entry", async () => {
      await accept(withId());

      expect(journal.disk.entries[0]!.headers).toEqual({ id: "a" });
    });

    it("with other bytes is rejected, within a batch and after, and kept", async () => {
      const receipt = await accept([withId(), withId({ note: 1 })]);
      const later = await accept(withId({ note: 2 }));

      const detail = "the id 'a' came before with other content: expected a new id, or the same bytes";
      expect(receipt).toMatchObject({ accepted: 1, rejected: [{ index: 1, pointer: "", code: "id-reused", detail }] });
      expect(later).toMatchObject({ accepted: 0, rejected: [{ index: 0, code: "id-reused" }] });
      expect(letters.map(({ payload }) => JSON.parse(textOf(payload)).note)).toEqual([1, 2]);
    });

    it("is one of its source: another source may use it too", async () => {
      const event = (source: string) => ({ specversion: "1.0", type: "entry", subject: "7", id: "a", source });

      expect(await accept([event("/till/1"), event("/till/2"), event("/till/1")])).toMatchObject({
        accepted: 2,
        duplicate: 1,
      });
      expect(journal.disk.entries.map(({ headers }) => headers)).toEqual([
        { id: "a", source: "/till/1" },
        { id: "a", source: "/till/2" },
      ]);
    });

    it("that comes again while its first is under way is answered when that is on disk", async () => {
      journal.hold();
      const first = accept(withId());
      let answered = false;
      const second = accept(withId()).then((receipt) => {
        answered = true;
        return receipt;
      });
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(answered).toBe(false);
      journal.release();

      expect(await first).toMatchObject({ accepted: 1 });
      expect(await second).toMatchObject({ accepted: 0, duplicate: 1 });
      expect(journal.lastSeq).toBe(1);
    });

    it("with other bytes is found reused also while its first is under way", async () => {
      const [first, second] = await Promise.all([accept(withId()), accept(withId({ note: 1 }))]);

      expect([first.accepted, second.rejected[0]!.code]).toEqual([1, "id-reused"]);
    });

    it("does not count as seen when its commit fails; nor does the repeat that waited for it", async () => {
      journal.failNext(new AisleError("unavailable", "the disk is full"));
      const tries = await Promise.allSettled([accept(withId()), accept(withId())]);
      expect(tries.map(({ status }) => status)).toEqual(["rejected", "rejected"]);

      expect(await accept(withId())).toMatchObject({ accepted: 1, duplicate: 0 });
    });

    it("counts as seen once it is on disk, even if a repeat beside it waited for a commit that failed", async () => {
      const other = entry(8, { event_id: "b" });
      journal.hold();
      journal.failNext(new AisleError("unavailable", "the disk is full"));
      const first = accept(withId());
      // The first batch fails by itself; the second, which repeats it and brings something new, is written.
      const second = accept([withId(), other]);
      const [fails, written] = journal.split();
      fails!();
      written!();
      expect((await Promise.allSettled([first, second])).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
      journal.release();

      expect(await accept(other)).toMatchObject({ accepted: 0, duplicate: 1 });
      expect(onDisk().map(({ id }) => id)).toEqual([8]);
    });

    it("of an event that was rejected is free for the mended one", async () => {
      await accept({ type: "focus", id: 7, event_id: "a", dep: "Shoes" });

      expect(await accept({ type: "focus", id: 7, event_id: "a", dep: "Boys" })).toMatchObject({ accepted: 1 });
    });

    it("is missing from most events, and then repeats are events", async () => {
      expect(await accept([entry(7), entry(7)])).toMatchObject({ accepted: 2, duplicate: 0 });
    });
  });

  describe("an idempotency key", () => {
    const headers = { "idempotency-key": "k" };

    it("gives the items of a batch ids by their place", async () => {
      await accept([entry(1), entry(1)], { headers });

      expect(journal.disk.entries.map((each) => each.headers)).toEqual([{ id: "k/0" }, { id: "k/1" }]);
      expect(await accept([entry(1), entry(1)], { headers })).toMatchObject({ accepted: 0, duplicate: 2 });
    });

    it("counts places of bad items too, so that the mended batch fills the gap", async () => {
      await accept([entry(1), { type: "focus", id: 7, dep: "Shoes" }, entry(3)], { headers });

      expect(await accept([entry(1), { type: "focus", id: 7, dep: "Boys" }, entry(3)], { headers })).toMatchObject({
        accepted: 1,
        duplicate: 2,
      });
    });

    it("gives way to an event's own id", async () => {
      await accept([entry(1, { event_id: "own" })], { headers });

      expect(journal.disk.entries[0]!.headers).toEqual({ id: "own" });
    });

    it("with another batch is found reused", async () => {
      await accept([entry(1)], { headers });

      expect(await accept([entry(2)], { headers })).toMatchObject({ accepted: 0, rejected: [{ code: "id-reused" }] });
    });
  });

  describe("with an entry", () => {
    it("keeps the headers that a second reading needs, and no others", async () => {
      const headers = {
        "content-type": "application/json",
        traceparent: "00-1-2-3",
        "ce-specversion": "1.0",
        "ce-type": "entry",
        "ce-id": "a",
        "ce-source": "/till/1",
        "ce-subject": "7",
        "ce-ext2": "kept too",
        authorization: "Bearer s3cret",
        "idempotency-key": "k",
        cookie: "x",
      };
      await accept("{}", { headers });

      const { authorization: _a, "idempotency-key": _k, cookie: _c, ...kept } = headers;
      expect(journal.disk.entries[0]!.headers).toEqual({ ...kept, id: "a", source: "/till/1" });
    });

    it("keeps the type of the URL or subject, and that a mock endpoint sent it", async () => {
      await accept({ id: 7 }, { type: "entry", test: true });

      expect(journal.disk.entries[0]!.headers).toEqual({ type: "entry", test: "1" });
    });

    it("does not let a publisher say by header what only we say", async () => {
      await accept(entry(7), {
        headers: { test: "1", "replay-of": "3", "replay-seq": "3", id: "x", type: "exit", tombstone: "1" },
      });

      expect(journal.disk.entries[0]!.headers).toEqual({});
    });

    it("is read again from its bytes and headers as it was read at the door", async () => {
      const bodies: [unknown, Partial<Inbound>][] = [
        [{ type: "focus", id: "007", ts: TS, dep: "Sports" }, {}],
        [{ id: 7.0, x: 1, y: 2 }, { type: "MOVE" }],
        [{ event_type: "anything", payload: { customer_id: 7, category: "Boy's" } }, { type: "focus" }],
        [
          { customer_id: 7, category: "Boys" },
          { headers: { "ce-specversion": "1.0", "ce-type": "focus", "ce-time": "2026-03-02T09:00:00Z", "ce-id": "a" } },
        ],
        [
          { category: "Boys" },
          { headers: { "ce-specversion": "1.0", "ce-type": "focus", "ce-data.customer_id": "9" } },
        ],
        [entry(7), { headers: { "idempotency-key": "k" } }],
      ];
      const read: unknown[] = [];
      journal.onAppend((entries) => read.push(...entries.map(({ value }) => value)));
      for (const [body, more] of bodies) expect(await accept(body, more)).toMatchObject({ accepted: 1 });

      const reader = shopReader();
      const again = journal.disk.entries.map(
        ({ payload, headers }) => reader.read([payload], [{ type: headers.type ?? null, headers }])[0],
      );
      expect(again).toEqual(read);
    });
  });

  describe("at a bound", () => {
    it("takes nothing while too many focuses wait, and says when to come back", async () => {
      backlog = limits.runs;

      await expect(accept(entry(7))).rejects.toThrow(
        new AisleError("overloaded", `${limits.runs} focuses wait for their decision: try again in a second`),
      );
      expect(letters).toEqual([]);
      backlog = limits.runs - 1;
      expect(await accept(entry(7))).toMatchObject({ accepted: 1 });
    });

    it("passes on that the journal is full, and takes the same events later", async () => {
      journal.queueMax = 1;
      await expect(accept([entry(1, { event_id: "a" }), entry(2)])).rejects.toMatchObject({ code: "overloaded" });
      journal.queueMax = 10;

      expect(await accept([entry(1, { event_id: "a" }), entry(2)])).toMatchObject({ accepted: 2, duplicate: 0 });
    });

    it("passes on that a commit failed, and counts nothing", async () => {
      journal.failNext(new AisleError("unavailable", "the disk is full"));

      await expect(accept(entry(7))).rejects.toThrow("the disk is full");
      expect(counted).toEqual([]);
    });
  });

  describe("a dead letter taken in again", () => {
    it("passes the dedupe, and says what it is", async () => {
      const body = entry(7, { event_id: "a" });
      await accept(body);

      expect(await ingest.replay(inbound(body), { letter: 12, seq: null })).toMatchObject({
        accepted: 1,
        duplicate: 0,
        seqs: [2],
      });
      expect(journal.disk.entries[1]!.headers).toEqual({ id: "a", "replay-of": "12" });
    });

    it("names the entry that it is of, where it became one", async () => {
      await ingest.replay(inbound(entry(7)), { letter: 12, seq: 5 });

      expect(journal.disk.entries[0]!.headers).toEqual({ "replay-of": "12", "replay-seq": "5" });
    });

    it("has its id count as seen from then on", async () => {
      const body = entry(7, { event_id: "a" });
      await ingest.replay(inbound(body), { letter: 12, seq: null });

      expect(await accept(body)).toMatchObject({ accepted: 0, duplicate: 1 });
    });

    it("is rejected again as long as it can't be used", async () => {
      expect(
        await ingest.replay(inbound({ type: "focus", id: 7, dep: "Shoes" }), { letter: 12, seq: null }),
      ).toMatchObject({
        accepted: 0,
        rejected: [{ code: "unknown-department" }],
      });
    });

    it("stays a test when a mock endpoint sent it", async () => {
      const bad = { type: "focus", id: 7, dep: "Shoes" };
      await accept(bad, { test: true });
      const { headers } = letters[0]!;
      expect(headers).toEqual({ test: "1" });
      await ingest.replay(inbound({ ...bad, dep: "Boys" }, { headers }), { letter: 12, seq: null });

      expect(journal.disk.entries[0]!.headers).toEqual({ test: "1", "replay-of": "12" });
    });
  });
});
