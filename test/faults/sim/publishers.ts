// Those who send: over HTTP in bodies of several events, over the bus with and without asking for an answer, and people
// who put jobs on the board. What nobody acknowledged they send again, the same bytes.
import type { Message } from "../../../runtime/bus/bus.ts";
import type { Receipt } from "../../../runtime/http/ports.ts";
import type { FaultyStream } from "../../support/faulty-stream.ts";
import type { Events, Sent } from "./events.ts";
import { Broken } from "./invariants.ts";
import { CUSTOMERS } from "./site.ts";
import type { Running, World } from "./world.ts";

/** A publisher on the bus waits so long for its answer, ms. */
const ANSWER_MS = 2_000;

export class Publishers {
  /** Number of the job → whether somebody was told that it is on the board. */
  readonly jobs = new Map<string, "unknown" | "told">();
  readonly #world: World;
  readonly #events: Events;
  readonly #line;

  constructor(world: World, events: Events) {
    this.#world = world;
    this.#events = events;
    this.#line = world.network.connect();
  }

  get isDone(): boolean {
    return this.#events.unknown().length === 0 && this.jobsUnknown().length === 0 && this.#world.stream.isConsumed;
  }

  jobsUnknown(): string[] {
    return [...this.jobs].filter(([, standing]) => standing === "unknown").map(([job]) => job);
  }

  /** One body over HTTP. */
  post(sent: readonly Sent[]): void {
    if (!this.#world.isUp || sent.length === 0) return;
    const { running } = this.#world;
    for (const each of sent) if (each.standing === "unknown") each.standing = "on its way";
    const body = Buffer.from(sent.map(({ line }) => line).join("\n"));
    handOver(running, body).then(
      ({ rejected }) => {
        const bad = new Map(rejected.map(({ index, code }) => [index, code]));
        for (const [index, each] of sent.entries()) this.#hear(running, each, bad.get(index) ?? null);
      },
      () => {
        for (const each of sent) this.#hear(running, each, "unavailable");
      },
    );
  }

  /** A request over the bus. */
  request(sent: Sent): void {
    if (!this.#world.isUp) return;
    if (sent.standing === "unknown") sent.standing = "on its way";
    const { base } = this.#world.place;
    this.#line
      .request(`${base}.events.${sent.type}`, Buffer.from(sent.line), { timeoutMs: ANSWER_MS })
      .then((answer) => this.#settle(sent, refusalIn(answer)))
      .catch(() => this.#settle(sent, "unavailable"));
  }

  /**
   * Leaves a purchase in the stream: from then on it is the server's. It has no id: its place in the stream is all; and no
   * time, by which a place whose clock is slow would refuse it.
   */
  leave(stream: FaultyStream): void {
    const customer = CUSTOMERS[stream.length % CUSTOMERS.length];
    const left = stream.length + 1;
    stream.add("tills.7", Buffer.from(JSON.stringify({ type: "purchase", customer, amount: 1, session: "s", left })));
  }

  /** A message that nobody answers. */
  publish(sent: Sent): void {
    if (!this.#world.isUp) return;
    const { base } = this.#world.place;
    this.#line.publish(`${base}.events.${sent.type}`, Buffer.from(sent.line));
  }

  /** Puts a job on the board: a new one, or one that may be there. */
  putJob(job: string): void {
    if (!this.#world.isUp) return;
    if (!this.jobs.has(job)) this.jobs.set(job, "unknown");
    const { running } = this.#world;
    const { workshop, runner } = running.place;
    const writing = { cells: { job }, was: {}, revisions: null, by: "ann", headers: {} };
    workshop
      .face(runner.scheduler)
      .put("jobs", writing)
      .then(
        () => this.#isHeard(running) && this.jobs.set(job, "told"),
        () => {},
      );
  }

  /** Sends again all of which nobody knows what became of it. */
  async sendRest(): Promise<void> {
    const unknown = this.#events.unknown();
    for (let from = 0; from < unknown.length; from += 5) this.post(unknown.slice(from, from + 5));
    for (const job of this.jobsUnknown()) this.putJob(job);
    await this.#world.turns(5);
  }

  /** What was on its way to a place that is gone: nobody will say what became of it. */
  forget(): void {
    for (const sent of this.#events.all.values()) if (sent.standing === "on its way") sent.standing = "unknown";
  }

  /** An answer of a process that is gone does not leave it. */
  #isHeard(running: Running): boolean {
    return this.#world.isUp && this.#world.running === running;
  }

  #hear(running: Running, sent: Sent, refused: string | null): void {
    if (this.#isHeard(running)) this.#settle(sent, refused);
  }

  /** @param refused  null: it was acknowledged */
  #settle(sent: Sent, refused: string | null): void {
    if (refused === null) sent.standing = "told";
    else if (!RETRIED.has(refused)) throw new Broken(`event ${sent.id} was refused as ${refused}`);
    else if (sent.standing === "on its way") sent.standing = "unknown";
  }
}

/** As the face over HTTP does it: a body of plain events goes in as bytes, any other is looked at. */
async function handOver({ place }: Running, body: Buffer): Promise<Receipt> {
  const envelope = { principal: "http", subject: "/events", type: null, headers: {} };
  return await (place.intake.body([body], body.length, envelope, "durable") ??
    place.ingest.accept({ ...envelope, body }));
}

/** Codes with which a good event may be refused for now. */
const RETRIED: ReadonlySet<string> = new Set(["unavailable", "overloaded", "full", "ahead-of-time"]);

function refusalIn({ headers, payload }: Message): string | null {
  const answer = JSON.parse(Buffer.from(payload).toString()) as {
    accepted?: number;
    duplicate?: number;
    code?: string;
    rejected?: { code: string }[];
  };
  if ((answer.accepted ?? 0) + (answer.duplicate ?? 0) === 1) return null;
  return answer.rejected?.[0]?.code ?? answer.code ?? headers["Nats-Service-Error-Code"] ?? "unavailable";
}
