import { describe, expect, it } from "vitest";
import { Fold, type Outcome } from "../../../runtime/core/fold.ts";
import { compile } from "../../../runtime/spec/compile.ts";
import { readTransform } from "../../../runtime/spec/load.ts";
import { evaluate } from "../../support/evaluate.ts";

describe("an expression that would take too long, or too much memory", () => {
  it.each([
    // elements
    "[x for a in range(1000) for b in range(1000) for x in range(1000)]",
    "len([x for a in range(65536) for x in range(65536)])",
    "any(x > 70000 for a in range(65536) for x in range(65536))",
    "[[0] * 60000 for i in range(60000)]",
    "[[0] * 60000 == [0] * 60000 for i in range(60000)]",
    "[sorted(range(60000)) for i in range(60000)]",
    "[{x: x for x in range(60000)} for i in range(60000)]",
    "[x.append(1) for x in [list(range(60000))] for i in range(60000)]",
    "[x.set(i, 1) for x in [{a: a for a in range(60000)}] for i in range(60000)]",
    "[x.remove(59999) for x in [list(range(60000))] for i in range(60000)]",
    "[x | x for x in [set(range(60000))] for i in range(60000)]",
    "[x[1:] for x in [list(range(60000))] for i in range(60000)]",
    "[[x] == [x] for x in [[[[0] * 60000]]] for i in range(60000)]",
    "sum([[1] for i in range(60000)], [])",
    "[1 for a in range(1000000000000)]",
    "[0] * 9223372036854775807",
    // texts
    "['x' * 1000000 for i in range(60000)]",
    "[('a' * 10).zfill(1000000) for i in range(60000)]",
    "[x == y for x in ['x' * 1000000] for y in ['x' * 1000000] for i in range(60000)]",
    "[x < y for x in ['x' * 1000000] for y in ['x' * 1000000] for i in range(60000)]",
    "[len(x) for x in ['é' * 500000] for i in range(60000)]",
    "[{x: 1}[x] for x in ['x' * 1000000] for i in range(60000)]",
    "[x.upper() for x in ['x' * 1000000] for i in range(60000)]",
    "[x.find('aab') for x in ['a' * 1000000] for i in range(60000)]",
    "[str(list(range(60000))) for i in range(60000)]",
    "[float(x) for x in ['9' * 1000000] for i in range(60000)]",
    "[datetime(2018, 1, 1).strftime('%A' * 100000) for i in range(60000)]",
    "(('a' * 1000).replace('', 'b' * 1000)).replace('', 'c' * 1000)",
    "'x' * 9223372036854775807",
    "''.zfill(9223372036854775807)",
  ])("ends at the limit: %s", (expression) => {
    expect(evaluate(expression)).toEqual({ fault: "limit" });
  });
});

/** Small, so that little is needed to reach them. */
const TEXT_MAX = 1_000;
const ITEMS_MAX = 50;

/** A fold of two fields: one counts, then the other takes a value; and then a third counts. */
class Growing {
  readonly fold: Fold;
  readonly #payloads: Buffer[] = [];

  constructor(type: string, value: string) {
    const spec = {
      Type: "Blurr:Transform:Streaming",
      Version: "2018-03-01",
      Name: "growing",
      Import: [{ Module: "datetime", Identifiers: ["datetime"] }],
      Identity: "source.id",
      Time: "datetime.utcfromtimestamp(source.at)",
      Stores: [{ Type: "Blurr:Store:Memory", Name: "memory" }],
      Aggregates: [
        {
          Type: "Blurr:Aggregate:Identity",
          Name: "own",
          Store: "memory",
          Fields: [
            { Name: "before", Type: "integer", Value: "own.before + 1" },
            { Name: "f", Type: type, Value: value, When: "source.grows" },
            { Name: "after", Type: "integer", Value: "own.after + 1" },
          ],
        },
      ],
    };
    const { spec: transform, mistakes } = readTransform({ streaming: { file: "a.yml", text: JSON.stringify(spec) } });
    expect(mistakes).toEqual([]);
    this.fold = new Fold(compile(transform!));
    this.fold.core.boundValues(TEXT_MAX, ITEMS_MAX);
  }

  send(event: object): Outcome {
    const seq = this.#payloads.push(Buffer.from(JSON.stringify({ id: "a", at: this.#payloads.length, ...event })));
    let told: Outcome = "folded";
    const lookup = (seq: number) => ({ payload: this.#payloads[seq - 1]!, id: null });
    this.fold.fold({ payloads: [this.#payloads[seq - 1]!], seqs: [seq] }, lookup, (outcome) => {
      told = outcome;
    });
    return told;
  }

  get record(): string {
    const [record] = this.fold.records(this.fold.find("a")!);
    return this.fold.json(0, record!.record);
  }
}

describe("a field that grows without end", () => {
  it.each([
    ["string", "own.f + own.f + 'x'"],
    ["string", "own.f + str(source.at) * 5"],
    ["string", "own.f.replace('', 'ab')"],
    ["list", "own.f + own.f + [1]"],
    ["list", "own.f.append(source.at)"],
    ["list", "own.f.extend([1, 2, 3])"],
    ["list", "own.f.insert(0, source.at)"],
    ["list", "[own.f]"],
    ["list", "own.f.append(own.f)"],
    ["list", "[own.f, own.f]"],
    ["list", "own.f.append('x' * 900)"],
    ["list", "own.f + ['x' * 900 + str(source.at)]"],
    ["map", "own.f.set(source.at, 1)"],
    ["map", "own.f.set('a', own.f)"],
    ["map", "own.f.set('a' * 900 + str(source.at), 1)"],
    ["map", "own.f.set(source.at, 'x' * 900)"],
    ["map", "own.f.increment(source.at)"],
    ["map", "own.f.set('a', own.f.get('a', '') + 'x' * 300)"],
    ["map", "own.f.update({source.at: source.at})"],
    ["map", "own.f.setdefault(source.at, [])"],
    ["map", "own.f | {source.at: own.f}"],
    ["set", "own.f.add(source.at)"],
    ["set", "own.f.update([source.at, source.at + 1000])"],
    ["set", "own.f | {source.at, str(source.at) * 100}"],
  ])("stops at its limit, the event counts for nothing, the next one goes on: %s %s", (type, value) => {
    const growing = new Growing(type, value);
    let folded = 0;
    let before = "";
    for (let outcome: Outcome = "folded"; outcome === "folded"; folded++) {
      expect(folded).toBeLessThan(400);
      before = folded === 0 ? "" : growing.record;
      outcome = growing.send({ grows: true });
    }

    expect(growing.record).toBe(before);
    expect(growing.send({ grows: true })).toBe("failed");
    expect(growing.send({ grows: false })).toBe("folded");
    const counts = JSON.parse(growing.record) as { before: number; after: number };
    expect(counts).toMatchObject({ before: folded, after: folded });
  });

  it("is a bound also for what an event brings", () => {
    const growing = new Growing("list", "source.l");

    expect(growing.send({ grows: true, l: Array(ITEMS_MAX).fill(1) })).toBe("folded");
    const before = growing.record;

    expect(growing.send({ grows: true, l: Array(ITEMS_MAX + 1).fill(1) })).toBe("failed");
    expect(growing.send({ grows: true, l: ["x".repeat(TEXT_MAX + 1)] })).toBe("failed");
    expect(growing.send({ grows: true, l: JSON.parse(`${"[".repeat(40)}${"]".repeat(40)}`) })).toBe("failed");
    expect(growing.record).toBe(before);
  });
});
