// The simulator's site, read once for all seeds.
import { fileURLToPath } from "node:url";
import { actors } from "../../../actors/index.ts";
import { type OpenedSite, openSite, type SiteOptions } from "../../../runtime/config.ts";

const DIR = fileURLToPath(new URL("../site", import.meta.url));
const DECLARED = actors as unknown as SiteOptions["actors"];

export const CUSTOMERS = ["ann", "bob", "cat", "dan"] as const;
export const DEPARTMENTS = ["Boys", "Sport"] as const;

let opened: OpenedSite | null = null;

export function simSite(): OpenedSite {
  opened ??= openSite(DIR, { env: {}, hostname: "box", actors: DECLARED, overrides: { play: null, port: 0 } });
  return opened;
}
