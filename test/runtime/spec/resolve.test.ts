import { describe, expect, it } from "vitest";
import { parseExpression } from "../../../runtime/spec/parse.ts";
import { type Import, resolve, resolveImports, type Scope, type Shape } from "../../../runtime/spec/resolve.ts";
import type { FieldType } from "../../../runtime/spec/spec.ts";
import { prng } from "../../support/prng.ts";
import { termText } from "../../support/term-text.ts";
import { expressions } from "./expressions.cases.ts";

const shape = (name: string, fields: Readonly<Record<string, FieldType | null>>): Shape => ({
  name,
  columns: Object.entries({ _identity: "string" as const, ...fields }).map(([name, type]) => ({ name, type })),
});

const importing = (...list: Import[]) => resolveImports(list).imports;

const user = shape("user", { country: "string", installed: "datetime" });
const session = shape("session", {
  _start_time: "datetime",
  _end_time: "datetime",
  events: "integer",
  price: "float",
  label: "string",
  won: "boolean",
  tags: "list",
  badges: "map",
  seen: "set",
  "os-version": "string",
  odd: null,
});

/** The fields of a streaming spec. */
const streaming: Scope = {
  source: "event",
  time: true,
  identity: true,
  aggregates: [user, session],
  whose: "stream",
  defined: 2,
  stream: null,
  anchor: null,
  bareFields: null,
  imports: importing(
    { module: "dateutil", identifiers: ["parser"] },
    { module: "datetime", identifiers: ["datetime", "timezone", "timedelta"] },
  ),
  compat: false,
};

/** The fields of the first of two window aggregates. */
const windowed: Scope = {
  ...streaming,
  source: session,
  time: false,
  aggregates: [shape("last_day", { total: "integer" }), shape("next_day", { total: "integer" })],
  whose: "window",
  defined: 1,
  stream: { name: "sessions", aggregates: [user, session] },
  anchor: 1,
};

const compat = (scope: Scope): Scope => ({ ...scope, compat: true });

