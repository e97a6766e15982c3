import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { Expressions } from "../support/evaluate.ts";

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

function python(...args: string[]): string {
  const { stdout } = spawnSync("python3", args, {
    encoding: "utf8",
    env: { ...process.env, PYTHONIOENCODING: "utf-8" },
    maxBuffer: 1 << 28,
  });
  return stdout ?? "";
}

/** Made with another Unicode, Python would rightly disagree. */
const isSame = python("-c", "import unicodedata; print(unicodedata.unidata_version)").trim() === "14.0.0";

const EXPRESSIONS = [
  "text.upper()",
  "text.lower()",
  "text.title()",
  "text.split()",
  "[c.capitalize() for c in text]",
  "[c.isalpha() for c in text]",
  "[c.isalnum() for c in text]",
  "[c.isdigit() for c in text]",
  "[c.isspace() for c in text]",
  "[c.islower() for c in text]",
  "[c.isupper() for c in text]",
  "[int(c) for c in text if c.isdigit() and c not in '²³¹' and int(c) >= 0]",
];

/** For texts of all characters, a space behind each: the text as JSON, and what Python makes of it. */
const SCRIPT = `
import json, sys, unicodedata
known = [c for c in map(chr, range(0x110000)) if unicodedata.category(c) not in ("Cn", "Co", "Cs")]
for at in range(0, len(known), 500):
    text = " ".join(known[at : at + 500])
    values = []
    for code in ${JSON.stringify(EXPRESSIONS)}:
        try:
            values.append(repr(eval(code, {"text": text})))
        except Exception as error:
            values.append(type(error).__name__)
    print(json.dumps([text, values]))
`;

describe.skipIf(!isSame)("characters", () => {
  it("are in assembly/text/unicode-table.ts what Python 3.11 knows of them", () => {
    const table = readFileSync(path("../../assembly/text/unicode-table.ts"), "utf8");

    expect(python(path("../support/unicode-table.py"))).toBe(table);
  });

  it("all have the kind and the case that they have in Python", () => {
    const machine = new Expressions(EXPRESSIONS.map((code) => code.replaceAll("text", "source.text")));
    const wrong: string[] = [];
    for (const line of python("-c", SCRIPT).trimEnd().split("\n")) {
      const [text, expected]: [string, string[]] = JSON.parse(line);
      for (const [i, evaluated] of machine.evaluate(JSON.stringify({ text })).entries()) {
        const found =
          "value" in evaluated ? evaluated.value : "fault" in evaluated ? evaluated.fault : evaluated.problem;
        if (found !== expected[i])
          wrong.push(`${EXPRESSIONS[i]} of '${text.slice(0, 8)}…': ${found}, not ${expected[i]}`);
      }
    }

    expect(wrong.slice(0, 5)).toEqual([]);
  });
});
