// Posts notices to an address that people are told by: a chat, a pager. Whatever becomes of it, work goes on.
import { type HttpAddress, httpAddress, whyUnanswered } from "../address.ts";
import type { Bus } from "../bus/bus.ts";
import { subject } from "../bus/subject.ts";
import { within } from "../bus/within.ts";
import type { Clock } from "../clock.ts";
import { limits } from "../limits.ts";
import type { Notice } from "./job.ts";
import { sentenceOf } from "./notices.ts";

export interface WebhookOptions {
  /** Where notices go: http or https; may carry `user:password@`. All of it but the host counts as a secret. */
  readonly url: string;
  readonly bus: Bus;
  /** Below which the place's subjects stand. */
  readonly base: string;
  readonly clock: Clock;
  readonly fetch: typeof fetch;
  /** In [0, 1); spreads the attempts of many places. */
  readonly random: () => number;
  /** Why a notice was not posted, in words without secrets. */
  readonly onLost: (reason: string) => void;
}

export interface WebhookStats {
  readonly posted: number;
  /** Refused by the receiver, not taken in `limits.webhookTries` attempts, or one too many that wait. */
  readonly lost: number;
  readonly waiting: number;
}

export interface Webhook {
  stats(): WebhookStats;
  /** What waits is sent once more, within `limits.drainMs`. */
  close(): Promise<void>;
}

/** What became of one attempt. */
type Sent = "taken" | { readonly again: boolean; readonly reason: string; readonly afterMs?: number };

/**
 * Subscribes to `<base>.notices` and posts each, in order, one at a time, as JSON: the notice, and `text`, a sentence
 * that chats show. What is not taken is sent again, with backoff, unless the receiver says that it never will be.
 *
 * @throws AisleError `invalid` for an address that can't be posted to
 */
export function openWebhook(options: WebhookOptions): Webhook {
  const { bus, base, clock, onLost } = options;
  const target = httpAddress(options.url, "a webhook");
  const queue: Uint8Array[] = [];
  const closing = new AbortController();
  const counts = { posted: 0, lost: 0 };
  let work = Promise.resolve();

  const lose = (reason: string) => {
    counts.lost++;
    onLost(`notice not posted to ${target.host}: ${reason}`);
  };

  const send = async (body: string) => {
    for (let attempt = 1; ; attempt++) {
      const sent = await post(options, target, body);
      if (sent === "taken") {
        counts.posted++;
        return;
      }
      if (!sent.again || attempt === limits.webhookTries || closing.signal.aborted) {
        lose(sent.reason);
        return;
      }
      await pause(clock, sent.afterMs ?? backoffMs(attempt, options.random()), closing.signal);
    }
  };

  const sendAll = async () => {
    // Its head stays in the queue while it is sent, so that it counts.
    for (; queue.length > 0; queue.shift()) {
      const body = bodyOf(queue[0]!);
      if (body === null) lose("it is no notice");
      else await send(body);
    }
  };

  const subscription = bus.subscribe(subject(base, "notices"), ({ payload }) => {
    if (queue.length >= limits.webhookQueue) lose(`${queue.length} others wait`);
    else if (queue.push(payload.slice()) === 1) work = sendAll();
  });

  return {
    stats: () => ({ ...counts, waiting: queue.length }),
    async close() {
      subscription.unsubscribe();
      closing.abort();
      await within(clock, limits.drainMs, work);
    },
  };
}

async function post({ fetch, clock }: WebhookOptions, { url, login }: HttpAddress, body: string): Promise<Sent> {
  const late = new AbortController();
  const cancel = clock.after(limits.webhookMs, () => late.abort());
  try {
    const headers = { "content-type": "application/json", ...login };
    // A redirect would carry a notice to somebody whom nobody named.
    const response = await fetch(url, { method: "POST", headers, body, redirect: "manual", signal: late.signal });
    await response.body?.cancel().catch(() => {}); // else the connection stays taken
    return response.ok ? "taken" : refused(response);
  } catch (error) {
    const isLate = late.signal.aborted;
    return { again: true, reason: isLate ? `no answer within ${limits.webhookMs} ms` : whyUnanswered(error) };
  } finally {
    cancel();
  }
}

/** Too many, too slow, or its own fault: it may take it later. */
function refused({ status, headers }: Response): Sent {
  const reason = `it answered ${status}`;
  if (status !== 408 && status !== 429 && status < 500) return { again: false, reason };
  const seconds = Number(headers.get("retry-after") ?? Number.NaN);
  if (!(seconds >= 0)) return { again: true, reason };
  return { again: true, reason, afterMs: Math.min(seconds * 1_000, limits.webhookRetryMaxMs) };
}

function bodyOf(payload: Uint8Array): string | null {
  try {
    const notice = JSON.parse(Buffer.from(payload).toString()) as Notice;
    return JSON.stringify({ text: sentenceOf(notice), ...notice });
  } catch {
    return null;
  }
}

/** Between half of it and the whole. */
function backoffMs(attempt: number, random: number): number {
  return Math.min(limits.webhookRetryMs * 2 ** (attempt - 1), limits.webhookRetryMaxMs) * (0.5 + random / 2);
}

/** Ends early when the signal is aborted. */
async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const end = () => {
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancel = clock.after(ms, end);
    signal.addEventListener("abort", end);
  });
}
