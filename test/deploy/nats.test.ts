import { spawnSync } from "node:child_process";
import { appendFileSync, cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { connectAsync } from "mqtt";
import { connect, type NatsConnection, type StorageType } from "nats";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { isAtLeast } from "../../runtime/bus/nats-versions.ts";
import { payloadOf } from "../../runtime/player.ts";
import { type Chain, deployChain, deployNats, PASSWORDS } from "../support/deployed-nats.ts";
import { journalIn, tempDir } from "../support/journal.ts";
import { describeWithNats, natsServerPath } from "../support/nats-server.ts";
import { decisionsOf, recordedSteps, STORE, type Store, startStore, temporary } from "../support/place.ts";
import { writeSite } from "../support/sites.ts";
import { loginOf, readStream, STREAM, untilSo, upTo } from "../support/streaming.ts";

const EVENTS = "aisle.store.box-7.events";

/** The server that is here knows `sync_interval: always`. */
const isSyncing = natsServerPath !== null && isAtLeast(versionOf(natsServerPath), [2, 10, 0]);

function versionOf(server: string): string | null {
  return /v(\d\S*)/.exec(spawnSync(server, ["--version"], { encoding: "utf8" }).stdout)?.[1] ?? null;
}

async function client(url: string): Promise<NatsConnection> {
  const connection = await connect(loginOf(url));
  onTestFinished(() => connection.close());
  return connection;
}

/** A client that speaks MQTT 3.1.1. */
async function beaconAt({ device }: Chain) {
  const login = { username: "beacon", password: PASSWORDS.AISLE_BEACON_PASSWORD, clientId: "beacon-1" };
  const beacon = await connectAsync(`mqtt://127.0.0.1:${device.mqttPort}`, { ...login, protocolVersion: 4 });
  onTestFinished(() => beacon.endAsync(true));
  return beacon;
}

/** The store's site, with these lines below it. */
function storeSite(lines: string): string {
  const dir = temporary();
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  cpSync(STORE, dir, { recursive: true });
  appendFileSync(join(dir, "site.yml"), `\n${lines}`);
  return dir;
}

/** Resolves once the place hears what is published. */
async function listening({ place }: Store): Promise<void> {
  await untilSo(() => place.bus.state === "here");
  await place.bus.flush();
}

/** Subjects that a subscriber gets. */
async function subjectsAt(url: string, pattern: string): Promise<string[]> {
  const connection = await client(url);
  const subjects: string[] = [];
  connection.subscribe(pattern, { callback: (_, { subject }) => void subjects.push(subject) });
  await connection.flush();
  return subjects;
}

describeWithNats("the configurations of deploy/nats", () => {
  describe("alone", () => {
    it.each(["hub.conf", "device.conf"])("%s starts", async (file) => {
      await using nats = await deployNats(file, { AISLE_HUB_URL: "nats-leaf://leaf:x@127.0.0.1:9" });

      expect(nats.server.pid).toBeGreaterThan(0);
    });

    it.each(["hub-synced.conf", "device-synced.conf"])(
      `%s starts ${isSyncing ? "as it stands" : "but for the one line that servers before 2.10 don't know"}`,
      async (file) => {
        const env = { AISLE_HUB_URL: "nats-leaf://leaf:x@127.0.0.1:9" };
        if (!isSyncing) {
          const only = new RegExp(`\\nnats-server: \\S+/${file}:\\d+:\\d+: unknown field "sync_interval"\\s*$`);
          await expect(deployNats(file, env)).rejects.toThrow(only);
        }
        const older = (text: string) => text.replace(/^ *sync_interval: always\n/m, "");
        await using nats = await deployNats(file, env, isSyncing ? undefined : older);

        expect(nats.server.pid).toBeGreaterThan(0);
      },
    );

    it("none starts without its passwords", async () => {
      await expect(deployNats("hub.conf", { AISLE_HUB_PASSWORD: undefined })).rejects.toThrow(/AISLE_HUB_PASSWORD/);
    });
  });

  describe("leaf to hub", () => {
    let chain: Chain;

    beforeEach(async () => {
      chain = await deployChain();
      await untilSo(() => chain.cable.lines > 0);
    });

    afterEach(async () => {
      await chain[Symbol.asyncDispose]();
    });

    /** Until a message gets through the leaf. */
    const linked = async () => {
      const [near, far] = [await client(chain.deviceUrl), await client(chain.hubUrl)];
      let got = false;
      far.subscribe("aisle.lab.link", {
        callback: () => {
          got = true;
        },
      });
      await far.flush();
      await untilSo(() => {
        near.publish("aisle.lab.link");
        return got;
      });
    };

    it("carries events up and answers down", async () => {
      await linked();
      const hub = await client(chain.hubUrl);
      hub.subscribe("aisle.store.hub.>", { callback: (_, message) => void message.respond("taken") });
      await hub.flush();
      const device = await client(chain.deviceUrl);
      let answer = "";
      await untilSo(async () => {
        answer = await device.request("aisle.store.hub.hub.box-7", "", { timeout: 500 }).then(
          (message) => message.string(),
          () => "",
        );
        return answer !== "";
      });

      expect(answer).toBe("taken");
    });

    it("lets tills publish events and nothing else", async () => {
      const got = await subjectsAt(chain.deviceUrl, "aisle.>");
      const till = await client(chain.tillUrl);
      const refused: string[] = [];
      void (async () => {
        for await (const { type, permissionContext } of till.status() as AsyncIterable<Refusal>)
          if (type === "error") refused.push(`${permissionContext?.operation} ${permissionContext?.subject}`);
      })();

      till.publish(`${EVENTS}.sale`);
      till.publish("aisle.store.box-7.outcomes");
      till.publish("$JS.API.STREAM.LIST");
      till.subscribe("aisle.>");
      await till.flush();
      await untilSo(() => refused.length === 3 && got.length > 0);

      expect(refused).toEqual([
        "publish aisle.store.box-7.outcomes",
        "publish $JS.API.STREAM.LIST",
        "subscription aisle.>",
      ]);
      expect(got).toEqual([`${EVENTS}.sale`]);
      await expect(connect(loginOf(chain.device.url("till", "wrong")))).rejects.toThrow(/authorization/i);
    });

    it("gives the events of a customer a partition, once, and leaves others as they are", async () => {
      await linked();
      const got = await subjectsAt(chain.deviceUrl, `${EVENTS}.>`);
      const above = await subjectsAt(chain.hubUrl, `${EVENTS}.>`);
      const device = await client(chain.deviceUrl);
      for (let id = 0; id < 100; id++) for (const type of ["focus", "entry"]) device.publish(`${EVENTS}.${type}.${id}`);
      device.publish(`${EVENTS}.focus`);
      device.publish(`${EVENTS}.focus.4711.x`);
      await device.flush();
      await untilSo(() => got.length === 202 && above.length === 202);

      const partitions = new Map<string, Set<string>>();
      for (const subject of got.slice(0, 200)) {
        const [, , , , , id, partition, ...rest] = subject.split(".");
        expect([partition, rest]).toEqual([expect.stringMatching(/^[0-3]$/), []]);
        partitions.set(id!, (partitions.get(id!) ?? new Set()).add(partition!));
      }
      expect([...partitions.values()].every(({ size }) => size === 1)).toBe(true);
      expect(new Set([...partitions.values()].map((set) => [...set][0])).size).toBe(4);
      expect(got.slice(200)).toEqual([`${EVENTS}.focus`, `${EVENTS}.focus.4711.x`]);
      expect(above).toEqual(got);
    });

    it("hands every event of a place to the hub's place once, over a link that is cut for a while", async () => {
      const deviceSite = storeSite("hub: { place: hub }\n");
      const hubSite = storeSite("hub: { accept: true }\n");
      await using hub = await startStore({ dir: hubSite, overrides: { nats: chain.hubUrl, place: "hub" } });
      await using box = await startStore({ dir: deviceSite, overrides: { nats: chain.deviceUrl, place: "box-7" } });
      await listening(box);
      const till = await client(chain.tillUrl);
      let sent = 0;
      const send = async (count: number) => {
        for (let end = sent + count; sent < end; sent++) {
          const event = JSON.stringify({ id: String(sent), ts: box.clock.at });
          const answer = await till.request(`${EVENTS}.entry`, event, { timeout: 5_000 });
          expect(answer.json()).toMatchObject({ accepted: 1 });
        }
      };
      const identities = ({ place }: Store) =>
        [...place.journal.read()].flatMap(({ kind, payload }) =>
          kind === "event" ? [JSON.parse(Buffer.from(payload).toString()).id as string] : [],
        );
      await send(100);
      await untilSo(() => identities(hub).length === 100);

      chain.cable.cut();
      await send(100);
      chain.cable.mend();
      await send(50);
      chain.cable.cut();
      await send(50);
      chain.cable.mend();
      await untilSo(() => identities(hub).length >= 300);

      expect(identities(box)).toEqual(upTo(300).map(String));
      expect(identities(hub)).toEqual(upTo(300).map(String));
    }, 60_000);

    it("hands a device's stream up, each message once, over a link that is cut for a while", async () => {
      await linked();
      const device = await client(chain.deviceUrl);
      const manager = await device.jetstreamManager({ checkAPI: false });
      await manager.streams.add({ name: STREAM, subjects: [`${EVENTS}.sale.>`] });
      const publish = async (from: number, to: number) => {
        const js = device.jetstream();
        for (let n = from; n < to; n++) await js.publish(`${EVENTS}.sale.${n}`, String(n));
      };
      const hub = readStream({ url: chain.hubUrl, journal: journalIn(tempDir()), stream: { domain: "box-7" } });
      await publish(0, 500);
      await untilSo(() => hub.journal.lastSeq >= 500);

      chain.cable.cut();
      await publish(500, 1_000);
      expect(hub.journal.lastSeq).toBe(500);
      expect((await manager.streams.info(STREAM)).state.messages).toBe(1_000);
      chain.cable.mend();
      await publish(1_000, 1_200);
      await untilSo(() => hub.journal.lastSeq >= 1_200);

      expect(hub.numbers()).toEqual(upTo(1_200));
      await untilSo(async () => (await manager.consumers.info(STREAM, "lab-box")).ack_floor.stream_seq === 1_200);
    }, 60_000);

    it("lets a place find out how a stream at the hub keeps its decisions", async () => {
      await linked();
      const hub = await (await client(chain.hubUrl)).jetstreamManager({ checkAPI: false });
      const storage = "memory" as StorageType;
      await hub.streams.add({ name: "OFFERS", subjects: ["aisle.store.box-7.offers.>"], storage });
      const dir = writeSite({ site: { "bus.outbox": { ack: "stream" } } });
      await using box = await startStore({ dir, overrides: { nats: chain.deviceUrl, place: "box-7" } });
      await listening(box);
      const readiness = async () => {
        const { degraded } = (await (await fetch(`${box.place.url}/readyz`)).json()) as { degraded: string[] };
        return degraded.join("\n");
      };

      const device = await client(chain.deviceUrl);
      await device.request(`${EVENTS}.focus`, JSON.stringify({ id: 7, dep: "Sport" }), { timeout: 5_000 });
      await untilSo(async () => (await hub.streams.info("OFFERS")).state.messages === 1);
      await untilSo(async () => (await readiness()).includes("JetStream alone"));

      expect(await readiness()).toContain(
        "'OFFERS' has acknowledged rest on JetStream alone, and it keeps them in memory",
      );
    }, 30_000);

    it.each(["mirror", "sources"] as const)(
      "lets the hub keep a device's stream as well (%s), each message once, over a link that is cut for a while",
      async (kind) => {
        await linked();
        const device = await client(chain.deviceUrl);
        const near = await device.jetstreamManager({ checkAPI: false });
        const far = await (await client(chain.hubUrl)).jetstreamManager({ checkAPI: false });
        await near.streams.add({ name: STREAM, subjects: [`${EVENTS}.sale.>`] });
        const origin = { name: STREAM, external: { api: "$JS.box-7.API", deliver: "" } };
        await far.streams.add({ name: "COPY", ...(kind === "mirror" ? { mirror: origin } : { sources: [origin] }) });
        const js = device.jetstream();
        // So many bytes that the device's server waits for the hub's word that more may come.
        const publish = async (from: number, to: number) => {
          for (let n = from; n < to; n++) await js.publish(`${EVENTS}.sale.${n}`, String(n).padStart(2_000, "0"));
        };
        const messages = async () => [
          (await near.streams.info(STREAM)).state.messages,
          (await far.streams.info("COPY")).state.messages,
        ];
        await publish(0, 1_500);
        await untilSo(async () => (await messages())[1] === 1_500);

        chain.cable.cut();
        await publish(1_500, 3_000);
        expect(await messages()).toEqual([3_000, 1_500]);
        chain.cable.mend();
        await publish(3_000, 3_200);
        await untilSo(async () => (await messages())[1]! >= 3_200);

        expect(await messages()).toEqual([3_200, 3_200]);
        const copy = readStream({ url: chain.hubUrl, journal: journalIn(tempDir()), stream: { stream: "COPY" } });
        await untilSo(() => copy.journal.lastSeq >= 3_200);
        expect(copy.numbers()).toEqual(upTo(3_200));
      },
      90_000,
    );
  });

  describe("a device's server", () => {
    /** Of `aisle` on both sides, so that only `leaf` holds anything back. */
    const unbound = (text: string) =>
      text.replace(/(user: aisle, password: \S+), permissions: \{[^}]*\}/, (_, user: string) => user);

    /** Which of the messages get through the leaf. `last` does. */
    async function through(from: string, to: string, subjects: readonly string[], last: string): Promise<string[]> {
      const [sender, receiver] = [await client(from), await client(to)];
      const got = new Set<string>();
      for (const subject of [...subjects, last]) receiver.subscribe(subject, { callback: () => void got.add(subject) });
      await receiver.flush();
      // A link that has just come up does not know of all subscriptions yet.
      await untilSo(async () => {
        for (const subject of [...subjects, last]) sender.publish(subject);
        await sender.flush();
        return got.has(last);
      });
      got.clear();
      for (const subject of [...subjects, last]) sender.publish(subject);
      await untilSo(() => got.has(last));
      got.delete(last);
      return [...got];
    }

    it("passes on what belongs to places and to streams that the hub keeps as well, and nothing else", async () => {
      await using hub = await deployNats("hub.conf", {}, unbound);
      const leaf = `nats-leaf://leaf:${PASSWORDS.AISLE_LEAF_PASSWORD}@127.0.0.1:${hub.leafPort}`;
      await using device = await deployNats("device.conf", { AISLE_HUB_URL: leaf }, unbound);
      const near = device.url("aisle", PASSWORDS.AISLE_DEVICE_PASSWORD);
      const far = hub.url("aisle", PASSWORDS.AISLE_HUB_PASSWORD);
      const [messages, answer, more] = [["$JS.M.a", "$JS.S.a"], "$JSC.R.a", "$JS.FC.S.C.a"];
      const forbidden = ["other", "other.a", "$JS.M.a.b", "$JS.S.a.b", "$JSC.R.a.b", "$JS.FC.S.a", "$JS.FC.S.C.a.b"];
      forbidden.push("$JS.X.a", "$JSC.X.a", "$KV.B.a", "$OBJ.B.a", "$JS.EVENT.ADVISORY.a", "$MQTT.a");

      const up = [...forbidden, ...messages, answer, more];
      expect(await through(near, far, up, "aisle.lab.last")).toEqual([...messages, answer]);
      expect(await through(far, near, up, "aisle.lab.last")).toEqual([more]);
    }, 60_000);
  });

  describe("MQTT", () => {
    it("brings what beacons publish, and lets them do nothing else", async () => {
      await using chain = await deployChain();
      const got = await subjectsAt(chain.deviceUrl, "aisle.>");
      const beacon = await beaconAt(chain);

      await beacon.publishAsync("aisle/store/box-7/events/focus", "{}", { qos: 0 });
      await beacon.publishAsync("aisle/store/box-7/events/focus/4711", "{}", { qos: 1 });
      await beacon.publishAsync("aisle/store/box-7/outcomes", "{}", { qos: 0 });
      await beacon.publishAsync("aisle/store/box-7/events/entry", "{}", { qos: 1 });
      await untilSo(() => got.length >= 3);

      expect(got).toEqual([
        `${EVENTS}.focus`,
        expect.stringMatching(/\.events\.focus\.4711\.[0-3]$/),
        `${EVENTS}.entry`,
      ]);
      await expect(connect(loginOf(chain.device.url("beacon", PASSWORDS.AISLE_BEACON_PASSWORD)))).rejects.toThrow();
    });

    it("brings a focus that is decided", async () => {
      await using chain = await deployChain();
      await using box = await startStore({ overrides: { nats: chain.deviceUrl, place: "box-7" } });
      const beacon = await beaconAt(chain);
      const steps = recordedSteps().slice(0, 240);
      await listening(box);
      const seen = () => [...box.place.journal.read()].filter(({ kind }) => kind === "event").length;
      for (const [n, step] of steps.entries()) {
        box.clock.at = step.at;
        const topic = `aisle/store/box-7/events/${step.type}`;
        await beacon.publishAsync(topic, Buffer.from(payloadOf(step)), { qos: n % 2 === 0 ? 0 : 1 });
        await untilSo(() => seen() === n + 1);
      }
      await box.place.runner.idle();

      expect(decisionsOf(box.place.journal).length).toBeGreaterThan(3);
    }, 60_000);
  });
});

interface Refusal {
  readonly type: string;
  readonly permissionContext?: { readonly operation: string; readonly subject: string };
}
