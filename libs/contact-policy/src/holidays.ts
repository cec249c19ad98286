import { createRequire } from "node:module";
import type HolidaysLibrary from "date-holidays";
import table from "./holidays.json" with { type: "json" };
import { DAY, dayOf } from "./local-time.ts";

/**
 * Public holidays as `date-holidays` knows them. It comes with the calendars of the whole world, 24 MB in every process that loads it, so
 * the years and places that are asked for have been written down (`testing-write-holidays.ts`); only for others the library is loaded.
 */
const years = new Map<string, ReadonlySet<number>>();

/** Is `day` (days since 1970-01-01) a public holiday of the country, or of one of its regions? */
export const isPublicHoliday = (country: string, region: string | undefined, day: number): boolean => {
  const year = new Date(day * DAY).getUTCFullYear();
  const key = `${country}/${region ?? ""}/${year}`;
  let days = years.get(key);
  if (days === undefined) {
    const dates = writtenDown(country, region, year) ?? publicHolidays(country, region, year);
    days = new Set(dates.map((date) => dayOf(date)));
    years.set(key, days);
  }
  return days.has(day);
};

interface Country {
  /** Per year, separated by `|`: the country's days as MMDD. */
  readonly days: string;
  /** Likewise: `+` a day more than the country, `-` one less. */
  readonly regions: Readonly<Record<string, string>>;
}
const countries: Readonly<Record<string, Country>> = table.countries;

/** ISO dates in order, or undefined for a year or place that is not in the table. */
export const writtenDown = (country: string, region: string | undefined, year: number): readonly string[] | undefined => {
  const at = year - table.from;
  const days = countries[country]?.days.split("|")[at];
  const changes = region === undefined ? "" : countries[country]?.regions[region]?.split("|")[at];
  if (days === undefined || changes === undefined) return undefined;
  const found = new Set(days.split(" "));
  for (const change of changes.split(" ")) {
    if (change.startsWith("+")) found.add(change.slice(1));
    if (change.startsWith("-")) found.delete(change.slice(1));
  }
  return [...found].sort().map((date) => `${year}-${date.slice(0, 2)}-${date.slice(2)}`);
};

const require = createRequire(import.meta.url);
const calendars = new Map<string, HolidaysLibrary>();

/** ISO dates in order, from the library. */
export const publicHolidays = (country: string, region: string | undefined, year: number): readonly string[] => {
  const key = `${country}/${region ?? ""}`;
  let calendar = calendars.get(key);
  if (calendar === undefined) {
    const Holidays: typeof HolidaysLibrary = require("date-holidays");
    calendar = region === undefined ? new Holidays(country) : new Holidays(country, region);
    calendars.set(key, calendar);
  }
  const found = calendar.getHolidays(year).filter(({ type }) => type === "public");
  return [...new Set(found.map(({ date }) => date.slice(0, 10)))].sort();
};
