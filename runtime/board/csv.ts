// A page as a sheet: out as CSV, and in again.
import { isUtf8 } from "node:buffer";
import { CsvError, type Options, parse } from "csv-parse/sync";
import { CSV_MISTAKES, CSV_SYNTAX, recordLines } from "../data/csv.ts";
import { AisleError } from "../errors.ts";
import type { Pieces } from "../http/ports.ts";
import { type Page, textAt } from "./board.ts";

/** Records of one piece of an export. */
const PIECE = 256;

/** A page as RFC 4180 writes it, columns in the order of the header, a piece at a time. */
export function writeSheet(page: Page, ended: () => void = () => {}): Pieces {
  const columns = page.header.map((name) => page.column(name)!);
  const records = page.records();
  let head: string | null = line(page.header);
  return {
    next() {
      let piece = head ?? "";
      head = null;
      for (let i = 0; i < PIECE; i++) {
        const { done, value } = records.next();
        if (done === true) break;
        piece += line(columns.map((column) => textAt(value, column)));
      }
      if (piece !== "") return piece;
      ended();
      return null;
    },
    end: ended,
  };
}

function line(cells: readonly string[]): string {
  return `${cells.map(quoted).join(",")}\r\n`;
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A line of a sheet that has anything in it. */
export interface SheetLine {
  /** From 1: where it begins in the file. */
  readonly line: number;
  readonly cells: readonly string[];
}

/** What stands between two cells of a line. */
export type Separator = "," | ";" | "\t";

/** A fault that ends the reading of a file. */
export interface SheetFault {
  readonly line: number;
  readonly detail: string;
}

/**
 * Reads a CSV some lines at a time, so that others have their turn between: commas, semicolons or tabs, a byte order
 * mark, CRLF, quoted fields over several lines. Lines with nothing in them are left out.
 *
 * @returns what ended the reading before its end; null: it was read whole
 * @throws AisleError `invalid` when it is no UTF-8
 */
export async function* readSheet(bytes: Uint8Array): AsyncGenerator<readonly SheetLine[], SheetFault | null> {
  if (!isUtf8(bytes))
    throw new AisleError("invalid", "the file is not UTF-8 text: save it as 'CSV UTF-8', or as Unicode (UTF-8)");
  const delimiter = separatorOf(bytes);
  for (const { from, to, before } of slicesOf(bytes)) {
    const slice = Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from);
    const { records, fault } = read(slice, { ...CSV_SYNTAX, bom: from === 0, delimiter });
    const starts = recordLines(slice);
    yield records.map((cells, i) => ({ line: before + starts[i]!, cells })).filter(({ cells }) => cells.some(isText));
    if (fault !== null) return { line: before + (starts[records.length] ?? 1), detail: fault };
    await new Promise((resolve) => setImmediate(resolve));
  }
  return null;
}

function isText(cell: string): boolean {
  return cell !== "";
}

function read(slice: Buffer, syntax: Options): { records: string[][]; fault: string | null } {
  try {
    return { records: parse(slice, syntax) as unknown as string[][], fault: null };
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    // What comes before the fault is worth its mistakes too.
    const records: string[][] = [];
    const on_record = (record: string[]) => void records.push(record);
    try {
      parse(slice, { ...syntax, on_record });
    } catch {
      // The same fault again.
    }
    return { records, fault: CSV_MISTAKES[error.code] ?? error.message };
  }
}

/** The separator that the first line has most of. */
function separatorOf(bytes: Uint8Array): Separator {
  const counts = new Map<number, number>();
  let inQuotes = false;
  for (const byte of bytes) {
    if (byte === QUOTE) inQuotes = !inQuotes;
    if (inQuotes) continue;
    if (byte === LF || byte === CR) break;
    counts.set(byte, (counts.get(byte) ?? 0) + 1);
  }
  const often = (separator: Separator) => counts.get(separator.charCodeAt(0)) ?? 0;
  return (["\t", ";"] as const).find((each) => often(each) > often(",")) ?? ",";
}

const LF = 0x0a;
const CR = 0x0d;
const QUOTE = 0x22;

/** Bytes that are read in one turn of the event loop, at least. */
const SLICE = 16 * 1024;

interface Slice {
  readonly from: number;
  readonly to: number;
  /** Lines before it. */
  readonly before: number;
}

/** Cuts a file where records end. */
function* slicesOf(bytes: Uint8Array): Generator<Slice> {
  let from = 0;
  let before = 0;
  let lines = 0;
  let inQuotes = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) inQuotes = !inQuotes; // A doubled quote changes twice.
    if (byte !== LF && (byte !== CR || bytes[at + 1] === LF)) continue;
    lines++;
    if (inQuotes || at + 1 - from < SLICE) continue;
    yield { from, to: at + 1, before };
    from = at + 1;
    before = lines;
  }
  if (from < bytes.length) yield { from, to: bytes.length, before };
}