describe("a name", () => {
  it.each([
    // The event.
    ["source.a.b", "source.a.b"],
    ["source['a']['b'].c", "source.a.b.c"],
    ["source", "source"],
    ["source['os-version']", "source.os-version"],
    ["source['items'][0].p", "source.items[0].p"],
    ["source.lst[0:1][0].p", "source.lst[0:1:_][0].p"],
    ["source[identity]", "source[identity]"],
    ["source.__class__", "source.__class__"],
    ["source.items()", "source.items()"],
    ["source.get('k', 1)", "source.get('k', 1)"],
    ["source.a.update({})", "source.a.update({})"],
    ["source.count + 1", "(source.count + 1)"],
    ["source.date", "source.date"],
    ["'a' in source", "('a' in source)"],

    // Aggregates, time and identity.
    ["session.events + 1", "(stream:session.events + 1)"],
    ["session['os-version'].split('.')[0]", "stream:session.os-version.split('.')[0]"],
    ["time - session._end_time", "(time - stream:session._end_time)"],
    ["user._identity == identity", "(stream:user._identity == identity)"],
    ["user.installed or time", "(stream:user.installed or time)"],

    // Functions, methods, attributes.
    ["parser.parse(source.t)", "parse(source.t)"],
    ["datetime.fromtimestamp(source.t, timezone.utc)", "datetime.fromtimestamp(source.t, tzutc())"],
    ["datetime(2020, 1, 2).date()", "datetime(2020, 1, 2).date()"],
    ["(time - session._end_time).days", "(time - stream:session._end_time).days"],
    ["session.badges.increment('a').update({'b': 1})", "stream:session.badges.increment('a').update({'b': 1})"],
    ["sum(x for x in source.l)", "sum(generator<$0 for $0 in source.l>)"],
    ["list(zip(source.a, source.b))", "list(zip(source.a, source.b))"],
    ["-source.x if not source.y else +1.5", "((- source.x) if (not source.y) else (+ 1.5))"],
    ["{source.a, 'b'}", "{source.a, 'b'}"],
    ["(source.a, None)", "(source.a, None,)"],

    // What a `for` names.
    ["[x for x in source.v if x in source.v]", "list<$0 for $0 in source.v if ($0 in source.v)>"],
    ["{k: v for k, (v, w) in source.m.items() if w}", "map<$0: $1 for ($0, ($1, $2)) in source.m.items() if $2>"],
    ["[y for x in source.a for y in x]", "list<$1 for $0 in source.a for $1 in $0>"],
    ["[[y for y in x] for x in source.a]", "list<list<$1 for $1 in $0> for $0 in source.a>"],
    ["[x for x in [x for x in source.a]]", "list<$0 for $0 in list<$0 for $0 in source.a>>"],
    ["[x for x in source.a] + [y for y in source.b]", "(list<$0 for $0 in source.a> + list<$0 for $0 in source.b>)"],
    ["[session for session in source.a] + [session.events]", "(list<$0 for $0 in source.a> + [stream:session.events])"],
    ["[x for x in source.a for x in x]", "list<$1 for $0 in source.a for $1 in $0>"],
    ["{len for len in source.a}", "set<$0 for $0 in source.a>"],
  ])("of a streaming spec: %s", (text, expected) => {
    expect(resolved(text, streaming)).toBe(expected);
  });

  it.each([
    ["source.events", "series:events"],
    ["source['events'][0]", "series:events[0]"],
    ["sum(source.price) / len(source.price)", "(sum(series:price) / len(series:price))"],
    ["max(source._start_time) < anchor._start_time", "(max(series:_start_time) < anchor:session._start_time)"],
    ["sessions.user.country", "stream:user.country"],
    ["sessions.session.events + last_day.total", "(stream:session.events + window:last_day.total)"],
    ["[x for x in source.events if x in source.events]", "list<$0 for $0 in series:events if ($0 in series:events)>"],
    ["source.tags[0][0].split(',')", "series:tags[0][0].split(',')"],
  ])("of a window spec: %s", (text, expected) => {
    expect(resolved(text, windowed)).toBe(expected);
  });

  it("may be an own field alone, in the first draft", () => {
    const draft = { ...streaming, bareFields: 1 };

    expect(resolved("events + session.events", draft)).toBe("(stream:session.events + stream:session.events)");
    expect(resolved("source.label != label", draft)).toBe("(source.label != stream:session.label)");
    expect(resolved("[events for events in source.e]", draft)).toBe("list<$0 for $0 in source.e>");
  });

  it.each<[Import, string, string]>([
    [
      { module: "datetime", identifiers: null },
      "datetime.datetime.strptime(source.t, '%Y')",
      "datetime.strptime(source.t, '%Y')",
    ],
    [{ module: "datetime", identifiers: null }, "datetime.timezone.utc", "tzutc()"],
    [{ module: "datetime", identifiers: null }, "datetime.UTC", "tzutc()"],
    [{ module: "datetime as d", identifiers: null }, "d.date(2020, 1, 1)", "date(2020, 1, 1)"],
    [{ module: "datetime", identifiers: ["timezone as tz"] }, "tz.utc", "tzutc()"],
    [{ module: "dateutil", identifiers: null }, "dateutil.parser.parse(source.t)", "parse(source.t)"],
    [{ module: "dateutil.parser", identifiers: null }, "dateutil.tz.tzutc()", "tzutc()"],
    [{ module: "dateutil.parser", identifiers: ["parse as p"] }, "p(source.t)", "parse(source.t)"],
    [{ module: "dateutil", identifiers: ["tz"] }, "tz.UTC", "tzutc()"],
  ])("may be imported: %j, %s", (entry, text, expected) => {
    expect(resolved(text, { ...streaming, imports: importing(entry) })).toBe(expected);
  });
});

const CROWDED = `max(${Array(201).fill("1").join(", ")})`;

