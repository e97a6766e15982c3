// Publishes a game's events over a socket of its own, from a process of its own: as fast as the server takes them, or
// at a rate, with every so many a request whose answer is waited for.
import { type ChildProcess, fork } from "node:child_process";
import { connect, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { moveOn, type Workload, workload } from "./offers.ts";

/** What a publisher is asked to do. */
interface Order {
  readonly host: string;
  readonly port: number;
  /** Subjects are `<prefix>.<type>`. */
  readonly prefix: string;
  readonly identities: number;
  /** Events of the workload; all of them go, `passes` times. */
  readonly count: number;
  readonly passes: number;
  /** Events that went before: these come later. */
  readonly later: number;
  /** Events a second; null: as fast as the server takes them. */
  readonly rate: number | null;
  /** Every so many is a request; 0: none is. */
  readonly askEvery: number;
}

/** ms from the request to its answer, for each second from the first event on. */
export type Answers = readonly (readonly number[])[];

export class Publisher implements Disposable {
  readonly #child: ChildProcess;
  readonly #shape: Pick<Order, "host" | "port" | "identities" | "count">;
  #later = 0;

  constructor(url: string, shape: Pick<Order, "identities" | "count">) {
    const { hostname: host, port } = new URL(url);
    this.#shape = { host, port: Number(port), ...shape };
    this.#child = fork(fileURLToPath(import.meta.url), { env: { ...process.env, AISLE_BENCH_PUBLISHER: "1" } });
  }

  /** Makes the next events ready; the returned function lets them go, and resolves once the server has them. */
  async ready(
    prefix: string,
    { rate = null, askEvery = 0, passes = 1 }: Partial<Pick<Order, "rate" | "askEvery" | "passes">> = {},
  ): Promise<() => Promise<Answers>> {
    const order: Order = { ...this.#shape, prefix, later: this.#later, rate, askEvery, passes };
    this.#later += this.#shape.count * passes;
    await this.#ask(order);
    return () => this.#ask("go") as Promise<Answers>;
  }

  #ask(message: Order | "go"): Promise<unknown> {
    return new Promise((done, failed) => {
      const gone = () => failed(new Error("the publisher has ended"));
      this.#child.once("exit", gone);
      this.#child.once("message", (answer) => {
        this.#child.off("exit", gone);
        done(answer);
      });
      this.#child.send(message);
    });
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}

const WRITE_BYTES = 256 * 1024;
const INBOX = "_INBOX.bench";

/** The child: one order at a time. Frames are made before it goes. */
class Publishing {
  #load: Workload | null = null;
  #order: Order | null = null;
  #frames = Buffer.alloc(0);
  #ends = new Uint32Array(0);

  prepare(order: Order): void {
    this.#load ??= workload(order.identities, order.count);
    this.#order = order;
    this.#encode(order.later);
  }

  async go(): Promise<Answers> {
    const { host, port, passes } = this.#order!;
    const socket = connect({ host, port, noDelay: true });
    const inbox = new Inbox(socket);
    try {
      socket.write(`CONNECT {"verbose":false,"headers":true}\r\nSUB ${INBOX}.* 1\r\n`);
      await inbox.pong();
      for (let pass = 0; pass < passes; pass++) {
        await this.#publish(socket, inbox, pass);
      }
      await inbox.pong();
      await inbox.allAnswered();
      return inbox.windows;
    } finally {
      socket.destroy();
    }
  }

  #encode(later: number): void {
    const { payloads, types } = this.#load!;
    const { prefix, count } = this.#order!;
    moveOn(this.#load!, 0, count, later);
    this.#ends = new Uint32Array(count);
    let end = 0;
    const parts = payloads.flatMap((payload, i) => {
      const head = Buffer.from(`PUB ${prefix}.${types[i]!} ${payload.length}\r\n`);
      end += head.length + payload.length + CRLF.length;
      this.#ends[i] = end;
      return [head, payload, CRLF];
    });
    this.#frames = Buffer.concat(parts, end);
    // From now on payloads are moved on where they are sent from.
    for (let i = 0; i < count; i++) {
      const payloadEnd = this.#ends[i]! - CRLF.length;
      payloads[i] = this.#frames.subarray(payloadEnd - payloads[i]!.length, payloadEnd);
    }
  }

