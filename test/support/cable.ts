import { connect, createServer, type Server, type Socket } from "node:net";

/** A cable of TCP to a port of the loopback, that can be cut and mended. */
export interface Cable extends AsyncDisposable {
  readonly port: number;
  /** Connections that go through it now. */
  readonly lines: number;
  /** Ends all connections; takes no more until it is mended. */
  cut(): void;
  /** Connections stay, and nothing comes through, as where packets are lost. */
  mute(): void;
  /** Once `text` goes to the port, what comes back is kept, until it is mended: then it comes in one piece. */
  holdAfter(text: string): void;
  /** What is kept. */
  readonly held: string;
  /** Those whose first words to the port contained `opening` hear this, as if it came from there. */
  say(text: string, opening?: string): void;
  mend(): void;
}

type State = "whole" | "cut" | "mute";

export async function layCable(target: number, port = 0): Promise<Cable> {
  const pairs = new Set<readonly [Socket, Socket]>();
  const openings = new WeakMap<Socket, string>();
  let state: State = "whole";
  let trigger: string | null = null;
  let held = Buffer.alloc(0);
  let deliver = (_: Buffer) => {};
  const server: Server = createServer((near) => {
    if (state === "cut") return void near.destroy();
    const far = connect(target, "127.0.0.1");
    const pair = [near, far] as const;
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    let holds = false;
    near.on("data", (bytes) => {
      if (!openings.has(near)) openings.set(near, bytes.toString("latin1"));
      if (trigger !== null && bytes.includes(trigger)) {
        holds = true;
        deliver = (kept) => {
          holds = false;
          near.write(kept);
        };
      }
      if (state === "whole") far.write(bytes);
    });
    far.on("data", (bytes) => {
      if (holds) held = Buffer.concat([held, bytes]);
      else if (state === "whole") near.write(bytes);
    });
    for (const from of pair) {
      from.on("error", end);
      from.on("close", end);
    }
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const drop = () => {
    for (const [near, far] of pairs) {
      near.destroy();
      far.destroy();
    }
  };
  return {
    port: (server.address() as { port: number }).port,
    get lines() {
      return pairs.size;
    },
    cut() {
      state = "cut";
      drop();
    },
    mute() {
      state = "mute";
    },
    holdAfter(text) {
      trigger = text;
    },
    get held() {
      return held.toString("latin1");
    },
    say(text, opening = "") {
      for (const [near] of pairs) if (openings.get(near)?.includes(opening)) near.write(text);
    },
    mend() {
      deliver(held);
      [held, trigger, deliver] = [Buffer.alloc(0), null, () => {}];
      // What was lost in between would leave a stream of bytes with a hole in it.
      if (state === "mute") drop();
      state = "whole";
    },
    async [Symbol.asyncDispose]() {
      drop();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
