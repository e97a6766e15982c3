// Which subscriptions get a subject? A tree by token, so that a publish costs as many steps as the subject has
// tokens (times the wildcards on the way), whether there are three subscriptions or thirty thousand.

interface Node<T> {
  readonly values: Set<T>;
  readonly children: Map<string, Node<T>>;
}

export class SubjectTrie<T> {
  readonly #root: Node<T> = node();

  add(pattern: string, value: T): void {
    let at = this.#root;
    for (const token of pattern.split(".")) {
      const next = at.children.get(token) ?? node<T>();
      at.children.set(token, next);
      at = next;
    }
    at.values.add(value);
  }

  /** Takes the branch away with its last value: subjects that name customers come and go. */
  remove(pattern: string, value: T): void {
    const path = [this.#root];
    const tokens = pattern.split(".");
    for (const token of tokens) {
      const next = path.at(-1)!.children.get(token);
      if (next === undefined) return;
      path.push(next);
    }
    path.at(-1)!.values.delete(value);
    for (let i = tokens.length; i > 0 && isEmpty(path[i]!); i--) path[i - 1]!.children.delete(tokens[i - 1]!);
  }

  /** Calls `found` for every value whose pattern matches, once per pattern, in no particular order. */
  match(subject: string, found: (value: T) => void): void {
    walk(this.#root, subject, 0, found);
  }

  clear(): void {
    this.#root.values.clear();
    this.#root.children.clear();
  }

  get isEmpty(): boolean {
    return isEmpty(this.#root);
  }
}

/** `start` is past the end once all tokens are consumed. Cuts tokens as it goes: most subjects leave the tree early. */
function walk<T>(at: Node<T>, subject: string, start: number, found: (value: T) => void): void {
  if (start > subject.length) {
    for (const value of at.values) found(value);
    return;
  }
  if (at.children.size === 0) return;
  const rest = at.children.get(">");
  if (rest !== undefined) for (const value of rest.values) found(value);
  const dot = subject.indexOf(".", start);
  const end = dot === -1 ? subject.length : dot;
  const exact = at.children.get(subject.slice(start, end));
  if (exact !== undefined) walk(exact, subject, end + 1, found);
  const any = at.children.get("*");
  if (any !== undefined) walk(any, subject, end + 1, found);
}

function node<T>(): Node<T> {
  return { values: new Set(), children: new Map() };
}

function isEmpty<T>(at: Node<T>): boolean {
  return at.values.size === 0 && at.children.size === 0;
}
