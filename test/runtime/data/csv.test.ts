import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Columns, readCsv } from "../../../runtime/data/csv.ts";
import { inOrder } from "../../../runtime/data/mistakes.ts";
import { formatMistake, type Mistake } from "../../../runtime/errors.ts";
import { limits } from "../../../runtime/limits.ts";

const COLUMNS: Columns = { key: "id", columns: { id: "integer", name: "text", price: "number", since: "date" } };

function read(content: string | Buffer, declared = COLUMNS) {
  const mistakes: Mistake[] = [];
  const table = readCsv(Buffer.from(content as string), "t.csv", declared, mistakes);
  return { table, said: inOrder(mistakes).map(formatMistake) };
}

function rows(content: string | Buffer, declared = COLUMNS) {
  const { table, said } = read(content, declared);
  expect(said).toEqual([]);
  return Array.from({ length: table!.length }, (_, index) => table!.row(index));
}

const HEAD = "id,name,price,since\n";

describe("readCsv", () => {
  it("gives typed rows, an empty cell as null", () => {
    expect(rows(`${HEAD}7,Hat,12.50,2026-02-28\n8,,,\n-9,"a ""b"", c",-1e3,2024-02-29\n`)).toEqual([
      { id: 7, name: "Hat", price: 12.5, since: "2026-02-28" },
      { id: 8, name: null, price: null, since: null },
      { id: -9, name: 'a "b", c', price: -1000, since: "2024-02-29" },
    ]);
  });

  it("finds columns by their names and leaves out what isn't declared", () => {
    expect(rows("since,extra,price,id,name\n2026-01-01,x,1,7,Hat\n")).toEqual([
      { id: 7, name: "Hat", price: 1, since: "2026-01-01" },
    ]);
  });

  it.each([
    ["a byte order mark", `\uFEFF${HEAD}7,Hat,1,2026-01-01\n`],
    ["CRLF", `${HEAD}7,Hat,1,2026-01-01\n`.replaceAll("\n", "\r\n")],
    ["CR alone", `${HEAD}7,Hat,1,2026-01-01\n`.replaceAll("\n", "\r")],
    ["no line break at the end", `${HEAD}7,Hat,1,2026-01-01`],
    ["empty lines", `\n\n${HEAD}\n7,Hat,1,2026-01-01\n\n`],
    ["quoted names of columns", `"id","name","price","since"\n7,Hat,1,2026-01-01\n`],
    ["a whole number written as a float", `${HEAD}7.0,Hat,1,2026-01-01\n`],
  ])("takes %s", (_, content) => {
    expect(rows(content)).toEqual([{ id: 7, name: "Hat", price: 1, since: "2026-01-01" }]);
  });

  it("keeps line breaks within quotes", () => {
    expect(rows(`${HEAD}7,"two\r\nlines",1,2026-01-01\n`)[0]!.name).toBe("two\r\nlines");
  });

  it.each([
    ["7,Hat,dear,2026-01-01", "t.csv:2: column 'price': expected a number, found 'dear'"],
    ["7,Hat,Infinity,2026-01-01", "t.csv:2: column 'price': expected a number, found 'Infinity'"],
    ["7,Hat,0x10,2026-01-01", "t.csv:2: column 'price': expected a number, found '0x10'"],
    ["7.5,Hat,1,2026-01-01", "t.csv:2: column 'id': expected a whole number, found '7.5'"],
    ["90071992547409930,Hat,1,2026-01-01", "t.csv:2: column 'id': expected a whole number, found '90071992547409930'"],
    [",Hat,1,2026-01-01", "t.csv:2: column 'id': expected a whole number, found nothing"],
    ["7,Hat,1,01-01-2026", "t.csv:2: column 'since': expected a day such as '2026-03-01', found '01-01-2026'"],
    ["7,Hat,1,2026-02-29", "t.csv:2: column 'since': expected a day such as '2026-03-01', found '2026-02-29'"],
    ["7,Hat,1", "t.csv:2: expected 4 fields as in the first line, found 3"],
    ["7,Hat,1,2026-01-01,x", "t.csv:2: expected 4 fields as in the first line, found 5"],
    ["7,Hat,1,\n007,Cap,2,", "t.csv:3: column 'id': '7' stands on line 2 already"],
    ['7,"Hat,1,2026-01-01\n8,Cap,1,', "t.csv:2: a field that begins with a quote here is never closed"],
    [
      '7,Ha"t",1,',
      "t.csv:2: a quote stands within a field that isn't quoted: quote the whole field and double the quote",
    ],
    ['7,"Ha"t,1,', "t.csv:2: text follows the closing quote of a field: expected a comma or the end of the line"],
  ])("says of %j: %s", (content, expected) => {
    expect(read(`${HEAD}${content}\n`).said).toEqual([expected]);
  });

  it("counts lines through CRLF, empty lines and quoted line breaks", () => {
    const content = `${HEAD}\n1,"a\nb\n\nc",1,\n\n\n2,x,bad,\n`.replaceAll("\n", "\r\n");

    expect(read(content).said).toEqual(["t.csv:9: column 'price': expected a number, found 'bad'"]);
  });

  it.each([
    ["", "t.csv: is empty: expected a first line with the names of the columns"],
    ["id,nmae,price,since\n", "t.csv:1: the column 'name' is missing (did you mean 'nmae'?)"],
    ["id,name,price\n", "t.csv:1: the column 'since' is missing: the file has id, name, price"],
    ["id,name,price,since,id\n", "t.csv:1: the column 'id' stands twice"],
  ])("says of the file %j: %s", (content, expected) => {
    expect(read(content).said).toEqual([expected]);
  });

  it("names the line that is not UTF-8", () => {
    const content = Buffer.concat([Buffer.from(`${HEAD}7,`), Buffer.from([0xe9]), Buffer.from(",1,\n")]);

    expect(read(content).said).toEqual(["t.csv: the file 't.csv' is not UTF-8 text: see line 2"]);
  });

  it("says every mistake of a row, of the rows before a fault, and no more than are read", () => {
    const bad = Array.from({ length: 30 }, (_, i) => `x${i},Hat,y,`).join("\n");

    const { said } = read(`${HEAD}${bad}\n9,"open,1,\n`);

    expect(said).toHaveLength(limits.mistakesPerFile + 1);
    expect(said.slice(0, 3)).toEqual([
      "t.csv:2: column 'id': expected a whole number, found 'x0'",
      "t.csv:2: column 'price': expected a number, found 'y'",
      "t.csv:3: column 'id': expected a whole number, found 'x1'",
    ]);
    expect(said.at(-1)).toBe("t.csv: 41 more mistakes not shown");
  });

  it("finds rows by their canonical key", () => {
    const { table } = read(`${HEAD}007,Hat,1,\n`);

    expect([table!.find("7"), table!.find("007"), table!.find("")]).toEqual([0, -1, -1]);
  });

  it("gives back what was written, whatever the text", () => {
    const cell = fc.string({ unit: "grapheme" }).map((text) => text.replaceAll("\0", ""));
    fc.assert(
      fc.property(
        fc.uniqueArray(
          cell.filter((text) => text !== ""),
          { maxLength: 20 },
        ),
        fc.constantFrom("\n", "\r\n"),
        (texts, end) => {
          const lines = texts.map((text) => `"${text.replaceAll('"', '""')}"`);
          const { table, said } = read(["key", ...lines, ""].join(end), { key: "key", columns: { key: "text" } });
          return (
            said.length === 0 &&
            texts.every((text, index) => table!.value(index, "key") === text && table!.find(text) === index)
          );
        },
      ),
    );
  });

  it("throws nothing, whatever the bytes", () => {
    const shard = fc.constantFrom("id", ",", "\n", "\r", '"', "7", "x", "\uFEFF", " ", "name", "\0");
    fc.assert(
      fc.property(fc.array(shard, { maxLength: 40 }), (shards) => {
        const { table, said } = read(shards.join(""));
        return table !== null || said.length > 0;
      }),
      { numRuns: 1_000 },
    );
  });
});
