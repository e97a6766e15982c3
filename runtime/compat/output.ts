import { limits } from "../limits.ts";

/** What an agent and its body print: to the terminal as it comes, or kept for a notice. */
export class Output {
  readonly #terminal: ((text: string) => void) | null;
  #kept = "";

  /** @param terminal  null: it is kept, the end of it at least */
  constructor(terminal: ((text: string) => void) | null) {
    this.#terminal = terminal;
  }

  get kept(): string {
    return this.#kept;
  }

  print(text: string): void {
    if (this.#terminal !== null) this.#terminal(text);
    else this.#kept = (this.#kept + text).slice(-limits.runLogBytes);
  }

  line(text: string): void {
    this.print(`${text}\n`);
  }
}
