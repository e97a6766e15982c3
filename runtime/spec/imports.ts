// The `Import` of a spec: no code is loaded, its names are aliases of what `builtins.ts` lists.
import { didYouMean } from "../errors.ts";
import { FUNCTION_NAMES, type FunctionName } from "./builtins.ts";

/** Something of Python that a name or an attribute leads to: a module, a class, a function, a value. */
export interface Builtin {
  /** As Python calls it: `datetime.datetime.strptime`. */
  readonly path: string;
  /** What calling it does. */
  readonly call?: FunctionName;
  /** What it is by itself: what this function gives without arguments. */
  readonly value?: FunctionName;
  readonly members?: Readonly<Record<string, Builtin>>;
  /** Asked for, but not here; only with `compat`. */
  readonly missing?: true;
}

/** By the name that an expression knows it by. */
export type Imports = ReadonlyMap<string, Builtin>;

/** One entry of `Import`: `import module`, or `from module import identifiers`; each may end in `as alias`. */
export interface Import {
  readonly module: string;
  readonly identifiers: readonly string[] | null;
}

export interface ImportProblem {
  /** Index into the list; of the identifier in it, null: the module is meant. */
  readonly entry: number;
  readonly identifier: number | null;
  readonly message: string;
}

const utc: Builtin = { path: "datetime.timezone.utc", value: "tzutc" };

const DATETIME: Builtin = {
  path: "datetime",
  members: {
    datetime: {
      path: "datetime.datetime",
      call: "datetime",
      members: {
        fromtimestamp: { path: "datetime.datetime.fromtimestamp", call: "datetime.fromtimestamp" },
        utcfromtimestamp: { path: "datetime.datetime.utcfromtimestamp", call: "datetime.utcfromtimestamp" },
        strptime: { path: "datetime.datetime.strptime", call: "datetime.strptime" },
        fromisoformat: { path: "datetime.datetime.fromisoformat", call: "datetime.fromisoformat" },
      },
    },
    date: { path: "datetime.date", call: "date" },
    timedelta: { path: "datetime.timedelta", call: "timedelta" },
    timezone: { path: "datetime.timezone", call: "timezone", members: { utc } },
    UTC: { ...utc, path: "datetime.UTC" },
  },
};

const PARSER: Builtin = {
  path: "dateutil.parser",
  members: { parse: { path: "dateutil.parser.parse", call: "parse" } },
};

const TZ: Builtin = {
  path: "dateutil.tz",
  members: {
    tzutc: { path: "dateutil.tz.tzutc", call: "tzutc" },
    UTC: { ...utc, path: "dateutil.tz.UTC" },
  },
};

const DATEUTIL: Builtin = { path: "dateutil", members: { parser: PARSER, tz: TZ } };

/** All that can be imported. */
export const MODULES: Readonly<Record<string, Builtin>> = {
  datetime: DATETIME,
  dateutil: DATEUTIL,
  "dateutil.parser": PARSER,
  "dateutil.tz": TZ,
};

const NEED_IMPORT: ReadonlySet<FunctionName> = new Set(["parse", "datetime", "date", "timedelta", "timezone", "tzutc"]);

/** Functions that need no import. */
export const BUILTINS: Readonly<Record<string, Builtin>> = Object.fromEntries(
  FUNCTION_NAMES.filter((name) => !NEED_IMPORT.has(name) && !name.includes(".")).map((name) => [
    name,
    { path: name, call: name },
  ]),
);

export const NO_IMPORTS: Imports = new Map();

/**
 * The names that a spec's `Import` brings. With `compat` a module or a name that is not here is no problem: an
 * expression that uses it ends the run.
 */
export function resolveImports(
  list: readonly Import[],
  { compat = false }: { readonly compat?: boolean } = {},
): { readonly imports: Imports; readonly problems: ImportProblem[] } {
  const imports = new Map<string, Builtin>();
  const problems: ImportProblem[] = [];
  list.forEach(({ module, identifiers }, entry) => {
    const tell = (message: string, identifier: number | null = null) => problems.push({ entry, identifier, message });
    const wanted = aliased(module);
    if (wanted === null) tell(`'${module}' is no module: expected a name, or 'name as alias'`);
    else if (identifiers === null) takeModule(wanted, imports, compat, tell);
    else if (wanted.alias === null) takeNames(wanted.name, identifiers, imports, compat, tell);
    else tell(`'as ${wanted.alias}' cannot stand before identifiers: write it behind the identifier it is for`);
  });
  return { imports, problems };
}

interface Aliased {
  readonly name: string;
  readonly alias: string | null;
}

type Tell = (message: string, identifier?: number) => void;

/** `import a.b` names `a`; `import a.b as c` names what `a.b` is. */
function takeModule({ name, alias }: Aliased, imports: Map<string, Builtin>, compat: boolean, tell: Tell): void {
  const module = moduleOf(name, compat, tell);
  if (module === null) return;
  const root = name.slice(0, name.search(/\.|$/));
  if (alias !== null) imports.set(alias, module);
  else imports.set(root, module.missing ? module : MODULES[root]!);
}

/** `from name import …`. */
function takeNames(
  name: string,
  identifiers: readonly string[],
  imports: Map<string, Builtin>,
  compat: boolean,
  tell: Tell,
): void {
  const module = moduleOf(name, compat, tell);
  if (module === null) return;
  const { members = {} } = module;
  identifiers.forEach((text, index) => {
    const wanted = aliased(text);
    if (text.trim() === "*") for (const [name, member] of Object.entries(members)) imports.set(name, member);
    else if (wanted === null || wanted.name.includes(".")) {
      tell(`'${text}' is no identifier: expected a name, or 'name as alias'`, index);
    } else {
      const member = own(members, wanted.name) ?? (compat ? missing(`${name}.${wanted.name}`) : null);
      if (member !== null) imports.set(wanted.alias ?? wanted.name, member);
      else {
        const near = didYouMean(wanted.name, Object.keys(members));
        tell(`'${name}' has no '${wanted.name}' here${near}; available: ${Object.keys(members).join(", ")}`, index);
      }
    }
  });
}

function moduleOf(name: string, compat: boolean, tell: Tell): Builtin | null {
  const module = own(MODULES, name);
  if (module !== undefined) return module;
  if (compat) return missing(name);
  const near = didYouMean(name, Object.keys(MODULES));
  tell(`unknown module '${name}'${near}; available: ${Object.keys(MODULES).join(", ")}`);
  return null;
}

/** The entry of `Import` that brings `name`: "{ Module: dateutil.parser, Identifiers: [parse] }"; or null. */
export function importOf(name: string): string | null {
  for (const module of ["dateutil.parser", "datetime", "dateutil.tz", "dateutil"]) {
    if (own(MODULES[module]!.members!, name) !== undefined) return `{ Module: ${module}, Identifiers: [${name}] }`;
  }
  return own(MODULES, name) === undefined ? null : `{ Module: ${name} }`;
}

/** A record's own property: a name from outside never reaches `Object.prototype`. */
export function own<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

function missing(path: string): Builtin {
  return { path, missing: true };
}

const ALIASED =
  /^\s*(?<name>[\p{XID_Start}_][\p{XID_Continue}]*(?:\.[\p{XID_Start}_][\p{XID_Continue}]*)*)(?:\s+as\s+(?<alias>[\p{XID_Start}_][\p{XID_Continue}]*))?\s*$/u;

function aliased(text: string): Aliased | null {
  const groups = ALIASED.exec(text)?.groups;
  return groups === undefined ? null : { name: groups.name!, alias: groups.alias ?? null };
}
