// A place that holds what comes, as much is under way to its disk.
import { type IncomingMessage, request } from "node:http";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { ManualClock } from "../../runtime/clock.ts";
import { openJournal } from "../../runtime/journal/lmdb.ts";
import { limits } from "../../runtime/limits.ts";
import { Dice } from "../support/dice.ts";
import { FaultyDisk, FaultyStore } from "../support/faulty-store.ts";
import { until } from "../support/lab-site.ts";
import { MONDAY, SIMULATED, type Store, startStore } from "../support/place.ts";
import { prng } from "../support/prng.ts";

/** Nothing on the board hears of these: they go in as bytes. */
const purchase = (id: string) => JSON.stringify({ type: "purchase", event_id: id, customer: "ann", amount: 1 });
const exit = (id: string) => JSON.stringify({ type: "exit", event_id: id, customer: "ann" });
const MANY = 1_000;
const MUCH = Array.from({ length: MANY }, (_, i) => purchase(`much-${i}`)).join("\n");

class BusyPlace implements AsyncDisposable {
  readonly #disk = new FaultyDisk();
  readonly #platters = new FaultyStore(this.#disk, new Dice(prng(7)));
  /** The journal's: by it nobody has waited for long, and nothing is tried again, unless the test says so. */
  readonly #clock = new ManualClock(MONDAY);
  #store!: Store;
  /** Answered once the disk is well. */
  much!: Promise<Response>;

  static async start(): Promise<BusyPlace> {
    const busy = new BusyPlace();
    const [clock, store] = [busy.#clock, busy.#platters];
    busy.#store = await startStore({
      dir: SIMULATED,
      machine: { openJournal: (options) => openJournal({ ...options, clock, store }) },
    });
    await until(() => expect(busy.queued).toBe(0)); // what a start leaves in the journal
    busy.#disk.health = "slow";
    busy.much = busy.post("/events", MUCH);
    await until(() => expect(busy.queued).toBe(MANY));
    expect(MUCH.length).toBeGreaterThan(limits.intakeHoldBytes);
    return busy;
  }

  get place() {
    return this.#store.place;
  }

  get held(): number {
    return this.place.intake.waiting - this.queued;
  }

  get queued(): number {
    return this.place.journal.stats().queuedEntries;
  }

  be(health: "well" | "full"): void {
    this.#disk.health = health;
    this.#platters.goOn();
    if (health === "well") this.#clock.advance(limits.journalRetryMs);
  }

  post(path: string, body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Response> {
    const more = { "content-type": "application/json", ...headers };
    return fetch(`${this.place.url}${path}`, { method: "POST", headers: more, body: body as BodyInit });
  }

  /** A request of which half has come. @returns sends the rest; resolves with the status of the answer */
  async half(path: string, body: string): Promise<() => Promise<number>> {
    const headers = { "content-type": "application/json", "content-length": body.length };
    const sent = request(`${this.place.url}${path}`, { method: "POST", headers });
    const status = new Promise<number>((resolve, reject) => {
      sent.on("response", (response: IncomingMessage) => resolve(response.resume().statusCode!));
      sent.on("error", reject);
    });
    const half = body.length >> 1;
    await new Promise((written) => sent.write(body.slice(0, half), written));
    await fetch(`${this.place.url}/livez`);
    return () => {
      sent.end(body.slice(half));
      return status;
    };
  }

  /** A request over the bus. @returns the status of the answer */
  async ask(body: string): Promise<number> {
    const { base, bus } = this.place;
    const { headers } = await bus.request(`${base}.events.purchase`, Buffer.from(body), { timeoutMs: 30_000 });
    return Number(headers["Nats-Service-Error-Code"] ?? 202);
  }

  /** The disk takes what was under way before it filled up, and nothing of what was refused meanwhile. */
  async recover(): Promise<void> {
    expect(await Promise.race([this.much, "waits"])).toBe("waits");
    this.be("well");
    expect((await this.much).status).toBe(202);
    expect(this.ids()).toEqual([]);
  }

  /** Ids of events in the order of the journal, without those of `much`. */
  ids(): string[] {
    const ids = [...this.place.journal.read()].map(({ headers, payload }) => headers.id ?? idIn(payload));
    return ids.filter((id): id is string => id !== undefined && !id.startsWith("much-"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.be("well");
    await this.#store[Symbol.asyncDispose]();
  }
}

/** Events that went in as bytes have their id in the payload alone. */
function idIn(payload: Uint8Array): string | undefined {
  return /"event_id":"([^"]+)"/.exec(Buffer.from(payload).toString())?.[1];
}

describe("what a place holds", () => {
  it.each<[string, (busy: BusyPlace) => Promise<Response>]>([
    ["another path", (busy) => busy.post("/events/purchase", purchase("next"))],
    ["a key", (busy) => busy.post("/events", purchase("next"), { "idempotency-key": "k" })],
    ["gzip", (busy) => busy.post("/events", gzipSync(purchase("next")), { "content-encoding": "gzip" })],
    ["an event that the board hears", (busy) => busy.post("/events", exit("next"))],
  ])("stands in the journal before what its sender sends after the answer: %s", async (_, next) => {
    await using busy = await BusyPlace.start();
    expect((await busy.post("/events?ack=received", purchase("held"))).status).toBe(202);
    expect(busy.held).toBe(1);
    const answer = next(busy);
    await until(() => expect(busy.queued).toBeGreaterThan(MANY));
    busy.be("well");

    expect([(await answer).status, (await busy.much).status]).toEqual([202, 202]);
    expect(busy.ids()).toEqual(["held", "next"]);
  });

  it.each<[string, (busy: BusyPlace) => Promise<number>]>([
    ["request", async (busy) => (await busy.post("/events", purchase("held"))).status],
    ["message", (busy) => busy.ask(purchase("held"))],
  ])("is answered when the disk fills up, before what is under way there: a %s", async (_, send) => {
    await using busy = await BusyPlace.start();
    const answer = send(busy);
    await until(() => expect(busy.held).toBe(1));
    busy.be("full");

    expect(await answer).toBe(507);
    await busy.recover();
    expect(await send(busy)).toBe(202);
    expect(busy.ids()).toEqual(["held"]);
  });
});

describe("a request that has come in part when the disk fills up", () => {
  it.each([
    ["goes in as bytes", "/events", purchase("late")],
    ["goes by the router", "/events/purchase", purchase("late")],
    ["is heard by the board", "/events", exit("late")],
  ])("is answered once it is whole: one that %s", async (_, path, body) => {
    await using busy = await BusyPlace.start();
    const end = await busy.half(path, body);
    busy.be("full");
    await until(() => expect(busy.place.journal.trouble).not.toBe(null));

    expect(await end()).toBe(507);
    expect(busy.held).toBe(0);
    await busy.recover();
    expect((await busy.post(path, body)).status).toBe(202);
    expect(busy.ids()).toEqual(["late"]);
  });
});
