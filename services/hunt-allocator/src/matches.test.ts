import { type Criteria, criteria } from "@outrider/contracts/hunts";
import { describe, expect, test } from "vitest";
import { type Matchable, matches } from "./matches.ts";

const now = Date.parse("2026-11-20T10:00:00.000Z");
const day = 86_400_000;
const ad: Matchable = {
  ...{ source: "lobstr", title: "Citroën C3 très propre", make: "Citroën", model: "C3", price: 4500, year: 2015, mileage: 90_000 },
  ...{ postalCode: "69003", ownerType: "private", publishedMs: now - 3 * day },
};
const wants = (asked: Partial<Criteria>, of: Partial<Matchable> = {}, source?: string): boolean =>
  matches({ source, criteria: criteria.parse(asked) }, { ...ad, ...of }, now);

test("a hunt without criteria wants every ad of the last 14 days", () => {
  expect(wants({})).toBe(true);
  expect(wants({}, { publishedMs: now - 14 * day })).toBe(true);
  expect(wants({}, { publishedMs: now - 14 * day - 1 })).toBe(false);
  expect(wants({ maxAgeDays: 2 })).toBe(false);
});

describe.each<[string, Partial<Criteria>, boolean]>([
  ["all words, in any order, without case and accents", { text: "PROPRE citroen" }, true],
  ["a word that is nowhere", { text: "citroen diesel" }, false],
  ["a make without its accent", { makes: ["CITROEN"] }, true],
  ["another make", { makes: ["Peugeot", "Renault"] }, false],
  ["a model", { models: ["c3"] }, true],
  ["another model", { models: ["c4"] }, false],
  ["empty lists, which ask for nothing", { makes: [], models: [], sources: [], postalPrefixes: [] }, true],
  ["a price at both ends", { priceFrom: 4500, priceTo: 4500 }, true],
  ["a price below", { priceFrom: 4501 }, false],
  ["a price above", { priceTo: 4499 }, false],
  ["a year", { yearFrom: 2015, yearTo: 2015 }, true],
  ["an older year", { yearTo: 2014 }, false],
  ["mileage", { mileageTo: 90_000 }, true],
  ["too much mileage", { mileageTo: 89_999 }, false],
  ["a department", { postalPrefixes: ["75", "69"] }, true],
  ["another department", { postalPrefixes: ["75"] }, false],
  ["private owners", { owner: "private" }, true],
  ["the trade", { owner: "trade" }, false],
  ["its source", { sources: ["lobstr"] }, true],
  ["another source", { sources: ["file"] }, false],
])("%s", (_, asked, wanted) => {
  test(wanted ? "matches" : "does not match", () => expect(wants(asked)).toBe(wanted));
});

test("what an ad does not tell does not meet a limit on it", () => {
  const silent = { price: undefined, year: undefined, mileage: undefined, make: undefined, model: undefined, postalCode: undefined };
  expect(wants({}, silent)).toBe(true);
  for (const asked of [{ priceTo: 1 }, { yearFrom: 1 }, { mileageTo: 1 }, { makes: ["x"] }, { models: ["x"] }, { postalPrefixes: ["6"] }]) {
    expect(wants(asked, silent)).toBe(false);
  }
});

test("a hunt's own source counts where the criteria name none", () => {
  expect(wants({}, {}, "file")).toBe(false);
  expect(wants({ sources: ["lobstr"] }, {}, "file")).toBe(true);
});
