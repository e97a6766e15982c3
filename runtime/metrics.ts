// What is counted. No label ever names a customer, a record or a coupon.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Metrics } from "./http/ports.ts";

/** Seconds; a decision is meant to take less than two thousandths. */
const DECISION_BUCKETS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1];
const HTTP_BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5];

/** A value that is read when somebody asks for it. */
export interface Reading {
  readonly name: string;
  readonly help: string;
  readonly read: () => number;
}

export type Labels = Readonly<Record<string, string>>;

/** Several values, told apart by their labels, that are read when somebody asks for them. */
export interface LabelledReading {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly read: () => readonly (readonly [labels: Labels, value: number])[];
}

export class RuntimeMetrics implements Metrics {
  readonly #registry = new Registry();
  readonly #events = this.#counter("aisle_events_total", "Events accepted, and repeats of them", ["outcome", "type"]);
  readonly #rejected = this.#counter("aisle_rejected_total", "Events that could not be used, by reason", ["reason"]);
  readonly #decisions = this.#counter("aisle_decisions_total", "Decisions by result: offered, or why not", ["result"]);
  readonly #faults = this.#counter("aisle_faults_total", "Bugs and failures that were survived", []);
  readonly #requests = this.#counter("aisle_http_requests_total", "HTTP requests", ["route", "status"]);
  readonly #seconds = this.#histogram("aisle_http_request_seconds", "Time of an HTTP request", HTTP_BUCKETS, ["route"]);
  /** Bound to their labels once: looking labels up takes longer than counting. */
  readonly #bound = new Map<string, (many: number) => void>();
  readonly #timed = new Map<string, (seconds: number) => void>();
  readonly #decided = this.#histogram(
    "aisle_decision_seconds",
    "From the receipt of a focus to its decision on disk",
    DECISION_BUCKETS,
    [],
  );

  /** @param ofProcess  also memory, event loop and garbage collection, which are watched as long as the process lives */
  constructor(readings: readonly Reading[], labelled: readonly LabelledReading[] = [], ofProcess = true) {
    if (ofProcess) collectDefaultMetrics({ register: this.#registry });
    for (const { name, help, read } of readings) {
      const gauge: Gauge = new Gauge({ name, help, registers: [this.#registry], collect: () => gauge.set(read()) });
    }
    for (const { name, help, labels, read } of labelled) {
      const collect = () => {
        gauge.reset();
        for (const [own, value] of read()) gauge.set(own, value);
      };
      const gauge: Gauge = new Gauge({ name, help, labelNames: [...labels], registers: [this.#registry], collect });
    }
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** @param type  of the event; of one that was rejected, the reason */
  event(outcome: string, type: string, many = 1): void {
    if (outcome === "rejected") this.#count(`rejected ${type}`, () => this.#rejected.labels({ reason: type }), many);
    else this.#count(`event ${outcome} ${type}`, () => this.#events.labels({ outcome, type }), many);
  }

  decision(result: string, seconds: number): void {
    this.#count(`decision ${result}`, () => this.#decisions.labels({ result }));
    this.#decided.observe(seconds);
  }

  fault(): void {
    this.#faults.inc();
  }

  request(route: string, status: number, seconds: number): void {
    this.#count(`request ${route} ${status}`, () => this.#requests.labels({ route, status: String(status) }));
    let observe = this.#timed.get(route);
    if (observe === undefined) {
      const bound = this.#seconds.labels({ route });
      observe = (value) => bound.observe(value);
      this.#timed.set(route, observe);
    }
    observe(seconds);
  }

  #count(key: string, bind: () => { inc(many: number): void }, many = 1): void {
    let count = this.#bound.get(key);
    if (count === undefined) {
      const bound = bind();
      count = (each) => bound.inc(each);
      this.#bound.set(key, count);
    }
    count(many);
  }

  #counter(name: string, help: string, labelNames: string[]): Counter {
    return new Counter({ name, help, labelNames, registers: [this.#registry] });
  }

  #histogram(name: string, help: string, buckets: number[], labelNames: string[]): Histogram {
    return new Histogram({ name, help, buckets, labelNames, registers: [this.#registry] });
  }
}
