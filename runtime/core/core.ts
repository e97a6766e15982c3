import { existsSync, readFileSync } from "node:fs";
import { instantiateSync } from "@assemblyscript/loader";

/** Built beside `dist/runtime`; the tests run from the sources and find it in `dist`. */
const PLACES = ["../../core.wasm", "../../dist/core.wasm"];

let compiled: WebAssembly.Module | null = null;

/**
 * A fresh instance of the core with a memory of its own. Each scanner and each model has one, so a model that
 * is replaced gives all its memory back. Compiling happens once per process (a few ms).
 *
 * @param env  what the core may call: `trace`, only in programs that were compiled for it
 *
 * Views on `memory.buffer` are void after a call of `reserve`, which may grow the memory.
 */
export function instantiate<Exports extends Record<string, unknown>>(
  env: { trace(site: number, cell: number, fault: number): void } = { trace() {} },
): Exports & { memory: WebAssembly.Memory } {
  compiled ??= new WebAssembly.Module(readFileSync(corePath()));
  return instantiateSync<Exports & { memory: WebAssembly.Memory }>(compiled, { env }).exports;
}

function corePath(): URL {
  for (const place of PLACES) {
    const url = new URL(place, import.meta.url);
    if (existsSync(url)) return url;
  }
  throw new Error("core.wasm is not built: run 'npm run build'");
}
