import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type LoadOptions, readTransform } from "../../../runtime/spec/load.ts";
import { caseText } from "../../support/specs.ts";

interface Case {
  readonly name: string;
  readonly streaming_spec: string | null;
  readonly window_spec: string | null;
  readonly expected_kind: string;
}

const CASES = (JSON.parse(caseText("index.json")) as Case[]).filter(
  ({ name, streaming_spec: spec }) => spec?.endsWith(".yml") === true && name !== "dtc_seed" && name !== "validation",
);

/** A case's file is in its folder, or named from the top. */
function fileOf(name: string, spec: string) {
  const own = `${name}/${spec}`;
  const file = existsSync(new URL(`../../cases/blurr/${own}`, import.meta.url)) ? own : spec;
  return { file, text: caseText(file) };
}

function refused(options: LoadOptions): string[] {
  return CASES.flatMap(({ name, streaming_spec: streaming, window_spec: window }) => {
    const { mistakes } = readTransform(
      { streaming: fileOf(name, streaming!), window: window === null ? null : fileOf(name, window) },
      options,
    );
    return mistakes.length > 0 ? [name] : [];
  });
}

describe("the specs of the recorded cases", () => {
  it("load with compat, but for two whose run ends before it begins", () => {
    expect(CASES.length).toBeGreaterThan(90);
    expect(refused({ compat: true })).toEqual(["probe_yaml_zero", "probe_window_count_zero"]);
  });

  it("load as they are, but for those that can be shown to be wrong", () => {
    expect(refused({})).toEqual([
      "unit_field_casts_and_errors", // adds a number and a text
      "offer_ai_as_shipped", // no Import: every event is dropped
      "offer_ai_window_as_shipped",
      "fbt_as_shipped_import_fixed",
      "fbt_window_as_shipped",
      "fbt_window_yaml_list_trap",
      "probe_when_nameerror",
      "probe_yaml_literals", // a map of YAML's for an expression
      "probe_window_unknown_field_aborts",
      "probe_window_unknown_type_acts_as_count",
      "probe_window_count_zero",
      "probe_window_condition_bare_name_aborts",
      "split_probe_bare_name",
    ]);
  });
});
