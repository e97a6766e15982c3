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
  mend(): void;
}

type State = "whole" | "cut" | "mute";

export async function layCable(target: number, port = 0): Promise<Cable> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let state: State = "whole";
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
    for (const [from, to] of [pair, [far, near]] as const) {
      from.on("data", (bytes) => void (state === "whole" && to.write(bytes)));
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
    mend() {
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