describe("arguments", () => {
  it.each([
    ["datetime(2020, month=1, day=2, tzinfo=timezone.utc)", "datetime(2020, 1, 2, _, _, _, _, tzutc())"],
    ["timedelta(hours=1)", "timedelta(_, _, _, _, _, 1)"],
    ["sorted(source.l, reverse=True)", "sorted(source.l, True)"],
    ["session.tags.sort(reverse=True)", "stream:session.tags.sort(True)"],
    ["round(1.5, ndigits=None)", "round(1.5, None)"],
    ["int('ff', base=16)", "int('ff', 16)"],
    ["session.label.split(maxsplit=1)", "stream:session.label.split(_, 1)"],
    ["time.replace(hour=0, minute=0)", "time.replace(_, _, _, 0, 0)"],
    ["session.badges.increment('a', by=2)", "stream:session.badges.increment('a', 2)"],
    ["dict(a=1, b='x')", "{'a': 1, 'b': 'x'}"],
    ["dict(session.badges, a=1)", "dict(stream:session.badges, {'a': 1})"],
    ["session.badges.update(a=1)", "stream:session.badges.update({'a': 1})"],
    ["session.badges.update({'b': 2}, a=1)", "stream:session.badges.update({'b': 2}).update({'a': 1})"],
  ])("are put into their places: %s", (text, expected) => {
    expect(resolved(text, streaming)).toBe(expected);
  });

  it.each([
    ["len()", "len()", "'len' takes 1 argument, got 0"],
    ["len(source.a, 1)", "len(source.a, 1)", "'len' takes 1 argument, got 2"],
    ["range()", "range()", "'range' takes at least 1 argument, got 0"],
    ["datetime(2020, 1)", "datetime(2020, 1)", "'datetime' takes at least 3 arguments, got 2: 'day' is missing"],
    [
      "datetime(2020, 1, hour=1)",
      "datetime(2020, 1, hour=1)",
      "'datetime' takes at least 3 arguments, got 3: 'day' is missing",
    ],
    ["datetime(2020, 1, 1, year=1)", "year", "'year' of 'datetime' is given twice: by place and by name"],
    ["sorted(source.a, key=1)", "key", "'sorted' has no argument 'key': it takes reverse"],
    ["sorted(source.a, revrese=1)", "revrese", "'sorted' has no argument 'revrese' (did you mean 'reverse'?)"],
    [
      "sorted(source.a, True)",
      "sorted(source.a, True)",
      "'sorted' takes 1 argument, got 2; 'reverse' is given by name",
    ],
    ["len(x=1)", "x", "'len' has no argument 'x': it takes none by name"],
    ["int(base=16)", "int(base=16)", "'int' needs an argument by place"],
    ["session.label.split(',', 1, 2)", "session.label.split(',', 1, 2)", "'split' takes at most 2 arguments, got 3"],
    ["session.tags.append()", "session.tags.append()", "'append' takes 1 argument, got 0"],
    ["session.badges.setdefault()", "session.badges.setdefault()", "'setdefault' takes at least 1 argument, got 0"],
    [CROWDED, CROWDED, "201 arguments, expected at most 200"],
    ["dict(1, 2, a=1)", "dict(1, 2, a=1)", "'dict' takes 1 argument by place, got 2"],
  ])("that are wrong are a problem: %s", (text, at, message) => {
    expect(problemsOf(text, streaming)).toEqual([{ at, message }]);
  });
});

