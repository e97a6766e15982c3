// The only file that knows how types are taken out of TypeScript: as Node itself does it.
import { transformSync } from "@swc/wasm-typescript";

/** What is wrong with a text, and where; from 1. */
export interface SyntaxFault {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** The text without its types, everything else at its place; or what keeps that from being done. */
export function stripTypes(text: string, file: string): string | SyntaxFault {
  try {
    return transformSync(text, { mode: "strip-only", module: true, filename: file }).code;
  } catch (error) {
    const { startLine = 0, startColumn = -1, message } = error as Thrown;
    return { line: startLine, column: startColumn + 1, message };
  }
}

/** What the package throws: no Error. Lines from 1, columns from 0. */
interface Thrown {
  readonly message: string;
  readonly startLine?: number;
  readonly startColumn?: number;
}
