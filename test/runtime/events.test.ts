import { describe, expect, it } from "vitest";
import { type Envelope, type EventIn, type EventReader, isProblem, type Problem } from "../../runtime/events.ts";
import type { TimePath } from "../../runtime/site.ts";
import { prng } from "../support/prng.ts";
import { EVENTS, shopReader } from "../support/shop.ts";

const AT = Date.UTC(2026, 2, 2, 9); // ms

const bytes = (value: unknown) => new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));

function read(reader: EventReader, payload: unknown, envelope: Partial<Envelope> = {}): EventIn | Problem {
  return reader.read([bytes(payload)], [{ type: null, headers: {}, ...envelope }])[0]!;
}

/** Reads a payload that is an event. */
function eventOf(payload: unknown, envelope: Partial<Envelope> = {}, reader = shopReader()): EventIn {
  const result = read(reader, payload, envelope);
  if (isProblem(result)) throw new Error(`${result.code}: ${result.detail}`);
  return result;
}

/** Reads a payload that is none. */
function problemOf(payload: unknown, envelope: Partial<Envelope> = {}, reader = shopReader()): Problem {
  const result = read(reader, payload, envelope);
  if (!isProblem(result)) throw new Error(`this is an event: ${JSON.stringify(result)}`);
  return result;
}

describe("a form", () => {
  const focus = { type: "focus", identity: "127", at: AT, id: null, source: "", fields: { department: "Boys" } };

  it("may be flat", () => {
    expect(eventOf({ type: "focus", id: "127", ts: AT / 1_000, dep: "Boys" })).toEqual(focus);
  });

  it("may be an envelope", () => {
    const payload = { customer_id: 127, category: "Boys" };

    expect(eventOf({ event_type: "customer focus", event_timestamp: "2026-03-02T09:00:00Z", payload })).toEqual(focus);
  });

  it("may be a structured CloudEvent", () => {
    const event = {
      specversion: "1.0",
      type: "focus",
      source: "/beacons/4",
      id: "b-1",
      time: "2026-03-02T10:00:00+01:00",
      data: { customer_id: 127, category: "Boys" },
    };

    expect(eventOf(event)).toEqual({ ...focus, id: "b-1", source: "/beacons/4" });
  });

  it("may be a binary CloudEvent, whose body is its data", () => {
    const headers = {
      "ce-specversion": "1.0",
      "ce-type": "focus",
      "ce-source": "/beacons/4",
      "ce-id": "b-1",
      "ce-time": "2026-03-02T09:00:00Z",
    };

    expect(eventOf({ customer_id: 127, category: "Boys" }, { headers })).toEqual({
      ...focus,
      id: "b-1",
      source: "/beacons/4",
    });
  });

  it("may name the customer in the subject of a CloudEvent", () => {
    const headers = { "ce-specversion": "1.0", "ce-type": "entry", "ce-subject": "127" };

    expect(eventOf({}, { headers }).identity).toBe("127");
  });

  it("is chosen by what is there, whatever its value", () => {
    expect(problemOf({ payload: null, type: "entry", id: 7 }).code).toBe("missing-type");
  });

  it.each([
    ["one object", '{"type":"entry","id":1}', "object"],
    ["an array", '[{"type":"entry","id":1},{"type":"nothing"},{"id":2}]', "array"],
    ["lines", '{"type":"entry","id":1}\n\n{"type"\n{"type":"exit","id":2}\n', "ndjson"],
  ])("is read alike alone and in a body: %s", (_, body, form) => {
    const reader = shopReader();
    const envelope = { type: null, headers: {} };
    const whole = bytes(body);

    const split = reader.readBody(whole, envelope);

    expect(split.form).toBe(form);
    const payloads = split.items.map(({ start, end }) => whole.slice(start, end));
    expect(split.results).toEqual(
      reader.read(
        payloads,
        payloads.map(() => envelope),
      ),
    );
  });
});

