import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import type HolidaysLibrary from "date-holidays";
import { publicHolidays } from "./holidays.ts";
import { packs } from "./packs/installed.ts";

/** Writes `holidays.json` anew: `node libs/contact-policy/src/testing-write-holidays.ts`, with every update of date-holidays. */
const [from, to] = [2024, 2037];
const years = Array.from({ length: to - from + 1 }, (_, index) => from + index);
const Holidays: typeof HolidaysLibrary = createRequire(import.meta.url)("date-holidays");
const short = (dates: readonly string[]): readonly string[] => dates.map((date) => date.slice(5).replace("-", ""));

const changesOf = (country: string, region: string, year: number): string => {
  const whole = short(publicHolidays(country, undefined, year));
  const own = short(publicHolidays(country, region, year));
  const more = own.filter((date) => !whole.includes(date)).map((date) => `+${date}`);
  const less = whole.filter((date) => !own.includes(date)).map((date) => `-${date}`);
  return [...more, ...less].join(" ");
};

const countries = packs.map(({ code: country }) => {
  const regions = Object.keys(new Holidays().getStates(country) ?? {});
  const days = years.map((year) => short(publicHolidays(country, undefined, year)).join(" ")).join("|");
  const changes = regions.map((region) => [region, years.map((year) => changesOf(country, region, year)).join("|")]);
  return [country, { days, regions: Object.fromEntries(changes) }];
});
const file = new URL("./holidays.json", import.meta.url);
writeFileSync(file, `${JSON.stringify({ from, countries: Object.fromEntries(countries) }, undefined, 2)}\n`);
