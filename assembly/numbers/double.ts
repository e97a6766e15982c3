// Doubles and their texts, both ways without loss.

export { parseDouble } from "./float-from-text";
export { printDouble, printInt } from "./float-to-text";
