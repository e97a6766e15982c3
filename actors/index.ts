// Every actor that a plan may name. A new one is a file and a word here.
import { context } from "./context.ts";
import { fatigued } from "./fatigued.ts";
import { focused } from "./focused.ts";
import { offered } from "./offered.ts";
import { scored } from "./scored.ts";

export const actors = [context, focused, scored, offered, fatigued] as const;
