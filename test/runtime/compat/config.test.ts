import { describe, expect, it } from "vitest";
import { configOf, configPath, readConfig } from "../../../runtime/compat/config.ts";
import { scratch, script } from "../../support/scripts.ts";

const FILE = `
guser: somebody@example.test
gpass: "correct horse"
spreadsheet_name: samples
reply_email: agent@example.test
send_to: ops@example.test
key_fields:
  sample: { rank: 2, required: 1 }
  lab: { rank: 1, required: true }
  batch: { rank: 3 }
`;

describe("the original's configuration", () => {
  it("stands beside the folder of the script, unless it is named", () => {
    expect(configPath("/srv/app/bin")).toBe("/srv/app/bin/../config/agent.conf.yml");
    expect(configPath("/srv/app/bin", "/etc/agent.yml")).toBe("/etc/agent.yml");
  });

  it("gives its key fields by rank, and no account", () => {
    const config = readConfig(script(scratch(), "agent.conf.yml", FILE));

    expect(config).toEqual({
      keys: [
        { name: "lab", required: true },
        { name: "sample", required: true },
        { name: "batch", required: false },
      ],
      spreadsheetName: "samples",
      replyEmail: "agent@example.test",
      sendTo: "ops@example.test",
    });
    expect(JSON.stringify(config)).not.toMatch(/horse|somebody/);
  });

  it.each([{}, { a: { rank: 1 } }, { a: { rank: 1, required: 0 }, b: { rank: 2, required: false } }])(
    "needs a required key, and %o has none",
    (fields) => {
      expect(() => configOf({ key_fields: fields })).toThrow(/at least one required key_fields key/);
    },
  );

  it("says where a mistake is, and nothing of the account", () => {
    const file = script(scratch(), "agent.conf.yml", FILE.replace("rank: 2", "rank: second"));

    expect(() => readConfig(file)).toThrow(/agent\.conf\.yml:8:\d+: expected a number/);
    expect(() => readConfig(file)).not.toThrow(/horse|somebody/);
  });

  it("says when it is not there", () => {
    expect(() => readConfig("/nowhere/agent.conf.yml")).toThrow(/doesn't exist/);
  });
});
