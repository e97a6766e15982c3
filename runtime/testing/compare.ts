// What is expected against what came out.

export interface Difference {
  /** `decisions[0].offers[1].coupon` */
  readonly path: string;
  /** Undefined: nothing should be there. */
  readonly expected: unknown;
  /** Undefined: nothing is there. */
  readonly got: unknown;
}

/** Of a map the keys that are expected count, of a list all elements. */
export function compare(expected: unknown, got: unknown, path = ""): Difference[] {
  if (Array.isArray(expected) && Array.isArray(got)) {
    const length = Math.max(expected.length, got.length);
    return Array.from({ length }, (_, i) => compareAt(expected[i], got[i], `${path}[${i}]`)).flat();
  }
  if (isMap(expected) && isMap(got))
    return Object.keys(expected).flatMap((key) => compareAt(expected[key], ownOf(got, key), join(path, key)));
  return expected === got || (expected === undefined && got === undefined) ? [] : [{ path, expected, got }];
}

function compareAt(expected: unknown, got: unknown, path: string): Difference[] {
  if (expected === undefined || got === undefined) return [{ path, expected, got }];
  return compare(expected, got, path);
}

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function ownOf(map: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}

/** Names with other signs than those of names stand in brackets. */
function join(path: string, key: string): string {
  if (!/^[\p{L}\p{N}_-]+$/u.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === "" ? key : `${path}.${key}`;
}
