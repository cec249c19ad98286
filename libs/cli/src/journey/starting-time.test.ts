import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { clockFor, rememberClock, shownAt } from "./sandbox-clock.ts";
import { lawfulMoment } from "./starting-time.ts";

test("when people may be contacted now and for another hour, now it is", () => {
  expect(lawfulMoment("2026-11-24T09:30:00.000Z")).toBe("2026-11-24T09:30:00.000Z");
});

test("at night, and late in the evening, it is the next morning in Paris", () => {
  expect(lawfulMoment("2026-11-24T02:00:00.000Z")).toBe("2026-11-24T07:00:00.000Z");
  expect(lawfulMoment("2026-11-24T18:30:00.000Z")).toBe("2026-11-25T07:00:00.000Z");
});

test("on a Saturday evening it is Monday morning, and holidays are passed over", () => {
  expect(lawfulMoment("2026-11-21T22:00:00.000Z")).toBe("2026-11-23T07:00:00.000Z");
  expect(lawfulMoment("2026-11-10T22:00:00.000Z")).toBe("2026-11-12T07:00:00.000Z");
});

test("a folder's clock goes on where it was, never back", () => {
  const dir = mkdtempSync(join(tmpdir(), "outrider-clock-"));
  try {
    const night = Date.parse("2026-11-24T02:00:00.000Z");
    const first = clockFor(dir, undefined, night);
    expect(first).toBe("2026-11-24T07:00:00.000Z");
    rememberClock(dir, first, night);
    expect(clockFor(dir, undefined, night + 3_600_000)).toBe("2026-11-24T08:00:00.000Z");
    expect(clockFor(dir, "2026-12-01T09:00:00.000Z", night)).toBe("2026-12-01T09:00:00.000Z");
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test("a folder knows what its clock showed at any moment, however often it was moved since", () => {
  const dir = mkdtempSync(join(tmpdir(), "outrider-clock-"));
  try {
    const day = 86_400_000;
    const begin = Date.parse("2026-11-24T09:00:00.000Z");
    rememberClock(dir, new Date(begin).toISOString(), begin);
    rememberClock(dir, new Date(begin + 40 * day).toISOString(), begin + 1_000);
    const showed = shownAt(dir);
    expect(showed(begin + 500)).toBe(begin + 500);
    expect(showed(begin + 1_500)).toBe(begin + 40 * day + 500);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test("a folder of a release that wrote its offset alone judges earlier moments by that one", () => {
  const dir = mkdtempSync(join(tmpdir(), "outrider-clock-"));
  try {
    const day = 86_400_000;
    const begin = Date.parse("2026-11-24T09:00:00.000Z");
    writeFileSync(join(dir, "clock.json"), JSON.stringify({ offsetMs: 3 * day }));
    expect(shownAt(dir)(begin)).toBe(begin + 3 * day);
    rememberClock(dir, new Date(begin + 40 * day).toISOString(), begin);
    expect(shownAt(dir)(begin - 1_000)).toBe(begin + 3 * day - 1_000);
    expect(shownAt(dir)(begin)).toBe(begin + 40 * day);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test("a folder remembers where its clock was moved, not every start, and no more than a thousand moves", () => {
  const dir = mkdtempSync(join(tmpdir(), "outrider-clock-"));
  try {
    const minute = 60_000;
    const begin = Date.parse("2026-11-24T09:00:00.000Z");
    const eras = (): readonly unknown[] => JSON.parse(readFileSync(join(dir, "clock.json"), "utf8")).eras;
    // The clock is read, and a few milliseconds later it is written down.
    for (let start = 0; start < 50; start++) rememberClock(dir, new Date(begin + start * minute).toISOString(), begin + start * minute + 5);
    expect(eras()).toHaveLength(1);
    for (let move = 1; move <= 1_100; move++) rememberClock(dir, new Date(begin + 2 * move * minute).toISOString(), begin + move * minute);
    expect(eras()).toHaveLength(1_000);
    const showed = shownAt(dir);
    expect(showed(begin + 1_100 * minute)).toBe(begin + 2_200 * minute);
    expect(showed(begin)).toBe(begin + 101 * minute); // the oldest move that is left
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
