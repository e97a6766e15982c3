// What the core prints, as JSON that everybody reads: Python's writes NaN and infinity, for which JSON has no number.
const NO_JSON = /NaN|Infinity/;
const TEXT_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g;

export function strict(json: string): string {
  if (!NO_JSON.test(json)) return json;
  return json.replace(TEXT_OR_NUMBER, (found) => (found.startsWith('"') ? found : "null"));
}
