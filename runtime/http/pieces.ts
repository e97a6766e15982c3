import type { Pieces } from "./ports.ts";

/** Text as fast as it is read; between two pieces others have their turn. */
export function streamOf(pieces: Pieces): ReadableStream<Uint8Array> {
  const utf8 = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      await new Promise((resolve) => setImmediate(resolve));
      try {
        const piece = pieces.next();
        if (piece === null) controller.close();
        else controller.enqueue(utf8.encode(piece));
      } catch (error) {
        pieces.end();
        throw error;
      }
    },
    cancel: () => pieces.end(),
  });
}
