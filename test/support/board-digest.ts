// All that a board is, as text: two boards with the same digest go on alike.
import type { BoardRecord, Page } from "../../runtime/board/board.ts";
import type { BoardState } from "../../runtime/checkpoint/board-state.ts";

/** Pages with their records, what points at them, and what stands beside them. */
export function digestOf(state: BoardState): unknown {
  const { applier, layers, offers, configured } = state;
  const { board, undecided, visitByNumber, good, poor, copies, customerOf } = applier.state;
  return plain({
    pages: [...board.pages].map(pageOf),
    undecided: pointers(undecided),
    // In no order: only looked up.
    open: pointers(visitByNumber).sort((a, b) => a.key - b.key),
    good: pointers(good),
    poor: pointers(poor),
    copies: [...copies],
    customerOf: [...customerOf],
    holds: [...layers.saved()],
    nextEnd: layers.nextEnd(),
    offers: [...offers.saved()],
    nextDueAt: applier.nextDueAt(),
    appliedSeq: applier.appliedSeq,
    evicted: applier.evicted,
    configured,
  });
}

function pageOf(page: Page) {
  return {
    name: page.name,
    header: page.header,
    columns: page.columns(),
    keys: page.config.keys.length,
    records: [...page.records()].map(recordOf),
  };
}

function pointers(map: ReadonlyMap<number, BoardRecord>) {
  return [...map].map(([key, record]) => ({ key, record: recordOf(record) }));
}

function recordOf(record: BoardRecord): unknown {
  const { page, parent, children, cells, ...rest } = record;
  return {
    ...rest,
    page: page.name,
    isOn: page.find(record.key) === record,
    cells: cellsOf(page, cells),
    children: [...(children ?? [])].map(({ key }) => key),
    parent:
      parent === null
        ? null
        : { ...(parent.data as object), key: parent.key, cells: cellsOf(parent.page, parent.cells) },
  };
}

function cellsOf(page: Page, cells: BoardRecord["cells"]) {
  return page.columns().flatMap(([name], column) => (cells[column] === undefined ? [] : [[name, cells[column]]]));
}

/** As JSON, without what an entry has at hand and no disk keeps. */
function plain(value: unknown): unknown {
  const text = JSON.stringify(value, (name, each) => {
    if (name === "entry") return { ...each, value: undefined, payload: Buffer.from(each.payload).toString() };
    return each;
  });
  return JSON.parse(text);
}
