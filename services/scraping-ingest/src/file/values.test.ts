import { expect, test } from "vitest";
import { instantOf, mileageOf, priceOf, withoutNumbers, yearOf } from "./values.ts";

const now = new Date("2026-11-20T10:00:00Z");

test.each([
  ["$5,000", 5000],
  ["5 000 €", 5000],
  ["4.999,50", 4999],
  ["1,234.00", 1234],
  ["12500", 12500],
  ["$0", undefined],
  ["99999999", undefined],
  ["$11,111,111", undefined],
  ["-5", undefined],
  ["1e3", undefined],
  ["6.39982E+08", undefined],
  ["on request", undefined],
  ["", undefined],
])("price %j is %j", (text, price) => expect(priceOf(text)).toBe(price));

test.each([
  ["2004", 2004],
  ["1000", undefined],
  ["9999", undefined],
  ["2027", 2027],
  ["04", undefined],
])("year %j is %j", (text, year) => expect(yearOf(text, now)).toBe(year));

test.each([
  ["150,000km", 150_000],
  ["150 000 km", 150_000],
  ["unknown", undefined],
  ["99999999", undefined],
])("mileage %j is %j", (text, mileage) => expect(mileageOf(text)).toBe(mileage));

test.each([
  ["2016-03-26 00:00:00", "2016-03-26T00:00:00.000Z"],
  ["2016-03-26", "2016-03-26T00:00:00.000Z"],
  ["26/03/2016", "2016-03-26T00:00:00.000Z"],
  ["2016-03-26T12:00:00+02:00", "2016-03-26T10:00:00.000Z"],
  ["2016-03-26 12:00:00+02:00", "2016-03-26T10:00:00.000Z"],
  ["2016-03-26T12:00:00.1234Z", "2016-03-26T12:00:00.123Z"],
  ["26/03/2016 14:30", "2016-03-26T14:30:00.000Z"],
  ["5.3.2016", "2016-03-05T00:00:00.000Z"],
  ["03/26/2016", undefined],
  ["31/02/2016", undefined],
  ["2016-02-31", undefined],
  ["yesterday", undefined],
])("moment %j is %j", (text, at) => expect(instantOf(text)).toBe(at));

test.each([
  ["Golf 06 12 34 56 78", "Golf [number]"],
  ["Golf, call +33 6 12 34 56 78!", "Golf, call [number]!"],
  ["Golf 0612345678", "Golf [number]"],
  ["Golf (415) 555-0134", "Golf [number]"],
  ["Golf 0171/1234567", "Golf [number]"],
  ["Mercedes C 200 Tuev 01.2017 150000 km", "Mercedes C 200 Tuev 01.2017 150000 km"],
  ["Peugeot 807 160 2.0 HDI 2004", "Peugeot 807 160 2.0 HDI 2004"],
])("a number in the title %j is blanked", (title, blanked) => expect(withoutNumbers(title)).toBe(blanked));
