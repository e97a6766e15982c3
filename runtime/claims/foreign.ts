// Records of other nodes on this node's board: as their homes show them, with the claims as they are at this moment. What
// may start on them, starts here too.
import { type BoardRecord, type Column, cellOf, keyOf, type Page } from "../board/board.ts";
import { type Cell, cell } from "../board/cell.ts";
import { keysByName } from "../board/message.ts";
import { MINUTE } from "../clock.ts";
import { limits } from "../limits.ts";
import type { PlannedActor } from "../site.ts";
import type { Claim } from "./claims.ts";
import type { Holds } from "./holds.ts";
import { claimKey } from "./keys.ts";
import type { Shown, ShownGoal } from "./mirror.ts";
import type { KvClaimsPorts } from "./ports.ts";
import type { SeenClaims } from "./seen.ts";
import type { Claimed } from "./values.ts";

export interface ForeignPorts extends KvClaimsPorts {
  readonly seen: SeenClaims;
  readonly holds: Holds;
  readonly isSynced: () => boolean;
  /** Whether this node asks for the claim, or holds it. */
  readonly isActive: (key: string) => boolean;
  readonly actorOf: (page: string, goal: string) => PlannedActor | undefined;
}

export class Foreign {
  readonly #ports: ForeignPorts;
  readonly #shown = new WeakMap<BoardRecord, Shown>();
  /** Records that changed while the bucket was read: started on when all is known. */
  readonly #fresh = new Set<BoardRecord>();

  constructor(ports: ForeignPorts) {
    this.#ports = ports;
  }

  /** What a home shows of a record; null: it is gone. */
  see(pageName: string, key: string, shown: Shown | null): void {
    const page = this.#ports.board.find(pageName);
    if (page === undefined || !page.config.shared || page.fed) return;
    const known = page.find(key);
    if (shown === null) {
      if (known !== undefined && known.home !== null) this.#remove(known);
      return;
    }
    if (keyOf(shown.keys) !== key || shown.keys.length !== page.config.keys.length) {
      const keys = `expected ${page.config.keys.length} key cells that make '${key}'`;
      this.#ports.fault(`node '${shown.home}' shows a record of '${pageName}' that makes no sense`, keys);
      return;
    }
    if (known !== undefined && known.home === null) this.#yield(known, shown);
    else if (known !== undefined && known.home !== shown.home) this.#remove(known);
    const found = page.find(key);
    const record = found ?? this.#add(page, shown);
    if (record !== null) this.#fill(record, shown, found === undefined);
  }

  /** A claim has changed, or has run out: what it allows is started. */
  refresh(record: BoardRecord, goal: string): void {
    const column = record.page.column(goal);
    if (column === undefined) return;
    const isOther = this.#fillGoal(record, goal, column);
    if (isOther || isFree(cellOf(record, goal))) this.#tell(record, [column]);
  }

  /** A claim was refused: shows why. True: it could be asked for again. */
  refused(record: BoardRecord, goal: string): boolean {
    const column = record.page.column(goal);
    if (column !== undefined) this.#fillGoal(record, goal, column);
    return isFree(cellOf(record, goal));
  }

  /** A claim has changed before all was known. */
  touched(page: string, key: string): void {
    const record = this.#ports.board.find(page)?.find(key);
    if (record !== undefined && record.home !== null) this.#fresh.add(record);
  }

  /** A run of this node works on a goal of the record. */
  granted(record: BoardRecord, goal: string, { run, attempt }: Claim): void {
    const { node, clock } = this.#ports;
    record.cells[record.page.ensure(goal, "goal")] = cell({
      ...{ state: "running", host: node, run, attempts: attempt, by: node, at: clock.now() },
    });
  }

  /** All of the bucket is known. */
  current(): void {
    const fresh = [...this.#fresh];
    this.#fresh.clear();
    for (const record of fresh) {
      for (const goal of record.page.config.goals) this.#fillGoal(record, goal, record.page.column(goal)!);
      this.#ports.changed(record, null);
    }
  }

  #add(page: Page, { keys, home }: Shown): BoardRecord | null {
    if (page.size < limits.pageRecords) return page.add(keys, null, { home });
    const most = `a page holds ${limits.pageRecords} records`;
    this.#ports.fault(`a record of node '${home}' has no room on page '${page.name}'`, most);
    return null;
  }

