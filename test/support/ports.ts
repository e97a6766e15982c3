import type { Decision } from "../../runtime/decide/decision.ts";
import { AisleError } from "../../runtime/errors.ts";
import type {
  BoardFaces,
  DeadLetters,
  Decisions,
  Inbound,
  Ingest,
  Letter,
  Offers,
  PlanFace,
  Ports,
  Receipt,
  Rejection,
  Reload,
  Scoring,
  SpecState,
  Standing,
  Transforms,
} from "../../runtime/http/ports.ts";
import { boardRig } from "./board.ts";

// A whole runtime in memory, small and deterministic: it takes events in, keeps what it can't use, and decides.
// Coupon "1" is for Boys and scores 0.9, coupon "2" is for Men and scores 0.1, below the threshold; other
// departments have none. Customers are whole numbers.

const DEPARTMENTS: Record<string, { coupon: string; score: number }> = {
  Boys: { coupon: "1", score: 0.9 },
  Men: { coupon: "2", score: 0.1 },
};
const THRESHOLD = 0.2;
const RECEIVED_AT = 1_700_000_000_000;
const TIME_TO_LIVE = 60_000;

type Fields = Record<string, unknown>;

export class MemoryPorts implements Ports {
  /** Every body that reached the ingest, as it came. */
  readonly inbound: Inbound[] = [];
  readonly observed: { route: string; status: number; seconds: number }[] = [];
  readonly logged: { fields: Readonly<Record<string, unknown>>; message: string }[] = [];
  readonly keptLetters: Letter[] = [];
  readonly made: Standing[] = [];
  readonly #followers = new Set<{ customer: string | null; listener: (standing: Standing) => void }>();
  readonly #ids = new Set<string>();
  readonly #focused = new Set<string>();
  #seq = 0;

  notReady: readonly string[] = [];
  degraded: readonly string[] = [];
  /** What `since` gives at most, so that streams have to ask again. */
  page = 3;

  readonly ingest: Ingest = {
    accept: async (inbound) => this.take(inbound),
    refused: (inbound, code, detail) => this.keep(inbound, code, detail, 0),
  };

  readonly offers: Offers = {
    standing: (customer) =>
      this.#of(customer)
        .filter(({ decision }) => decision.none === null)
        .toReversed(),
    follow: (customer, listener) => {
      const follower = { customer, listener };
      this.#followers.add(follower);
      return () => void this.#followers.delete(follower);
    },
    since: (customer, seq) =>
      this.#of(customer)
        .filter((each) => each.seq > seq)
        .slice(0, this.page),
  };

  readonly decisions: Decisions = {
    find: async (id) => this.made.find(({ decision }) => decision.id === id)?.decision ?? null,
    causedBy: async (seq) => this.made.filter(({ decision }) => decision.cause === seq),
  };

  readonly letters: DeadLetters = {
    list: ({ before = Number.POSITIVE_INFINITY, limit, code }) =>
      this.keptLetters
        .filter((each) => each.id < before && (code === undefined || each.code === code))
        .toReversed()
        .slice(0, limit),
    get: (id) => this.keptLetters.find((each) => each.id === id) ?? null,
    count: () => this.keptLetters.length,
    replay: async (id) => {
      const { principal, subject, headers, payload, replayedAs } = this.letters.get(id)!;
      if (replayedAs !== undefined) throw new AisleError("conflict", `letter ${id} was replayed as ${replayedAs}`);
      return this.take({ principal, subject, type: null, headers, body: payload });
    },
  };

  scoring: Scoring | null = {
    customerColumns: { customer_id: "integer", gender: "text", age: "integer", mean_buy_price: "number" },
    couponColumns: { coupon_id: "integer", department: "text", discount: "integer", product_mean_price: "number" },
    customerKey: "customer_id",
    couponKey: "coupon_id",
    known: {
      customer: {},
      coupon: {
        department: new Map([
          ["Boys", "Boys"],
          ["Sport", "Sport"],
          ["Sports", "Sport"],
        ]),
      },
    },
    score: (customer, coupons) => ({
      state: "scored",
      by: "core",
      // A third of the discount, so that rounding shows; in the order given, which is not the order wanted.
      scores: coupons.map((coupon) => ({
        coupon: String(coupon.coupon_id),
        score: (Number(coupon.discount) / 300) * (customer.gender === "F" ? 1 : 0.5),
      })),
    }),
  };

