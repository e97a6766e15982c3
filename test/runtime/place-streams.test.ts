import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { headers as natsHeaders } from "nats";
import { afterEach, beforeEach, expect, it, onTestFinished } from "vitest";
import type { Decision } from "../../runtime/decide/decision.ts";
import type { Place } from "../../runtime/main.ts";
import { payloadOf } from "../../runtime/player.ts";
import { describeWithNats, type NatsServer, startNatsServer } from "../support/nats-server.ts";
import { decisionsOf, recordedSteps, STORE, startStore, temporary } from "../support/place.ts";
import { type Publisher, publisherAt, untilSo } from "../support/streaming.ts";

const SUBJECT = "aisle.store.test.in.events";

/** The store's site, with this below its `bus`. */
function siteWith(lines: string): string {
  const dir = mkdtempSync(join(tmpdir(), "aisle-streams-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  cpSync(STORE, dir, { recursive: true });
  const file = join(dir, "site.yml");
  writeFileSync(file, readFileSync(file, "utf8").replace(/^bus:\n/m, `bus:\n${lines}`));
  return dir;
}

const essence = ({ customer, offers, none }: Decision) => [customer, offers.map(({ coupon }) => coupon), none?.reason];

describeWithNats("a place that consumes a stream", () => {
  let server: NatsServer;
  let publisher: Publisher;
  let dir: string;

  beforeEach(async () => {
    server = await startNatsServer({ jetStream: true });
    publisher = await publisherAt(server.url, { name: "STORE", subjects: ["aisle.store.test.in.>"] });
    dir = siteWith("  streams: [{ stream: STORE }]\n");
  });

  afterEach(async () => {
    await server[Symbol.asyncDispose]();
  });

  const readiness = async (place: Place): Promise<string> => await (await fetch(`${place.url}/readyz`)).text();

  it("decides as over HTTP, and once, whenever it ends", async () => {
    const steps = recordedSteps().slice(0, 200);
    await using byHttp = await startStore();
    for (const step of steps) {
      byHttp.clock.at = step.at;
      await fetch(`${byHttp.place.url}/events`, { method: "POST", body: payloadOf(step) as BodyInit });
    }
    await byHttp.place.runner.idle();
    const dataDir = temporary();
    onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
    const js = publisher.connection.jetstream();
    const cuts = [0, steps.length >> 2, steps.length >> 1, steps.length];
    const taken = (place: Place) =>
      place.streams
        .readings()
        .find(({ name }) => name === "aisle_stream_position")!
        .read()[0]![1];
    for (let part = 1; part < cuts.length; part++) {
      await using store = await startStore({ dir, dataDir, overrides: { nats: server.url } });
      for (let n = cuts[part - 1]!; n < cuts[part]!; n++) {
        store.clock.at = steps[n]!.at;
        await js.publish(`${SUBJECT}.${steps[n]!.type}`, payloadOf(steps[n]!));
        await untilSo(() => taken(store.place) === n + 1);
      }
      await store.place.runner.idle();
    }
    await using store = await startStore({ dir, dataDir, overrides: { nats: server.url } });
    const decisions = decisionsOf(store.place.journal);

    expect(decisions.map(essence)).toEqual(decisionsOf(byHttp.place.journal).map(essence));
    expect(decisions.length).toBeGreaterThan(3);
    const events = [...store.place.journal.read()].filter(({ kind }) => kind === "event");
    expect(events.length).toBe(steps.length);
  }, 60_000);

  it("puts what is malformed to the dead letters, and goes on", async () => {
    await using store = await startStore({ dir, overrides: { nats: server.url } });
    const js = publisher.connection.jetstream();
    await js.publish(`${SUBJECT}.entry`, "{ not json");
    await js.publish(`${SUBJECT}.entry`, "");
    await js.publish(`${SUBJECT}.nonsense`, '{"id": "7"}');
    await js.publish(`${SUBJECT}.entry`, "x".repeat(100_000));
    await js.publish(`${SUBJECT}.entry`, JSON.stringify({ id: "7", ts: store.clock.at }));
    await untilSo(async () => (await readPosition(store.place)) === 5);

    // On disk no later than that they count as consumed; what is larger than one letter is in several.
    const bytes = store.place.letters.list({ limit: 10 }).map(({ payload }) => payload.length);
    expect(bytes.reverse()).toEqual([10, 0, 11, 65_536, 34_464]);
    expect(await readiness(store.place)).toContain("rest on JetStream alone");
  });

  it("puts what the journal could never take to the dead letters, whole, and goes on", async () => {
    await using store = await startStore({ dir, overrides: { nats: server.url, logLevel: "warn" } });
    const js = publisher.connection.jetstream();
    const entry = JSON.stringify({ id: "7", ts: store.clock.at });
    const many = Array(10_000).fill(entry).join("\n");
    const publish = async (body: string, given: Record<string, string> = {}) => {
      const headers = natsHeaders();
      for (const [name, value] of Object.entries(given)) headers.set(name, value);
      await js.publish(`${SUBJECT}.entry`, body, { headers });
    };
    await publish(entry, { traceparent: "x".repeat(22_000) });
    await publish(entry, Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`ce-x${i}`, "1"])));
    await publish(entry, { "Nats-Msg-Id": "m".repeat(30_000) });
    await publish(many, { traceparent: "x".repeat(7_000) });
    await publish(entry);
    await untilSo(async () => (await readPosition(store.place)) === 5);

    const letters = store.place.letters.list({ limit: 100 }).reverse();
    expect(new Set(letters.map(({ code }) => code))).toEqual(new Set(["too-large"]));
    expect(letters[3]!.detail).toContain("can wait");
    expect(Buffer.concat(letters.slice(3).map(({ payload }) => payload)).toString()).toBe(many);
    expect([...store.place.journal.read()].filter(({ kind }) => kind === "event")).toHaveLength(1);
    expect(store.place.intake.dropped).toBe(0);
    expect(await readiness(store.place)).not.toContain("held up");
    expect(store.logged.filter(({ msg }) => /dropped|can't be taken/.test(String(msg)))).toEqual([]);
  });

  it("waits for room for the dead letters of a message with many events, and loses none", async () => {
    await using store = await startStore({ dir, overrides: { nats: server.url } });
    const js = publisher.connection.jetstream();
    const bad = Array.from({ length: 9_000 }, (_, n) => `{"id":${n}`).join("\n");
    for (let n = 0; n < 6; n++) await js.publish(`${SUBJECT}.entry`, bad);
    await untilSo(async () => (await readPosition(store.place)) === 6);

    const { count, lost } = store.place.letters.stats();
    expect({ count, lost }).toEqual({ count: 54_000, lost: 0 });
  });

  it("says in /readyz that the stream is not there, or that it may not read it", async () => {
    const elsewhere = siteWith("  streams: [{ stream: NOWHERE }]\n");
    await using store = await startStore({ dir: elsewhere, overrides: { nats: server.url } });

    await untilSo(async () =>
      (await readiness(store.place)).includes("the stream 'NOWHERE' is not there: waiting for it"),
    );
  });

  it("says in log and /readyz which credentials or permissions are wrong, and shows no secret", async () => {
    await using guarded = await startNatsServer({
      jetStream: true,
      config: `authorization: { users: [
        { user: box, password: right-1, permissions: { publish: ["aisle.>"], subscribe: ["_INBOX.>"] } } ] }`,
    });
    const overrides = { nats: guarded.url };
    const env = { AISLE_NATS_USER: "box", AISLE_NATS_PASSWORD: "wrong-2" };
    await using wrong = await startStore({ dir, overrides: { ...overrides, logLevel: "info" }, env });
    await untilSo(async () => (await readiness(wrong.place)).includes("refuses our credentials"));
    expect(JSON.stringify(wrong.logged)).toContain("refuses our credentials");
    expect(JSON.stringify(wrong.logged) + (await readiness(wrong.place))).not.toContain("wrong-2");

    await using right = await startStore({ dir, overrides, env: { ...env, AISLE_NATS_PASSWORD: "right-1" } });
    await untilSo(async () => (await readiness(right.place)).includes("subscribe to 'aisle.store.test.events"));
    await untilSo(async () => (await readiness(right.place)).includes("$JS.API.STREAM.INFO.STORE"));
  });
});

const readPosition = async (place: Place) =>
  place.streams
    .readings()
    .find(({ name }) => name === "aisle_stream_position")!
    .read()[0]![1];
