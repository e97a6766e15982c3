import type { Coupon } from "./decide/decision.ts";
import type { Area, Row } from "./site.ts";

/** What holds for a record once someone has done their part: a past participle or a noun. */
export type Goal = string;

/** A setting that a plan may give with `with:`; durations are written `10m` and arrive in ms. */
export type Param =
  | {
      readonly type: "count";
      readonly default: number;
      readonly min: number;
      readonly max: number;
      readonly does: string;
    }
  | {
      readonly type: "number";
      readonly default: number;
      readonly min: number;
      readonly max: number;
      readonly does: string;
    }
  | {
      readonly type: "duration";
      readonly default: number;
      readonly min: number;
      readonly max: number;
      readonly does: string;
    };

export type Params = Readonly<Record<string, Param>>;
export type Settings<P extends Params> = { readonly [K in keyof P]: number };

/** What an actor may look up. It was loaded before, it doesn't change while the actor works, it does no I/O. */
export interface World {
  /** The department whose rectangle holds the point, edges inclusive; null between them. */
  readonly departmentAt: (x: number, y: number) => string | null;
  /** All coupons of a department, valid or not, ascending by catalog row. */
  readonly couponsOf: (department: string) => readonly Coupon[];
  readonly areas: readonly Area[];
  /** Removed coupons that a decision names; the rest it counts. */
  readonly removedMax: number;
}

/** A question to the outside that the runtime asks for the actor, and whose answer it journals before `handle`. */
export type Ask =
  | { readonly port: "customers"; readonly customer: string }
  | { readonly port: "scorer"; readonly customer: Row; readonly coupons: readonly Coupon[] };

/**
 * Owns one goal: data plus one function. It imports no bus, no store, no clock: what it needs arrives, what it
 * returns is recorded and published. So it is tested by a plain call, drawn, checked at load, and replayed.
 */
export interface Actor<In, Answer, Out, P extends Params = Params> {
  readonly goal: Goal;
  /** The page whose records it works on. */
  readonly page: string;
  /** Goals that must hold first, on the record or on its parent. */
  readonly prerequisites: readonly Goal[];
  /** Wait while this many (or more) selves pursue that goal on this node. */
  readonly conflicts: Readonly<Record<Goal, number>>;
  /** Selves of this actor at once on this node. */
  readonly maxSelves: number;
  /** Goals that hold too once this one does. */
  readonly subsumes: readonly Goal[];
  /** Higher layers may suppress and inhibit lower ones. */
  readonly layer: number;
  /** Types of events that wake it; none: it works when its prerequisites hold. */
  readonly on: readonly string[];
  /**
   * What becomes of its work: an `effect` (the answer it got is journalled at once), `derived` (it follows from what
   * is journalled already, so nothing is written, save an answer from outside), a `decision` (journalled and published).
   */
  readonly output: "effect" | "derived" | "decision";
  readonly params: P;
  /** What must be asked outside first; null: nothing. */
  ask?(input: In, settings: Settings<P>, world: World): Ask | null;
  /** Decides. No I/O, no `await`; the same input gives the same output. */
  handle(input: In, answer: Answer | null, settings: Settings<P>, world: World): Out;
}

/** Fills in what most actors leave alone, and checks, once, at load, what types can't see. */
export function defineActor<In, Answer, Out, P extends Params>(
  actor: Pick<Actor<In, Answer, Out, P>, "goal" | "page" | "output" | "params" | "handle"> &
    Partial<Actor<In, Answer, Out, P>>,
): Actor<In, Answer, Out, P> {
  const { goal, prerequisites = [], maxSelves = Number.POSITIVE_INFINITY } = actor;
  if (prerequisites.includes(goal)) throw new TypeError(`'${goal}' requires itself`);
  if (maxSelves < 1) throw new RangeError(`'${goal}' needs at least one self, got ${maxSelves}`);
  return Object.freeze({ conflicts: {}, subsumes: [], layer: 0, on: [], ...actor, prerequisites, maxSelves });
}