describe("a problem", () => {
  it.each([
    // Names.
    ["sesion.events", "sesion", "unknown name 'sesion' (did you mean 'session'?)"],
    ["k == 1", "k", "unknown name 'k'"],
    ["events + 1", "events", "unknown name 'events' (did you mean 'session.events'?)"],
    ["session.event", "event", "'session' has no field 'event' (did you mean 'events'?)"],
    ["session['evens']", "'evens'", "'session' has no field 'evens' (did you mean 'events'?)"],
    ["user.time", "time", "'user' has no field 'time': it has _identity, country, installed"],
    ["session", "session", "'session' is an aggregate, no value: expected one of its fields, as in session.events"],
    [
      "session == None",
      "session",
      "'session' is an aggregate, no value: expected one of its fields, as in session.events",
    ],
    ["null", "null", "unknown name 'null' (did you mean 'None'?)"],
    ["true", "true", "unknown name 'true' (did you mean 'True'?)"],
    ["undefined", "undefined", "unknown name 'undefined' (did you mean 'None'?)"],
    ["count(source.x)", "count", "unknown name 'count' (did you mean 'len'?)"],
    [
      "anchor.x",
      "anchor",
      "'anchor' is not known here: it is a block of the streaming spec, in the aggregates of a window spec",
    ],
    ["[y for x in source.a for y in y]", "y", "'y' is used before it is defined: its 'for' stands further on"],
    ["[x for x in source.a] + x", "x", "unknown name 'x'"],

    // Python's.
    [
      "parse(source.t)",
      "parse",
      "'parse' is not imported: add { Module: dateutil.parser, Identifiers: [parse] } to Import",
    ],
    ["tz.tzutc()", "tz", "'tz' is not imported: add { Module: dateutil, Identifiers: [tz] } to Import"],
    ["datetime.now()", "now", "'now' is not available: an expression has no clock; the event's time is 'time'"],
    [
      "datetime.strftime(time, '')",
      "strftime",
      "'datetime.datetime' has no 'strftime' here (did you mean 'strptime'?)",
    ],
    ["datetime.datetime(2020, 1, 1)", "datetime", "'datetime.datetime' has no 'datetime' here: it is that itself"],
    ["parser", "parser", "'parser' is a module, no value, as in parser.parse"],
    ["parser()", "parser", "'parser' is a module, no function"],
    ["len", "len", "'len' is a function, no value: call it, len(…)"],
    [
      "map(1, source.x)",
      "map",
      "Python's 'map' is not available: write a comprehension, as in [str(x) for x in source.list]",
    ],
    ["pow(2, 3)", "pow", "Python's 'pow' is not available: write a ** b"],
    ["print(1)", "print", "Python's 'print' is not available"],
    ["eval('1')", "eval", "Python's 'eval' is not available"],
    ["'a'.center(3)", "center", "Python's method 'center' is not available"],
    ["constructor", "constructor", "unknown name 'constructor'"],
    [
      "session.constructor",
      "constructor",
      "'session' has no field 'constructor': it has _identity, _start_time, _end_time, events, price, label, won, tags, …",
    ],
    ["session.label.toString()", "toString", "there is no method 'toString'"],

    // Methods and attributes.
    ["session.label.splt(',')", "splt", "there is no method 'splt' (did you mean 'split'?)"],
    ["session.tags.split(',')", "split", "'session.tags' is a list, which has no 'split'"],
    ["session.seen.append(1)", "append", "'session.seen' is a set, which has no 'append'"],
    ["source.title()", "title", "'source' is a map, which has no 'title'"],
    ["source.items", "items", "'items' is a method: call it, or write ['items'] for the key"],
    ["source.a.values[0]", "values", "'values' is a method: call it, or write ['values'] for the key"],
    [
      "source.t.date()",
      "date",
      "'source.t' is a value of the event, which has no 'date': make a datetime of it first, with parse(…)",
    ],
    ["time.date == 1", "date", "'date' is a method: call it, .date()"],
    [
      "(time - user.installed).day",
      "day",
      "'time - user.installed' is a timedelta, which has no 'day' (did you mean 'days'?)",
    ],
    ["session.badges.a", "a", "a map's keys are no attributes: write ['a']"],
    ["session.label()", "session.label", "'session.label' is text, no function"],
    ["source.x()", "x", "there is no method 'x'"],
    ["source.x[0]()", "source.x[0]", "'source.x[0]' is a value of the event, no function"],

    // Kinds of values.
    [
      "session.events + 'a'",
      "session.events + 'a'",
      "'+' can't take an integer and text: convert one, with str(…), int(…) or float(…)",
    ],
    [
      "session.label < 1",
      "session.label < 1",
      "'<' can't take text and an integer: convert one, with str(…), int(…) or float(…)",
    ],
    [
      "1 < session.events < 'a'",
      "session.events < 'a'",
      "'<' can't take an integer and text: convert one, with str(…), int(…) or float(…)",
    ],
    [
      "time - source.t",
      "time - source.t",
      "'-' can't take a datetime and a value of the event: make a datetime first, with parse(…) or datetime.fromtimestamp(…)",
    ],
    [
      "user.installed > 5",
      "user.installed > 5",
      "'>' can't take a datetime and an integer: make a datetime first, with parse(…) or datetime.fromtimestamp(…)",
    ],
    ["session.seen + [1]", "session.seen + [1]", "'+' can't take a set and a list"],
    ["'%s' % session.label", "'%s' % session.label", "'%' does not format text: join parts with +, and str(…)"],
    ["-session.label", "-session.label", "'-' can't take text"],
    [
      "1 in session.label",
      "1 in session.label",
      "'in' looks for text in text, got an integer: convert it, with str(…)",
    ],
    ["'a' in session.events", "'a' in session.events", "'in' looks into text or a collection, got an integer"],
    ["session.events[0]", "session.events[0]", "'session.events' is an integer, which has no elements for [ ]"],
    ["session.tags['a']", "'a'", "an element of a list is taken by an integer, got text"],
    ["session.badges[0:1]", "session.badges[0:1]", "'session.badges' is a map, which has no parts for [from:to]"],
    ["session.label['a':]", "session.label['a':]", "[from:to:step] takes integers"],
    ["len(session.events)", "session.events", "'len' takes text or a collection, got an integer"],
    ["float(time)", "time", "'float' takes a number or text, got a datetime"],
    ["session.label.find(1)", "1", "'find' takes text, got an integer: convert it, with str(…)"],
    ["timedelta(days='1')", "'1'", "'timedelta' takes a number, got text: convert it, with int(…) or float(…)"],
    [
      "sum(session.label.split(','))",
      "session.label.split(',')",
      "'sum' adds numbers, got text: convert each, as in sum([float(x) for x in …])",
    ],
    ["[x for x in session.events]", "session.events", "'for' goes through text or a collection, got an integer"],
    [
      "len(zip(source.a, source.b))",
      "zip(source.a, source.b)",
      "'len' takes text or a collection, got an iterator: make a list of it, with list(…)",
    ],
    ["[source.m.items()]", "source.m.items()", "a view of a map is no value to keep: make a list of it, with list(…)"],
    [
      "source.m.keys() == ['a']",
      "source.m.keys() == ['a']",
      "'==' can't take a view of a map and a list: make a list first, with list(…)",
    ],
    [
      "(x for x in source.a)[0]",
      "(x for x in source.a)[0]",
      "'(x for x in source.a)' is an iterator, which has no elements for [ ]",
    ],
  ])("of a streaming spec: %s", (text, at, message) => {
    expect(problemsOf(text, streaming)).toContainEqual({ at, message });
  });

  it.each([
    [
      "source",
      "source",
      "'source' is the blocks of the window, no value: expected one of its fields, as in source.events",
    ],
    ["source.event", "event", "'session' has no field 'event' (did you mean 'events'?)"],
    ["anchor", "anchor", "'anchor' is an aggregate, no value: expected one of its fields, as in anchor.events"],
    ["sessions", "sessions", "'sessions' is the streaming spec, no value: expected a field, as in sessions.user.field"],
    ["sessions.usr.country", "usr", "'sessions' has no aggregate 'usr' (did you mean 'user'?)"],
    [
      "sessions.user",
      "sessions.user",
      "'sessions.user' is an aggregate, no value: expected one of its fields, as in sessions.user.country",
    ],
    ["session.events", "session", "unknown name 'session' (did you mean 'sessions.session'?)"],
    ["label", "label", "unknown name 'label' (did you mean 'source.label'?)"],
    [
      "next_day.total",
      "next_day",
      "'next_day' is used before it is defined: it stands further down, and is empty here",
    ],
    [
      "time",
      "time",
      "'time' is not known here: it is the event's, in the aggregates of a streaming spec; blocks have _start_time and _end_time",
    ],
    [
      "sum(source.label)",
      "source.label",
      "'sum' adds numbers, got text: convert each, as in sum([float(x) for x in …])",
    ],
    [
      "source.label[0] + 1",
      "source.label[0] + 1",
      "'+' can't take text and an integer: convert one, with str(…), int(…) or float(…)",
    ],
    ["source.events + 1", "source.events + 1", "'+' can't take a list and an integer"],
  ])("of a window spec: %s", (text, at, message) => {
    expect(problemsOf(text, windowed)).toContainEqual({ at, message });
  });

  it("is told of each mistake, in their order", () => {
    expect(problemsOf("foo + session.bar if len() else baz", streaming).map(({ at }) => at)).toEqual([
      ...["foo", "bar", "len()", "baz"],
    ]);
  });

  it("of a name is one, whatever is done with it", () => {
    expect(problemsOf("foo.bar(1)['x'][0:1].baz + 1 < foo2()", streaming).map(({ at }) => at)).toEqual(["foo", "foo2"]);
  });

  it("says where there is no 'source'", () => {
    expect(problemsOf("source.events[0]", { ...windowed, source: "early" })).toEqual([
      {
        at: "source",
        message: "'source' is used before it is defined: no window aggregate stands above this variable",
      },
    ]);
    expect(problemsOf("source.events[0]", { ...windowed, source: "absent" })).toEqual([
      {
        at: "source",
        message:
          "'source' is not known here: a window's condition and header read aggregates, as in spec.aggregate.field",
      },
    ]);
  });
});

