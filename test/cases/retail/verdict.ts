// What a case asks for, read from its prose: `recommended_instead` where given, else what the original did.
import { expect } from "vitest";
import { type Case, isObject } from "./cases.ts";

export interface Verdict {
  /** The input is taken and worked on; else it is refused. */
  readonly taken: boolean;
  /** The HTTP status asked for by number; null: any that fits `taken`. */
  readonly status: number | null;
}

export function verdictOf({ expect: original, recommended_instead: advice }: Case): Verdict {
  if (advice !== undefined) {
    const status = /\b([1-5]\d\d)\b/.exec(advice)?.[1];
    if (status !== undefined) return { taken: Number(status) < 400, status: Number(status) };
    return { taken: !/reject|refuse|validat|dead-letter/i.test(advice), status: null };
  }
  if (original.processed === true) return { taken: true, status: null };
  const status = original.status ?? original.http;
  // A crash is no answer to keep: what broke the original is refused with a reason.
  if (typeof status !== "number") return { taken: original.error === undefined, status: null };
  return { taken: status < 400, status: status >= 200 && status < 500 ? status : null };
}

/** The fields that the original's validation named, as JSON pointers: `["body", "coupons", 0, "discount"]`. */
export function pointersOf({ json, json_contains, loc }: Case["expect"]): string[] {
  const body = json ?? json_contains;
  const detail = isObject(body) && Array.isArray(body.detail) ? (body.detail as { loc?: unknown }[]) : [];
  return [...detail.map((each) => each.loc), loc].filter(Array.isArray).map((path: unknown[]) =>
    path
      .slice(1)
      .map((key) => `/${key}`)
      .join(""),
  );
}

interface ProblemBody {
  readonly code: string;
  readonly errors?: readonly { readonly pointer: string; readonly code: string }[];
}

/** Refused as a problem that names every place meant. */
export async function expectRefusal(
  response: Response,
  { status }: Verdict,
  pointers: readonly string[],
): Promise<void> {
  expect(response.status).toBe(status ?? 422);
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  const { code, errors = [] } = (await response.json()) as ProblemBody;
  expect(code).toMatch(/./);
  expect(errors.map(({ pointer }) => pointer)).toEqual(expect.arrayContaining([...pointers]));
}
