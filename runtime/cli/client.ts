// Talks to who owns a data folder: over its control socket, or a URL.
import { existsSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { AisleError, type Code } from "../errors.ts";

/** The owner's HTTP faces. */
export interface Owner {
  /** @throws AisleError with what the owner answered, or `unavailable` when there is none */
  call<T>(method: "GET" | "POST", path: string): Promise<T>;
}

/** The owner of a data folder, if it has one now. */
export async function ownerOf(dataDir: string): Promise<Owner | null> {
  const socketPath = join(dataDir, "control.sock");
  if (!existsSync(socketPath)) return null;
  const owner = over((method, path) => overSocket(socketPath, method, path));
  // A process that was killed leaves its socket behind.
  const alive = await owner.call("GET", "/readyz").then(
    () => true,
    (error: AisleError) => !(error.cause instanceof Error),
  );
  return alive ? owner : null;
}

/** @param token  bearer token, for places off loopback */
export function ownerAt(url: string, token: string | undefined): Owner {
  const headers: Record<string, string> =
    token === undefined || token === "" ? {} : { authorization: `Bearer ${token}` };
  return over(async (method, path) => {
    const response = await fetch(new URL(path, url), { method, headers });
    return { status: response.status, body: await response.text() };
  });
}

/** The faces of a place in this process. */
export function within(app: { request(path: string, init: RequestInit): Response | Promise<Response> }): Owner {
  return over(async (method, path) => {
    const response = await app.request(path, { method });
    return { status: response.status, body: await response.text() };
  });
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

function over(ask: (method: string, path: string) => Promise<Answer>): Owner {
  return {
    async call<T>(method: string, path: string): Promise<T> {
      const { status, body } = await ask(method, path).catch((cause: Error) => {
        throw new AisleError("unavailable", `nobody answers: ${cause.message}`, { cause });
      });
      const answer = parse(body);
      if (status < 400) return answer as T;
      const { code = "unavailable", detail = `status ${status}` } = (answer ?? {}) as { code?: Code; detail?: string };
      throw new AisleError(code, detail);
    },
  };
}

function overSocket(socketPath: string, method: string, path: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, method, path }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
      response.on("error", reject);
    });
    asked.on("error", reject);
    asked.end();
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
