import { describe } from "vitest";
import { seeds } from "./sim/seeds.ts";

describe("a place on a machine that fails", () => seeds(0, 2));
