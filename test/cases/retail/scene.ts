// A place at work with everything watched that it publishes.
import { onTestFinished } from "vitest";
import { subject } from "../../../runtime/bus/subject.ts";
import type { SiteOptions } from "../../../runtime/config.ts";
import type { Decision } from "../../../runtime/decide/decision.ts";
import { type EventIn, EventReader, isProblem } from "../../../runtime/events.ts";
import type { Rejection } from "../../../runtime/http/ports.ts";
import type { Place } from "../../../runtime/main.ts";
import { type SetClock, startStore } from "../../support/place.ts";
import { NOW } from "./cases.ts";

/** A message of either wire, as it comes off the bus. */
export interface Prediction {
  readonly event_type: string;
  readonly event_timestamp: string;
  readonly payload: { readonly customer_id: number; readonly coupon_id: number; readonly prediction: number };
  readonly customer: { readonly id: string };
  readonly coupon: Readonly<Record<string, unknown>> & { readonly id: string };
  readonly ts: number;
}

export interface Ack {
  readonly accepted: number;
  readonly duplicate: number;
  readonly rejected: readonly Rejection[];
}

const UTF8 = new TextEncoder();

export class Scene {
  readonly place: Place;
  readonly clock: SetClock;
  /** All that came on `predictions`, in order. */
  readonly predictions: Prediction[] = [];
  /** All that came on `offers.<customer>`, in order. */
  readonly decisions: Decision[] = [];

  private constructor(place: Place, clock: SetClock) {
    this.place = place;
    this.clock = clock;
    const read = (payload: Uint8Array) => JSON.parse(Buffer.from(payload).toString());
    place.bus.subscribe(`${place.base}.predictions`, ({ payload }) => void this.predictions.push(read(payload)));
    place.bus.subscribe(`${place.base}.offers.*`, ({ payload }) => void this.decisions.push(read(payload)));
  }

  /** Starts a site; it stops when the test ends. */
  static async open(dir: string, env: SiteOptions["env"] = {}): Promise<Scene> {
    const store = await startStore({ dir, env, at: NOW });
    onTestFinished(() => store[Symbol.asyncDispose]());
    return new Scene(store.place, store.clock);
  }

  post(path: string, body: unknown, contentType = "application/json"): Promise<Response> {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    return fetch(`${this.place.url}${path}`, { method: "POST", headers: { "content-type": contentType }, body: text });
  }

  /** On the bus, as publishers do that ask for no answer. */
  publish(type: string, payload: unknown): void {
    this.place.bus.publish(this.#eventSubject(type), encode(payload));
  }

  /** On the bus; what it leads to has happened when this resolves. */
  async tell(type: string, payload: unknown): Promise<Ack> {
    const answer = await this.place.bus.request(this.#eventSubject(type), encode(payload));
    const ack = JSON.parse(Buffer.from(answer.payload).toString()) as Ack;
    await this.settle();
    return ack;
  }

  /** Everything accepted is decided and published, everything refused is kept. */
  async settle(): Promise<void> {
    const { runner, letters, bus } = this.place;
    await runner.idle();
    await letters.flush();
    await bus.flush();
  }

  /** Codes of the dead letters, oldest first. */
  letters(): string[] {
    return this.place.letters
      .list({ limit: 100 })
      .map(({ code }) => code)
      .reverse();
  }

  /** An event as the journal has it. */
  event(seq: number): EventIn {
    const { headers, payload } = this.place.journal.find(seq)!;
    const { events, departments, timeZone } = this.place.site;
    const reader = new EventReader(events, departments, timeZone);
    const [event] = reader.read([payload], [{ type: headers.type ?? null, headers }]);
    if (event === undefined || isProblem(event)) throw new Error(`entry ${seq} is no event of the site`);
    return event;
  }

  #eventSubject(type: string): string {
    return subject(this.place.base, "events", type);
  }
}

function encode(payload: unknown): Uint8Array {
  return UTF8.encode(typeof payload === "string" ? payload : JSON.stringify(payload));
}
