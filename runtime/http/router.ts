import type { Result, Router } from "hono/router";
import { TrieRouter } from "hono/router/trie-router";

/**
 * Paths without parameters from a table, the rest from Hono's trie. `/offers/stream` beside `/offers/:customer` is
 * more than Hono's own quick router takes, and the way of every event should not lead through the trie.
 */
export class StaticFirstRouter<T> implements Router<T> {
  readonly name = "StaticFirstRouter";
  readonly #fixed = new Map<string, Result<T>>();
  readonly #patterns = new TrieRouter<T>();

  add(method: string, path: string, handler: T): void {
    if (/[:*]/.test(path) || method === "ALL") this.#patterns.add(method, path, handler);
    else this.#fixed.set(method + path, [[[handler, {}]]]);
  }

  match(method: string, path: string): Result<T> {
    return this.#fixed.get(method + path) ?? this.#patterns.match(method, path);
  }
}
