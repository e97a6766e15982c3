// What stands under `with`, held against the settings that an actor declares.
import type { Param, Params } from "../actor.ts";
import { found, shorten } from "../data/mistakes.ts";
import type { Say } from "../data/site-parts.ts";
import { formatDuration, parseDuration } from "../data/units.ts";
import type { Path } from "../data/yaml.ts";
import { didYouMean } from "../errors.ts";

/** All settings of an actor: those written, else their defaults. */
export function readSettings(
  written: Readonly<Record<string, unknown>>,
  { goal, params }: { readonly goal: string; readonly params: Params },
  path: Path,
  say: Say,
): Record<string, number> {
  for (const key of Object.keys(written)) {
    if (Object.hasOwn(params, key)) continue;
    const known = Object.keys(params);
    const near = key.length <= 64 ? didYouMean(key, known) : "";
    const there = known.length === 0 ? "it has none" : `expected ${known.join(", ")}`;
    say([...path, key], `'${goal}' has no setting '${shorten(key)}'${near || `: ${there}`}`, "key");
  }
  const settings: Record<string, number> = {};
  for (const [name, param] of Object.entries(params)) {
    const value = Object.hasOwn(written, name) ? readSetting(written[name], param) : param.default;
    if (value === null) say([...path, name], `'${name}': expected ${expectedOf(param)}, found ${found(written[name])}`);
    settings[name] = value ?? param.default;
  }
  return settings;
}

/** A setting as the actor gets it; null when it isn't what the actor declares. */
function readSetting(written: unknown, { type, min, max }: Param): number | null {
  let value: number | null;
  if (type === "duration") value = typeof written === "string" ? parseDuration(written) : null;
  else if (typeof written === "number") value = written;
  else value = typeof written === "string" && /^-?\d{1,15}(\.\d{1,15})?$/.test(written) ? Number(written) : null;
  if (value === null || !(value >= min && value <= max)) return null;
  return type === "count" && !Number.isSafeInteger(value) ? null : value;
}

function expectedOf({ type, min, max }: Param): string {
  if (type === "duration") return `a duration from ${formatDuration(min)} to ${formatDuration(max)}`;
  return `a ${type === "count" ? "whole number" : "number"} from ${min} to ${max}`;
}