  #remove(record: BoardRecord): void {
    record.page.remove(record);
    record.complete = true;
    this.#fresh.delete(record);
    for (const goal of record.page.config.goals) {
      this.#ports.holds.lose(claimKey(record.page.name, record.key, goal));
    }
  }

  /** Two nodes have made the same record: the one that showed it first is its home. */
  #yield(record: BoardRecord, { home }: Shown): void {
    const { node, notice } = this.#ports;
    const { page, key } = record;
    for (const goal of page.config.goals) {
      const begun = cellOf(record, goal);
      if (begun === undefined || begun.run === "") continue;
      const { run, attempts: attempt } = begun;
      const detail = `node '${home}' made the same record first: what was done here counts for nothing`;
      const of = { page: page.name, key, keys: keysByName(record), goal, host: node, run, attempt };
      notice({ ...of, outcome: "extra-run", detail });
    }
    this.#remove(record);
  }

  #fill(record: BoardRecord, shown: Shown, isNew: boolean): void {
    const { page } = record;
    this.#shown.set(record, shown);
    const columns: Column[] = [];
    for (const name of ["ready", "complete"] as const) {
      if (record[name] === shown[name]) continue;
      record[name] = shown[name];
      columns.push(page.column(name)!);
    }
    this.#fillData(record, shown.cells, columns);
    for (const goal of page.config.goals) {
      const column = page.ensure(goal, "goal");
      if (this.#fillGoal(record, goal, column)) columns.push(column);
    }
    if (isNew || columns.length > 0) this.#tell(record, isNew ? null : columns);
  }

  #fillData(record: BoardRecord, cells: Shown["cells"], columns: Column[]): void {
    const { page } = record;
    for (const [name, text] of Object.entries(cells)) {
      const isNew = page.column(name) === undefined;
      if (isNew && (page.config.data !== null || page.header.length >= limits.pageColumns)) continue;
      const column = page.ensure(name);
      if (page.roleOf(column) !== "data" || record.cells[column] === text) continue;
      if (Buffer.byteLength(text) > limits.cellBytes) continue;
      record.cells[column] = text;
      columns.push(column);
    }
    for (const [column, before] of record.cells.entries()) {
      if (typeof before !== "string" || Object.hasOwn(cells, page.nameOf(column))) continue;
      record.cells[column] = undefined;
      columns.push(column);
    }
  }

  /** False: it is as it was. */
  #fillGoal(record: BoardRecord, goal: string, column: Column): boolean {
    const key = claimKey(record.page.name, record.key, goal);
    if (this.#ports.isActive(key)) return false;
    const after = this.#cellOf(record, goal, key);
    const before = record.cells[column];
    if (same(before, after)) return false;
    record.cells[column] = after;
    return true;
  }

  #cellOf(record: BoardRecord, goal: string, key: string): Cell | undefined {
    const { seen, clock, actorOf } = this.#ports;
    const actor = actorOf(record.page.name, goal);
    const shown = this.#shown.get(record)?.goals[goal];
    // What its home has written into its journal stands above every claim.
    if (shown?.state === "done" || shown?.state === "failed") return cell(shown);
    const { said } = seen.find(key);
    switch (said.state) {
      case "claimed": {
        const isLeft = seen.isLapsed(key) && actor !== undefined && mayTakeOver(said, actor);
        return during(shown, said, isLeft ? "waiting" : "running");
      }
      case "finished":
        return during(shown, said, "running");
      case "open":
        return said.attempt === 0 ? undefined : cell({ state: "waiting", attempts: said.attempt });
      case "absent":
        return shown === undefined ? undefined : cell({ ...shown, notBefore: 0 });
      default: {
        // Its home will show what has come of it, or open it when it is time.
        const wait = actor?.retries.backoffMaxMs ?? 0;
        const notBefore = Math.max(shown?.notBefore ?? 0, clock.now() + Math.max(MINUTE, wait));
        return cell({ attempts: 0, ...shown, state: shown?.state ?? "waiting", notBefore });
      }
    }
  }

  #tell(record: BoardRecord, columns: readonly Column[] | null): void {
    if (this.#ports.isSynced()) this.#ports.changed(record, columns);
    else this.#fresh.add(record);
  }
}

/** Whether another node may go on with a claim whose lease has run out; else its home decides. */
export function mayTakeOver({ onLapse, attempt }: Claimed, { retries }: PlannedActor): boolean {
  return onLapse === "retry" && attempt <= retries.max;
}

/** Whether an actor may begin with the goal. */
function isFree(cell: Cell | undefined): boolean {
  return cell === undefined || (cell.state === "waiting" && cell.notBefore === 0);
}

function during(
  shown: ShownGoal | undefined,
  { node: host, run, attempt: attempts }: { readonly node: string; readonly run: string; readonly attempt: number },
  state: Cell["state"],
): Cell {
  const at = shown?.run === run ? shown.at : 0;
  return cell({ state, host, run, attempts, by: host, at });
}

function same(a: Cell | string | undefined, b: Cell | undefined): boolean {
  if (typeof a !== "object" || b === undefined) return a === b;
  return (
    a.state === b.state &&
    a.host === b.host &&
    a.run === b.run &&
    a.attempts === b.attempts &&
    a.detail === b.detail &&
    a.notBefore === b.notBefore &&
    a.at === b.at &&
    a.by === b.by
  );
}
