import { expect, test } from "vitest";
import type { SourceRow } from "../providers/ad-source.ts";
import { csvOf } from "./csv.ts";

const read = (file: string): SourceRow[] => {
  const csv = csvOf({ longestLine: 1_000_000, now: new Date("2026-11-20T10:00:00Z") });
  return [...csv.push(Buffer.from(file)), ...csv.end()];
};
const usedCars =
  "dateCrawled,name,seller,price,vehicleType,yearOfRegistration,gearbox,powerPS,model,odometer,fuelType,brand,dateCreated,postalCode";
const one = (price: string, seen = "2016-03-26 17:47:46") =>
  `${seen},Peugeot_807_160,privat,"${price}",bus,2004,manuell,158,andere,"150,000km",lpg,peugeot,2016-03-26 00:00:00,79588`;

test("a row of the used cars file is an ad", () => {
  expect(read(`${usedCars}\n${one("$5,000")}\n`)[0]).toMatchObject({
    kind: "ad",
    row: 0,
    line: 2,
    ad: {
      source: "used-cars",
      title: "Peugeot 807 160",
      ownerType: "private",
      make: "peugeot",
      price: 5000,
      currency: "EUR",
      year: 2004,
      mileage: 150_000,
      postalCode: "79588",
      publishedAt: "2016-03-26T00:00:00.000Z",
    },
  });
});

test("the same car seen later for less is the same ad", () => {
  const [before, after] = read(`${usedCars}\n${one("$5,000")}\n${one("$4,500", "2016-04-01 08:00:00")}\n`);
  expect(before?.kind === "ad" && before.ad.sourceId).toBe(after?.kind === "ad" && after.ad.sourceId);
});

test("nonsense drops the field, not the row", () => {
  const [row] = read(`${usedCars}\n${one("$99,999,999").replace("2004", "9999")}\n`);
  expect(row).toMatchObject({ kind: "ad", ad: { title: "Peugeot 807 160" } });
  expect(row?.kind === "ad" && Object.keys(row.ad)).not.toEqual(expect.arrayContaining(["price"]));
  expect(row?.kind === "ad" && row.ad).not.toHaveProperty("year");
});

test("our own columns, in any order and spelling, become an ad", () => {
  const file = [
    "Title;source_id;OWNER NAME;ownerType;no canvassing;price;pictures;phone;unknown column",
    "Clio, call 06 12 34 56 78;42;Jean;pro;yes;4 500 €;https://a.example/1.jpg https://a.example/2.jpg;06 39 98 00 01;x",
  ].join("\n");
  expect(read(file)[0]).toMatchObject({
    kind: "ad",
    ad: {
      ...{ source: "file", sourceId: "42", title: "Clio, call [number]", ownerName: "Jean", ownerType: "trade", noCanvassing: true },
      ...{ price: 4500, currency: "EUR", pictures: ["https://a.example/1.jpg", "https://a.example/2.jpg"], phone: "06 39 98 00 01" },
    },
  });
});

test.each([
  ["the used cars file", `${usedCars}\n${one("$5,000").replace(/79588$/, " 79588 Lahr im Schwarzwald")}\n`],
  ["our own columns", "title,source_id,postal code\nClio,42, 79588 Lahr im Schwarzwald\n"],
])("of what stands for a postal code no more is kept than any has: %s", (_columns, file) => {
  expect(read(file)[0]).toMatchObject({ kind: "ad", ad: { postalCode: "79588 Lahr i" } });
});
