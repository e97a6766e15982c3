// IPFIX as JSON lines, `{"DataSets": [[{"I": id, "V": value}, …], …]}` → an event per data set.
//
// The values go over as they are written, so that a number keeps its digits and its point.

/** What Blurr's processor calls these information elements. All others keep their number. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ["4", "protocol"],
  ["12", "dest_ip"],
  ["56", "source_mac"],
  ["150", "timestamp"],
  ["182", "source_port"],
  ["183", "dest_port"],
]);

const SPACE = /[ \t\n\r]*/y;
/** A text, or what has no brackets in it. */
const SCALAR = /"(?:[^"\\]|\\.)*"|[^\s,:[\]{}"]+/y;

/** The events of a line, as JSON; null: it is no JSON object. Data sets without a source are left out. */
export function ipfixEvents(line: Uint8Array): string[] | null {
  const text = new TextDecoder().decode(line);
  if (!isObject(text)) return null;
  const sets = members(text, 0).findLast(({ key }) => key === "DataSets");
  if (sets === undefined || text[sets.start] !== "[") return [];
  return elements(text, sets.start).flatMap(({ start }) => {
    if (text[start] !== "[") return [];
    const event = new Map<string, string>();
    for (const field of elements(text, start)) {
      const { id, value } = fieldOf(text, field.start);
      if (id !== null) event.set(NAMES.get(id) ?? id, value);
    }
    if (!event.has("source_mac")) return [];
    return [`{${Array.from(event, ([key, value]) => `${JSON.stringify(key)}:${value}`).join(",")}}`];
  });
}

function fieldOf(text: string, start: number): { id: string | null; value: string } {
  if (text[start] !== "{") return { id: null, value: "null" };
  const found = members(text, start);
  const of = (name: string) => found.findLast(({ key }) => key === name);
  const id = of("I");
  const value = of("V");
  const key = id === undefined ? null : text.slice(id.start, id.end);
  return {
    id: key?.startsWith('"') ? (JSON.parse(key) as string) : key,
    value: value === undefined ? "null" : text.slice(value.start, value.end),
  };
}

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

// Where things stand in a text that is JSON

interface Slice {
  readonly start: number;
  readonly end: number;
}

function members(text: string, object: number): (Slice & { readonly key: string })[] {
  return [...within(text, object, true)].map(({ key, ...slice }) => ({ ...slice, key: JSON.parse(key) as string }));
}

function elements(text: string, array: number): Slice[] {
  return [...within(text, array, false)];
}

function* within(text: string, open: number, keyed: boolean): Generator<Slice & { key: string }> {
  let at = behindSpace(text, behindSpace(text, open) + 1);
  while (at < text.length && text[at] !== "]" && text[at] !== "}") {
    let key = "";
    if (keyed) {
      const end = behindValue(text, at);
      key = text.slice(at, end);
      at = behindSpace(text, behindSpace(text, end) + 1);
    }
    const end = behindValue(text, at);
    yield { key, start: at, end };
    at = behindSpace(text, end);
    if (text[at] === ",") at = behindSpace(text, at + 1);
  }
}

function behindValue(text: string, from: number): number {
  let depth = 0;
  let at = from;
  do {
    at = behindSpace(text, at);
    const mark = text[at]!;
    if (mark === "[" || mark === "{") depth++;
    else if (mark === "]" || mark === "}") depth--;
    SCALAR.lastIndex = at;
    at = SCALAR.test(text) ? SCALAR.lastIndex : at + 1;
  } while (depth > 0);
  return at;
}

function behindSpace(text: string, from: number): number {
  SPACE.lastIndex = from;
  SPACE.test(text);
  return SPACE.lastIndex;
}
