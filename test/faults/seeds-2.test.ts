import { describe } from "vitest";
import { seeds } from "./sim/seeds.ts";

describe("a place on a machine that fails, the other half", () => seeds(1, 2));
