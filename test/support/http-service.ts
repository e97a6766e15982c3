import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export type Answer = (asked: Asked, response: ServerResponse) => void;

export const json =
  (value: unknown, status = 200): Answer =>
  (_, response) => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
  };

export const text =
  (body: string, status = 200): Answer =>
  (_, response) => {
    response.writeHead(status).end(body);
  };

/** Never answers; the connection stays open. */
export const silence: Answer = () => {};

/** Hangs up without an answer. */
export const hangUp: Answer = (_, response) => {
  response.destroy();
};

/** A real HTTP server on loopback, whose answer may change; it is gone when the test ends. */
export class HttpService {
  readonly asked: Asked[] = [];
  answer: Answer;
  readonly #server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      const asked = { method, url, headers, body: Buffer.concat(chunks).toString() };
      this.asked.push(asked);
      this.answer(asked, response);
    });
  });

  private constructor(answer: Answer) {
    this.answer = answer;
  }

  static async start(answer: Answer): Promise<HttpService> {
    const service = new HttpService(answer);
    await new Promise<void>((resolve) => service.#server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => service.stop());
    return service;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

/** An address on loopback where nobody listens. */
export async function deadUrl(): Promise<string> {
  const service = await HttpService.start(silence);
  const { url } = service;
  await service.stop();
  return url;
}