  /** Customer "7" has one visit, which is of the year 1; row of then or of now. */
  readonly plan: PlanFace = {
    reload: async () => ({ added: ["lab"], changed: [], removed: [], hash: "p2", seq: 7 }),
  };
  readonly transforms: Transforms = {
    specs: () => this.specStates,
    lastReload: () => this.reloaded,
    aggregates: (identity) => this.#known(identity, '{"visit":[{"stops":2}]}'),
    features: async (identity, at) => this.#known(identity, at === null ? '{"now.stops":2}' : '{"now.stops":1}'),
    all: () => {
      const pieces = [...this.pieces];
      return {
        next: () => {
          const piece = pieces.shift() ?? null;
          if (piece instanceof Error) throw piece;
          return piece;
        },
        end: () => void this.endedPieces++,
      };
    },
    reload: () => {
      if (this.reloadError !== null) throw this.reloadError;
      return { at: RECEIVED_AT, state: "building", changed: ["visits"], removed: [], seq: null, reasons: [] };
    },
  };
  specStates: readonly SpecState[] = [
    {
      name: "visits",
      streaming: "transforms/visits.yml",
      window: "transforms/window.yml",
      latenessMs: 3_600_000,
      settledAt: 1_000,
      identities: { memory: 1, disk: 0 },
      heldBytes: 500,
      events: { folded: 3, late: 1 },
      incomplete: false,
      broken: null,
    },
  ];
  reloaded: Reload | null = null;
  reloadError: Error | null = null;
  pieces: readonly (string | Error)[] = [];
  endedPieces = 0;

