import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Processor, readInput } from "../../../runtime/batch/input.ts";
import { ipfixEvents } from "../../../runtime/batch/ipfix.ts";
import { fileSource, type Source } from "../../../runtime/batch/sources.ts";
import { source } from "../../support/transforming.ts";

async function eventsOf(sources: readonly Source[], processor: Processor = "simple"): Promise<string[]> {
  const { payloads } = await readInput({ sources, processor, arrays: true });
  return Array.from({ length: payloads.count }, (_, i) => Buffer.from(payloads.at(i)).toString());
}

describe("the input", () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "input-"));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  const file = (name: string, data: string | Buffer): Source => {
    writeFileSync(join(folder, name), data);
    return fileSource(join(folder, name));
  };

  it("is what stands in its files, one after the other", async () => {
    const sources = [file("a.jsonl", '{"a":1}\n{"a":2}\n'), file("b.json", '[{"b":1},{"b":2}]')];

    expect(await eventsOf(sources)).toEqual(['{"a":1}', '{"a":2}', '{"b":1}', '{"b":2}']);
  });

  it("says where an event stands", async () => {
    const sources = [source("a", '{"a":1}\n\n{"a":2}'), source("b", ""), source("c", '[\n{"c":1}]')];
    const input = await readInput({ sources, processor: "simple", arrays: true });

    expect([0, 1, 2].map((index) => input.placeOf(index))).toEqual(["a:1", "a:3", "c:1"]);
  });

  it("is inflated where its bytes say that it is gzip, whatever its name", async () => {
    const lines = Array.from({ length: 2_000 }, (_, i) => `{"n":${i}}`);
    const members = Buffer.concat([
      gzipSync(`${lines.slice(0, 900).join("\n")}\n`),
      gzipSync(lines.slice(900).join("\n")),
    ]);

    expect(await eventsOf([file("a.json", members)])).toEqual(lines);
  });

  it("may come in pieces of any size", async () => {
    const bytes = gzipSync('{"a":1}\n{"a":2}');
    const pieces = Array.from(bytes, (byte) => Buffer.from([byte]));

    expect(await eventsOf([source("-", pieces)])).toEqual(['{"a":1}', '{"a":2}']);
    expect(
      await eventsOf([
        source(
          "-",
          Array.from(Buffer.from("[{}]"), (byte) => Buffer.from([byte])),
        ),
      ]),
    ).toEqual(["{}"]);
    expect(await eventsOf([source("-", [])])).toEqual([]);
  });

  it("ends the run when it breaks off within gzip, or can't be read", async () => {
    const bytes = gzipSync('{"a":1}\n'.repeat(10_000));

    await expect(eventsOf([file("a.gz", bytes.subarray(0, bytes.length - 9))])).rejects.toThrow(
      /^cannot read '.*a\.gz': unexpected end of file/,
    );
    expect(() => fileSource(join(folder, "none"))).toThrow(/^cannot read '.*none': ENOENT/);
    expect(() => fileSource(folder)).toThrow(/^cannot read '.*': it is a folder/);
  });

  it("tells how far it is", async () => {
    const told: [number, number][] = [];
    const sources = [source("-", [Buffer.from('{"a":1}\n'), Buffer.from('{"a":2}\n')])];
    await readInput({
      sources,
      processor: "simple",
      arrays: true,
      progress: (bytes, events) => told.push([bytes, events]),
    });

    expect(told).toEqual([
      [8, 0],
      [8, 1],
    ]);
  });
});

describe("IPFIX", () => {
  const events = (line: string) => ipfixEvents(Buffer.from(line));

  it("gives an event for each data set that has a source", () => {
    const line =
      '{"DataSets": [[{"I":56,"V":"aa"},{"I":150,"V":5},{"I":999,"V":null}],[{"I":12,"V":"x"}],[{"V":1,"I":56}]]}';

    expect(events(line)).toEqual(['{"source_mac":"aa","timestamp":5,"999":null}', '{"source_mac":1}']);
  });

  it("keeps values as they are written", () => {
    const value = '{"b": [1.0, 123456789012345678901234567890, "\\u00e9]"], "c": {}}';

    expect(events(`{"DataSets":[[{"I": 56, "V": ${value}}]]}`)).toEqual([`{"source_mac":${value}}`]);
  });

  it("has no events in another object, and is no event without one", () => {
    expect(events('{"test": 1}')).toEqual([]);
    expect(events('{"DataSets": 5}')).toEqual([]);
    expect(events('{"DataSets": [5, [], [7], [{}]]}')).toEqual([]);
    expect(events("[1]")).toBeNull();
    expect(events('{"DataSets": [')).toBeNull();
  });

  it("counts a line that is none", async () => {
    expect(await eventsOf([source("-", 'nothing\n{"DataSets":[[{"I":56,"V":"aa"}]]}')], "ipfix")).toEqual([
      "",
      '{"source_mac":"aa"}',
    ]);
  });
});
