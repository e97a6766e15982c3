// The outbox over a real journal, on any bus: decisions are appended, and what the other side of the bus gets is kept.
import type { Bus } from "../../runtime/bus/bus.ts";
import { systemClock } from "../../runtime/clock.ts";
import type { Decision } from "../../runtime/decide/decision.ts";
import { isDecision, readDecision } from "../../runtime/decide/offers.ts";
import { predictions } from "../../runtime/decide/wire.ts";
import { openJournal } from "../../runtime/journal/lmdb.ts";
import type { StoreJournal } from "../../runtime/journal/store-journal.ts";
import type { Ack } from "../../runtime/outbox/line.ts";
import { Outbox, type OutboxPorts } from "../../runtime/outbox/outbox.ts";
import type { Store } from "../../runtime/store/store.ts";
import { decisionOf, draftOf } from "./decisions.ts";
import { countingBytes } from "./journal.ts";

export const BASE = "aisle.store.box";

export interface OutboxAtWork {
  readonly journal: StoreJournal;
  readonly outbox: Outbox;
  readonly faults: unknown[];
  /** Appends decisions, one for each customer named; the number is the sequence of a cause nobody looks for. */
  decide(customers: readonly string[], options?: DecideOptions): Promise<void>;
  /** As when a process ends in its own way. */
  close(): Promise<void>;
  /** As when it is killed: nothing more is noted or sent. */
  abandon(): Promise<void>;
}

export interface DecideOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly expiresAt?: number;
}

export interface OutboxAt {
  readonly dir: string;
  readonly bus: Bus;
  readonly ack?: Ack;
  readonly begin?: boolean;
  readonly frailtyOf?: OutboxPorts["frailtyOf"];
  /** Instead of LMDB in the folder. */
  readonly store?: Store;
}

export function outboxAt({
  dir,
  bus,
  ack = "auto",
  begin = true,
  frailtyOf = null,
  store: at,
}: OutboxAt): OutboxAtWork {
  const clock = systemClock;
  const journal = openJournal({ dir, clock, random: countingBytes, ...(at === undefined ? {} : { store: at }) });
  const faults: unknown[] = [];
  let isGone = false;
  const store: Pick<typeof journal.store, "get" | "commit"> = {
    get: (table, key) => journal.store.get(table, key),
    commit: (writes) => (isGone ? new Promise(() => {}) : journal.store.commit(writes)),
  };
  const outbox = new Outbox({
    ...{ journal, store, bus, clock, ack, frailtyOf, base: BASE, random: () => 0 },
    messages: (decision) => predictions(decision, (id) => ({ id })),
    decisionOf: (entry) => (isDecision(entry) ? ((entry.value as Decision) ?? readDecision(entry.payload)) : null),
    fault: (_, error) => void faults.push(error),
  });
  outbox.open();
  if (begin) outbox.begin();
  return {
    ...{ journal, outbox, faults },
    async decide(customers, { headers = {}, expiresAt = clock.now() + 60_000 } = {}) {
      const drafts = customers.map((customer, index) => {
        const decision = { ...decisionOf(journal.lastSeq + index + 1, customer, "87", clock.now()), expiresAt };
        return { ...draftOf(decision), headers, value: decision };
      });
      await journal.append(drafts);
    },
    async close() {
      await outbox.close();
      await journal.close();
    },
    async abandon() {
      isGone = true;
      await journal.close();
    },
  };
}

/** What came on a subject, with every repeat. */
export interface Got {
  readonly id: string;
  readonly subject: string;
  readonly text: string;
}

/** Keeps what is published below the base of the rig. */
export function listen(bus: Bus, pattern = `${BASE}.>`): Got[] {
  const got: Got[] = [];
  bus.subscribe(pattern, ({ subject, payload, headers }) => {
    got.push({ id: headers["Nats-Msg-Id"] ?? "", subject, text: Buffer.from(payload).toString() });
  });
  return got;
}

/** As a receiver that drops repeats sees it. @throws Error when an id came again with other words */
export function once(got: readonly Got[]): Got[] {
  const seen = new Map<string, Got>();
  for (const each of got) {
    const before = seen.get(each.id);
    if (before === undefined) seen.set(each.id, each);
    else if (before.text !== each.text || before.subject !== each.subject) throw new Error(`${each.id} came otherwise`);
  }
  return [...seen.values()];
}

/** The decisions among it, by customer: their ids, in the order of their first coming. */
export function offersByCustomer(got: readonly Got[]): Map<string, string[]> {
  const ids = new Map<string, string[]>();
  for (const { id, subject } of once(got)) {
    const customer = new RegExp(`^${BASE.replaceAll(".", "\\.")}\\.offers\\.(.+)$`).exec(subject)?.[1];
    if (customer !== undefined) ids.set(customer, [...(ids.get(customer) ?? []), id]);
  }
  return ids;
}
