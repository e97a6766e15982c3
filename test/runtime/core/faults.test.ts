// Faults are counted once for each event, however often it is folded.
import { describe, expect, it } from "vitest";
import { Fold, type Lookup } from "../../../runtime/core/fold.ts";
import { compile } from "../../../runtime/spec/compile.ts";
import { readTransform } from "../../../runtime/spec/load.ts";

const SPEC = `
Type: Blurr:Transform:Streaming
Version: '2018-03-01'
Name: s
Import:
  - { Module: dateutil.parser, Identifiers: [parse] }
Identity: source.u
Time: parse(source.t)
Stores:
  - { Type: Blurr:Store:Memory, Name: m }
Aggregates:
  - Type: Blurr:Aggregate:Identity
    Name: i
    Store: m
    Fields:
      - { Name: n, Type: integer, Value: i.n + source.k }
      - { Name: c, Type: integer, Value: 'sum([x * y for x in range(source.m) for y in range(source.m)])' }
`;

function counted(...events: readonly object[]): string[] {
  const { spec } = readTransform({ streaming: { file: "s.yml", text: SPEC } });
  const fold = new Fold(compile(spec!));
  const payloads = events.map((event) => Buffer.from(JSON.stringify({ u: "a", k: 1, m: 1, ...event })));
  const lookup: Lookup = (seq) => ({ payload: payloads[seq - 1]!, id: null });
  fold.fold({ payloads, seqs: payloads.map((_, i) => i + 1) }, lookup, () => {});
  return fold.faults().map(({ site, fault, count }) => `${site.field ?? site.what} ${fault} ${count}`);
}

describe("faults", () => {
  it("are counted once, though late events make theirs be folded again", () => {
    const late = [1, 2, 3, 4, 5].map((minute) => ({ t: `2026-03-01T10:0${minute}:00` }));

    expect(counted({ t: "2026-03-01T10:30:00", k: "bad" }, ...late.reverse())).toEqual(["n TypeError 1"]);
  });

  it("are counted for a late event too", () => {
    expect(counted({ t: "2026-03-01T10:30:00" }, { t: "2026-03-01T10:00:00", k: "bad" })).toEqual(["n TypeError 1"]);
  });

  it("of times are counted once, though a late event stands before in the batch", () => {
    expect(counted({ t: "2026-03-01T10:30:00" }, { t: "2026-03-01T10:00:00" }, { t: "no time" })).toEqual([
      "time ValueError 1",
    ]);
  });

  it("that end an event name the field", () => {
    expect(counted({ t: "2026-03-01T10:30:00", m: 1_000_000 })).toEqual(["c limit 1"]);
  });
});
