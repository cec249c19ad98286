import { expect, test } from "vitest";
import { fictionNumber } from "./fiction.ts";

/** The row of a file as people count them, from 1. */
const ofRow = (row: number): string => fictionNumber(row - 1);

test("rows get the numbers from 06 39 98 00 00 to 06 39 98 99 99 in their order, and the 10,001st is the first again", () => {
  expect([1, 2, 9_999, 10_000, 10_001, 10_002, 20_001].map(ofRow)).toEqual([
    ...["+33639980000", "+33639980001", "+33639989998", "+33639989999"],
    ...["+33639980000", "+33639980001", "+33639980000"],
  ]);
});

test("no two of 10,000 rows share a number, and every one is reserved for fiction", () => {
  const numbers = Array.from({ length: 10_000 }, (_, index) => ofRow(index + 1));
  expect(new Set(numbers).size).toBe(10_000);
  for (const number of numbers) expect(number).toMatch(/^\+3363998\d{4}$/);
});
