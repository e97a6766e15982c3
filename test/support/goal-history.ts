// What became of each run of a goal, as the journal of its record's home has it. Told here anew, from the entries alone.
import type { Change } from "../../runtime/board/change.ts";

export type Fate = "running" | "done" | "failed" | "retry" | "lapsed" | "written over";

export interface GoalHistory {
  /** Runs that held the claim, and how each ended. */
  readonly fates: Map<string, Fate>;
  /** Runs that came beside the one that counts. */
  readonly extras: Set<string>;
  /** What people wrote into it. */
  readonly written: string[];
}

/** By `<key> <goal>`. Changes in the order of the journal. */
export function historiesOf(changes: Iterable<Change>): Map<string, GoalHistory> {
  const histories = new Map<string, Teller>();
  const at = (key: string, goal: string) => {
    const name = `${key} ${goal}`;
    const found = histories.get(name) ?? new Teller();
    histories.set(name, found);
    return found;
  };
  for (const change of changes) {
    if (change.do === "set") for (const [name, text] of Object.entries(change.cells)) at(change.key, name).set(text);
    else if ("goal" in change) at(change.key, change.goal).tell(change);
  }
  return histories;
}

class Teller implements GoalHistory {
  readonly fates = new Map<string, Fate>();
  readonly extras = new Set<string>();
  readonly written: string[] = [];
  #holder: string | null = null;
  #isOver = false;

  set(text: string): void {
    this.written.push(text);
    if (this.#holder !== null) this.#end("written over");
    this.#isOver = text !== "";
  }

  tell(change: Extract<Change, { readonly goal: string }>): void {
    if (change.do === "extra") this.extras.add(change.run);
    if (change.do === "claim" && !this.#isOver) {
      if (this.#holder !== null) this.#end("lapsed");
      this.#holder = change.run;
      this.fates.set(change.run, "running");
    }
    // An end without the claim counts for nothing.
    if ((change.do !== "finish" && change.do !== "lapse") || this.#holder !== change.run) return;
    this.#isOver = change.outcome !== "retry";
    this.#end(change.do === "lapse" ? "lapsed" : change.outcome);
  }

  #end(fate: Fate): void {
    this.fates.set(this.#holder!, fate);
    this.#holder = null;
  }
}
