import { shorten } from "../data/mistakes.ts";
import type { Say } from "../data/site-parts.ts";
import type { Path } from "../data/yaml.ts";
import { didYouMean } from "../errors.ts";

/** Says which of a list of types of events there are none of. */
export type CheckTypes = (written: readonly string[], path: Path) => void;

/** @param types  types of events that the site knows */
export function typeCheck(types: readonly string[], say: Say): CheckTypes {
  return (written, path) => {
    written.forEach((type, index) => {
      if (types.includes(type)) return;
      say([...path, index], `there is no event type '${shorten(type)}' in site.yml${didYouMean(type, types)}`);
    });
  };
}
