// The central source of customers: a port with two implementations.
import { type HttpAddress, httpAddress, whyUnanswered } from "../address.ts";
import type { Profile } from "../decide/decision.ts";
import { limits } from "../limits.ts";
import type { ColumnType, Row, SourceConfig, Value } from "../site.ts";

/** Where profiles come from. Never throws: what goes wrong is `unavailable`, with the reason. */
export interface CustomerSource {
  fetch(customer: string): Profile | Promise<Profile>;
}

/** The site's own table. */
export class LocalSource implements CustomerSource {
  readonly #get: (customer: string) => Row | null;

  constructor(get: (customer: string) => Row | null) {
    this.#get = get;
  }

  fetch(customer: string): Profile {
    const row = this.#get(customer);
    return row === null ? { state: "unknown" } : { state: "known", row, stale: false };
  }
}

export interface HttpSourceOptions extends SourceConfig {
  /** http or https; may carry `user:password@`, which a token goes before. All of it but the host counts as a secret. */
  readonly url: string;
  readonly columns: Readonly<Record<string, ColumnType>>;
  readonly fetch: typeof fetch;
}

/** `GET <url>/<customer>`: 200 with the customer's columns as JSON, 404 for nobody; all else is `unavailable`. */
export class HttpSource implements CustomerSource {
  readonly #options: HttpSourceOptions;
  readonly #address: HttpAddress;
  /** Why the last question failed, in words without secrets and customers; null: it did not. */
  trouble: string | null = null;

  /** @throws AisleError `invalid` for an address that can't be asked */
  constructor(options: HttpSourceOptions) {
    this.#options = options;
    this.#address = httpAddress(options.url, "the source of customers");
  }

  async fetch(customer: string): Promise<Profile> {
    const answer = await this.#ask(customer);
    this.trouble = answer.state === "unavailable" ? answer.detail : null;
    return answer;
  }

  async #ask(customer: string): Promise<Profile> {
    const { token, timeoutMs } = this.#options;
    const { url, login } = this.#address;
    try {
      const response = await this.#options.fetch(`${url.replace(/\/$/, "")}/${encodeURIComponent(customer)}`, {
        headers: { accept: "application/json", ...(token === null ? login : { authorization: `Bearer ${token}` }) },
        signal: AbortSignal.timeout(timeoutMs),
      });
      if (!response.ok) {
        await response.body?.cancel(); // else the connection stays taken
        if (response.status === 404) return { state: "unknown" };
        return { state: "unavailable", detail: `the source of customers answered ${response.status}` };
      }
      const text = await response.text();
      if (text.length > limits.eventBytes) return { state: "unavailable", detail: "the source's answer is too long" };
      return this.#row(text);
    } catch (error) {
      const detail =
        (error as Error).name === "TimeoutError"
          ? `the source of customers gave no answer within ${timeoutMs} ms`
          : `the source of customers can't be used: ${whyUnanswered(error)}`;
      return { state: "unavailable", detail };
    }
  }

  #row(text: string): Profile {
    const answer = parsed(text);
    if (answer === undefined)
      return { state: "unavailable", detail: "the source of customers can't be used: its answer is no JSON" };
    if (typeof answer !== "object" || answer === null || Array.isArray(answer))
      return { state: "unavailable", detail: "the source's answer is no object" };
    const row: Record<string, Value> = {};
    for (const [name, type] of Object.entries(this.#options.columns)) {
      const value = cellOf((answer as Record<string, unknown>)[name] ?? null, type);
      if (value === undefined) return { state: "unavailable", detail: `the source's '${name}' is no ${type}` };
      row[name] = value;
    }
    return { state: "known", row, stale: false };
  }
}

/** Undefined: it is no JSON. What the parser says would quote a customer's data. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A JSON value as a cell of a table would hold it; an empty text is an empty cell. Undefined: it is of another type. */
function cellOf(value: unknown, type: ColumnType): Value | undefined {
  if (value === null || value === "") return null;
  if (typeof value !== "number" && typeof value !== "string") return undefined;
  if (type === "text" || type === "date") return String(value);
  const number = typeof value === "string" && value.trim() === "" ? Number.NaN : Number(value);
  return Number.isFinite(number) && (type === "number" || Number.isInteger(number)) ? number : undefined;
}
