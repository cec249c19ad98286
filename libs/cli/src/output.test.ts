import { afterEach, expect, test } from "vitest";
import { barProgress } from "./format.ts";
import { outputOf } from "./output.ts";

const asItIs = Object.getOwnPropertyDescriptor(process.stderr, "columns");
const wide = (columns: number | undefined): void =>
  void Object.defineProperty(process.stderr, "columns", { value: columns, configurable: true });

afterEach(() => {
  if (asItIs === undefined) Reflect.deleteProperty(process.stderr, "columns");
  else Object.defineProperty(process.stderr, "columns", asItIs);
});

test("a terminal that does not know how wide it is still shows rate and time left", () => {
  for (const columns of [0, undefined]) {
    wide(columns);
    const line = barProgress({ label: "sending", done: 100, total: 500, elapsedMs: 10_000, rate: 10 }, outputOf(false).columns());
    expect(line).toMatch(/10\/s, 40 s left/);
  }
  wide(70);
  expect(outputOf(false).columns()).toBe(70);
});
