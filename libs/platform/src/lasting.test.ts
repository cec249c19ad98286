import { afterEach, expect, test, vi } from "vitest";
import { lasting } from "./lasting.ts";

afterEach(() => void vi.restoreAllMocks());
const show = (monotonic: number, wall: number): void => {
  vi.spyOn(performance, "now").mockReturnValue(monotonic);
  vi.spyOn(Date, "now").mockReturnValue(wall);
};

test.each([
  ["nothing has happened", 0, 0, 1000],
  ["both clocks went on", 300, 300, 700],
  ["the machine was suspended", 300, 3_600_000, -3_599_000],
  ["the clock on the wall was set back", 1200, -60_000, -200],
])("a second after which %s", (_what, monotonic, wall, left) => {
  show(5000, 1_800_000_000_000);
  const second = lasting(1000);
  show(5000 + monotonic, 1_800_000_000_000 + wall);
  expect(second.leftMs()).toBe(left);
});
