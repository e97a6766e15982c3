// The decision service: which of a customer's moves makes a focus.
import { expect } from "vitest";
import { departmentNames } from "../../../runtime/data/departments.ts";
import type { Area } from "../../../runtime/site.ts";
import type { SiteParts } from "../../support/sites.ts";
import { type Case, isObject, NOW, type Shape } from "./cases.ts";
import { Scene } from "./scene.ts";
import { dummySite, laterFloor } from "./sites.ts";

const SECOND = 1_000; // ms
const CUSTOMER = "3";

/**
 * The two rules as settings, at a move a second: the earlier one makes a focus on the 3rd consecutive move and on each
 * further one, the later one on the 5th and on every 4th after it. Where the case asks for something better it is
 * Aisle's own: one focus for a dwell of this length.
 */
const RULES = {
  main: { moves: 3, again: "1s" },
  "mqtt-only": { moves: 5, again: "4s" },
} as const;

export const decisionRules: readonly Shape[] = [
  {
    name: "consecutive moves",
    fits: ({ input, expect: original }) => movesOf(input.moves) !== null && FOCUS_KEYS.some((key) => key in original),
    async run(each) {
      const { count, point } = movesOf(each.input.moves)!;
      const isLater = each.era.includes("mqtt");
      const { moves, again } = RULES[isLater ? "mqtt-only" : "main"];
      const once = /once|dwell|pause|repeat|cool|debounce|suppress/i.test(each.recommended_instead ?? "");
      const parts: SiteParts = {
        ...(isLater ? { site: { floor: laterFloor() } } : {}),
        plan: { focused: { moves, ...(once ? {} : { again }) } },
      };
      const scene = await Scene.open(dummySite(NOW, parts));
      const { areas } = scene.place.site;

      const focusedOn: number[] = [];
      for (let move = 1; move <= count; move++) {
        const ack = await scene.tell("move", { id: CUSTOMER, ts: timeOf(move), ...pointOf(point, move, areas) });
        expect(ack.accepted).toBe(1);
        if (scene.decisions.length > focusedOn.length) focusedOn.push(move);
      }

      const focuses = scene.decisions.map(({ customer, focusedAt }) => ({ customer, focusedAt }));
      expect(focuses).toEqual(focusedOn.map((move) => ({ customer: CUSTOMER, focusedAt: timeOf(move) })));
      expectFocuses(each, focusedOn, once ? moves : null);
      for (const { department } of scene.decisions) {
        expect(departmentNames(scene.place.site.departments)(departmentOf(each) ?? department)).toBe(department);
      }
    },
  },
];

const FOCUS_KEYS = ["focus_events", "on_move", "focus_on_moves", "on_moves"];

/** @param onceOn  the one move of a dwell that makes a focus, where the case asks for one only */
function expectFocuses({ expect: original }: Case, focusedOn: readonly number[], onceOn: number | null): void {
  const moves = original.focus_on_moves ?? original.on_moves ?? original.on_move;
  const recorded = (Array.isArray(moves) ? moves : moves === undefined ? null : [moves]) as number[] | null;
  if (onceOn !== null) {
    expect(focusedOn).toEqual([onceOn]);
    return;
  }
  if (recorded !== null) expect(focusedOn.slice(0, recorded.length)).toEqual(recorded);
  expect(focusedOn).toHaveLength(Number(original.focus_events ?? recorded?.length));
}

function departmentOf({ expect: { category, payload } }: Case): string | null {
  if (typeof category === "string") return category;
  return isObject(payload) && typeof payload.dep === "string" ? payload.dep : null;
}

/** A point, or where it lies. */
type Where = { readonly x: number; readonly y: number } | "one" | "none" | "changing";

/** "3 consecutive moves at (800,500)", "5 moves in no department", "13 moves in one department". */
function movesOf(prose: unknown): { readonly count: number; readonly point: Where } | null {
  const [, count, rest] = /^(\d+) (?:consecutive )?moves?\b(.*)$/.exec(String(prose)) ?? [];
  if (count === undefined || rest === undefined) return null;
  const at = /\(\s*(-?[\d.]+)\s*,\s*(-?[\d.]+)\s*\)/.exec(rest);
  if (at !== null) return { count: Number(count), point: { x: Number(at[1]), y: Number(at[2]) } };
  if (/no department|outside/.test(rest)) return { count: Number(count), point: "none" };
  if (/one department|same department|a department/.test(rest))
    return { count: Number(count), point: /never/.test(rest) ? "changing" : "one" };
  return null;
}

function pointOf(where: Where, move: number, areas: readonly Area[]): { x: number; y: number } {
  if (typeof where === "object") return where;
  if (where === "none") return { x: -1, y: -1 };
  const { x0, y0, x1, y1 } = areas[where === "one" ? 0 : move % areas.length]!;
  return { x: (x0 + x1) / 2, y: (y0 + y1) / 2 };
}

/** A move a second, the last one a while ago; ms. */
function timeOf(move: number): number {
  return NOW + (move - 600) * SECOND;
}
