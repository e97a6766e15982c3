import { STATUS_CODES } from "node:http";
import { AisleError, type Code } from "../errors.ts";
import type { Rejection } from "./ports.ts";

const STATUS = {
  invalid: 400,
  unauthorized: 401,
  forbidden: 403,
  "not-found": 404,
  conflict: 409,
  "too-large": 413,
  unsupported: 415,
  overloaded: 429,
  full: 507,
  unavailable: 503,
  corrupt: 500,
} as const satisfies Record<Code, number>;

/** Seconds after which a refused caller may try again, as `Retry-After`. */
const RETRY_AFTER: Partial<Record<Code, string>> = { overloaded: "1", full: "5", unavailable: "5" };

export interface Problem {
  readonly status: number;
  /** Stable, for programs. */
  readonly code: string;
  /** For a person: what was got, what was expected. */
  readonly detail: string;
  /** The items or fields meant, when there are any. */
  readonly errors?: readonly Rejection[];
  readonly headers?: Readonly<Record<string, string>>;
  /** Further members of the body. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/** RFC 9457. The type is "about:blank": the status says what kind of problem it is, `code` which one. */
export function problem({ status, code, detail, errors, headers, more }: Problem): Response {
  const title = STATUS_CODES[status] ?? "Error";
  const body = { type: "about:blank", title, status, code, detail, ...(errors && { errors }), ...more };
  return new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/problem+json", "cache-control": "no-store", ...headers },
  });
}

/** An expected failure that knows more about its answer than a code says. */
export class Refusal extends AisleError {
  override name = "Refusal";
  readonly status: number;
  readonly errors: readonly Rejection[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: Code,
    message: string,
    more: { status?: number; errors?: readonly Rejection[]; headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(code, message);
    this.status = more.status ?? STATUS[code];
    this.errors = more.errors ?? [];
    this.headers = more.headers ?? {};
  }
}

/** The one place where an error becomes a response. Null for a bug: whoever asks logs it and answers `bug()`. */
export function failure(error: unknown): Response | null {
  if (!(error instanceof AisleError) || error.code === "corrupt") return null;
  const retryAfter = RETRY_AFTER[error.code];
  const headers = retryAfter === undefined ? {} : { "retry-after": retryAfter };
  if (!(error instanceof Refusal)) {
    return problem({ status: STATUS[error.code], code: error.code, detail: error.message, headers });
  }
  return problem({
    status: error.status,
    code: error.code,
    detail: error.message,
    ...(error.errors.length > 0 && { errors: error.errors }),
    headers: { ...headers, ...error.headers },
  });
}

/** Bugs say nothing about themselves. */
export function bug(): Response {
  return problem({ status: 500, code: "bug", detail: "internal error; the log has more" });
}
