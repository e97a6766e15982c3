import { describe, expect, it } from "vitest";
import { Board } from "../../runtime/board.ts";

const newBoard = () => new Board(["visits", "focuses"]);
const keys = (board: Board, page: string) => [...board.records(page)].map(({ key }) => key);

describe("a board", () => {
  it("finds a record by page and key", () => {
    const board = newBoard();
    const visit = board.add("visits", "7", { customer: "7" });

    expect(board.find("visits", "7")).toBe(visit);
    expect(board.find("focuses", "7")).toBe(undefined);
    expect(board.find("visits", "8")).toBe(undefined);
  });

  it("holds a new record back until it is ready, but not the child of one", () => {
    const board = newBoard();
    const visit = board.add("visits", "7", null);
    const focus = board.add("focuses", "12", null, visit);

    expect(visit).toMatchObject({ ready: false, complete: false, parent: null });
    expect(focus).toMatchObject({ ready: true, complete: false, parent: visit });
    expect([...visit.children]).toEqual([focus]);
  });

  it("goes through a page from the least recently touched", () => {
    const board = newBoard();
    const [a] = ["a", "b", "c"].map((key) => board.add("visits", key, null));
    board.touch(a!);

    expect(keys(board, "visits")).toEqual(["b", "c", "a"]);
  });

  it("takes a record off, and off its parent", () => {
    const board = newBoard();
    const visit = board.add("visits", "7", null);
    const focus = board.add("focuses", "12", null, visit);
    board.remove(focus);

    expect(board.find("focuses", "12")).toBe(undefined);
    expect(visit.children.size).toBe(0);
  });

  it("lets children keep a parent that was taken off", () => {
    const board = newBoard();
    const visit = board.add("visits", "7", null);
    const focus = board.add("focuses", "12", null, visit);
    board.remove(visit);

    expect(board.find("visits", "7")).toBe(undefined);
    expect(focus.parent).toBe(visit);
    expect(board.find("focuses", "12")).toBe(focus);
  });

  it("leaves a newer record of the same key alone", () => {
    const board = newBoard();
    const old = board.add("visits", "7", null);
    board.remove(old);
    const young = board.add("visits", "7", null);
    board.remove(old);

    expect(board.find("visits", "7")).toBe(young);
  });

  it("does not bring back what was taken off by a touch", () => {
    const board = newBoard();
    const visit = board.add("visits", "7", null);
    board.remove(visit);
    board.touch(visit);

    expect(board.size("visits")).toBe(0);
  });

  it("may lose records while somebody goes through them", () => {
    const board = newBoard();
    for (const key of ["a", "b", "c"]) board.add("visits", key, null);
    for (const record of board.records("visits")) board.remove(record);

    expect(board.size("visits")).toBe(0);
  });

  it("has no page that the plan lacks", () => {
    expect(() => newBoard().size("tills")).toThrow("no page 'tills'");
  });
});
