import type { PlainMessage } from "./nats-frames.ts";

/** Messages as the core's reader leaves them in its rows (`assembly/ingest/frames.ts`), as Latin-1. */
export function messagesIn(memory: WebAssembly.Memory, rows: number, count: number): PlainMessage[] {
  const bytes = Buffer.from(memory.buffer);
  const text = (at: number, end: number) => bytes.toString("latin1", at, end);
  return Array.from({ length: count }, (_, i) => {
    const word = (offset: number) => bytes.readUInt32LE(rows + 32 * i + offset);
    const [start, headers] = [word(0), word(28)];
    return {
      subject: text(word(12), word(12) + word(16)),
      reply: text(word(20), word(20) + word(24)),
      headers: headers === 0 ? "" : text(headers, start),
      payload: text(start, word(4)),
    };
  });
}
