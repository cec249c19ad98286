import { expect, test, vi } from "vitest";
import type { Output } from "./output.ts";
import { progressOf, rateOf } from "./progress.ts";

const recording = (terminal: boolean) => {
  const said: string[] = [];
  const drawn: string[] = [];
  const output: Output = {
    json: false,
    terminal,
    say: (line) => said.push(line),
    draw: (line) => drawn.push(line),
    result: () => undefined,
    found: () => undefined,
    columns: () => 100,
  };
  return { output, said, drawn };
};

test("elsewhere than on a terminal nothing is said for two seconds, then at most a line a second", () => {
  vi.useFakeTimers({ toFake: ["performance", "setInterval", "clearInterval"] });
  try {
    const { output, said } = recording(false);
    const progress = progressOf(output, "importing");
    for (let ms = 0; ms < 6_000; ms += 50) {
      progress.update(ms, 6_000);
      vi.advanceTimersByTime(50);
      if (ms < 1_900) expect(said).toEqual([]);
    }
    expect(said.length).toBeGreaterThanOrEqual(3);
    expect(said.length).toBeLessThanOrEqual(5);
    progress.end("imported");
    expect(said.at(-1)).toContain("imported");
  } finally {
    vi.useRealTimers();
  }
});

test("on a terminal a bar is drawn over itself and cleared at the end", () => {
  const { output, said, drawn } = recording(true);
  const progress = progressOf(output, "importing");
  progress.update(5, 10);
  progress.end("imported");
  expect(drawn[0]).toContain("importing 5 of 10 (50 %)");
  expect(drawn.at(-1)).toBe("");
  expect(said).toHaveLength(1);
});

test("the rate is that of the last five seconds", () => {
  const rate = rateOf();
  expect(rate(0, 0)).toBe(0);
  expect(rate(100, 1_000)).toBe(100);
  for (let second = 2; second <= 10; second += 1) rate(100, second * 1_000);
  expect(rate(110, 11_000)).toBeCloseTo(2, 0);
});
