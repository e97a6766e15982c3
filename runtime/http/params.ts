import { limits } from "../limits.ts";
import { Refusal } from "./problem.ts";
import type { Context } from "./route.ts";

/** A path parameter that names somebody or something, decoded. @throws Refusal past `limits.tokenBytes` */
export function tokenParam(c: Context, name: string): string {
  const value = c.req.param(name) ?? "";
  if (Buffer.byteLength(value) <= limits.tokenBytes) return value;
  throw badParameter(name, "too-long", `the ${name} in the URL has more than ${limits.tokenBytes} bytes`);
}

/** A query parameter that is a whole number in [1, max]; null when it isn't given. @throws Refusal for another text */
export function wholeQuery(c: Context, name: string, max: number): number | null {
  const text = c.req.query(name);
  if (text === undefined) return null;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= max) return value;
  throw badParameter(name, "out-of-range", `${name} '${text}' is not a whole number from 1 to ${max}`);
}

export function badParameter(name: string, code: string, detail: string): Refusal {
  return new Refusal("invalid", detail, { errors: [{ index: 0, pointer: `/${name}`, code, detail }] });
}
