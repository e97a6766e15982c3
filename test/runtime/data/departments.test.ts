import { expect, it } from "vitest";
import { departmentNames } from "../../../runtime/data/departments.ts";

it.each([
  ["Sport", "Sport"],
  ["Sports", "Sport"],
  ["sPORTS", "Sport"],
  ["Boy's", "Boys"],
  ["x' OR '1'='1", null],
  ["constructor", null],
  ["", null],
])("'%s' is the department %s", (name, department) => {
  const names = departmentNames(
    new Map([
      ["Sport", ["Sports"]],
      ["Boys", ["Boy's"]],
    ]),
  );

  expect(names(name)).toBe(department);
});
