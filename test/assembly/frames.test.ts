import { beforeEach, describe, expect, it } from "vitest";
import { instantiate } from "../../runtime/core/core.ts";
import { FrameReader, type FramesCore } from "../../runtime/core/frames.ts";
import { Dice } from "../support/dice.ts";
import { messagesIn } from "../support/item-rows.ts";
import { type PlainMessage, readPlainly, someFrames } from "../support/nats-frames.ts";
import { prng } from "../support/prng.ts";

const seed = Number(process.env.AISLE_SEED ?? 20_261_126);
const STREAMS = 400;

const SETTINGS = { capacity: 7, bytesMax: 600, lineMax: 2_000, readBytes: 1_000 };
const ROW = 32;
const CANARY = 0xa5;

/** Everything that a reader says of a stream that comes in these pieces. */
function read(reader: FrameReader, pieces: readonly Buffer[], messages: () => readonly PlainMessage[]) {
  const got: PlainMessage[] = [];
  const texts: string[] = [];
  const large: string[] = [];
  let [pings, pongs, isBroken] = [0, 0, false];
  for (const piece of pieces) {
    reader.room().set(piece);
    reader.add(piece.length);
    for (let stop = reader.next(); ; stop = reader.next()) {
      got.push(...messages());
      pings += reader.pings;
      pongs += reader.pongs;
      if (stop === "info" || stop === "refused") texts.push(Buffer.from(reader.text()).toString("latin1"));
      if (stop === "large") large.push(reader.pass().subject);
      isBroken = stop === "unknown";
      if (isBroken || stop === "more") break;
    }
    if (isBroken) break;
  }
  return { messages: got, texts, large: large.length, pings, pongs, isBroken };
}

function cut(dice: Dice, bytes: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  const most = dice.one([2, 20, 200, SETTINGS.readBytes]);
  for (let at = 0; at < bytes.length; ) {
    const piece = bytes.subarray(at, at + 1 + dice.below(most));
    pieces.push(piece);
    at += piece.length;
  }
  return pieces;
}

/** Some bytes changed, put in or left out. */
function spoiled(dice: Dice, stream: string): string {
  let out = stream;
  for (let times = 1 + dice.below(3); times > 0; times--) {
    const at = dice.below(out.length);
    const instead = dice.one([String.fromCharCode(dice.below(256)), "", " ", "\r\n", "9999999999", "0"]);
    out = out.slice(0, at) + instead + out.slice(at + dice.below(3));
  }
  return out;
}

