import { AckPolicy, connect, type JetStreamClient, type JetStreamManager, type JsMsg } from "nats";
import { median } from "./measure.ts";
import { natsServer } from "./nats.ts";
import { offerSite } from "./offers.ts";
import { Publisher } from "./publisher.ts";
import { siteHere } from "./store.ts";

// Question: how fast does a place take events in from a stream of JetStream, scanned, journalled with a sync, folded and
//           then acknowledged all at once, against a bare consumer that only counts and acknowledges every thousandth?
// Shape:    a stream on disk that is filled before; each candidate empties it, in turns. The clock runs from a
//           candidate's first events to its last.

const SUBJECTS = "sales.events";
const ACK_EVERY = 1_000;

export async function bench({ quick }: { quick: boolean }) {
  const [count, identities, rounds] = quick ? [30_000, 3_000, 3] : [100_000, 10_000, 7];
  await using server = await natsServer();
  using publisher = new Publisher(server.url, { identities, count });
  const connection = await connect({ servers: server.url });
  const [js, manager] = [connection.jetstream(), await connection.jetstreamManager()];
  const rates: Record<"place" | "bare", number[]> = { place: [], bare: [] };
  for (let round = 0; round <= rounds; round++) {
    for (const name of round % 2 === 0 ? (["place", "bare"] as const) : (["bare", "place"] as const)) {
      await fill(manager, publisher, count);
      const rate = await (name === "bare" ? bare(js, manager, count) : place(server.url, count));
      if (round > 0) rates[name].push(rate); // the first warms up
      await manager.streams.delete("SALES");
    }
  }
  await connection.close();
  return {
    figures: {
      "ingest.jetstream_durable_per_s": median(rates.place),
      "ingest.jetstream_bare_per_s": median(rates.bare),
    },
    ratios: { "ingest.jetstream_durable_vs_bare_consume": median(rates.place.map((rate, i) => rate / rates.bare[i]!)) },
  };
}

async function fill(manager: JetStreamManager, publisher: Publisher, count: number): Promise<void> {
  await manager.streams.add({ name: "SALES", subjects: [`${SUBJECTS}.>`] });
  const go = await publisher.ready(SUBJECTS);
  await go();
  for (;;) {
    const { state } = await manager.streams.info("SALES");
    if (state.messages === count) return;
    await new Promise((done) => setTimeout(done, 20));
  }
}

/** Events a second of a consumer that counts. */
async function bare(js: JetStreamClient, manager: JetStreamManager, count: number): Promise<number> {
  await manager.consumers.add("SALES", { durable_name: "bare", ack_policy: AckPolicy.All });
  const consumer = await js.consumers.get("SALES", "bare");
  let taken = 0;
  let first = 0;
  let done: (rate: number) => void = () => {};
  const rate = new Promise<number>((resolve) => {
    done = resolve;
  });
  const messages = await consumer.consume({
    max_messages: 10_000,
    callback: (message: JsMsg) => {
      if (taken++ === 0) first = performance.now();
      if (taken % ACK_EVERY === 0 || taken === count) message.ack();
      if (taken === count) done((count - 1) / ((performance.now() - first) / 1_000));
    },
  });
  const measured = await rate;
  await messages.close();
  return measured;
}

/** Events a second of a place that is opened on a full stream, from its first commit to its last. */
async function place(url: string, count: number): Promise<number> {
  const site = offerSite(["  streams: [{ stream: SALES }]"]);
  await using running = await siteHere(site.dir, { nats: url, place: "streams" });
  const { journal } = running.place;
  let [taken, first, firstAt] = [0, 0, 0];
  const rate = await new Promise<number>((done) => {
    journal.onCommit((_, { firstSeq, lastSeq }) => {
      taken += lastSeq - firstSeq + 1;
      if (first === 0) [first, firstAt] = [taken, performance.now()];
      if (taken >= count) done((taken - first) / ((performance.now() - firstAt) / 1_000));
    });
  });
  site.remove();
  return rate;
}