describe("a value that may be right", () => {
  it.each([
    "source.a + 1",
    "source.a < 'x'",
    "source.a.split(',')[0] + source.b",
    "len(source.a) + float(source.b)",
    "source.lst[0].days",
    "[i.p for i in source.lst]",
    "user.installed > time",
    "user.installed is None or time - user.installed > timedelta(days=1)",
    "session.won + session.events",
    "session.events & 1",
    "(session.events if session.won else session.label) + 1",
    "(session.label or 0) + 1",
    "(source.x or 5) * 1.5",
    "session.badges['a'].b + 1",
    "session.tags[0].split('x')",
    "session.tags + [9]",
    "session.odd + 1 + session.odd.foo",
    "session.tags.append(3).append(1).sort()",
    "session.seen.add(1).copy().union({2, 3})",
    "min(source.a, session.events) - 1",
    "max([x.total for x in source.lst])",
    "sum([]) + sum([source.a, 1])",
    "time.replace(hour=0) - time",
    "'a' * session.events + str(1)",
    "bool(source.m.items())",
    "identity.split('_')[0]",
    "(1, 2) < (1, 'a')",
    "[1] == 'a'",
    "source.m.values()",
    "len(source.m.keys()) + len(range(3))",
    "1 if session.label == 5 else 2",
    "source.a[source.b][source.c]",
    "not session.events",
    "1 / 0",
  ])("is none to complain of: %s", (text) => {
    expect(problemsOf(text, streaming)).toEqual([]);
  });
});

