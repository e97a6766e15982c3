import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import ts from "typescript";

const CHECKOUT = resolve(import.meta.dirname, "../..");

/**
 * Translates sources of `runtime/` into a folder that plain Node runs, for child processes; nothing has to be built
 * before. The returned function removes the folder.
 *
 * @param sources files or folders (their own files, not those below), from the checkout's root
 * @param fixtures `.mjs` files to lay beside them
 */
export function emit(sources: readonly string[], fixtures: readonly string[]): { dir: string; remove: () => void } {
  const dir = mkdtempSync(join(tmpdir(), "aisle-emit-"));
  symlinkSync(join(CHECKOUT, "node_modules"), join(dir, "node_modules"));
  writeFileSync(join(dir, "package.json"), '{"type":"module"}');
  for (const source of sources.flatMap(filesOf)) {
    const target = join(dir, source.replace(/\.ts$/, ".js"));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, translate(readFileSync(join(CHECKOUT, source), "utf8")));
  }
  for (const fixture of fixtures) cpSync(join(CHECKOUT, fixture), join(dir, fixture.split("/").at(-1)!));
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** The journal, and the process that owns one: `journal-child.mjs`. */
export function emitJournal(): ReturnType<typeof emit> {
  const leaves = ["clock", "errors", "limits", "crc32", "key"].map((name) => `runtime/${name}.ts`);
  const stores = ["folders", "lmdb", "lmdb-file", "room", "store"].map((name) => `runtime/store/${name}.ts`);
  return emit([...leaves, ...stores, "runtime/journal"], ["test/fixtures/journal-child.mjs"]);
}

function filesOf(source: string): string[] {
  if (source.endsWith(".ts")) return [source];
  const names = readdirSync(join(CHECKOUT, source));
  return names.filter((name) => name.endsWith(".ts")).map((name) => `${source}/${name}`);
}

function translate(text: string): string {
  const compilerOptions: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    verbatimModuleSyntax: true,
    rewriteRelativeImportExtensions: true,
  };
  return ts.transpileModule(text, { compilerOptions }).outputText;
}
