// `POST /hold` on the control socket: commits wait while another process opens the data folder (`cli/beside.ts`).
import type { ServerResponse } from "node:http";
import type { Clock } from "../clock.ts";
import { limits } from "../limits.ts";
import type { Holdable } from "./ports.ts";
import type { RawHandler } from "./server.ts";

/** Answers once no commit is under way; from then on none begins until the caller hangs up, or has had its time. */
export function holding(stores: readonly Holdable[], clock: Clock): RawHandler {
  return ({ method, url }, outgoing) => {
    if (method !== "POST" || url !== "/hold") return false;
    void hold(stores, clock, outgoing);
    return true;
  };
}

async function hold(stores: readonly Holdable[], clock: Clock, outgoing: ServerResponse): Promise<void> {
  const releases = await Promise.all(stores.map((store) => store.hold()));
  const release = () => {
    stop();
    for (const each of releases) each();
    outgoing.end();
  };
  const stop = clock.after(limits.folderHoldMs, release);
  if (outgoing.destroyed) return release();
  outgoing.once("close", release);
  outgoing.writeHead(200, { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" });
  outgoing.write("held\n");
}
