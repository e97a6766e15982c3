// What a case lets go wrong between an agent and its sheet.
import type { Sheet, SheetRow, Worksheet } from "../../../runtime/compat/sheet.ts";
import { AisleError } from "../../../runtime/errors.ts";
import { type Json, refuseOthers } from "./cases.ts";

const KNOWN = ["reload", "claimWrite", "afterClaimWrite", "claimReload", "finalWrite", "notify"];

/** The cells that somebody else writes while the claim settles. */
type Overwrite = (cells: Json) => void;

/** @throws Error when a fault is not known */
export function withFaults(sheet: Sheet, faults: Json, overwrite: Overwrite): Sheet {
  refuseOthers("faults", faults, KNOWN);
  const { afterClaimWrite: after, ...kinds } = faults;
  if (after !== undefined) refuseOthers("afterClaimWrite", after as Json, ["set"]);
  for (const kind of Object.values(kinds)) errorOf(kind);
  return {
    titles: () => sheet.titles(),
    open: async (title) => {
      fail(faults.reload);
      return new FaultyPage(await sheet.open(title), faults, overwrite);
    },
  };
}

/** An agent saves twice, the claim and the result; and reads again twice, before each of its decisions about them. */
class FaultyPage implements Worksheet {
  readonly #page: Worksheet;
  readonly #faults: Json;
  readonly #overwrite: Overwrite;
  #saves = 0;
  #reloads = 0;

  constructor(page: Worksheet, faults: Json, overwrite: Overwrite) {
    this.#page = page;
    this.#faults = faults;
    this.#overwrite = overwrite;
  }

  get title(): string {
    return this.#page.title;
  }

  get header(): readonly string[] {
    return this.#page.header;
  }

  get rows(): readonly SheetRow[] {
    return this.#page.rows;
  }

  async reload(): Promise<void> {
    if (++this.#reloads === 1) fail(this.#faults.claimReload);
    await this.#page.reload();
  }

  async save(how?: "over" | "unchanged"): Promise<void> {
    const isClaim = ++this.#saves === 1;
    fail(isClaim ? this.#faults.claimWrite : this.#faults.finalWrite);
    await this.#page.save(how);
    const after = this.#faults.afterClaimWrite as Json | undefined;
    if (!isClaim || after === undefined) return;
    this.#overwrite(after.set as Json);
  }
}

/** @throws AisleError when there is a fault */
export function fail(fault: unknown): void {
  if (fault !== undefined) throw errorOf(fault);
}

/** @throws Error when the fault is not known */
function errorOf(fault: unknown): AisleError {
  if (fault === "conflict") return new AisleError("conflict", "somebody else has written meanwhile");
  if (fault === "error") return new AisleError("unavailable", "the service is away");
  throw new Error(`not understood: the fault ${JSON.stringify(fault)}; known: conflict, error`);
}