  #known(identity: string, json: string) {
    if (identity !== "7") return [];
    return this.specStates.map(({ name }) => ({ spec: name, incomplete: true, settledAt: 1_000, json }));
  }

  /** A board without a page, until a test puts its own there. */
  board: BoardFaces = boardRig({ pages: [], actors: [] }).face;

  readonly health = { notReady: () => this.notReady, degraded: () => this.degraded };
  readonly metrics = { contentType: "text/plain; version=0.0.4", text: async () => "aisle_events_total 3\n" };
  readonly requests = {
    observe: (route: string, status: number, seconds: number) => void this.observed.push({ route, status, seconds }),
  };
  readonly log = {
    error: (fields: Readonly<Record<string, unknown>>, message: string) => void this.logged.push({ fields, message }),
  };

  get followers(): number {
    return this.#followers.size;
  }

  /** A decision with an offer for a customer, committed now. */
  decide(customer: string, department = "Boys", test = false): Standing {
    return this.#decide(++this.#seq, customer, department, test);
  }

  /** Tells the followers again of a decision that was made before. */
  announce(seq: number): void {
    const standing = this.made.find((each) => each.seq === seq)!;
    for (const { customer, listener } of [...this.#followers]) {
      if (customer === null || customer === standing.decision.customer) listener(standing);
    }
  }

  async take(inbound: Inbound): Promise<Receipt> {
    this.inbound.push(inbound);
    const rejected: Rejection[] = [];
    const seqs: number[] = [];
    let duplicate = 0;
    for (const [index, item] of itemsOf(inbound).entries()) {
      const mistake =
        item instanceof Error ? mistakeOf("", "malformed", item.message) : this.#check(item, inbound.type);
      if (mistake !== null) {
        rejected.push({ index, ...mistake });
        this.keep(inbound, mistake.code, mistake.detail, index);
        continue;
      }
      const fields = item as Fields;
      const id = fields.event_id;
      if (typeof id === "string" && this.#ids.has(id)) {
        duplicate++;
        continue;
      }
      if (typeof id === "string") this.#ids.add(id);
      const seq = ++this.#seq;
      seqs.push(seq);
      this.#focus(seq, fields, inbound);
    }
    return { accepted: seqs.length, duplicate, rejected, seqs };
  }

  keep(inbound: Inbound, code: string, detail: string, index: number): void {
    const { principal, subject, headers, body } = inbound;
    const where = { source: principal, index };
    const id = this.keptLetters.length + 1;
    const at = RECEIVED_AT + id;
    this.keptLetters.push({
      id,
      at,
      code,
      detail,
      where,
      principal,
      subject,
      headers,
      payload: body,
      payloadBytes: body.length,
    });
  }

  #check(item: unknown, urlType: string | null): Omit<Rejection, "index"> | null {
    if (typeof item !== "object" || item === null) return mistakeOf("", "wrong-type", "an event is a JSON object");
    const { type, identity, department } = read(item as Fields);
    if (type === undefined && urlType === null) return mistakeOf("/type", "missing", "the event names no type");
    if (identity === undefined) return mistakeOf("/id", "missing", "the event names no customer");
    if (!/^\d+$/.test(String(identity))) return mistakeOf("/id", "wrong-type", `'${identity}' is no whole number`);
    if (isFocus(type ?? urlType) && department === undefined) return mistakeOf("/dep", "missing", "dep is missing");
    return null;
  }

  #focus(seq: number, fields: Fields, { type: urlType, test = false }: Inbound): void {
    const { type, identity, department } = read(fields);
    if (!isFocus(type ?? urlType)) return;
    const dwell = `${identity} ${department}`;
    if (this.#focused.has(dwell)) return;
    this.#focused.add(dwell);
    this.#decide(seq, String(identity), String(department), test);
  }

  #decide(cause: number, customer: string, department: string, test: boolean): Standing {
    const best = DEPARTMENTS[department];
    const offers = best !== undefined && best.score > THRESHOLD ? [{ ...best, rank: 1 }] : [];
    const reason = best === undefined ? ("no-coupon-valid" as const) : ("below-threshold" as const);
    const decision: Decision = {
      id: `here-ab12-${cause}-0`,
      cause,
      customer,
      visit: cause,
      department,
      focusedAt: RECEIVED_AT,
      receivedAt: RECEIVED_AT,
      expiresAt: RECEIVED_AT + TIME_TO_LIVE,
      offers,
      none: offers.length > 0 ? null : { reason, detail: `${department}: ${reason}` },
      threshold: THRESHOLD,
      features: { age: 35, credit: null },
      candidates: best === undefined ? [] : [{ ...best, features: { discount: 30 } }],
      candidatesMore: 0,
      removed: offers.length > 0 || best === undefined ? [] : [{ coupon: best.coupon, why: "below-threshold" }],
      removedMore: 0,
      scorer: best === undefined ? null : "core",
      stale: false,
      versions: { model: "m1", plan: "p1", catalog: "c1", site: "s1" },
      test,
    };
    const messages = offers.map(({ coupon }) => ({ customer: { id: customer }, coupon: { id: coupon, department } }));
    const standing = { seq: ++this.#seq, decision, messages };
    this.made.push(standing);
    this.announce(standing.seq);
    return standing;
  }

  #of(customer: string | null): readonly Standing[] {
    return this.made.filter(({ decision }) => customer === null || decision.customer === customer);
  }
}

/** Objects, an array's items, or lines, by how the body begins. */
function itemsOf({ body }: Inbound): unknown[] {
  const text = new TextDecoder().decode(body);
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [value];
  } catch (error) {
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    return lines.length < 2 ? [error] : lines.map(parsed);
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    return error;
  }
}

/** The flat form and the envelope. */
function read(fields: Fields): { type: unknown; identity: unknown; department: unknown } {
  const payload = (fields.payload ?? {}) as Fields;
  return {
    type: fields.type ?? fields.event_type,
    identity: fields.id ?? payload.customer_id,
    department: fields.dep ?? payload.category,
  };
}

function isFocus(type: unknown): boolean {
  return type === "focus" || type === "customer focus";
}

function mistakeOf(pointer: string, code: string, detail: string): Omit<Rejection, "index"> {
  return { pointer, code, detail };
}