describe("frames", () => {
  let core: FramesCore;
  let rows: number;
  let reader: FrameReader;

  beforeEach(() => {
    core = instantiate<FramesCore>();
    rows = core.reserve(SETTINGS.capacity * ROW + ROW);
    Buffer.from(core.memory.buffer).fill(CANARY, rows + SETTINGS.capacity * ROW, rows + SETTINGS.capacity * ROW + ROW);
    reader = new FrameReader({ core, rows, ...SETTINGS });
  });

  const all = (stream: string) => {
    const pieces = [Buffer.from(stream, "latin1")];
    return read(reader, pieces, () => messagesIn(core.memory, rows, reader.messages));
  };

  it("finds subject, reply, headers and payload of messages", () => {
    const header = "NATS/1.0\r\nid: 7\r\n\r\n";
    const { messages } = all(
      `MSG a.b 1 2\r\n{}\r\nMSG c 2 _INBOX.x 0\r\n\r\nHMSG d 1 19 22\r\n${header}abc\r\nHMSG e 1 r 19 19\r\n${header}\r\n`,
    );

    expect(messages).toEqual([
      { subject: "a.b", reply: "", headers: "", payload: "{}" },
      { subject: "c", reply: "_INBOX.x", headers: "", payload: "" },
      { subject: "d", reply: "", headers: header, payload: "abc" },
      { subject: "e", reply: "r", headers: header, payload: "" },
    ]);
  });

  it("reads INFO, errors, PING, PONG and +OK", () => {
    expect(all("INFO {}\r\n+OK\r\nPING\r\nPONG\r\nPING\r\n-ERR 'Slow Consumer'\r\n")).toEqual({
      ...{ messages: [], texts: ["{}", "'Slow Consumer'"], large: 0, pings: 2, pongs: 1, isBroken: false },
    });
  });

  it.each([
    ["another word", "HELLO\r\n"],
    ["lower case", "ping\r\n"],
    ["two spaces", "MSG a  1 1\r\nx\r\n"],
    ["a word too few", "MSG a 1\r\nx\r\n"],
    ["a word too many", "MSG a 1 r s 1\r\nx\r\n"],
    ["no number", "MSG a 1 x\r\nx\r\n"],
    ["a number with a sign", "MSG a 1 -1\r\nx\r\n"],
    ["a number of ten digits", "MSG a 1 0000000001\r\nx\r\n"],
    ["more headers than bytes", "HMSG a 1 3 2\r\nxx\r\n"],
    ["a payload that is longer", "MSG a 1 1\r\nxyz\r\n"],
    ["a line feed alone", "PING\nPING\n\r\r"],
    ["more behind PING", "PING \r\n"],
    ["a line without an end", `INFO ${"x".repeat(SETTINGS.readBytes - 5)}`],
  ])("stops at %s", (what, stream) => {
    const pieces = what === "a line without an end" ? [stream, "x".repeat(999), "x".repeat(99)] : [`PING\r\n${stream}`];
    const got = read(
      reader,
      pieces.map((piece) => Buffer.from(piece)),
      () => [],
    );

    expect(got.isBroken).toBe(true);
    expect(reader.strange()).toBe(JSON.stringify(stream.slice(0, 32)));
  });

  it("passes over a message that is too large, and says whose it was", () => {
    const payload = "x".repeat(SETTINGS.bytesMax + 1);
    const stream = Buffer.from(`MSG a 1 1\r\n1\r\nMSG b 1 r ${payload.length}\r\n${payload}\r\nMSG c 1 1\r\n3\r\n`);
    reader.room().set(stream);
    reader.add(stream.length);

    expect(reader.next()).toBe("large");
    expect(messagesIn(core.memory, rows, reader.messages)).toMatchObject([{ subject: "a" }]);
    expect(reader.pass()).toEqual({ subject: "b", reply: "r", bytes: payload.length + 17 });
    expect(reader.next()).toBe("more");
    expect(messagesIn(core.memory, rows, reader.messages)).toMatchObject([{ subject: "c" }]);
  });

  it("begins anew with another connection", () => {
    all("MSG a 1 5\r\nab");
    reader.reset();

    expect(all("MSG b 1 1\r\nx\r\n").messages).toMatchObject([{ subject: "b" }]);
  });

  it("goes on when the memory has grown meanwhile", () => {
    all("MSG a 1 4\r\nab");
    core.memory.grow(1);

    expect(all("cd\r\n").messages).toMatchObject([{ subject: "a", payload: "abcd" }]);
  });

  it(`reads ${STREAMS} streams, cut anywhere, as they are read plainly (AISLE_SEED=${seed})`, () => {
    const dice = new Dice(prng(seed));
    let [count, broken] = [0, 0];
    for (let i = 0; i < STREAMS; i++) {
      const whole = someFrames(dice, 1 + dice.below(40), SETTINGS.bytesMax);
      const stream = i % 2 === 0 ? whole : spoiled(dice, whole);
      reader.reset();
      const got = read(reader, cut(dice, Buffer.from(stream, "latin1")), () =>
        messagesIn(core.memory, rows, reader.messages),
      );
      const { messages, texts, large, pings, pongs, isBroken } = readPlainly(stream, SETTINGS.bytesMax);
      const decoded = texts.map((text) => Buffer.from(Buffer.from(text, "latin1").toString()).toString("latin1"));
      const expected = { messages, texts: decoded, large: large.length, pings, pongs, isBroken };
      expect(got, `stream ${i}`).toEqual(expected);
      count += messages.length;
      broken += Number(isBroken);
    }
    const behind = Buffer.from(core.memory.buffer).subarray(rows + SETTINGS.capacity * ROW);

    expect([...behind.subarray(0, ROW)]).toEqual(Array(ROW).fill(CANARY));
    expect(count).toBeGreaterThan(STREAMS);
    expect(broken).toBeGreaterThan(STREAMS / 10);
  });

  it(`reads nothing beyond the slack behind the bytes (AISLE_SEED=${seed})`, () => {
    const dice = new Dice(prng(seed));
    const end = core.memory.buffer.byteLength - 64;
    const memory = Buffer.from(core.memory.buffer);
    for (let i = 0; i < STREAMS; i++) {
      const stream = Buffer.from(spoiled(dice, someFrames(dice, 1 + dice.below(9), 300)), "latin1");
      const bytes = stream.subarray(0, 1 + dice.below(Math.min(stream.length, 4_000)));
      const [start, before] = [end - bytes.length, Buffer.from(bytes)];
      memory.set(bytes, start);
      // What stands in the slack looks like the rest of a frame.
      memory.write(dice.one(["\r\n", " 9\r\n", "\n", "PING\r\n"]).repeat(32).slice(0, 64), end, "latin1");

      core.frames(start, end, rows, SETTINGS.capacity, 600, 2_000);

      expect(core.framesAt()).toBeLessThanOrEqual(end);
      expect(memory.subarray(start, end).equals(before)).toBe(true);
    }
  });
});