describe("the type", () => {
  it.each([
    ["its name", "entry", "entry"],
    ["an alias", "customer entry", "entry"],
    ["upper case", "ENTRY", "entry"],
    ["an alias in mixed case", "Customer Entry", "entry"],
  ])("is known by %s", (_, type, expected) => {
    expect(eventOf({ type, id: 7 }).type).toBe(expected);
  });

  it("comes from the subject or URL when the body names none", () => {
    expect(eventOf({ id: 7 }, { type: "exit" }).type).toBe("exit");
    expect(eventOf({ id: 7 }, { type: "Leave" }).type).toBe("exit");
  });

  it("of the body goes before that of the subject", () => {
    expect(eventOf({ type: "exit", id: 7 }, { type: "entry" }).type).toBe("exit");
  });

  it("of the subject stands in for one of the body that is not known", () => {
    expect(eventOf({ type: "anything", id: 7 }, { type: "entry" }).type).toBe("entry");
  });

  it("is asked for when nobody names one", () => {
    expect(problemOf({ id: 7 })).toEqual({
      code: "missing-type",
      pointer: "",
      detail: "no type: expected one of entry, focus, move, exit, outcome, in the body, the URL or the subject",
    });
  });

  it("that is unknown is answered with the nearest known", () => {
    expect(problemOf({ type: "focos", id: 7 })).toEqual({
      code: "unknown-type",
      pointer: "/type",
      detail: "'focos' is no type of event (did you mean 'focus'?): expected one of entry, focus, move, exit, outcome",
    });
  });

  it.each([
    ["a number", 7, "'7' is no type of event: expected one of entry, focus, move, exit, outcome"],
    ["an object", {}, "'object' is no type of event: expected one of entry, focus, move, exit, outcome"],
    [
      "far too long",
      "x".repeat(60_000),
      `'${"x".repeat(40)}…' is no type of event: expected one of entry, focus, move, exit, outcome`,
    ],
  ])("may not be %s", (_, type, detail) => {
    expect(problemOf({ type, id: 7 })).toEqual({ code: "unknown-type", pointer: "/type", detail });
  });

  it("of the subject that is unknown points nowhere in the body", () => {
    expect(problemOf({ id: 7 }, { type: "entri" })).toMatchObject({ code: "unknown-type", pointer: "" });
  });
});

