import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  checkPattern,
  checkSubject,
  decodeToken,
  encodeToken,
  matches,
  subject,
  subjectBase,
  textsBelow,
} from "../../../runtime/bus/subject.ts";
import { SubjectTrie } from "../../../runtime/bus/trie.ts";

const invalid = expect.objectContaining({ code: "invalid" });
const anyText = fc.string({ unit: "binary" });

describe("encodeToken", () => {
  it.each([
    ["focus", "focus"],
    ["AZaz09_-", "AZaz09_-"],
    ["", "="],
    ["=", "=3D"],
    ["a.b", "a=2Eb"],
    ["*", "=2A"],
    [">", "=3E"],
    ["Boy's", "Boy=27s"],
    ["a b\r\n", "a=20b=0D=0A"],
    ["Grün", "Gr=C3=BCn"],
    ["緑", "=E7=B7=91"],
    ["🛒", "=F0=9F=9B=92"],
    ["\ufeffx", "=EF=BB=BFx"],
  ])("turns %j into '%s', and decodeToken back", (text, token) => {
    expect(encodeToken(text)).toBe(token);
    expect(decodeToken(token)).toBe(text);
  });

  it("round-trips any text as one token that can be published to", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const token = encodeToken(text);
        expect(token).toMatch(/^[A-Za-z0-9_=-]+$/);
        expect(decodeToken(token)).toBe(text);
        expect(() => checkSubject(token)).not.toThrow();
      }),
    );
  });

  it("gives different texts different tokens", () => {
    fc.assert(
      fc.property(anyText, anyText, (a, b) => {
        expect(encodeToken(a) === encodeToken(b)).toBe(a === b);
      }),
    );
  });
});

describe("decodeToken", () => {
  it.each(["", "a.b", "a b", "ü", "=4", "=G0", "=2e", "=41", "a=", "==", "=C3", "=C0=AE", "=ED=A0=80"])(
    "refuses '%s', which no text has as its token",
    (token) => {
      expect(() => decodeToken(token)).toThrow(invalid);
    },
  );

  it("accepts nothing but what encodeToken gives", () => {
    const nearly = fc.string({ unit: fc.constantFrom("=", "2", "E", "e", "C", "3", "B", "a", "_", ".") });
    fc.assert(
      fc.property(nearly, (token) => {
        let text: string;
        try {
          text = decodeToken(token);
        } catch {
          return;
        }
        expect(encodeToken(text)).toBe(token);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("subjectBase", () => {
  it("stands below 'aisle' unless told otherwise", () => {
    expect(subjectBase({ site: "store", place: "box-7.berlin" })).toBe("aisle.store.box-7=2Eberlin");
    expect(subjectBase({ prefix: "acme.edge", site: "store", place: "" })).toBe("acme.edge.store.=");
  });

  it.each(["", "a..b", "a b", "a.*", ">"])("refuses '%s' as prefix", (prefix) => {
    expect(() => subjectBase({ prefix, site: "store", place: "box" })).toThrow(invalid);
  });
});

describe("subject and textsBelow", () => {
  it("are each other's inverse", () => {
    fc.assert(
      fc.property(fc.array(anyText, { minLength: 1, maxLength: 4 }), (texts) => {
        expect(textsBelow("aisle.store.box", subject("aisle.store.box", ...texts))).toEqual(texts);
      }),
    );
  });

  it("know what is not below the base", () => {
    expect(textsBelow("aisle.store", "aisle.store")).toBeNull();
    expect(textsBelow("aisle.store", "aisle.stores.x")).toBeNull();
    expect(textsBelow("aisle.store", "x.aisle.store.y")).toBeNull();
  });

  it("refuse a token from outside that is not encoded", () => {
    expect(() => textsBelow("events", "events.entry.Grün")).toThrow(invalid);
  });
});

// Few different tokens, so that patterns and subjects meet often.
const token = fc.constantFrom("a", "b", "ab");
const subjects = fc.array(token, { minLength: 1, maxLength: 5 }).map((tokens) => tokens.join("."));
const patterns = fc
  .tuple(fc.array(fc.oneof(token, fc.constant("*")), { maxLength: 4 }), fc.constantFrom("", ">", "a", "*"))
  .map(([tokens, last]) => [...tokens, ...(last === "" ? [] : [last])])
  .filter((tokens) => tokens.length > 0)
  .map((tokens) => tokens.join("."));

/** By the words of the NATS documentation, with a regular expression: slow, and no code shared. */
function naive(pattern: string, subject: string): boolean {
  const source = pattern
    .split(".")
    .map((token) => (token === "*" ? "[^.]+" : token === ">" ? ".+" : token))
    .join("\\.");
  return new RegExp(`^${source}$`).test(subject);
}

describe("matches", () => {
  it("agrees with a naive matcher", () => {
    fc.assert(
      fc.property(patterns, subjects, (pattern, subject) => {
        expect(matches(pattern, subject)).toBe(naive(pattern, subject));
      }),
      { numRuns: 5_000 },
    );
  });
});

describe("SubjectTrie", () => {
  it("finds what a naive matcher finds, through additions and removals", () => {
    const step = fc.record({ pattern: patterns, add: fc.boolean(), value: fc.nat(3) });
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 40 }),
        fc.array(subjects, { minLength: 1, maxLength: 5 }),
        (steps, asked) => {
          const trie = new SubjectTrie<string>();
          const held = new Set<string>();
          for (const { pattern, add, value } of steps) {
            const entry = `${pattern} ${value}`;
            if (add) held.add(entry);
            else held.delete(entry);
            if (add) trie.add(pattern, entry);
            else trie.remove(pattern, entry);
          }

          for (const subject of asked) {
            const found: string[] = [];
            trie.match(subject, (value) => found.push(value));
            expect(found.sort()).toEqual([...held].filter((entry) => naive(entry.split(" ")[0]!, subject)).sort());
          }

          for (const entry of held) trie.remove(entry.split(" ")[0]!, entry);
          expect(trie.isEmpty).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("checkSubject and checkPattern", () => {
  it("say what is wrong, with the subject in a printable form", () => {
    expect(() => checkSubject("a\nb")).toThrow("subject 'a\\nb' has white space or a control character");
    expect(() => checkSubject("a..b")).toThrow("subject 'a..b' has an empty token");
    expect(() => checkSubject("a.*")).toThrow("subject 'a.*' has a wildcard");
    expect(() => checkPattern("a*.b")).toThrow("subject 'a*.b' has '*' inside a token");
    expect(() => checkPattern("a.>.b")).toThrow("subject 'a.>.b' has '>' before its end");
    expect(() => checkSubject("x".repeat(4_000))).toThrow("is longer than 3072 bytes");
    expect(() => checkSubject("緑".repeat(1_025))).toThrow("is longer than 3072 bytes");
  });
});
