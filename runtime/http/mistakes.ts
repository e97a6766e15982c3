import { formatMistake, SiteError } from "../errors.ts";
import { Refusal } from "./problem.ts";

/** What a site's file has of mistakes as 422, each with its place in the file; anything else is thrown on. */
export function refuseMistakes(error: unknown, code: string): never {
  if (!(error instanceof SiteError)) throw error;
  const errors = error.mistakes.map((mistake, index) => ({ index, pointer: "", code, detail: formatMistake(mistake) }));
  throw new Refusal("invalid", errors[0]!.detail, { status: 422, errors });
}
