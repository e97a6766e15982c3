import { readSlot, type SlotHeld, type SlotValue } from "./values.ts";

/** A slot as it was last seen. */
export interface SeenSlot {
  readonly goal: string;
  readonly number: number;
  readonly value: SlotValue;
  /** 0: it was never written, as far as is known. */
  readonly revision: number;
  /** Of a slot that is held: the first revision with which its run was seen there. */
  readonly takenAt: number;
}

/** What a node last saw of the slots of all goals. */
export class SlotTable {
  /** By goal, by number. */
  readonly #seen = new Map<string, SeenSlot[]>();

  find(goal: string, number: number): SeenSlot {
    return this.#seen.get(goal)?.[number] ?? { goal, number, value: { state: "free" }, revision: 0, takenAt: 0 };
  }

  /** Slots that a run holds. */
  held(goal: string): (SeenSlot & { readonly value: SlotHeld })[] {
    const slots = this.#seen.get(goal) ?? [];
    return slots.filter((slot): slot is SeenSlot & { readonly value: SlotHeld } => slot?.value.state === "held");
  }

  goals(): string[] {
    return [...this.#seen.keys()];
  }

  /**
   * What is there now, unless it is older than what is known. What nobody can read is held by nobody.
   *
   * @param isRead  the bucket is read anew: what stands there counts, whatever was known before
   */
  see(goal: string, number: number, text: string | null, revision: number, isRead = false): SeenSlot {
    const before = this.find(goal, number);
    const value: SlotValue = (text === null ? null : readSlot(text)) ?? { state: "free" };
    const sameRun = before.value.state === "held" && value.state === "held" && before.value.run === value.run;
    const takenAt = sameRun ? Math.min(before.takenAt, revision) : revision;
    const isNews = revision === 0 || isRead || revision > before.revision;
    const seen: SeenSlot = isNews
      ? { goal, number, value, revision, takenAt }
      : { ...before, takenAt: sameRun ? takenAt : before.takenAt };
    const slots = this.#seen.get(goal) ?? [];
    slots[number] = seen;
    this.#seen.set(goal, slots);
    return seen;
  }
}
