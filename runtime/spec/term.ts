// The two trees of an expression: as it is written (`Expr`, from `parse.ts`), and with every name led to what it means
// (`Term`, from `resolve.ts`), which is what gets compiled.
import type { AttributeName, FunctionName, MethodName } from "./builtins.ts";

/** Offsets into the expression's text, UTF-16: from `start` up to, not including, `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export type Binary = "+" | "-" | "*" | "/" | "//" | "%" | "**" | "|" | "&" | "^";
export type Comparison = "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in" | "is" | "is not";
export type Unary = "-" | "+" | "not";

/** A constant's value; bigint: an integer, number: a float, null: None. */
export type Literal = null | boolean | bigint | number | string;

// As written

export type Expr = Span &
  (
    | { readonly kind: "constant"; readonly value: Literal }
    | { readonly kind: "name"; readonly name: string }
    | { readonly kind: "attribute"; readonly of: Expr; readonly name: string; readonly nameAt: number }
    | { readonly kind: "item"; readonly of: Expr; readonly index: Expr }
    | {
        readonly kind: "slice";
        readonly of: Expr;
        readonly from: Expr | null;
        readonly to: Expr | null;
        readonly step: Expr | null;
      }
    | {
        readonly kind: "call";
        readonly callee: Expr;
        readonly args: readonly Expr[];
        readonly keywords: readonly Keyword[];
      }
    | { readonly kind: "unary"; readonly op: Unary; readonly of: Expr }
    | { readonly kind: "binary"; readonly op: Binary; readonly left: Expr; readonly right: Expr }
    | {
        readonly kind: "compare";
        readonly first: Expr;
        readonly rest: readonly { readonly op: Comparison; readonly right: Expr }[];
      }
    | { readonly kind: "logic"; readonly op: "and" | "or"; readonly left: Expr; readonly right: Expr }
    | { readonly kind: "conditional"; readonly test: Expr; readonly then: Expr; readonly otherwise: Expr }
    | { readonly kind: "list" | "tuple" | "set"; readonly items: readonly Expr[] }
    | { readonly kind: "map"; readonly entries: readonly { readonly key: Expr; readonly value: Expr }[] }
    | {
        readonly kind: "comprehension";
        /** A generator is given to what takes any iterable once. */
        readonly makes: "list" | "set" | "map" | "generator";
        readonly element: Expr;
        /** Of a map; `element` is the key then. */
        readonly value: Expr | null;
        readonly clauses: readonly Clause[];
      }
  );

export interface Keyword {
  readonly name: string;
  readonly value: Expr;
  readonly nameAt: number;
}

/** `for x in …`, `for a, (b, c) in …`, with what follows it in `if`. */
export interface Clause {
  readonly target: Target;
  readonly iterable: Expr;
  readonly ifs: readonly Expr[];
}

export type Target =
  | (Span & { readonly kind: "name"; readonly name: string })
  | (Span & { readonly kind: "tuple"; readonly items: readonly Target[] });

// With names resolved

/**
 * Whose field is read. `stream`: a record of the streaming spec that is current (in a window spec: as of the anchor);
 * `anchor`: the block that the decision was made in; `window`: an aggregate of the window spec itself.
 */
export type Whose = "stream" | "anchor" | "window";

export type Term = Span &
  (
    | { readonly kind: "constant"; readonly value: Literal }
    /**
     * Something of the event, by its keys from the top; `[]` is the event itself. Missing is None; a key of what is no
     * object fails: with a TypeError where it is one of `subscripts` (the places of keys in brackets).
     */
    | { readonly kind: "source"; readonly path: readonly string[]; readonly subscripts?: readonly number[] }
    | { readonly kind: "time" }
    | { readonly kind: "identity" }
    /** Indexes into the spec's `aggregates` and that aggregate's `columns`. */
    | { readonly kind: "field"; readonly whose: Whose; readonly aggregate: number; readonly column: number }
    /** The values of a column over the blocks of the window: a list. Index into the `columns` of the source aggregate. */
    | { readonly kind: "series"; readonly column: number }
    | { readonly kind: "local"; readonly slot: number }
    | { readonly kind: "item"; readonly of: Term; readonly index: Term }
    | {
        readonly kind: "slice";
        readonly of: Term;
        readonly from: Term | null;
        readonly to: Term | null;
        readonly step: Term | null;
      }
    /** An attribute of a value that the event brought, or made from it: a key of an object, or one of `ATTRIBUTES`. */
    | { readonly kind: "attribute"; readonly of: Term; readonly name: string | AttributeName }
    /** Arguments in their places; null: left out. */
    | { readonly kind: "function"; readonly name: FunctionName; readonly args: readonly (Term | null)[] }
    | { readonly kind: "method"; readonly name: MethodName; readonly of: Term; readonly args: readonly (Term | null)[] }
    | { readonly kind: "unary"; readonly op: Unary; readonly of: Term }
    | { readonly kind: "binary"; readonly op: Binary; readonly left: Term; readonly right: Term }
    | {
        readonly kind: "compare";
        readonly first: Term;
        readonly rest: readonly { readonly op: Comparison; readonly right: Term }[];
      }
    | { readonly kind: "logic"; readonly op: "and" | "or"; readonly left: Term; readonly right: Term }
    | { readonly kind: "conditional"; readonly test: Term; readonly then: Term; readonly otherwise: Term }
    | { readonly kind: "list" | "tuple" | "set"; readonly items: readonly Term[] }
    | { readonly kind: "map"; readonly entries: readonly { readonly key: Term; readonly value: Term }[] }
    | {
        readonly kind: "comprehension";
        /** A generator is a list too; but `any` and `all` look no further than they need. */
        readonly makes: "list" | "set" | "map" | "generator";
        readonly element: Term;
        readonly value: Term | null;
        readonly clauses: readonly { readonly target: Slots; readonly iterable: Term; readonly ifs: readonly Term[] }[];
      }
    /** Only with `compat`: a name that nobody defines. Ends the run when it is reached, as in Blurr. */
    | {
        readonly kind: "abort";
        readonly error: "NameError" | "MissingAttributeError" | "ImportError";
        readonly message: string;
      }
  );

/** Where a `for` puts an element: one slot, or its parts. Slots are numbered from 0 within one expression. */
export type Slots = number | readonly Slots[];
