// Everything the host may call. Nothing else crosses the boundary.
export * from "./arena";
export { newContext, newField } from "./keys";
export { numberValue } from "./number";
export { scan } from "./scan";
export { split, splitBroken, splitBrokenAt, splitForm } from "./split";
export * from "./forest";
