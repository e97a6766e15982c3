import { posix } from "node:path";
import ts from "typescript";

// The checker behind test/architecture.test.ts: pure functions over file texts, so that it can be shown wrong code.

/** A source file, by its path from the root, with `/`. */
export interface Source {
  readonly path: string;
  readonly text: string;
}

/** Paths, or folders ending in `/`. */
export type Places = readonly string[];

export interface ImportRule {
  readonly of: Places;
  readonly except?: Places;
  /** The only files of ours that may be imported; without it, all but `never`. */
  readonly only?: Places;
  readonly never?: Places;
  /** Completes "…, because". */
  readonly because: string;
}

export interface UseRule {
  /** As `usesOf` names them: `Date.now`, `eval`, `new Date()`. */
  readonly use: string;
  readonly only: Places;
  readonly because: string;
}

/** What a file imports, types included: files of ours by their path from the root, packages by their name. */
export function importsOf({ path, text }: Source): string[] {
  const found = new Set<string>();
  walk(parse(path, text), (node) => {
    const named = specifierOf(node);
    if (named !== null) found.add(named.startsWith(".") ? resolve(path, named) : packageOf(named));
  });
  return [...found];
}

/** What a file does that is nobody's business but a few's: reads clocks, chance or the environment, runs text. */
export function usesOf({ path, text }: Source): string[] {
  const found = new Set<string>();
  walk(parse(path, text), (node) => {
    const use = useOf(node);
    if (use !== null) found.add(use);
  });
  return [...found];
}

/** "runtime/x.ts imports runtime/y.ts, because …": one line for each violation. */
export function importViolations(sources: readonly Source[], rules: readonly ImportRule[]): string[] {
  return sources.flatMap((source) => {
    const imports = importsOf(source);
    return rules
      .filter(({ of, except = [] }) => isIn(source.path, of) && !isIn(source.path, except))
      .flatMap(({ only, never = [], because }) =>
        imports
          .filter((name) => isIn(name, never) || (only !== undefined && isOurs(name) && !isIn(name, only)))
          .map((name) => `${source.path} imports ${name}, but ${because}`),
      );
  });
}

/** Packages that are imported where they must not be. A package in no rule may be imported anywhere. */
export function packageViolations(
  sources: readonly Source[],
  homes: Readonly<Record<string, Places>>,
  withoutPackages: Places,
): string[] {
  return sources.flatMap((source) => {
    const packages = importsOf(source).filter((name) => !isOurs(name));
    return packages
      .filter(
        (name) => isIn(source.path, withoutPackages) || (homes[name] !== undefined && !isIn(source.path, homes[name])),
      )
      .map((name) => `${source.path} imports the package ${name}`);
  });
}

export function useViolations(sources: readonly Source[], rules: readonly UseRule[]): string[] {
  return sources.flatMap((source) => {
    const uses = usesOf(source);
    return rules
      .filter(({ use, only }) => uses.includes(use) && !isIn(source.path, only))
      .map(({ use, because }) => `${source.path} uses ${use}, but ${because}`);
  });
}

export function isIn(path: string, places: Places): boolean {
  return places.some((place) => (place.endsWith("/") ? path.startsWith(place) : path === place));
}

function isOurs(name: string): boolean {
  return isIn(name, ["assembly/", "runtime/", "actors/", "test/", "bench/", "deploy/"]);
}

function parse(path: string, text: string): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.Latest, false, ts.ScriptKind.TS);
}

function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

/** `import … from`, `export … from`, `import()`, `typeof import()` and `require()`. */
function specifierOf(node: ts.Node): string | null {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return textOf(node.moduleSpecifier);
  if (ts.isImportTypeNode(node)) return ts.isLiteralTypeNode(node.argument) ? textOf(node.argument.literal) : null;
  if (!ts.isCallExpression(node)) return null;
  const isImport = node.expression.kind === ts.SyntaxKind.ImportKeyword;
  const isRequire = ts.isIdentifier(node.expression) && node.expression.text === "require";
  return isImport || isRequire ? textOf(node.arguments[0]) : null;
}

function textOf(node: ts.Node | undefined): string | null {
  return node !== undefined && ts.isStringLiteralLike(node) ? node.text : null;
}

/** AssemblyScript names modules without their ending. */
function resolve(from: string, specifier: string): string {
  const path = posix.normalize(posix.join(posix.dirname(from), specifier));
  return posix.extname(path) === "" ? `${path}.ts` : path;
}

/** `zod/v4` is of `zod`, `@hono/node-server/x` of `@hono/node-server`; `node:fs` stays. */
function packageOf(specifier: string): string {
  if (specifier.startsWith("node:")) return specifier;
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

function useOf(node: ts.Node): string | null {
  if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) {
    return `${node.expression.text}.${node.name.text}`;
  }
  if (!ts.isCallExpression(node) && !ts.isNewExpression(node)) return null;
  if (!ts.isIdentifier(node.expression)) return null;
  const name = node.expression.text;
  if (name === "eval" || name === "Function") return name;
  return name === "Date" && (node.arguments ?? []).length === 0 ? "new Date()" : null;
}
