// What is counted of the work on the board, for the metrics. No label names a record.
import type { Board } from "../board/board.ts";
import type { Layers } from "../layers/layers.ts";
import type { LabelledReading } from "../metrics.ts";
import type { NoticeStats } from "./notices.ts";

export interface WorkReadings {
  readonly board: Board;
  readonly layers: Layers;
  /** Runs by goal and what became of them. */
  readonly runs: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** Goals that a change did not start, by the rule. */
  readonly blocked: ReadonlyMap<string, number>;
  readonly notices: () => NoticeStats;
}

export function workReadings({ board, layers, runs, blocked, notices }: WorkReadings): readonly LabelledReading[] {
  return [
    {
      name: "aisle_board_records",
      help: "Records on the board",
      labels: ["page"],
      read: () => [...board.pages].map(({ name, size }) => [{ page: name }, size]),
    },
    {
      name: "aisle_runs_total",
      help: "Runs of actors that have ended, by what became of them",
      labels: ["goal", "outcome"],
      read: () =>
        [...runs].flatMap(([goal, outcomes]) => [...outcomes].map(([outcome, n]) => [{ goal, outcome }, n] as const)),
    },
    {
      name: "aisle_blocked_total",
      help: "Goals that a change of their record did not start, by the first rule that kept them",
      labels: ["rule"],
      read: () => [...blocked].map(([rule, n]) => [{ rule }, n]),
    },
    {
      name: "aisle_port_total",
      help: "What higher layers did to a port: renewed, blocked, replaced, released",
      labels: ["port", "what"],
      read: () =>
        [...layers.counts].flatMap(([port, counts]) =>
          Object.entries(counts).map(([what, n]) => [{ port, what }, n as number] as const),
        ),
    },
    {
      name: "aisle_notices_total",
      help: "Notices by what became of them",
      labels: ["result"],
      read: () => Object.entries(notices()).map(([result, n]) => [{ result }, n]),
    },
  ];
}
