// A client of HTTP over sockets of its own: a closed loop, each connection asks again as soon as it is answered.
import { connect, type Socket } from "node:net";

export interface Load {
  readonly connections: number;
  readonly ms: number;
  /** `content-type` */
  readonly media: string;
  /** The next request's. */
  readonly body: () => Buffer;
}

/** POST requests a second that are answered with 2xx. Any other answer is an error. */
export async function load(url: string, { connections, ms, media, body }: Load): Promise<number> {
  const { hostname, port, pathname, host } = new URL(url);
  const head = `POST ${pathname} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: ${media}\r\n`;
  const start = performance.now();
  const counts = await Promise.all(
    Array.from({ length: connections }, () =>
      connection({ host: hostname, port: Number(port) }, head, body, start + ms),
    ),
  );
  return counts.reduce((sum, count) => sum + count, 0) / ((performance.now() - start) / 1_000);
}

/** @returns requests answered */
function connection(
  at: { readonly host: string; readonly port: number },
  head: string,
  body: () => Buffer,
  end: number,
): Promise<number> {
  return new Promise((done, failed) => {
    let answered = 0;
    let received = "";
    const socket: Socket = connect({ ...at, noDelay: true });
    const ask = () => {
      const bytes = body();
      socket.cork();
      socket.write(`${head}content-length: ${bytes.length}\r\n\r\n`, "latin1");
      socket.write(bytes);
      socket.uncork();
    };
    socket.setEncoding("latin1");
    socket.on("connect", ask).on("error", failed);
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
      if (performance.now() < end) return ask();
      socket.destroy();
      done(answered);
    });
  });
}
