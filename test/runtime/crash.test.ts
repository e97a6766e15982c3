import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../runtime/clock.ts";
import { readDecision } from "../../runtime/decide/offers.ts";
import { openJournal } from "../../runtime/journal/lmdb.ts";
import { type Up, up } from "../support/cli.ts";
import { STORE, temporary } from "../support/place.ts";
import { prng } from "../support/prng.ts";

const ROUNDS = 20;
const PUBLISHERS = 6;
const DEPARTMENTS = ["Women", "Boys", "Girls", "Men", "Sport"];
const SEED = Number(process.env.AISLE_SEED ?? 20_261_123);

/** Sends events until the place is gone; each id is noted once it was acknowledged. */
class Load {
  readonly acknowledged = new Set<string>();
  /** Sent, but nobody said what became of them: a publisher sends them again. */
  readonly unknown: string[] = [];
  #sent = 0;
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  async until(place: Up, gone: Promise<unknown>): Promise<void> {
    let over = false;
    void gone.then(() => {
      over = true;
    });
    const publisher = async () => {
      while (!over) if (!(await this.#post(place))) return;
    };
    await Promise.all(Array.from({ length: PUBLISHERS }, publisher));
  }

  /** @returns false when the place is gone */
  async #post({ url }: Up): Promise<boolean> {
    const ids = Array.from({ length: 1 + Math.floor(this.#random() * 5) }, () => `e${++this.#sent}`);
    const again = this.unknown.splice(0, 5);
    const repeat = [...this.acknowledged].at(-1);
    const batch = [...ids, ...again, ...(repeat === undefined ? [] : [repeat])];
    try {
      const response = await fetch(`${url}/events`, {
        method: "POST",
        headers: { "content-type": "application/x-ndjson" },
        body: batch.map(eventOf).join("\n"),
      });
      const { rejected } = (await response.json()) as { rejected: unknown[] };
      expect([response.status, rejected]).toEqual([202, []]);
      for (const id of batch) this.acknowledged.add(id);
      return true;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      this.unknown.push(...batch.filter((id) => !this.acknowledged.has(id)));
      return false;
    }
  }
}

/** The same event for an id, whenever it is sent: most are focuses, each in another department. */
function eventOf(id: string): string {
  const n = Number(id.slice(1));
  const customer = (n % 997) + 1;
  const dep = DEPARTMENTS[Math.floor(n / 997) % DEPARTMENTS.length];
  return JSON.stringify(
    n % 4 === 0 ? { type: "entry", event_id: id, id: customer } : { type: "focus", event_id: id, id: customer, dep },
  );
}

describe("a place that is ended by force", () => {
  let dataDir: string;

  beforeEach(() => {
    dataDir = temporary();
  });

  afterEach(() => {
    rmSync(dataDir, { recursive: true, force: true });
  });

  const begin = () => up([STORE, "--port", "0", "--no-play", "--data", dataDir]);

  /** What the journal holds: how often each id, and how often each cause was decided. */
  async function contents() {
    const journal = openJournal({ dir: dataDir, clock: systemClock, random: randomBytes, readOnly: true });
    const times = new Map<string, number>();
    const decided = new Map<number, number>();
    let last = 0;
    for (const { seq, kind, headers, payload } of journal.read()) {
      expect(seq).toBe(++last);
      if (headers.id !== undefined) times.set(headers.id, (times.get(headers.id) ?? 0) + 1);
      if (kind !== "decision") continue;
      const { cause } = readDecision(payload);
      decided.set(cause, (decided.get(cause) ?? 0) + 1);
    }
    await journal.close();
    return { times, decided };
  }

  it(`${ROUNDS} times under load has every acknowledged event once, and decides nothing twice (seed ${SEED})`, {
    timeout: 180_000,
  }, async () => {
    const random = prng(SEED);
    const load = new Load(random);

    for (let round = 0; round < ROUNDS; round++) {
      const place = await begin();
      const killed = new Promise((done) => setTimeout(done, 20 + random() * 300)).then(() => place.end("SIGKILL"));
      await load.until(place, killed);
      await killed;
    }
    const place = await begin();
    expect(await place.end("SIGTERM")).toBe(0);

    const { times, decided } = await contents();
    const lost = [...load.acknowledged].filter((id) => !times.has(id));
    const doubled = [...times].filter(([, count]) => count > 1);

    expect(lost).toEqual([]);
    expect(doubled).toEqual([]);
    expect([...decided].filter(([, count]) => count > 1)).toEqual([]);
    expect(load.acknowledged.size).toBeGreaterThan(ROUNDS);
    expect(decided.size).toBeGreaterThan(ROUNDS);
  });

  it("by SIGTERM under load finishes what it accepted, and says so with exit code 0", { timeout: 60_000 }, async () => {
    const load = new Load(prng(SEED));
    const place = await begin();
    const ended = new Promise((done) => setTimeout(done, 400)).then(() => place.end("SIGTERM"));
    await load.until(place, ended);

    expect(await ended).toBe(0);
    const { times, decided } = await contents();
    expect([...load.acknowledged].filter((id) => !times.has(id))).toEqual([]);
    expect(decided.size).toBeGreaterThan(0);
    expect(place.output()).toContain("SIGTERM");
  });
});
