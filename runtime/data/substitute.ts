/** What a value of a site's file may refer to. */
export interface Lookup {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The text of a file, its path relative to the site; throws an `Error` whose message says why not. */
  readonly readFile: (path: string) => string;
}

export type Substituted = { readonly text: string } | { readonly mistake: string };

const REFERENCE = /^\$\{(?:file:(?!-)(?<path>[^}]+)|(?<name>[A-Za-z_][A-Za-z0-9_]*)(?<fallback>:-[^}]*)?)\}/;

/**
 * Replaces `${NAME}`, `${NAME:-default}` (also when NAME is empty) and `${file:PATH}` (without its last line
 * break) in one value; `$${` stands for `${` itself. It works on values that are parsed already, and what it
 * puts in is not looked at again: neither can make a key, a list or another reference.
 */
export function substitute(text: string, { env, readFile }: Lookup): Substituted {
  let out = "";
  let rest = text;
  for (;;) {
    const at = rest.indexOf("${");
    if (at < 0) return { text: out + rest };
    if (rest[at - 1] === "$") {
      out += `${rest.slice(0, at - 1)}\${`;
      rest = rest.slice(at + 2);
      continue;
    }
    const match = REFERENCE.exec(rest.slice(at));
    if (match === null) {
      return {
        mistake:
          "a reference is '${NAME}', '${NAME:-default}' or '${file:PATH}'; write '$${' for the characters themselves",
      };
    }
    const { path, name, fallback } = match.groups!;
    let value: string | undefined;
    if (path !== undefined) {
      try {
        value = readFile(path).replace(/\r?\n$/, "");
      } catch (error) {
        return { mistake: `'\${file:${path}}': ${(error as Error).message}` };
      }
    } else {
      value = Object.hasOwn(env, name!) ? env[name!] : undefined;
      if (fallback !== undefined && (value === undefined || value === "")) value = fallback.slice(2);
      if (value === undefined) {
        return {
          mistake: `the environment variable '${name}' is not set (write '\${${name}:-}' if it may be missing)`,
        };
      }
    }
    out += rest.slice(0, at) + value;
    rest = rest.slice(at + match[0].length);
  }
}
