import { expect, test } from "vitest";
import { longestErrorBytes } from "./config.ts";
import { tallyError } from "./tally-error.ts";

test.each([
  ["plain letters", "x", longestErrorBytes],
  ["letters of two bytes", "é", longestErrorBytes / 2],
  ["letters of four bytes, none of them halved", "🚗", longestErrorBytes / 4],
  ["quotation marks, which JSON writes as two", '"', longestErrorBytes / 2],
  ["control characters, which JSON writes as six", "\u0001", Math.floor(longestErrorBytes / 6)],
])("keeps of %s as many as fit", (_what, letter, fit) => {
  expect(tallyError(letter.repeat(500))).toBe(letter.repeat(fit));
});

test("leaves a short error as it is", () => {
  const words = `line ${"l".repeat(64)} is not connected`;
  expect(tallyError(words)).toBe(words);
});
