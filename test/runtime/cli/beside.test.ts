// Another process looks into a data folder while its place runs: no commit may be under way as it opens what is there.
import { mkdirSync, writeFileSync } from "node:fs";
import { type ClientRequest, request } from "node:http";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openBeside } from "../../../runtime/cli/beside.ts";
import { bootId, ownerOf, startOf } from "../../../runtime/journal/owner.ts";
import { run } from "../../support/cli.ts";
import { tempDir } from "../../support/journal.ts";

import { MONDAY, type Store, startStore } from "../../support/place.ts";

let store: Store;

beforeEach(async () => {
  store = await startStore({ overrides: { logLevel: "error" } });
});

afterEach(async () => {
  await store[Symbol.asyncDispose]();
});

const send = () => {
  const body = Buffer.from(JSON.stringify({ type: "entry", id: 7, ts: MONDAY }));
  return store.place.ingest.accept({ principal: "test", subject: "/events", type: null, headers: {}, body });
};

/** Resolves once commits are held. */
function held(): Promise<ClientRequest> {
  return new Promise((resolve, reject) => {
    const socketPath = join(store.dataDir, "control.sock");
    const asked = request({ socketPath, method: "POST", path: "/hold" }, (response) => {
      response.once("data", () => resolve(asked));
      response.on("error", () => {}); // it is cut off
    });
    asked.on("error", reject).end();
  });
}

describe("a place whose folder another process opens", () => {
  it("begins no commit until that one has it open", async () => {
    const asked = await held();
    const before = store.place.journal.lastSeq;
    let isAccepted = false;
    const accepted = send().then(() => {
      isAccepted = true;
    });
    await fetch(`${store.place.url}/readyz`);
    expect([isAccepted, store.place.journal.lastSeq]).toEqual([false, before]);

    asked.destroy();
    await accepted;
    expect(store.place.journal.lastSeq).toBeGreaterThan(before);
  });

  it("goes on by itself when that one does not hang up", async () => {
    const asked = await held();
    const before = store.place.journal.lastSeq;
    await send();
    expect(store.place.journal.lastSeq).toBeGreaterThan(before);
    asked.destroy();
  });

  it("is asked to by every command that reads there", async () => {
    await send();
    await store.place.checkpoints.checkpointer!.now();
    const holds = vi.spyOn(store.place.journal.store, "hold");
    const data = ["--data", store.dataDir];
    const into = join(tempDir(), "copy");
    for (const args of [["journal", "verify"], ["replay"], ["backup", into]]) {
      const { code, stderr } = await run([...args, ...data]);
      expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: "" });
      expect(holds).toHaveBeenCalled();
      holds.mockClear();
    }
  });
});

describe("a data folder whose owner does not answer", () => {
  it("is not opened", async () => {
    const dir = join(tempDir(), "data");
    mkdirSync(dir);
    const pid = process.ppid;
    writeFileSync(join(dir, "owner.json"), JSON.stringify({ pid, startedAs: startOf(pid), boot: bootId() }));
    const open = vi.fn(() => ({ close: async () => {} }));
    await expect(openBeside(dir, open, 0)).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining(`the process with pid ${pid}, which does not answer`),
    });
    expect(open).not.toHaveBeenCalled();
  });

  it("is had meanwhile where it has no owner", async () => {
    const dir = tempDir();
    const opened = await openBeside(dir, () => ({ owner: ownerOf(dir), close: async () => {} }));
    expect([opened.owner, ownerOf(dir)]).toEqual([process.pid, null]);
  });
});
