import { expect, test } from "vitest";
import { createClock } from "./clock.ts";

const real = Date.parse("2026-11-21T22:00:00.000Z");
const elevenHours = 11 * 3_600_000;

test("shows sandbox time to the rules and real time to timers and signatures", () => {
  const clock = createClock(elevenHours, () => real);
  expect(clock.now()).toBe("2026-11-22T09:00:00.000Z");
  expect(clock.nowMs()).toBe(real + elevenHours);
  expect(clock.realNow()).toBe("2026-11-21T22:00:00.000Z");
});

test("finds the real moment of a sandbox moment", () => {
  const clock = createClock(elevenHours, () => real);
  expect(clock.toReal("2026-11-22T09:00:05.000Z").getTime() - real).toBe(5_000);
  expect(clock.toReal("2026-11-22T10:00:00+01:00").getTime()).toBe(real);
  expect(() => clock.toReal("tomorrow")).toThrow(RangeError);
});