describe("with compat", () => {
  it.each([
    ["k == 1", streaming, "(!NameError(name 'k' is not defined) == 1)"],
    ["count(source.x)", streaming, "!NameError(name 'count' is not defined)"],
    ["nosuch.v.w[0]", streaming, "!NameError(name 'nosuch' is not defined)"],
    ["user.time > time", streaming, "(!MissingAttributeError(time not defined in user) > time)"],
    ["source.zzz", windowed, "!MissingAttributeError(zzz not defined in session)"],
    ["sessions.zzz.a", windowed, "!MissingAttributeError(zzz not defined in sessions)"],
    ["next_day.total", windowed, "window:next_day.total"],
    ["time", windowed, "!NameError(name 'time' is not defined)"],
    ["source.v", { ...windowed, source: "early" }, "!NameError(name 'source' is not defined)"],
    ["source.v", { ...windowed, source: "absent" }, "!NameError(name 'source' is not defined)"],
    ["1 + 'a'", streaming, "(1 + 'a')"],
    ["session.events.split(len(1))", streaming, "stream:session.events.split(len(1))"],
    ["zip([1], [2])[0]", streaming, "zip([1], [2])[0]"],
    // What fails whatever the values are: None in place of an index.
    ["len()", streaming, "(,)[None]"],
    ["session.label.foo(nosuch)", streaming, "(stream:session.label,)[None]"],
    ["session.label(nosuch)", streaming, "(stream:session.label, !NameError(name 'nosuch' is not defined),)[None]"],
    ["source.items", streaming, "(source,)[None]"],
    // An aggregate is true, and equals nothing.
    ["session == None", streaming, "((None,) == None)"],
  ] as [string, Scope, string][])("what nobody defines ends the run when reached: %s", (text, scope, expected) => {
    expect(resolved(text, compat(scope))).toBe(expected);
  });

  it("a window's source is not known inside a comprehension, but for what it goes through first", () => {
    expect(resolved("[x for x in source.events if x in source.events]", compat(windowed))).toBe(
      "list<$0 for $0 in series:events if ($0 in !NameError(name 'source' is not defined))>",
    );
    expect(resolved("[y for x in source.events for y in source.tags]", compat(windowed))).toBe(
      "list<$1 for $0 in series:events for $1 in !NameError(name 'source' is not defined)>",
    );
    expect(resolved("[[y for y in source.tags] for x in source.events]", compat(windowed))).toBe(
      "list<list<$1 for $1 in !NameError(name 'source' is not defined)> for $0 in series:events>",
    );
    expect(resolved("[x for x in source.v if x in source.v]", compat(streaming))).toBe(
      "list<$0 for $0 in source.v if ($0 in source.v)>",
    );
  });

  it("an import that is not here ends the run when its name is used", () => {
    const { imports } = resolveImports([{ module: "math", identifiers: ["floor"] }], { compat: true });

    expect(resolved("floor(source.x)", { ...compat(streaming), imports })).toBe(
      "!ImportError(cannot import 'math.floor')",
    );
  });

  it.each(["pow(2, 3)", "'a'.center(3)", "len", "sorted(source.x, key=1)", "datetime.combine(1)"])(
    "what Python has and is not here stays a problem: %s",
    (text) => {
      expect(problemsOf(text, compat(streaming))).toHaveLength(1);
    },
  );
});

