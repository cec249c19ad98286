import { describe, expect, test } from "vitest";
import type { DailyRun } from "./daily-run.ts";
import { alarmOf, lastRun, nextRun, sixFields, stillGood } from "./times.ts";

describe("an account's cron as JetStream takes it", () => {
  test.each([
    ["0 9 * * *", "0 0 9 * * *"],
    ["  30  8 * * 1-5 ", "0 30 8 * * 1-5"],
    ["0 9 * * 7", "0 0 9 * * 0"],
    ["0 9 * * 1,7", "0 0 9 * * 1,0"],
    ["*/7 9 * * *", "0 */7 9 * * *"],
  ])("%s becomes %s", (five, six) => expect(sixFields(five)).toBe(six));

  test.each(["", "hello", "0 9 * *", "0 0 9 * * *", "61 9 * * *", "0 9 31 2 *"])("'%s' is none", (cron) =>
    expect(sixFields(cron)).toBeUndefined(),
  );
});

describe("the next daily run", () => {
  const daily = { cron: "0 9 * * *", timeZone: "Europe/Paris" };
  const since = "2026-10-01T00:00:00.000Z";
  const before: DailyRun["before"] = [];

  test("is in the account's own time zone, over the change of the clocks", () => {
    expect(nextRun(daily, "2026-10-24T06:59:59.000Z")).toBe("2026-10-24T07:00:00.000Z");
    expect(nextRun(daily, "2026-10-24T07:00:00.000Z")).toBe("2026-10-25T08:00:00.000Z");
    expect(nextRun({ ...daily, timeZone: "America/New_York" }, "2026-01-10T00:00:00.000Z")).toBe("2026-01-10T14:00:00.000Z");
  });

  test("that was the last is found within a day, and never from before the account wanted it so", () => {
    expect(lastRun({ ...daily, before, since }, "2026-10-24T07:00:00.000Z")).toBe("2026-10-24T07:00:00.000Z");
    expect(lastRun({ ...daily, before, since }, "2026-10-25T07:59:59.000Z")).toBeUndefined(); // 25 hours apart: the clocks changed
    expect(lastRun({ ...daily, before, since }, "2026-10-27T07:59:59.000Z")).toBe("2026-10-26T08:00:00.000Z");
    expect(lastRun({ ...daily, before, since: "2026-10-24T07:00:01.000Z" }, "2026-10-24T20:00:00.000Z")).toBeUndefined();
    expect(lastRun({ ...daily, cron: "*/20 * * * *", before, since }, "2026-10-24T07:59:59.000Z")).toBe("2026-10-24T07:40:00.000Z");
  });

  test("that was the last is found by what the account wanted then, though it has changed its mind since", () => {
    const until = "2026-10-24T07:30:00.000Z";
    const changed = { ...daily, cron: "0 8 * * *", since: until, before: [{ cron: "0 9 * * *", since, until }] };
    expect(lastRun(changed, "2026-10-24T08:00:00.000Z")).toBe("2026-10-24T07:00:00.000Z");
    expect(lastRun(changed, "2026-10-25T07:00:00.000Z")).toBe("2026-10-25T07:00:00.000Z");
    const never = [{ cron: "9 o'clock", since: until, until: "2026-10-24T07:40:00.000Z" }, ...changed.before];
    expect(lastRun({ ...changed, before: never }, "2026-10-24T08:00:00.000Z")).toBeUndefined();
  });

  test("is armed as a cron by the server's clock, as a moment by another one, and not at all when it is off", () => {
    const enabled = { ...daily, enabled: true, before, since };
    expect(alarmOf(enabled, 0, "2026-10-24T07:00:00.000Z")).toEqual({ kind: "cron", ...daily });
    expect(alarmOf(enabled, 5000, "2026-10-24T07:00:00.000Z")).toEqual({
      kind: "at",
      ...daily,
      next: "2026-10-25T08:00:00.000Z",
      offsetMs: 5000,
    });
    expect(alarmOf({ ...enabled, enabled: false, since }, 0, "2026-10-24T07:00:00.000Z")).toBeUndefined();
    expect(alarmOf(undefined, 0, "2026-10-24T07:00:00.000Z")).toBeUndefined();
  });

  test("leaves alone what is armed, also a moment that has just passed, unless cron, zone or clock have changed", () => {
    const cron = { kind: "cron", ...daily } as const;
    const past = { kind: "at", ...daily, next: "2026-10-24T07:00:00.000Z", offsetMs: 5000 } as const;
    expect(stillGood(cron, cron)).toBe(true);
    expect(stillGood(past, { ...past, next: "2026-10-25T08:00:00.000Z" })).toBe(true);
    expect(stillGood(past, { ...past, offsetMs: 6000 })).toBe(false);
    expect(stillGood(cron, past)).toBe(false);
    expect(stillGood(cron, { ...cron, timeZone: "Europe/Rome" })).toBe(false);
    expect(stillGood(undefined, cron)).toBe(false);
    expect(stillGood(undefined, undefined)).toBe(true);
  });
});
