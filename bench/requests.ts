// A client of HTTP over sockets of its own: a closed loop, each connection asks again as soon as it is answered; or at a
// rate, when it is due.
import { connect, type Socket } from "node:net";

export interface Load {
  readonly connections: number;
  readonly ms: number;
  /** `content-type` */
  readonly media: string;
  /** The next request's. */
  readonly body: () => Buffer;
  /** Requests a second of all connections together; without: as many as are answered. */
  readonly rate?: number | undefined;
}

/** POST requests a second that are answered with 2xx. Any other answer is an error. */
export async function load(url: string, { connections, ms, media, body, rate }: Load): Promise<number> {
  const { hostname, port, pathname, host } = new URL(url);
  const head = `POST ${pathname} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: ${media}\r\n`;
  const start = performance.now();
  const end = start + ms;
  using turns = rate === undefined ? AT_ONCE : new Paced(rate, end);
  const counts = await Promise.all(
    Array.from({ length: connections }, () =>
      connection({ at: { host: hostname, port: Number(port) }, head, body, turns, end }),
    ),
  );
  return counts.reduce((sum, count) => sum + count, 0) / ((performance.now() - start) / 1_000);
}

/** When a connection may ask again. */
interface Turns extends Disposable {
  next(ask: () => void): void;
}

const AT_ONCE: Turns = { next: (ask) => ask(), [Symbol.dispose]: () => {} };

/** So many a second, whoever is free; all at once when it is over. */
class Paced implements Turns {
  readonly #rate: number;
  readonly #end: number;
  readonly #start = performance.now();
  readonly #waiting: (() => void)[] = [];
  readonly #timer = setInterval(() => this.#release(), 1);
  #asked = 0;

  /** @param rate  a second @param end  ms of `performance.now()` */
  constructor(rate: number, end: number) {
    this.#rate = rate;
    this.#end = end;
  }

  next(ask: () => void): void {
    this.#waiting.push(ask);
  }

  #release(): void {
    const now = performance.now();
    const due = now < this.#end ? ((now - this.#start) / 1_000) * this.#rate : Number.POSITIVE_INFINITY;
    while (this.#asked < due && this.#waiting.length > 0) {
      this.#asked++;
      this.#waiting.shift()!();
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

interface Connection {
  readonly at: { readonly host: string; readonly port: number };
  readonly head: string;
  readonly body: () => Buffer;
  readonly turns: Turns;
  /** When the last request is asked, ms of `performance.now()`. */
  readonly end: number;
}

/** @returns requests answered */
function connection({ at, head, body, turns, end }: Connection): Promise<number> {
  return new Promise((done, failed) => {
    let answered = 0;
    let received = "";
    const socket: Socket = connect({ ...at, noDelay: true });
    const ask = () => {
      if (performance.now() >= end) {
        socket.destroy();
        done(answered);
        return;
      }
      const bytes = body();
      socket.cork();
      socket.write(`${head}content-length: ${bytes.length}\r\n\r\n`, "latin1");
      socket.write(bytes);
      socket.uncork();
    };
    socket.setEncoding("latin1");
    socket.on("connect", () => turns.next(ask)).on("error", failed);
    socket.on("data", (text: string) => {
      received += text;
      const headEnd = received.indexOf("\r\n\r\n");
      if (headEnd < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(received)?.[1] ?? 0);
      if (received.length < headEnd + 4 + length) return;
      if (!/^HTTP\/1\.1 2/.test(received)) {
        socket.destroy();
        failed(new Error(`answered with ${received.slice(0, 300)}`));
        return;
      }
      received = "";
      answered++;
      turns.next(ask);
    });
  });
}