describe("the identity", () => {
  it.each([
    ["7", "7"],
    ['"7"', "7"],
    ["7.0", "7"],
    ['"7.0"', "7"],
    ['"007"', "7"],
    ["0", "0"],
    ["-0", "0"],
    ["1e3", "1000"],
    ["70e-1", "7"],
    ["9007199254740991", "9007199254740991"],
    ['"999999999999999"', "999999999999999"],
    ['"\\u0037"', "7"],
  ])("%s is customer %s", (written, identity) => {
    expect(eventOf(`{"type":"entry","id":${written}}`).identity).toBe(identity);
  });

  it.each([
    ["-1", "-1"],
    ["1.5", "1.5"],
    ['"1.5"', "'1.5'"],
    ['"-1"', "'-1'"],
    ['"abc"', "'abc'"],
    ['""', "''"],
    ['" 7"', "' 7'"],
    ['"7\\u0000"', "'7\u0000'"],
    ['"1e3"', "'1e3'"],
    ['"٧"', "'٧'"],
    ["9007199254740992", "9007199254740992"],
    ["1e400", "1e400"],
    ['"1234567890123456"', "'1234567890123456'"],
    ["{}", "an object"],
    ["[7]", "an array"],
    ["true", "true"],
    ["false", "false"],
  ])("%s is no customer", (written, shown) => {
    expect(problemOf(`{"type":"entry","id":${written}}`)).toEqual({
      code: "invalid-identity",
      pointer: "/id",
      detail: `'id' is ${shown}: expected a whole number`,
    });
  });

  it.each(['{"type":"entry"}', '{"type":"entry","id":null}'])("is asked for: %s", (payload) => {
    expect(problemOf(payload)).toEqual({
      code: "missing-identity",
      pointer: "/id",
      detail: "no identity: expected 'id' or 'customer'",
    });
  });

  it("is the first of its paths that is there", () => {
    expect(eventOf({ type: "entry", id: null, customer: 8 }).identity).toBe("8");
    expect(eventOf({ type: "entry", id: 7, customer: 8 }).identity).toBe("7");
  });

  it("points to its path in the envelope", () => {
    expect(problemOf({ event_type: "entry", payload: { customer_id: "x" } }).pointer).toBe("/payload/customer_id");
  });

  it("may be missing from an outcome that names its decision, and from no other event", () => {
    expect(eventOf({ type: "outcome", decision: "d", action: "shown" }).identity).toBe(null);
    expect(problemOf({ type: "outcome", action: "shown" }).code).toBe("missing-identity");
    expect(problemOf({ type: "outcome", id: 7, action: "shown" })).toMatchObject({
      code: "missing-field",
      pointer: "",
    });
    expect(problemOf({ type: "entry", decision: "d" }).code).toBe("missing-identity");
  });

  describe("where identities are text", () => {
    const reader = shopReader({ identity: "text" });

    it.each([
      ['"abc"', "abc"],
      ['"007"', "007"],
      ["7", "7"],
      ['"Zoë ✓ 𝒳"', "Zoë ✓ 𝒳"],
      ['"\\ud835\\udcb3"', "𝒳"],
      [JSON.stringify("x".repeat(256)), "x".repeat(256)],
      [JSON.stringify("é".repeat(128)), "é".repeat(128)],
    ])("%s is one", (written, identity) => {
      expect(eventOf(`{"type":"entry","id":${written}}`, {}, reader).identity).toBe(identity);
    });

    it.each([
      ['""', "''"],
      ["{}", "an object"],
      [JSON.stringify("x".repeat(257)), `'${"x".repeat(40)}…'`],
      [JSON.stringify("é".repeat(129)), `'${"é".repeat(40)}…'`],
    ])("%s is none", (written, shown) => {
      expect(problemOf(`{"type":"entry","id":${written}}`, {}, reader)).toEqual({
        code: "invalid-identity",
        pointer: "/id",
        detail: `'id' is ${shown}: expected text of 1 to 256 bytes`,
      });
    });
  });
});

