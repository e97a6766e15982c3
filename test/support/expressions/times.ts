import * as literals from "../literals.ts";
import { display } from "./collections.ts";
import type { Maker, TimeKind, Wanted } from "./maker.ts";
import { closed, open, type Part } from "./part.ts";

const UNITS = ["days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks"];

export function time(m: Maker, kind: TimeKind, depth: number): Part {
  switch (kind) {
    case "datetime":
      return datetime(m, depth);
    case "date":
      return date(m, depth);
    case "timedelta":
      return timedelta(m, depth);
    case "zone":
      return zone(m, depth);
  }
}

function datetime(m: Maker, depth: number): Part {
  const { dice } = m;
  const make = (wanted: Wanted) => m.make(wanted, depth);
  return m.pick([
    () => {
      const [year, month, day] = [1 + dice.below(9999), 1 + dice.below(12), 1 + dice.below(31)].map(String);
      const clock = ["23", "59", "60", "999999"];
      return m.call(
        "datetime",
        year!,
        month!,
        day!,
        ...dice.some<string | Part>(...clock, closed("tzinfo=", make("zone"))),
      );
    },
    () => m.call("datetime", make("int"), make("int"), make("int")),
    () => m.call("datetime.fromtimestamp", make("number"), ...dice.some(make("zone"))),
    () => m.call("datetime.fromtimestamp", "1520462133.5", closed("tz=", make("zone"))),
    () => m.call("datetime.utcfromtimestamp", make("number")),
    () => m.call("datetime.strptime", ...literals.read(dice)),
    () => m.call("datetime.strptime", make("text"), literals.read(dice)[1]),
    () => {
      const format = literals.readable(dice);
      return m.call("datetime.strptime", m.method(make("datetime"), "strftime", format), format);
    },
    () => m.call("datetime.fromisoformat", literals.iso(dice)),
    () => m.call("datetime.fromisoformat", m.method(make("datetime"), "isoformat")),
    () => m.call("parse", dice.chance(0.5) ? "source.d" : literals.iso(dice)),
    () => m.operator(make("datetime"), dice.one([" + ", " - "]), make("timedelta")),
    () => m.operator(make("timedelta"), " + ", make("datetime")),
    () => m.method(make("datetime"), "astimezone", ...dice.some(make("zone"))),
    () => m.method(make("datetime"), "replace", closed(dice.one(["year=", "month=", "day=", "hour="]), make("int"))),
    () => m.method(make("datetime"), "replace", closed("tzinfo=", make(dice.chance(0.5) ? "zone" : "none"))),
  ]);
}

function date(m: Maker, depth: number): Part {
  const { dice } = m;
  const make = (wanted: Wanted) => m.make(wanted, depth);
  return m.pick([
    () => m.method(make("datetime"), "date"),
    () => m.call("date", make("int"), make("int"), make("int")),
    () => m.operator(make("date"), dice.one([" + ", " - "]), make("timedelta")),
    () => m.method(make("date"), "replace", closed(dice.one(["year=", "month=", "day="]), make("int"))),
  ]);
}

function timedelta(m: Maker, depth: number): Part {
  const { dice } = m;
  const make = (wanted: Wanted) => m.make(wanted, depth);
  return m.pick([
    () => m.call("timedelta", ...dice.some(make("number"), make("number"))),
    () => m.call("timedelta", closed(`${dice.one(UNITS)}=`, make("number"))),
    () => m.operator(make("datetime"), " - ", make("datetime")),
    () => m.operator(make("date"), " - ", make("date")),
    () => m.operator(make("timedelta"), dice.one([" + ", " - ", " % "]), make("timedelta")),
    () => m.operator(make("timedelta"), dice.one([" * ", " / "]), make("number")),
    () => m.operator(make("number"), " * ", make("timedelta")),
    () => m.operator(make("timedelta"), " // ", make("int")),
    () => open(dice.one(["-", "+"]), m.operand(make("timedelta"))),
    () => m.call("abs", make("timedelta")),
    () => m.method(make("datetime"), "utcoffset"),
    () => m.call("sum", display(m, "[", "timedelta", "]", depth), "timedelta()"),
  ]);
}

function zone(m: Maker, depth: number): Part {
  if (m.dice.chance(0.6)) return m.call("timezone", m.make("timedelta", depth));
  return m.attribute(m.make("datetime", depth), ["tzinfo"]);
}
