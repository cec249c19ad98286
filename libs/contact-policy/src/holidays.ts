import Holidays from "date-holidays";
import { DAY, dayOf } from "./local-time.ts";

const years = new Map<string, ReadonlySet<number>>();
const calendars = new Map<string, Holidays>();

/** Is `day` (days since 1970-01-01) a public holiday of the country, or of one of its regions? */
export const isPublicHoliday = (country: string, region: string | undefined, day: number): boolean => {
  const year = new Date(day * DAY).getUTCFullYear();
  const key = `${country}/${region ?? ""}/${year}`;
  let days = years.get(key);
  if (days === undefined) {
    days = publicHolidays(country, region, year);
    years.set(key, days);
  }
  return days.has(day);
};

const publicHolidays = (country: string, region: string | undefined, year: number): ReadonlySet<number> => {
  const key = `${country}/${region ?? ""}`;
  let calendar = calendars.get(key);
  if (calendar === undefined) {
    calendar = region === undefined ? new Holidays(country) : new Holidays(country, region);
    calendars.set(key, calendar);
  }
  const found = calendar.getHolidays(year).filter(({ type }) => type === "public");
  return new Set(found.map(({ date }) => dayOf(date.slice(0, 10))));
};