describe("the time", () => {
  const timeOf = (ts: unknown, reader = shopReader()) => eventOf({ type: "entry", id: 7, ts }, {}, reader).at;

  it.each([
    ["seconds", 1_700_000_000, 1_700_000_000_000],
    ["seconds with a fraction", 1_700_000_000.9, 1_700_000_000_900],
    ["milliseconds", 1_700_000_000_123, 1_700_000_000_123],
    ["digits as text", "1700000000", 1_700_000_000_000],
    ["0", 0, 0],
    ["a time before 1970", -1, -1_000],
  ])("of the flat form may be %s", (_, ts, expected) => {
    expect(timeOf(ts)).toBe(expected);
  });

  it.each([
    ["missing", {}],
    ["null", { ts: null }],
  ])("that is %s is left to the receiver", (_, time) => {
    expect(eventOf({ type: "entry", id: 7, ...time }).at).toBe(null);
  });

  it("is the first of its paths that is there", () => {
    expect(eventOf({ type: "entry", id: 7, at: 5, ts: null }).at).toBe(5_000);
  });

  it.each([
    ["2026-03-02T09:00:00Z", AT],
    ["2026-03-02T09:00:00.5+00:00", AT + 500],
    ["2026-03-02 09:00", AT],
    [AT, AT],
    [AT / 1_000, AT],
    [String(AT), AT],
  ])("of an envelope may be %j", (event_timestamp, expected) => {
    expect(eventOf({ event_type: "entry", event_timestamp, payload: { customer_id: 7 } }).at).toBe(expected);
  });

  it("without a zone is that of the site's clocks", () => {
    const reader = shopReader({}, "Europe/Warsaw");
    const event = { event_type: "entry", event_timestamp: "2026-03-02T10:00:00", payload: { customer_id: 7 } };

    expect(eventOf(event, {}, reader).at).toBe(AT);
  });

  it.each<[string, TimePath["unit"], unknown, number]>([
    ["s", "s", 1.001, 1_001],
    ["s beyond the border of epoch", "s", 200_000_000_000, 200_000_000_000_000],
    ["ms", "ms", 1_700, 1_700],
    ["ms as text", "ms", "1700.9", 1_700],
  ])("may be declared in %s", (_, unit, ts, expected) => {
    const forms = EVENTS.forms.map((form) => ({ ...form, time: { ...form.time, unit } }));

    expect(timeOf(ts, shopReader({ forms }))).toBe(expected);
  });

  it.each([
    [
      "flat",
      { type: "entry", id: 7, ts: "yesterday" },
      "/ts",
      "'ts' is 'yesterday': expected seconds or milliseconds since 1970",
    ],
    [
      "flat",
      { type: "entry", id: 7, ts: "2026-03-02T09:00:00Z" },
      "/ts",
      "'ts' is '2026-03-02T09:00:00Z': expected seconds or milliseconds since 1970",
    ],
    ["flat", { type: "entry", id: 7, ts: "" }, "/ts", "'ts' is '': expected seconds or milliseconds since 1970"],
    ["flat", { type: "entry", id: 7, ts: true }, "/ts", "'ts' is true: expected seconds or milliseconds since 1970"],
    ["flat", { type: "entry", id: 7, ts: {} }, "/ts", "'ts' is an object: expected seconds or milliseconds since 1970"],
    ["flat", '{"type":"entry","id":7,"ts":1e30}', "/ts", "'ts' is 1e30: expected seconds or milliseconds since 1970"],
    [
      "envelope",
      { event_type: "entry", event_timestamp: "2026-02-30", payload: { customer_id: 7 } },
      "/event_timestamp",
      "'event_timestamp' is '2026-02-30': expected a time like 2026-03-01T09:30:00Z, or seconds or milliseconds since 1970",
    ],
    [
      "CloudEvent",
      { specversion: "1.0", type: "entry", subject: "7", time: "noon" },
      "/time",
      "'time' is 'noon': expected a time like 2026-03-01T09:30:00Z",
    ],
    [
      "CloudEvent",
      { specversion: "1.0", type: "entry", subject: "7", time: 1_700_000_000 },
      "/time",
      "'time' is 1700000000: expected a time like 2026-03-01T09:30:00Z",
    ],
  ])("of the %s form is refused when it is none: %j", (_, payload, pointer, detail) => {
    expect(problemOf(payload)).toEqual({ code: "invalid-time", pointer, detail });
  });
});

describe("the id", () => {
  const idOf = (event_id: unknown) => eventOf({ type: "entry", id: 7, event_id }).id;

  it.each([
    ["text", "e-1", "e-1"],
    ["a number, as it is written", 12, "12"],
    ["unicode", "é✓𝒳", "é✓𝒳"],
    ["of the longest length", "x".repeat(256), "x".repeat(256)],
    ["missing", null, null],
  ])("may be %s", (_, given, expected) => {
    expect(idOf(given)).toBe(expected);
  });

  it.each([
    ["empty", "", "''"],
    ["too long", "x".repeat(257), `'${"x".repeat(40)}…'`],
    ["an object", {}, "an object"],
  ])("may not be %s", (_, event_id, shown) => {
    expect(problemOf({ type: "entry", id: 7, event_id })).toEqual({
      code: "invalid-id",
      pointer: "/event_id",
      detail: `'event_id' is ${shown}: expected text of 1 to 256 bytes`,
    });
  });

  it("comes with the source where the form has one", () => {
    const event = { specversion: "1.0", type: "entry", subject: "7", id: "a" };

    expect(eventOf({ ...event, source: "/till/1" }).source).toBe("/till/1");
    expect(eventOf(event).source).toBe("");
    expect(problemOf({ ...event, source: 1.5e9, id: false }).code).toBe("invalid-id");
    expect(problemOf({ ...event, source: [] }).code).toBe("invalid-source");
  });
});

