// A spreadsheet as the agents of spreadsheet_agent see it: pages of rows of texts, a copy of which somebody has open.

/** What an agent and a runner ask of a spreadsheet. */
export interface Sheet {
  /** Titles of the pages, in the sheet's order. @throws AisleError `unavailable` */
  titles(): Promise<readonly string[]>;
  /** Opens a page as it is now. @throws AisleError `not-found`, `unavailable` */
  open(title: string): Promise<Worksheet>;
}

/**
 * One page, as somebody has it open: a copy. What is set in it others see once it is saved, and what others save is seen
 * once it is read again.
 */
export interface Worksheet {
  readonly title: string;
  /** Names of columns, as in the first row. */
  readonly header: readonly string[];
  /** In the page's order. Made anew by `reload`; those from before keep what they showed. */
  readonly rows: readonly SheetRow[];
  /** Reads the page again; what was not saved is gone. @throws AisleError `not-found`, `unavailable` */
  reload(): Promise<void>;
  /**
   * Writes what was set, all or nothing.
   *
   * @param how  `over`: over whatever stands there by now, as the original does; `unchanged`: only if those cells were
   *   not written since they were read
   * @throws AisleError `conflict` when they were; `unavailable`
   */
  save(how?: "over" | "unchanged"): Promise<void>;
}

/** One record of a page. */
export interface SheetRow {
  /** From 0, in the page's order. */
  readonly index: number;
  /** The text of a cell; "" when it is empty. @throws AisleError `not-found` when the page has no such column */
  get(name: string): string;
  /** Sets a cell; anything but text is written as text. @throws AisleError `not-found`: no such column */
  set(name: string, value: unknown): void;
  /** Which writing of the cell was read: another one means that somebody has written it, be it the same text. */
  writing(name: string): Writing;
  /** Tells the sheet that whoever wrote the cell still works on what it says. */
  renew(name: string): void;
  /** All texts by name, in the order of the header. */
  texts(): Record<string, string>;
}

/** One writing of a cell. */
export interface Writing {
  /** Equal for the same writing of the same cell, and only then. */
  readonly id: number;
  /** When it was written or last renewed, ms since epoch. */
  readonly at: number;
}

/** A cell's text: the original stores texts only. */
export function asText(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
