// A network that fails on purpose: a bus in memory as its server, and lines to it that lose, delay, double, overtake,
// and are cut.
import type {
  Bus,
  BusState,
  BusStats,
  Message,
  PublishOptions,
  RequestOptions,
  SubscribeOptions,
  Subscription,
} from "../../runtime/bus/bus.ts";
import { checkHeaders } from "../../runtime/bus/headers.ts";
import { MemoryBus } from "../../runtime/bus/memory.ts";
import { checkSubject } from "../../runtime/bus/subject.ts";
import { AisleError } from "../../runtime/errors.ts";
import { limits } from "../../runtime/limits.ts";
import type { Dice } from "./dice.ts";
import { FaultyClock, type FaultyTime } from "./faulty-clock.ts";

/** Shares of messages, and how long one may be on its way. */
export interface Weather {
  readonly loss: number;
  readonly twice: number;
  readonly delayMs: number;
}

export const FINE: Weather = { loss: 0, twice: 0, delayMs: 0 };

export class FaultyNetwork {
  readonly server: MemoryBus;
  weather: Weather = FINE;
  readonly #time: FaultyTime;
  readonly #dice: Dice;

  constructor(time: FaultyTime, dice: Dice, onError: (error: unknown) => void) {
    this.#time = time;
    this.#dice = dice;
    this.server = new MemoryBus({ clock: new FaultyClock(time, 0), onError });
  }

  after(ms: number, run: () => void): void {
    this.#time.after(ms, run);
  }

  /** A line to the server. */
  connect(): FaultyBus {
    return new FaultyBus(this, this.#time);
  }

  /**
   * Carries something over a line: never, once or twice, now or later, in any order.
   *
   * @param settled  called once, with whether it was lost
   */
  carry(line: FaultyBus, arrive: () => void, settled: (lost: boolean) => void = () => {}): void {
    const { loss, twice, delayMs } = this.weather;
    if (line.isCut || this.#dice.chance(loss)) {
      settled(true);
      return;
    }
    const copies = this.#dice.chance(twice) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const ms = delayMs === 0 ? 0 : this.#dice.below(delayMs);
      const last = copy === copies - 1;
      const come = () => {
        if (!line.isCut) arrive();
        if (last) settled(line.isCut);
      };
      if (ms === 0) come();
      else this.#time.after(ms, come);
    }
  }
}

/** One process's connection. Cut in silence at first: that the server is gone is noticed when the test says so. */
export class FaultyBus implements Bus {
  readonly #network: FaultyNetwork;
  readonly #time: FaultyTime;
  readonly #listeners: ((state: BusState) => void)[] = [];
  readonly #subscriptions = new Set<Subscription>();
  #state: BusState = "here";
  #cut = false;
  /** Handed over, and neither at the server nor lost; and lost since the last flush. */
  #underWay = 0;
  #lost = 0;
  #arrived: (() => void)[] = [];
  #published = 0;
  #delivered = 0;

  constructor(network: FaultyNetwork, time: FaultyTime) {
    this.#network = network;
    this.#time = time;
  }

  get state(): BusState {
    return this.#state;
  }

  /** Nothing passes. */
  get isCut(): boolean {
    return this.#cut;
  }

  onState(listener: (state: BusState) => void): void {
    this.#listeners.push(listener);
  }

  cut(): void {
    this.#cut = true;
  }

  /** The client sees that the line is cut. */
  notice(): void {
    if (this.#cut) this.#become("away");
  }

  heal(): void {
    if (this.#state === "closed") return;
    this.#cut = false;
    this.#become("here");
  }

  /** The process is gone, without a word. */
  end(): void {
    this.#cut = true;
    this.#state = "closed";
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
  }

  publish(subject: string, payload: Uint8Array, options: PublishOptions = {}): void {
    this.#check(subject, options);
    this.#published++;
    const copy = Buffer.from(payload);
    this.#underWay++;
    this.#network.carry(
      this,
      () => this.#network.server.publish(subject, copy, options),
      (lost) => this.#settled(lost),
    );
  }

  inbox(): string {
    return this.#network.server.inbox();
  }

  onRefused(): void {}

  hears(subject: string): boolean {
    return this.#network.server.hears(subject);
  }

  subscribe(subject: string, handle: (message: Message) => void, options: SubscribeOptions = {}): Subscription {
    if (this.#state === "closed") throw new AisleError("unavailable", "the bus is closed");
    const hear = (message: Message) => this.#network.carry(this, () => this.#deliver(message, handle));
    const made = this.#network.server.subscribe(subject, hear, options);
    this.#subscriptions.add(made);
    return {
      subject,
      unsubscribe: () => {
        this.#subscriptions.delete(made);
        made.unsubscribe();
      },
    };
  }

  async request(subject: string, payload: Uint8Array, options: RequestOptions = {}): Promise<Message> {
    this.#check(subject, options);
    this.#published++;
    const { timeoutMs = limits.busRequestMs } = options;
    const copy = Buffer.from(payload);
    return await new Promise((resolve, reject) => {
      const late = () => reject(new AisleError("unavailable", `no answer on '${subject}' within ${timeoutMs} ms`));
      const cancel = this.#time.after(timeoutMs, late);
      const home = (settle: () => void) =>
        this.#network.carry(this, () => {
          cancel();
          settle();
        });
      const ask = () =>
        this.#network.server.request(subject, copy, options).then(
          (answer) => home(() => resolve(answer)),
          (error) => home(() => reject(error)),
        );
      this.#network.carry(this, () => void ask());
    });
  }

  async flush(): Promise<void> {
    if (this.#state !== "here") throw new AisleError("unavailable", "the bus is away");
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#arrived.push(resolve));
    const lost = this.#lost;
    this.#lost = 0;
    if (lost > 0 || this.#cut) throw new AisleError("unavailable", "the line was lost before all had arrived");
    await this.#network.server.flush();
  }

  #settled(lost: boolean): void {
    this.#underWay--;
    if (lost) this.#lost++;
    if (this.#underWay > 0) return;
    for (const resolve of this.#arrived.splice(0)) resolve();
  }

  async drain(): Promise<void> {
    this.end();
  }

  stats(): BusStats {
    return {
      published: this.#published,
      delivered: this.#delivered,
      failed: 0,
      slow: 0,
      waiting: 0,
      losses: 0,
      cutOff: 0,
    };
  }

  /** The payload is the handler's during the call only. */
  #deliver(message: Message, handle: (message: Message) => void): void {
    if (this.#state === "closed") return;
    this.#delivered++;
    const payload = Buffer.from(message.payload);
    const respond: Message["respond"] = (answer, headers) => {
      const copy = Buffer.from(answer);
      this.#network.carry(this, () => message.respond(copy, headers));
    };
    handle({ ...message, payload, respond });
    payload.fill(0xaa);
  }

  #check(subject: string, { headers }: PublishOptions): void {
    if (this.#state !== "here") throw new AisleError("unavailable", `the bus is ${this.#state}`);
    checkSubject(subject);
    checkHeaders(headers);
  }

  #become(state: BusState): void {
    if (this.#state === state || this.#state === "closed") return;
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }
}