describe("a field", () => {
  it.each([
    ["Boys", "Boys"],
    ["boys", "Boys"],
    ["Boy's", "Boys"],
    ["BOY'S", "Boys"],
    ["Sports", "Sport"],
    ["sport", "Sport"],
  ])("names a department by any of its names: %s", (dep, department) => {
    expect(eventOf({ type: "focus", id: 7, dep }).fields).toEqual({ department });
  });

  it.each([
    ["shown", "shown"],
    ["view_promotion", "shown"],
    ["Select_Promotion", "selected"],
    ["purchase", "redeemed"],
    ["refund", "returned"],
  ])("names an action by any of its names: %s", (action, expected) => {
    expect(eventOf({ type: "outcome", id: 7, coupon: "12", action }).fields).toEqual({
      coupon: "12",
      action: expected,
    });
  });

  it("takes the type of an event for its action where the site says so", () => {
    expect(eventOf({ type: "purchase", id: 7, coupon: "12" })).toMatchObject({
      type: "outcome",
      fields: { action: "redeemed" },
    });
  });

  it.each([
    ["3.5", 3.5],
    ["-1e2", -100],
    ["0", 0],
  ])("is a number: %s", (written, expected) => {
    expect(eventOf(`{"type":"move","id":7,"x":${written},"y":0}`).fields).toEqual({ x: expected, y: 0 });
  });

  it("that is optional may be missing", () => {
    expect(eventOf({ type: "focus", id: 7, dep: "Boys", x: null }).fields).toEqual({ department: "Boys" });
  });

  it.each<[string, unknown, Problem]>([
    [
      "a department that the site lacks",
      { type: "focus", id: 7, dep: "x' OR '1'='1" },
      {
        code: "unknown-department",
        pointer: "/dep",
        detail: "'x' OR '1'='1' is no department of this site: expected one of Boys, Sport",
      },
    ],
    [
      "a slip in a department",
      { event_type: "focus", payload: { customer_id: 7, category: "Spor" } },
      {
        code: "unknown-department",
        pointer: "/payload/category",
        detail: "'Spor' is no department of this site (did you mean 'Sport'?): expected one of Boys, Sport",
      },
    ],
    [
      "no department",
      { type: "focus", id: 7 },
      { code: "missing-field", pointer: "/category", detail: "an event of type 'focus' needs 'category'" },
    ],
    [
      "an empty department",
      { type: "focus", id: 7, dep: "" },
      { code: "invalid-field", pointer: "/dep", detail: "'dep' is '': expected text of 1 to 256 bytes" },
    ],
    [
      "a list of departments",
      { type: "focus", id: 7, dep: ["Boys"] },
      { code: "invalid-field", pointer: "/dep", detail: "'dep' is an array: expected text of 1 to 256 bytes" },
    ],
    [
      "no x",
      { type: "move", id: 7, y: 1 },
      { code: "missing-field", pointer: "/x", detail: "an event of type 'move' needs 'x'" },
    ],
    [
      "a number as text",
      { type: "move", id: 7, x: "1", y: 1 },
      { code: "invalid-field", pointer: "/x", detail: "'x' is '1': expected a number" },
    ],
    [
      "a number beyond all",
      '{"type":"move","id":7,"x":1e999,"y":1}',
      { code: "invalid-field", pointer: "/x", detail: "'x' is 1e999: expected a number" },
    ],
    [
      "an optional number that is none",
      { type: "focus", id: 7, dep: "Boys", x: false },
      { code: "invalid-field", pointer: "/x", detail: "'x' is false: expected a number" },
    ],
    [
      "an unknown action",
      { type: "outcome", id: 7, action: "burnt" },
      {
        code: "unknown-action",
        pointer: "/action",
        detail: "'burnt' is no action of this site: expected one of shown, selected, dismissed, redeemed, returned",
      },
    ],
  ])("is refused: %s", (_, payload, problem) => {
    expect(problemOf(payload)).toEqual(problem);
  });

  it("that nobody declared passes untouched, whatever it is called", () => {
    const strange = { "": 1, "a.b": 2, __proto__x: 3, constructor: "x", "é✓𝒳": { "😀": [] }, toString: null };

    expect(eventOf({ type: "entry", id: 7, ...strange })).toEqual(eventOf({ type: "entry", id: 7 }));
  });
});

