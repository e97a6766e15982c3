// Talks to who owns a data folder: over its control socket, or a URL.
import { existsSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { httpAddress, whyUnanswered } from "../address.ts";
import { AisleError, type Code } from "../errors.ts";

export type Method = "GET" | "POST" | "PATCH" | "DELETE";

/** What goes with a call. */
export interface Sent {
  readonly body?: string | Uint8Array;
  /** Lower-case names; `content-type` among them. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The owner's HTTP faces. */
export interface Owner {
  /** The answer, read as JSON. @throws AisleError with what the owner answered, or `unavailable` when there is none */
  call<T>(method: Method, path: string, sent?: Sent): Promise<T>;
  /** The answer's bytes as they come. Throws like `call`. */
  read(path: string): Promise<AsyncIterable<Uint8Array>>;
}

/** The owner of a data folder, if it has one now. */
export async function ownerOf(dataDir: string): Promise<Owner | null> {
  const socketPath = join(dataDir, "control.sock");
  if (!existsSync(socketPath)) return null;
  const owner = over((method, path, sent) => overSocket(socketPath, method, path, sent));
  // A process that was killed leaves its socket behind.
  const alive = await owner.call("GET", "/readyz").then(
    () => true,
    (error: AisleError) => !(error.cause instanceof Error),
  );
  return alive ? owner : null;
}

/**
 * @param url  may carry `user:password@`, for what stands before a place
 * @param token  bearer token, for places off loopback; goes before the user
 * @throws AisleError `invalid` for an address that can't be asked
 */
export function ownerAt(url: string, token: string | undefined): Owner {
  const address = httpAddress(url, "a place");
  const authorization = token === undefined || token === "" ? address.login : { authorization: `Bearer ${token}` };
  return over(async (method, path, { body, headers }) => {
    const init = { method, headers: { ...headers, ...authorization }, ...(body !== undefined && { body }) };
    return answerOf(await fetch(new URL(path, address.url), init as RequestInit).catch(unanswered));
  });
}

/** The faces of a place in this process. */
export function within(app: { request(path: string, init: RequestInit): Response | Promise<Response> }): Owner {
  return over(async (method, path, { body, headers }) => {
    const init = { method, headers: { ...headers }, ...(body !== undefined && { body }) };
    return answerOf(await app.request(path, init as RequestInit));
  });
}

interface Answer {
  readonly status: number;
  readonly body: AsyncIterable<Uint8Array>;
}

type Ask = (method: Method, path: string, sent: Sent) => Promise<Answer>;

function answerOf({ status, body }: Response): Answer {
  return { status, body: body === null ? nothing() : (body as unknown as AsyncIterable<Uint8Array>) };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

function over(ask: Ask): Owner {
  return {
    async call<T>(method: Method, path: string, sent: Sent = {}): Promise<T> {
      const { status, body } = await ask(method, path, sent).catch(silent);
      const answer = parse(await whole(body).catch(silent));
      if (status < 400) return answer as T;
      throw refusal(status, answer);
    },
    async read(path) {
      const { status, body } = await ask("GET", path, {}).catch(silent);
      if (status < 400) return body;
      throw refusal(status, parse(await whole(body).catch(silent)));
    },
  };
}

function unanswered(cause: unknown): never {
  throw new Error(whyUnanswered(cause), { cause });
}

function silent(cause: Error): never {
  throw new AisleError("unavailable", `nobody answers: ${cause.message}`, { cause });
}

/** What the owner refused, with each mistake on a line of its own. */
function refusal(status: number, answer: unknown): AisleError {
  const { code = "unavailable", detail = `status ${status}`, errors = [] } = (answer ?? {}) as Refused;
  const more = errors.map((each) => each.detail).filter((each) => each !== detail);
  return new AisleError(code, [detail, ...more].join("\n"));
}

interface Refused {
  readonly code?: Code;
  readonly detail?: string;
  readonly errors?: readonly { readonly detail: string }[];
}

async function whole(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function overSocket(socketPath: string, method: Method, path: string, { body, headers }: Sent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, method, path, headers: { ...headers } }, (response) => {
      resolve({ status: response.statusCode ?? 0, body: response });
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
