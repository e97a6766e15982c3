import { describe, expect, it } from "vitest";
import { substitute } from "../../../runtime/data/substitute.ts";

const LOOKUP = {
  env: { NAME: "store 7", EMPTY: "", TRICK: "${NAME}: {a: [1]}" },
  readFile: (path: string) => {
    if (path === "secret.txt") return "s3cret\r\n";
    throw new Error(`the file '${path}' doesn't exist`);
  },
};

describe("substitute", () => {
  it.each([
    ["plain text", "plain text"],
    ["${NAME}", "store 7"],
    ["in ${NAME}, twice: ${NAME}.", "in store 7, twice: store 7."],
    ["${MISSING:-8787}", "8787"],
    ["${EMPTY:-other}", "other"],
    ["${EMPTY}", ""],
    ["${MISSING:-}", ""],
    ["${file:secret.txt}", "s3cret"],
    ["$${NAME} and $5", "${NAME} and $5"],
    ["${TRICK}", "${NAME}: {a: [1]}"],
    ["${file:-x}", "x"],
  ])("%s becomes %s", (text, expected) => {
    expect(substitute(text, LOOKUP)).toEqual({ text: expected });
  });

  it("says which variable is not set", () => {
    expect(substitute("${MISSING}", LOOKUP)).toEqual({
      mistake: "the environment variable 'MISSING' is not set (write '${MISSING:-}' if it may be missing)",
    });
  });

  it("takes no variable from the prototype of the environment", () => {
    expect(substitute("${constructor}", LOOKUP)).toHaveProperty("mistake");
  });

  it("says why a file can't be read", () => {
    expect(substitute("${file:nope}", LOOKUP)).toEqual({ mistake: "'${file:nope}': the file 'nope' doesn't exist" });
  });

  it.each(["${", "${}", "${NAME", "${1}", "${NAME-default}", "${A B}", "${NA${NAME}}"])("refuses %s", (text) => {
    expect(substitute(text, LOOKUP)).toHaveProperty("mistake", expect.stringContaining("a reference is '${NAME}'"));
  });
});
