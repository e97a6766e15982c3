import { afterEach, beforeEach, expect, it } from "vitest";
import type { EventStream, StreamReader } from "../../runtime/bus/stream.ts";
import { ManualClock } from "../../runtime/clock.ts";
import { AisleError } from "../../runtime/errors.ts";
import type { Journal } from "../../runtime/journal/journal.ts";
import { limits } from "../../runtime/limits.ts";
import { type StreamSink, Streams } from "../../runtime/streams.ts";
import { layCable } from "../support/cable.ts";
import { journalIn, tempDir } from "../support/journal.ts";
import { describeWithNats, freePort, type NatsServer, startNatsServer } from "../support/nats-server.ts";
import {
  journalSink,
  publisherAt,
  type ReadingStream,
  reading,
  readStream,
  STREAM,
  untilSo as until,
  upTo,
} from "../support/streaming.ts";

describeWithNats("a stream read into the journal", () => {
  let server: NatsServer;

  beforeEach(async () => {
    server = await startNatsServer({ jetStream: true });
  });

  afterEach(async () => {
    await server[Symbol.asyncDispose]();
  });

  const here = (journal: Journal = journalIn(tempDir()), more: Partial<Parameters<typeof readStream>[0]> = {}) =>
    readStream({ url: server.url, journal, ...more });

  const has = (stream: ReadingStream, count: number) => until(() => stream.journal.lastSeq >= count);

  it("takes everything once and in order, and acknowledges it after the commit", async () => {
    const { publish, manager } = await publisherAt(server.url);
    await publish(0, 3_000);
    const stream = here();

    await has(stream, 3_000);
    await publish(3_000, 20_000);
    await has(stream, 20_000);

    expect(stream.numbers()).toEqual(upTo(20_000));
    const position = JSON.parse(stream.journal.position(`stream/${STREAM}/lab-box`)!);
    const { created } = await manager.streams.info(STREAM);
    expect(position).toEqual({ created, seq: 20_000, time: expect.stringMatching(/^\d{19}$/) });
    const acknowledged = async () => (await manager.consumers.info(STREAM, "lab-box")).ack_floor.stream_seq === 20_000;
    await until(acknowledged);
    expect(await manager.consumers.info(STREAM, "lab-box")).toMatchObject({ num_ack_pending: 0, num_redelivered: 0 });
    expect([stream.errors, stream.notes, stream.source.trouble]).toEqual([[], [], null]);
  });

  it("takes nothing twice and leaves nothing out when it ends between commit and acknowledgement", async () => {
    const { publish } = await publisherAt(server.url);
    await publish(0, 4_000);
    const journal = journalIn(tempDir());
    const first = here(journal, {
      // What it acknowledges never arrives: the connection ends with the first commit.
      sink: (own) => ({
        async take(items, positionOf) {
          await first.bus.link!.connection.close();
          await journalSink(own).take(items, positionOf);
        },
      }),
    });
    await until(() => journal.lastSeq > 0);
    await first.vanish();
    const taken = journal.lastSeq;
    const second = here(journal);

    await publish(4_000, 5_000);
    await has(second, 5_000);

    expect(taken).toBeGreaterThan(0);
    expect(second.numbers()).toEqual(upTo(5_000));
  });

  it("goes on behind what is on disk when it ends between delivery and commit", async () => {
    const { publish } = await publisherAt(server.url);
    await publish(0, 1_000);
    const journal = journalIn(tempDir());
    const first = here(journal);
    await has(first, 1_000);
    await first.vanish();
    let delivered = 0;
    const deaf = here(journal, {
      sink: () => ({
        take(items) {
          delivered += items.length;
          return new Promise(() => {});
        },
      }),
    });
    await publish(1_000, 2_000);
    await until(() => delivered > 0);
    deaf.source.stop();
    await deaf.bus.drain();
    const second = here(journal);

    await publish(2_000, 3_000);
    await has(second, 3_000);

    expect(second.numbers()).toEqual(upTo(3_000));
  });

  it("asks for no more while the intake has no room, and gives up nothing", async () => {
    const { publish, manager } = await publisherAt(server.url);
    await publish(0, 25_000);
    let isFull = true;
    let refusals = 0;
    const stream = here(undefined, {
      sink: (journal): StreamSink => ({
        async take(items, positionOf) {
          if (isFull) {
            refusals++;
            throw new AisleError("overloaded", "no room");
          }
          await journalSink(journal).take(items, positionOf);
        },
      }),
    });
    await until(() => refusals > 3 && reading(stream.streams, "waiting") === limits.consumedMessages);

    const { delivered } = await manager.consumers.info(STREAM, "lab-box");
    expect(delivered.stream_seq).toBe(limits.consumedMessages);
    expect(stream.streams.trouble().join()).toContain("held up: no room");
    isFull = false;
    await has(stream, 25_000);

    expect(stream.numbers()).toEqual(upTo(25_000));
    expect(stream.streams.trouble().join()).not.toContain("held up");
  });

  it("goes on when its consumer is deleted", async () => {
    const { publish, manager } = await publisherAt(server.url);
    await publish(0, 500);
    const stream = here();
    await has(stream, 500);

    // A server that is just writing its state may complain, and the consumer is gone nevertheless.
    await manager.consumers.delete(STREAM, "lab-box").catch(() => {});
    await publish(500, 1_000);
    await has(stream, 1_000);

    expect(stream.numbers()).toEqual(upTo(1_000));
    expect(stream.notes).toMatchObject([{ kind: "recreated" }]);
  });

  it("goes on when the stream is purged, and says what it never saw", async () => {
    const { publish, manager } = await publisherAt(server.url);
    await publish(0, 100);
    const journal = journalIn(tempDir());
    const first = here(journal);
    await has(first, 100);
    await manager.streams.purge(STREAM);
    await publish(100, 200);
    await has(first, 200);
    await first.vanish();
    await publish(200, 300);
    await manager.streams.purge(STREAM);
    await publish(300, 400);
    const second = here(journal);
    await has(second, 300);

    expect(second.numbers()).toEqual([...upTo(200), ...upTo(100).map((n) => n + 300)]);
    expect(first.notes).toEqual([]);
    expect(second.notes).toMatchObject([{ kind: "gone", messages: 100 }]);
    expect(reading(second.streams, "gone_total")).toBe(100);
  });

  it("reads a stream that was made again from its beginning", async () => {
    const { publish, manager } = await publisherAt(server.url);
    await publish(0, 100);
    const stream = here();
    await has(stream, 100);

    await manager.streams.delete(STREAM);
    await until(() => stream.source.trouble !== null);
    await manager.streams.add({ name: STREAM, subjects: ["sales.>"] });
    await publish(100, 150);
    await has(stream, 150);

    expect(stream.numbers()).toEqual(upTo(150));
    expect(stream.notes).toMatchObject([{ kind: "anew" }]);
  });

  it("reads on by time where the server had lost the end of the stream", async () => {
    const { publish, manager } = await publisherAt(server.url);
    await publish(0, 100);
    const journal = journalIn(tempDir());
    const first = here(journal);
    await has(first, 100);
    await first.vanish();
    // As after a power cut at a server that does not sync: fewer messages than were consumed, and other ones.
    const source = `stream/${STREAM}/lab-box`;
    const position = JSON.parse(journal.position(source)!);
    await manager.streams.delete(STREAM);
    const { created } = await manager.streams.add({ name: STREAM, subjects: ["sales.>"] });
    const value = JSON.stringify({ ...position, created });
    await journal.append([], { position: { source, value } });
    await publish(100, 150);
    const second = here(journal);
    await has(second, 150);
    await second.vanish();
    await journal.append([], { position: { source, value } });
    await publish(150, 250);
    const third = here(journal);
    await has(third, 300);

    expect([second.notes, third.notes]).toMatchObject([[{ kind: "rewound" }], [{ kind: "rewound" }]]);
    expect(third.notes[0]!.detail).toContain("the message 100");
    expect(third.numbers()).toEqual([...upTo(150), ...upTo(250).slice(100)]);
  });

  it("waits for a stream that is not there yet, and says so", async () => {
    const publisher = await publisherAt(server.url, null);
    const stream = here();
    await until(() => stream.streams.trouble().join().includes("waiting for it"));

    await publisher.manager.streams.add({ name: STREAM, subjects: ["sales.>"] });
    await publisher.publish(0, 10);
    await has(stream, 10);

    expect(stream.source.trouble).toBeNull();
  });

  it("survives a server that vanishes in the midst of it, again and again", async () => {
    const { publish } = await publisherAt(server.url);
    const stream = here();
    for (let round = 0; round < 3; round++) {
      const sent = publish(round * 500, round * 500 + 500);
      await until(() => stream.journal.lastSeq > round * 500);
      await (round === 1 ? server.stop() : server.kill());
      await server.restart();
      await sent;
    }
    await publish(1_500, 2_000);
    await until(() => new Set(stream.numbers()).size === 2_000);

    // What was sent again came in its own time.
    expect(stream.numbers().toSorted((a, b) => a - b)).toEqual(upTo(2_000));
  }, 60_000);

  it("survives that its line is cut, or goes mute", async () => {
    await using cable = await layCable(server.port);
    const { publish } = await publisherAt(server.url);
    const stream = readStream({ url: `nats://127.0.0.1:${cable.port}`, journal: journalIn(tempDir()) });
    await publish(0, 2_000);
    await until(() => stream.journal.lastSeq > 0);

    cable.cut();
    await until(() => stream.bus.state === "away");
    await publish(2_000, 4_000);
    expect(stream.streams.trouble().join()).toContain("the bus is away");
    cable.mend();
    await has(stream, 4_000);
    cable.mute();
    await publish(4_000, 5_000);
    cable.mend();
    await has(stream, 5_000);

    expect(stream.numbers()).toEqual(upTo(5_000));
  });

  it("reads only what its filter lets through, and reads on when that changes", async () => {
    const { publish } = await publisherAt(server.url);
    const journal = journalIn(tempDir());
    const first = here(journal, { stream: { filter: "sales.a" } });
    await publish(0, 10, "sales.a");
    await publish(10, 20, "sales.b");
    await has(first, 10);
    await first.vanish();
    const second = here(journal, { stream: { filter: "sales.b" } });
    await publish(20, 30, "sales.b");
    await has(second, 30);

    expect(second.numbers()).toEqual(upTo(30));
  });

  it("begins where it is told to", async () => {
    const { publish } = await publisherAt(server.url);
    await publish(0, 10);
    const stream = here(undefined, { stream: { from: "new" } });
    await until(() => stream.source.trouble === null);
    await publish(10, 20);
    await has(stream, 10);

    expect(stream.numbers()).toEqual(upTo(20).slice(10));
  });

  it("drops what comes again in silence", async () => {
    const { publish } = await publisherAt(server.url);
    await publish(0, 100);
    const journal = journalIn(tempDir());
    const first = here(journal);
    await has(first, 100);
    await first.vanish();
    const { manager } = await publisherAt(server.url, null);
    // An administrator made the consumer anew, from the beginning.
    await manager.consumers.delete(STREAM, "lab-box");
    await manager.consumers.add(STREAM, { durable_name: "lab-box", ack_policy: "all" as never });
    const second = here(journal);
    await publish(100, 110);
    await has(second, 110);

    expect(second.numbers()).toEqual(upTo(110));
    expect(reading(second.streams, "repeated_total")).toBe(100);
    await until(async () => (await manager.consumers.info(STREAM, "lab-box")).num_ack_pending === 0);
  });

  it("says what is wrong with a consumer or a stream that it can't read", async () => {
    const { manager } = await publisherAt(server.url);
    await manager.consumers.add(STREAM, { durable_name: "lab-box", ack_policy: "explicit" as never });
    const stream = here();
    await until(() => stream.source.trouble?.includes("ack policy 'explicit'") === true);
    await manager.streams.delete(STREAM);
    await manager.streams.add({ name: STREAM, subjects: ["sales.>"], retention: "workqueue" as never });
    await until(() => stream.source.trouble?.includes("retention 'workqueue'") === true);

    expect(stream.errors.map(({ code }) => code)).toContain("unsupported");
  });

  it("says that another place reads its consumer too, and has everything once that is over", async () => {
    const { publish } = await publisherAt(server.url);
    await publish(0, 100);
    const one = here();
    // Who has never consumed anything begins where the consumer stands, which the other one moves.
    await has(one, 100);
    const other = here();
    const said = () => [...one.errors, ...other.errors].map(({ message }) => message).join();
    let sent = 100;
    await until(async () => {
      await publish(sent, sent + 100);
      sent += 100;
      return /another place|consumer deleted/i.test(said());
    });
    await other.vanish();
    // What went to the other one comes again with what comes next; else after a minute (`limits.consumeAckMs`).
    await publish(sent, sent + 100);
    await has(one, sent + 100);

    expect(one.numbers()).toEqual(upTo(sent + 100));
  });

  it("says that the server acknowledges before it syncs", async () => {
    await publisherAt(server.url);
    const stream = here();
    await until(() => stream.source.trouble === null);

    expect(stream.streams.trouble()).toEqual([
      expect.stringMatching(/^events of the stream 'SALES' rest on JetStream alone/),
    ]);
  });

  it("says that JetStream is not there", async () => {
    await using plain = await startNatsServer();
    const stream = readStream({ url: plain.url, journal: journalIn(tempDir()) });

    await until(() => stream.streams.trouble().join().includes("not enabled"));
  });

  it("says which permission is missing", async () => {
    await using guarded = await startNatsServer({
      jetStream: true,
      config: `authorization: { users: [{ user: box, password: b, permissions: { publish: ["sales.>"] } }] }`,
    });
    const journal = journalIn(tempDir());
    const stream = readStream({ url: guarded.url, journal, nats: { user: "box", password: "b" } });

    await until(() => stream.streams.trouble().join().includes("$JS.API.STREAM.INFO.SALES"));

    expect(stream.streams.trouble().join()).toContain("permission");
  });

  it("can be started before the server", async () => {
    const port = await freePort();
    const stream = readStream({ url: `nats://127.0.0.1:${port}`, journal: journalIn(tempDir()) });
    await until(() => stream.bus.lastError !== null);
    await using late = await startNatsServer({ port, jetStream: true });
    const { publish } = await publisherAt(late.url);
    await publish(0, 10);
    await has(stream, 10);

    expect(stream.numbers()).toEqual(upTo(10));
  });
});

it("is done with all it has received, also when a repeat came behind what follows it", async () => {
  const journal = journalIn(tempDir());
  const done: number[] = [];
  let reader: StreamReader | null = null;
  const source: EventStream = {
    ...{ trouble: null, frailty: null, stop: () => {} },
    start: (started) => {
      reader = started;
    },
    done: ({ seq }) => void done.push(seq),
  };
  const streams = new Streams({
    streams: [{ stream: STREAM, consumer: "lab-box", type: null, source }],
    sink: journalSink(journal),
    ...{ room: () => 100, position: (key) => journal.position(key), clock: new ManualClock() },
    ...{ told: () => {}, fault: () => {} },
  });
  streams.start();
  const message = (seq: number) => {
    const payload = Buffer.from(String(seq));
    return { seq, time: String(seq), subject: "sales.events.sale", headers: {}, bytes: 1, payload };
  };

  reader!.opened({ created: "2026", seq: 0, time: "" });
  for (const seq of [1, 2, 3, 1]) reader!.receive(message(seq));
  await reader!.settled();

  expect(done).toEqual([3]);
  expect(reading(streams, "repeated_total")).toBe(1);
});