  /** Each pass comes later than those before: an event is moved on right before it goes, lest answers wait to be read. */
  async #publish(socket: Socket, inbox: Inbox, pass: number): Promise<void> {
    const { rate, count, askEvery, later } = this.#order!;
    const before = pass * count;
    const start = performance.now();
    for (let i = 0; i < count; ) {
      const due = rate === null ? count : Math.min(count, Math.floor(((performance.now() - start) / 1_000) * rate));
      while (i < due) {
        const asks = askEvery > 0 && (before + i) % askEvery === 0;
        const to = asks
          ? i + 1
          : Math.min(due, this.#sliceEnd(i, askEvery === 0 ? count : askEvery - ((before + i) % askEvery)));
        if (pass > 0) moveOn(this.#load!, i, to - i, later + before);
        const bytes = asks
          ? this.#request(i, before + i, inbox)
          : this.#frames.subarray(this.#startOf(i), this.#ends[to - 1]);
        i = to;
        if (!socket.write(bytes)) await new Promise((done) => socket.once("drain", done));
      }
      if (rate !== null) await new Promise((done) => setTimeout(done, 1));
    }
  }

  #startOf(i: number): number {
    return i === 0 ? 0 : this.#ends[i - 1]!;
  }

  /** Behind the last of at most `most` events from `from` on that are written at once. */
  #sliceEnd(from: number, most: number): number {
    const bytesEnd = this.#startOf(from) + WRITE_BYTES;
    let to = from + 1;
    while (to < this.#ends.length && to - from < most && this.#ends[to]! <= bytesEnd) to++;
    return to;
  }

  #request(i: number, number: number, inbox: Inbox): Buffer {
    const { payloads, types } = this.#load!;
    inbox.asked(number);
    const head = `PUB ${this.#order!.prefix}.${types[i]!} ${INBOX}.${number} ${payloads[i]!.length}\r\n`;
    return Buffer.concat([Buffer.from(head), payloads[i]!, CRLF]);
  }
}

const CRLF = Buffer.from("\r\n");
const ANSWER = new RegExp(`MSG ${INBOX}\\.(\\d+) `, "g");

/** What the server sends: answers to requests, and PONG. */
class Inbox {
  readonly windows: number[][] = [];
  readonly #socket: Socket;
  readonly #asked = new Map<number, number>();
  readonly #pongs: (() => void)[] = [];
  #rest = "";
  #start = 0;
  #failed: ((error: Error) => void) | null = null;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("latin1").on("data", (text: string) => this.#read(text));
    socket.on("error", (error) => this.#failed?.(error));
  }

  pong(): Promise<void> {
    return new Promise((done, failed) => {
      this.#failed = failed;
      this.#pongs.push(done);
      this.#socket.write("PING\r\n");
    });
  }

  asked(number: number): void {
    const now = performance.now();
    this.#start ||= now;
    this.#asked.set(number, now);
  }

  async allAnswered(): Promise<void> {
    const end = performance.now() + 10_000;
    while (this.#asked.size > 0) {
      if (performance.now() > end) throw new Error(`${this.#asked.size} requests have no answer`);
      await new Promise((done) => setTimeout(done, 5));
    }
  }

  #read(text: string): void {
    const now = performance.now();
    const all = this.#rest + text;
    const end = all.lastIndexOf("\r\n") + 2;
    this.#rest = all.slice(end);
    const whole = all.slice(0, end);
    if (whole.includes("-ERR")) this.#failed?.(new Error(whole.slice(0, 200)));
    if (whole.includes("PING\r\n")) this.#socket.write("PONG\r\n");
    for (const _ of whole.matchAll(/PONG\r\n/g)) this.#pongs.shift()?.();
    for (const [, number] of whole.matchAll(ANSWER)) this.#answered(Number(number), now);
  }

  #answered(number: number, now: number): void {
    const at = this.#asked.get(number);
    if (at === undefined) return;
    this.#asked.delete(number);
    const second = Math.floor((at - this.#start) / 1_000);
    this.windows[second] ??= [];
    this.windows[second].push(now - at);
  }
}

if (process.env.AISLE_BENCH_PUBLISHER !== undefined) {
  const publishing = new Publishing();
  process.on("message", async (message: Order | "go") => {
    if (message === "go") process.send!([...(await publishing.go())].map((window) => window ?? []));
    else {
      publishing.prepare(message);
      process.send!("ready");
    }
  });
  process.on("disconnect", () => process.exit());
}
