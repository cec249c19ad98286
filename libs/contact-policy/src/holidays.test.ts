import { createRequire } from "node:module";
import type HolidaysLibrary from "date-holidays";
import { expect, test } from "vitest";
import table from "./holidays.json" with { type: "json" };
import { isPublicHoliday, publicHolidays, writtenDown } from "./holidays.ts";
import { DAY } from "./local-time.ts";
import { packs } from "./packs/installed.ts";

const Holidays: typeof HolidaysLibrary = createRequire(import.meta.url)("date-holidays");
const day = (date: string): number => Date.parse(date) / DAY;

test("what is written down of the holidays of every country with a pack, and of its regions, is what the library says", () => {
  for (const { code: country, areas } of packs) {
    const regions = [undefined, ...Object.keys(new Holidays().getStates(country) ?? {})];
    for (const region of regions) {
      for (const year of [0, 1, 2, 3, 13].map((more) => table.from + more)) {
        expect(writtenDown(country, region, year), `${country} ${region} ${year}`).toEqual(publicHolidays(country, region, year));
      }
    }
    expect(regions).toEqual(expect.arrayContaining(Object.values(areas).map(({ holidays }) => holidays)));
  }
});

test("reaches so far ahead that nothing loads the library in daily use", () => {
  expect(writtenDown("US", "CA", 2037)).toEqual(publicHolidays("US", "CA", 2037));
  expect(writtenDown("US", "CA", 2038)).toBeUndefined();
});

test("knows holidays of years and places that are not written down", () => {
  expect(writtenDown("FR", undefined, 2019)).toBeUndefined();
  expect(isPublicHoliday("FR", undefined, day("2019-04-22"))).toBe(true);
  expect(isPublicHoliday("FR", undefined, day("2019-04-23"))).toBe(false);
  expect(isPublicHoliday("DE", "by", day("2026-01-06"))).toBe(true);
});

test("a region's own days count there only", () => {
  expect(isPublicHoliday("FR", "67", day("2026-12-26"))).toBe(true);
  expect(isPublicHoliday("FR", undefined, day("2026-12-26"))).toBe(false);
  expect(isPublicHoliday("US", "CA", day("2026-10-12"))).toBe(false);
  expect(isPublicHoliday("US", undefined, day("2026-10-12"))).toBe(true);
});
