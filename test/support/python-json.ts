// What Python makes of JSON: `json.dumps(json.loads(text))`, without Python.

/** A JSON text as `json.dumps` writes it again. Half surrogate pairs become U+FFFD, which is ours, not Python's. */
export function pythonJson(text: string): string {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[-+.\w]+|[[\]{}:,]/g)!;
  let next = 0;

  function value(): string {
    const token = tokens[next++]!;
    if (token === "[") return `[${until("]", value).join(", ")}]`;
    if (token === "{") return `{${Array.from(new Map(until("}", member)), (pair) => pair.join(": ")).join(", ")}}`;
    if (token.startsWith('"')) return ascii(JSON.parse(token));
    if (/^-?\d+$/.test(token)) return BigInt(token).toString();
    return /^[-\d]/.test(token) ? pythonFloat(Number(token)) : token;
  }

  function member(): [string, string] {
    const key = value();
    next++; // the colon
    return [key, value()];
  }

  function until<T>(close: string, read: () => T): T[] {
    const items: T[] = [];
    while (tokens[next] !== close) {
      if (tokens[next] === ",") next++;
      items.push(read());
    }
    next++;
    return items;
  }

  return value();
}

/** A float as Python's `repr`, and `json.dumps` where the two differ. */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value < 0 ? "-Infinity" : "Infinity";
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const [mantissa, exponent] = Math.abs(value).toExponential().split("e") as [string, string];
  const digits = mantissa.replace(".", "");
  const point = Number(exponent) + 1;
  if (point > 16 || point < -3) {
    const power = String(Math.abs(point - 1)).padStart(2, "0");
    return `${sign}${mantissa}e${point > 0 ? "+" : "-"}${power}`;
  }
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
  return `${sign}${digits.slice(0, point).padEnd(point, "0")}.${digits.slice(point) || "0"}`;
}

function ascii(text: string): string {
  return JSON.stringify(text.replace(/\p{Surrogate}/gu, "\ufffd")).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
