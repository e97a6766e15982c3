// What runs of scripts write down themselves, beside everything that the runtime says of them: when each began and ended,
// line by line in one file for all nodes.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";

/** One run, as its script wrote it down. Places are numbers of lines. */
export interface LoggedRun {
  readonly node: string;
  readonly goal: string;
  readonly key: string;
  readonly run: string;
  readonly attempt: number;
  readonly from: number;
  /** Its own last line; if it has none, the restart of its node, which ends what was left over; else infinite. */
  readonly to: number;
  /** It wrote its last line: it was not killed. */
  readonly isWhole: boolean;
}

const COLUMNS = '"$AISLE_NODE" "$AISLE_GOAL" "$AISLE_KEY" "$AISLE_RUN" "$AISLE_ATTEMPT"';

export class RunLog {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Makes a script for /bin/sh write into the log, and take its time. @param seconds  as sleep(1) takes them */
  tap(script: string, seconds: string): void {
    const text = readFileSync(script, "utf8");
    const [first, ...rest] = text.split("\n");
    const lines = [
      `note() { echo "$1" ${COLUMNS} >>'${this.#path}'; }`,
      "trap 'note end' EXIT",
      "trap 'exit 143' TERM",
      "note start",
      `sleep ${seconds}`,
    ];
    writeFileSync(script, [first, ...lines, ...rest].join("\n"));
  }

  /** To be called before each process of a node is started. */
  restarts(node: string): void {
    appendFileSync(this.#path, `restart ${node}\n`);
  }

  runs(): LoggedRun[] {
    const lines = existsSync(this.#path) ? readFileSync(this.#path, "utf8").trimEnd().split("\n") : [];
    const words = lines.map((line) => line.split(" "));
    const ends = new Map(words.flatMap(([what, , , , run], line) => (what === "end" ? [[run!, line] as const] : [])));
    return words.flatMap(([what, node, goal, key, run, attempt], from) => {
      if (what !== "start") return [];
      const end = ends.get(run!);
      const restart = words.findIndex(([other, of], line) => line > from && other === "restart" && of === node);
      const to = end ?? (restart < 0 ? Number.POSITIVE_INFINITY : restart);
      return [
        {
          ...{ node: node!, goal: goal!, key: key!, run: run! },
          attempt: Number(attempt),
          from,
          to,
          isWhole: end !== undefined,
        },
      ];
    });
  }
}

/** Pairs of runs of two goals that were at work on one node at the same time, each as `<run> <run>`. */
export function overlaps(runs: readonly LoggedRun[], goal: string, other: string): string[] {
  const others = runs.filter((run) => run.goal === other);
  return runs
    .filter((run) => run.goal === goal)
    .flatMap((run) =>
      others
        .filter(({ node, from, to }) => node === run.node && from < run.to && run.from < to)
        .map((each) => `${run.run} ${each.run}`),
    );
}