describe("a payload", () => {
  it.each([
    ["no JSON", "junk", 0, "an object"],
    ["nothing", "", 0, "an object"],
    ["an array", "[1]", 0, "an object"],
    ["half an object", '{"type":"entry","id":7', 22, "',' or '}'"],
    ["more than an object", '{"type":"entry","id":7} x', 24, "the end"],
  ])("is malformed when it is %s", (_, payload, offset, expected) => {
    expect(problemOf(payload)).toEqual({
      code: "malformed",
      pointer: "",
      offset,
      detail: `byte ${offset}: expected ${expected}`,
    });
  });

  it("is malformed when its bytes are no UTF-8, also where nobody reads", () => {
    const payload = Buffer.concat([bytes('{"type":"entry","id":7,"note":"'), Buffer.from([0xff]), bytes('"}')]);

    const [result] = shopReader().read([payload], [{ type: null, headers: {} }]);

    expect(result).toMatchObject({ code: "malformed", offset: 31 });
  });

  it("does not keep its neighbours from being read", () => {
    const reader = shopReader();
    const payloads = ['{"type":"entry","id":1}', "junk", '{"type":"entry","id":2}', "{}", '{"type":"exit","id":3}'];

    const results = reader.read(
      payloads.map(bytes),
      payloads.map(() => ({ type: null, headers: {} })),
    );

    expect(results.map((result) => (isProblem(result) ? result.code : result.identity))).toEqual([
      "1",
      "malformed",
      "2",
      "missing-type",
      "3",
    ]);
  });

  it("that is random never throws, and is an event or a problem with a code and a detail", () => {
    const words = ["type", "id", "ts", "dep", "payload", "customer_id", "specversion", "entry", "focus", "Boys", "7"];
    const reader = shopReader();
    for (let seed = 1; seed <= 500; seed++) {
      const random = prng(seed);
      const pick = () => words[Math.floor(random() * words.length)]!;
      const value = (depth: number): unknown => {
        const kind = Math.floor(random() * (depth > 2 ? 5 : 7));
        if (kind === 5) return [value(depth + 1)];
        if (kind === 6) return Object.fromEntries(Array.from({ length: 4 }, () => [pick(), value(depth + 1)]));
        return [null, true, random() * 1e12, pick(), ""][kind];
      };
      const whole = JSON.stringify(Object.fromEntries(Array.from({ length: 6 }, () => [pick(), value(0)])));
      const payload = random() < 0.3 ? whole.slice(0, Math.floor(random() * whole.length)) : whole;

      const result = read(reader, payload, { type: random() < 0.5 ? pick() : null });

      expect(
        isProblem(result) ? result.detail.length > 0 : EVENTS.types.has(result.type),
        `seed ${seed}: ${payload}`,
      ).toBe(true);
    }
  });
});

it("a reader names the types that it knows", () => {
  expect(shopReader().types).toEqual(["entry", "focus", "move", "exit", "outcome"]);
});
