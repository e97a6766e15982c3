// What is to be said of one spec file.
import type { Path, YamlFile } from "../data/yaml.ts";
import type { Mistake } from "../errors.ts";
import type { Place } from "./spec.ts";

export class Report {
  readonly yaml: YamlFile;
  /** What makes the file unusable. */
  readonly mistakes: Mistake[] = [];
  /** What is accepted, and has no effect or another than one may think. */
  readonly notes: Mistake[] = [];

  constructor(yaml: YamlFile) {
    this.yaml = yaml;
  }

  mistake(path: Path, message: string, about: "value" | "key" = "value"): void {
    this.mistakes.push(this.yaml.mistake(path, message, about));
  }

  note(path: Path, message: string, about: "value" | "key" = "value"): void {
    this.notes.push(this.yaml.mistake(path, message, about));
  }

  placeOf(path: Path, about: "value" | "key" = "value"): Place {
    const { line, column } = this.yaml.mistake(path, "", about);
    return { line, column };
  }
}
