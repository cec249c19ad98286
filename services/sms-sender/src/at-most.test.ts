import { expect, test } from "vitest";
import { atMost } from "./at-most.ts";

test("no more than the limit runs at once, in the order asked, and who fails gives the place to the next", async () => {
  const slots = atMost(2);
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  let ended = 0;
  const work = (n: number) =>
    slots.run(async () => {
      begun.push(n);
      await new Promise<void>((end) => ends.push(end));
      if (n === 0) throw new Error("sick");
    });
  const all = Promise.allSettled([0, 1, 2, 3, 4].map(work));
  const turn = () => new Promise((next) => setImmediate(next));
  for (const expected of [2, 3, 4, 5, 5]) {
    await turn();
    expect(begun).toEqual([0, 1, 2, 3, 4].slice(0, expected));
    expect(slots.taken()).toBe(Math.min(2, 5 - ended++));
    ends.shift()?.();
  }
  expect((await all).map(({ status }) => status)).toEqual(["rejected", ...Array.from({ length: 4 }, () => "fulfilled")]);
  // All places are free again.
  expect(slots.taken()).toBe(0);
  expect(await Promise.all([5, 6].map((n) => slots.run(async () => n)))).toEqual([5, 6]);
});
