import type { Sheet } from "./sheet.ts";

/** Which pages a runner walks: some, all but some, or all. Names that the sheet lacks are not missed. */
export class PageFilter {
  readonly #sheet: Pick<Sheet, "titles">;
  /** Null: all. The latest filter is in the place of any before. */
  #filter: { readonly keeps: boolean; readonly titles: Promise<ReadonlySet<string>> } | null = null;

  constructor(sheet: Pick<Sheet, "titles">) {
    this.#sheet = sheet;
  }

  only(titles: readonly string[]): void {
    this.#set(true, Promise.resolve(titles));
  }

  skip(titles: readonly string[]): void {
    this.#set(false, Promise.resolve(titles));
  }

  /** Asks of the pages that are there now: what comes later is not among them. */
  onlyIf(holds: (title: string) => boolean): void {
    this.#set(true, this.#those(holds));
  }

  /** Asks of the pages that are there now: what comes later is not among them. */
  skipIf(holds: (title: string) => boolean): void {
    this.#set(false, this.#those(holds));
  }

  clear(): void {
    this.#filter = null;
  }

  /** In the sheet's order. @throws AisleError `unavailable` */
  async selected(): Promise<readonly string[]> {
    const filter = this.#filter;
    const named = await filter?.titles;
    const titles = await this.#sheet.titles();
    return filter === null ? titles : titles.filter((title) => named!.has(title) === filter.keeps);
  }

  async #those(holds: (title: string) => boolean): Promise<string[]> {
    return (await this.#sheet.titles()).filter(holds);
  }

  #set(keeps: boolean, titles: Promise<readonly string[]>): void {
    const filter = { keeps, titles: titles.then((names) => new Set(names)) };
    filter.titles.catch(() => {}); // `selected` tells of it
    this.#filter = filter;
  }
}