describe("any expression", () => {
  const SEED = 0xa15e;

  it(`gives a term or a problem with its place, and never throws (seed ${SEED})`, () => {
    const random = prng(SEED);
    const below = (n: number) => Math.floor(random() * n);
    const scopes = [streaming, windowed, compat(streaming), compat(windowed), { ...streaming, bareFields: 1 }];
    const names = [
      "session",
      "user",
      "source",
      "time",
      "last_day",
      "sessions",
      "anchor",
      "events",
      "x",
      "parser",
      "len",
    ];

    let resolvedOnes = 0;
    for (let run = 0; run < 10_000; run++) {
      let text = expressions[below(expressions.length)]!;
      for (let times = below(3); times > 0; times--) {
        const other = expressions[below(expressions.length)]!;
        text = [`(${text}) + (${other})`, `[${text} for x in ${other}]`, `(${text})[${other}]`, `f(${text}).x`][
          below(4)
        ]!;
      }
      text = text.replace(/\b[a-z_]+(?=\.)/g, (name) => (below(2) === 0 ? name : names[below(names.length)]!));
      const { expr } = parseExpression(text);
      if (expr === null) continue;
      for (const scope of scopes) {
        const { term, problems } = resolve(expr, text, scope);
        const wrong = problems.filter(({ start, end }) => !(0 <= start && start <= end && end <= text.length));
        if ((term === null) !== problems.length > 0 || wrong.length > 0) expect({ text, problems }).toBeNull();
        if (term !== null) resolvedOnes++;
      }
    }
    expect(resolvedOnes).toBeGreaterThan(1_000);
  });
});

function resolved(text: string, scope: Scope): string | null {
  const { expr, problems } = parseExpression(text, { compat: scope.compat });
  expect(problems).toEqual([]);
  const result = resolve(expr!, text, scope);
  expect(result.problems).toEqual([]);
  return result.term === null ? null : termText(result.term, scope);
}

function problemsOf(text: string, scope: Scope): { at: string; message: string }[] {
  const { expr, problems } = parseExpression(text, { compat: scope.compat });
  expect(problems).toEqual([]);
  return resolve(expr!, text, scope).problems.map(({ start, end, message }) => ({
    at: text.slice(start, end),
    message,
  }));
}
