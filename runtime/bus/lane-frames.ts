// What the lane asks of the reader of its frames: `runtime/core/frames.ts` is one.

/** See `FrameReader`. */
export interface Frames {
  readonly messages: number;
  readonly pings: number;
  readonly pongs: number;
  room(): Uint8Array;
  add(bytes: number): void;
  next(): "more" | "rows" | "info" | "refused" | "large" | "unknown";
  text(): string;
  strange(): string;
  pass(): { readonly subject: string; readonly reply: string; readonly bytes: number };
  reset(): void;
}
