import { readTransform, loadStreaming, loadWindow, kindOfSpec } from "../../../runtime/spec/load.ts";
import { formatMistake } from "../../../runtime/errors.ts";
import { readFileSync, existsSync } from "node:fs";
import { it } from "vitest";
const D = "/work/main/test/cases/blurr/";
const rd = (f: string) => ({ file: f, text: readFileSync(D + f, "utf8") });
it("all", () => {
  const idx = JSON.parse(readFileSync(D + "index.json", "utf8"));
  let out = "";
  for (const compat of [false, true]) for (const c of idx) {
    if (!c.streaming_spec || c.streaming_spec.includes("*") || c.name === "dtc_seed") continue;
    const p = (f: string|null) => f === null || f === undefined ? null : existsSync(D + c.name + "/" + f) ? rd(c.name + "/" + f) : rd(f);
    const t = readTransform({ streaming: p(c.streaming_spec)!, window: p(c.window_spec) }, { compat });
    if (t.mistakes.length || (t.notes.length && !compat)) out += `${compat ? "COMPAT " : ""}${c.name} [${c.expected_kind}]\n` + t.mistakes.map((m) => "   " + formatMistake(m) + "\n").join("") + (compat ? "" : t.notes.map((m) => "   note " + formatMistake(m) + "\n").join(""));
  }
  for (const [s, w] of [["streaming", "window"], ["template"], ["sample_2018-03-09", "anchor_aggregate_window"]]) {
    const f = (x: string) => rd(`dtc_seed/${x}${/_2018|anchor/.test(x) ? "" : "_2018-03-12"}.yml`);
    const t = readTransform({ streaming: f(s!), window: w ? f(w) : null });
    out += `SEED ${s}\n` + t.mistakes.map((m) => "   " + formatMistake(m) + "\n").join("") + t.notes.map((m) => "   note " + formatMistake(m) + "\n").join("");
  }
  console.log(out);
});
